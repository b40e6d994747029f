package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

func header(w io.Writer, s *set, u setup) {
	fmt.Fprintf(w, "\n%s: %s. p50/p99 in microseconds, recall@10 of the exact answer, rows returned where they are fewer than could be\n\n| filter | share | plan |", s.name, u.name)
	rule := "|---|--:|---|"
	for _, way := range u.ways() {
		fmt.Fprintf(w, " %s |", way.name)
		rule += "--:|"
	}
	fmt.Fprintf(w, "\n%s\n", rule)
}

func line(w io.Writer, u setup, m measured) {
	fmt.Fprintf(w, "| %s | %.4g %% | %s |", m.cell.name, 100*m.cell.share, m.plans)
	for _, way := range u.ways() {
		r := m.by[way.name]
		if r == nil {
			fmt.Fprint(w, " |")
			continue
		}
		if way.name == "unfiltered" {
			fmt.Fprintf(w, " %.0f/%.0f |", r.p50(), r.at(0.99))
			continue
		}
		fmt.Fprintf(w, " %.0f/%.0f %.3f", r.p50(), r.at(0.99), r.recall())
		if r.short > 0 {
			fmt.Fprintf(w, " %.1f rows", float64(r.rows)/float64(len(r.times)))
		}
		fmt.Fprint(w, " |")
	}
	fmt.Fprintln(w)
}

// tally counts in how many cells something holds, and names those where not.
type tally struct {
	good, all int
	worst     float64
	misses    []string
}

func (t *tally) add(ok bool, value float64, m measured) {
	t.all++
	if t.all == 1 || value > t.worst {
		t.worst = value
	}
	if ok {
		t.good++
		return
	}
	t.misses = append(t.misses, fmt.Sprintf("%s, %s, %s %.4g %% (%.2f)", m.set, m.setup, m.cell.name, 100*m.cell.share, value))
}

func (t *tally) print(w io.Writer, what string) {
	if t.all == 0 {
		fmt.Fprintf(w, "- %s: not measured\n", what)
		return
	}
	fmt.Fprintf(w, "- %s: %d of %d cells, worst %.2f", what, t.good, t.all, t.worst)
	if len(t.misses) > 0 {
		fmt.Fprintf(w, "; not in: %s", strings.Join(t.misses, "; "))
	}
	fmt.Fprintln(w)
}

// verdict compares the table with what was promised.
func verdict(w io.Writer, all []measured) {
	same := 0 // cells in which the exact scan was chosen
	var rows, recall, exact, near, never, scan, rival, tenth, chosen tally
	for _, m := range all {
		p := m.by["planner"]
		rows.add(p.short == 0, float64(p.short), m)
		recall.add(p.recall() >= 0.95, 1-p.recall(), m)
		if m.plans == "exact scan" {
			exact.add(p.recall() >= 0.99, 1-p.recall(), m)
		}
		best := math.Inf(1)
		for _, name := range forced {
			if r := m.by[name]; r != nil && r.recall() >= 0.95 {
				best = math.Min(best, r.p50())
			}
		}
		near.add(p.p50() <= 1.5*best, p.p50()/best, m)
		never.add(p.p50() <= 3*best, p.p50()/best, m)
		if e := m.by["exact scan"]; e != nil {
			if m.plans == "exact scan" {
				same++
			} else {
				scan.add(p.p50() <= e.p50(), p.p50()/e.p50(), m)
			}
		}
		if r := m.by["sqlite-vec"]; r != nil && (m.cell.share <= 0.0101 || m.cell.share >= 0.295) {
			rival.add(5*p.p50() <= r.p50(), p.p50()/r.p50(), m)
		}
		if f, u := m.by["filtered traversal"], m.by["unfiltered"]; f != nil && u != nil && m.cell.share > 0.09 && m.cell.share < 0.12 && m.cell.name == "uncorrelated" {
			tenth.add(f.p50() <= 2.5*u.p50(), f.p50()/u.p50(), m)
			chosen.add(p.p50() <= 2.5*u.p50(), p.p50()/u.p50(), m)
		}
	}
	fmt.Fprintf(w, "\nOver %d cells (the worst value in each line; times as ratios of p50):\n\n", len(all))
	rows.print(w, "min(k, matches) rows from the planner (answers with fewer)")
	recall.print(w, "recall@10 of the planner >= 0.95 (missed share)")
	exact.print(w, "recall@10 >= 0.99 where the exact scan was chosen (missed share)")
	near.print(w, "planner within 1.5x of the best forced plan with recall 0.95")
	never.print(w, "planner within 3x of it")
	scan.print(w, fmt.Sprintf("planner not slower than the exact scan (which it chose in %d more)", same))
	rival.print(w, "at <= 1 % and >= 30 %: five times as fast as sqlite-vec with a metadata column (time as a share of its time)")
	tenth.print(w, "with included columns, filtered traversal at 10 % within 2.5x of an unfiltered search")
	chosen.print(w, "with included columns, the planner's choice at 10 % within 2.5x of an unfiltered search")
}
