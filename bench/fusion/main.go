// Command fusion measures ways to join a text search with a vector search on
// collections with relevance judgments. It is the study behind the default fusion;
// docs/hybrid.md discusses what it prints.
//
//	go run ./bench/fusion DATA...
//
// Each DATA is a directory with docs.jsonl.gz (id, title, text), queries.jsonl,
// qrels.tsv, docs.f16.gz, queries.f16.gz and meta.json (dims, and the blocks of
// dimensions that can be searched by themselves). The text leg is the lexical package
// with analyzer=en over "title text" unless said otherwise; the vector leg is an
// exact cosine search, so that the numbers are about fusion alone.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/nearlite/nearlite/planner"
)

func main() {
	depth := flag.Int("depth", 50, "rows taken from each leg")
	all := flag.Bool("settings", false, "also weaker and stronger legs: other analyzers, titles only, blocks of the vectors")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: fusion [-depth n] [-settings] DATA...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || *depth < 1 {
		flag.Usage()
		os.Exit(2)
	}
	var runs []*setting
	for _, dir := range flag.Args() {
		s, err := settings(dir, *depth, *all)
		if err != nil {
			fmt.Fprintf(os.Stderr, "fusion: %s: %v\n", filepath.Base(dir), err)
			os.Exit(1)
		}
		runs = append(runs, s...)
	}
	if *all {
		reportSettings(os.Stdout, runs)
		return
	}
	report(os.Stdout, runs)
}

// method is one way to join the legs of a query.
type method struct {
	name  string
	known bool // the vector leg knows the text leg's rows too
	opt   planner.FuseOptions
}

func weighted(m planner.Method, w float64) planner.FuseOptions {
	return planner.FuseOptions{Method: m, Weight: w, HasWeight: true}
}

var methods = []method{
	{"rrf", false, planner.FuseOptions{Method: planner.RRF}},
	{"rrf, weight 0.3", false, weighted(planner.RRF, 0.3)},
	{"dbsf", false, planner.FuseOptions{Method: planner.DBSF}},
	{"dbsf, weight 0.3", false, weighted(planner.DBSF, 0.3)},
	{"convex min-max, weight 0.2", false, weighted(planner.Convex, 0.2)},
	{"convex min-max, weight 0.3", false, weighted(planner.Convex, 0.3)},
	{"convex min-max, weight 0.5", false, weighted(planner.Convex, 0.5)},
	{"convex theoretical-min, weight 0.3", false, planner.FuseOptions{Method: planner.Convex, Weight: 0.3, HasWeight: true, Normalize: planner.TheoreticalMin}},
	{"standardized, weight 0.2", true, weighted(planner.Auto, 0.2)},
	{"standardized, weight 0.3", true, weighted(planner.Auto, 0.3)},
	{"standardized, weight 0.4", true, weighted(planner.Auto, 0.4)},
	{"standardized, weight 0.5", true, weighted(planner.Auto, 0.5)},
	{"auto without the missing distances", false, planner.FuseOptions{}},
	{"auto (default)", true, planner.FuseOptions{}},
}

func report(w *os.File, runs []*setting) {
	fmt.Fprint(w, "| nDCG@10 |")
	for _, r := range runs {
		fmt.Fprintf(w, " %s |", r.name)
	}
	fmt.Fprint(w, " worst | mean | gains |\n|---|")
	for range runs {
		fmt.Fprint(w, "--:|")
	}
	fmt.Fprint(w, "--:|--:|--:|\n")
	best := make([]float64, len(runs))
	for _, leg := range []string{"text", "vector"} {
		fmt.Fprintf(w, "| %s |", leg)
		for i, r := range runs {
			v := r.mean(func(q *query) []int64 { return q.leg(leg) })
			best[i] = math.Max(best[i], v)
			fmt.Fprintf(w, " %.4f |", v)
		}
		fmt.Fprint(w, " | | |\n")
	}
	for _, m := range methods {
		fmt.Fprintf(w, "| %s |", m.name)
		worst, mean, gains := math.Inf(1), 0.0, 0
		for i, r := range runs {
			v := r.mean(func(q *query) []int64 { return q.fuse(m, r.depth) })
			d := v - best[i]
			fmt.Fprintf(w, " %.4f (%+.3f) |", v, d)
			worst = math.Min(worst, d)
			mean += d / float64(len(runs))
			if d >= 0.01 {
				gains++
			}
		}
		fmt.Fprintf(w, " %+.3f | %+.3f | %d of %d |\n", worst, mean, gains, len(runs))
	}
}

// reportSettings prints a setting a row, with the methods that are of interest.
func reportSettings(w *os.File, runs []*setting) {
	shown := []string{"rrf", "dbsf", "convex min-max, weight 0.3", "standardized, weight 0.3", "auto (default)"}
	fmt.Fprint(w, "| nDCG@10 | text | vector |")
	for _, name := range shown {
		fmt.Fprintf(w, " %s |", name)
	}
	fmt.Fprint(w, "\n|---|--:|--:|")
	for range shown {
		fmt.Fprint(w, "--:|")
	}
	fmt.Fprintln(w)
	worst, mean, gains := make([]float64, len(shown)), make([]float64, len(shown)), make([]int, len(shown))
	for _, r := range runs {
		text := r.mean(func(q *query) []int64 { return q.leg("text") })
		vec := r.mean(func(q *query) []int64 { return q.leg("vector") })
		fmt.Fprintf(w, "| %s | %.4f | %.4f |", r.name, text, vec)
		for i, name := range shown {
			for _, m := range methods {
				if m.name != name {
					continue
				}
				d := r.mean(func(q *query) []int64 { return q.fuse(m, r.depth) }) - math.Max(text, vec)
				fmt.Fprintf(w, " %+.3f |", d)
				worst[i] = math.Min(worst[i], d)
				mean[i] += d / float64(len(runs))
				if d >= 0.01 {
					gains[i]++
				}
			}
		}
		fmt.Fprintln(w)
	}
	for _, line := range []struct {
		name string
		cell func(i int) string
	}{
		{"worst", func(i int) string { return fmt.Sprintf("%+.3f", worst[i]) }},
		{"mean", func(i int) string { return fmt.Sprintf("%+.3f", mean[i]) }},
		{"gains of 0.01", func(i int) string { return fmt.Sprintf("%d of %d", gains[i], len(runs)) }},
	} {
		fmt.Fprintf(w, "| **%s** | | |", line.name)
		for i := range shown {
			fmt.Fprintf(w, " %s |", line.cell(i))
		}
		fmt.Fprintln(w)
	}
}
