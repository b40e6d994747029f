package sqlext

import (
	"context"
	"fmt"
	"time"

	"github.com/nearlite/nearlite/hnsw"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/vector"
)

// sampleNodes is at how many nodes' attributes a search looks to learn how many pass:
// some ten microseconds.
const sampleNodes = 8192

// learn finds out how many rows the filter passes: from the included columns where
// they decide, else by the filter alone.
func (l *vectorLeg) learn(in plans.Input) (*plans.FilterInput, error) {
	if l.filter.f.nested || l.filter.listed {
		return l.filter.learn(in)
	}
	known, err := l.known()
	if err != nil {
		return nil, err
	}
	if known != nil && known.Ask == 0 {
		l.recalled = true
		l.filter.noteRemembered(known, in.Rows)
		return &plans.FilterInput{Matches: known.Yes, Counted: true, Included: known}, nil
	}
	plan, err := l.t.attrPlan(l.filter.f.expr, l.filter.args)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		return l.learnRest(in, known)
	}
	start := time.Now()
	count, err := l.t.index.Count(plan.filter, sampleNodes)
	l.filter.learnTime += time.Since(start)
	if err != nil {
		return nil, l.t.wrap(err)
	}
	l.attrs = plan
	inc := &plans.IncludedInput{Yes: float64(count.Yes), Ask: float64(count.Ask), Swept: count.All}
	if count.All && count.Yes+count.Ask == 0 {
		l.filter.noteIncluded(inc, plan.covered, in.Rows)
		return &plans.FilterInput{Counted: true, Included: inc}, nil
	}
	if !count.All {
		// Half a row more of each than was seen: none seen is no proof of none.
		scale := float64(in.Rows) / float64(count.Nodes+1)
		inc.Yes = (inc.Yes + 0.5) * scale
		inc.Ask *= scale
	}
	var f *plans.FilterInput
	if plan.covered {
		f = &plans.FilterInput{
			Matches: inc.Yes + inc.Ask/2, Counted: count.All && count.Ask == 0, Indexed: l.filter.f.access == "index", Included: inc,
		}
		if f.Indexed && !f.Counted {
			if err := l.filter.listNarrow(in, f); err != nil {
				return nil, err
			}
		}
	} else {
		if f, err = l.filter.learn(in); err != nil {
			return nil, err
		}
		if !f.Counted {
			f.Matches = min(f.Matches, inc.Yes+inc.Ask)
		}
		f.Included = inc
	}
	l.filter.noteIncluded(inc, plan.covered, in.Rows)
	return f, nil
}

// learnRest finds out how many rows the filter passes of those that nothing is known
// of from earlier searches.
func (l *vectorLeg) learnRest(in plans.Input, known *plans.IncludedInput) (*plans.FilterInput, error) {
	f, err := l.filter.learn(in)
	if err != nil || known == nil || f.Counted {
		return f, err
	}
	f.Matches = known.Yes + known.Ask*f.Matches/float64(max(in.Rows, 1))
	f.Included = known
	l.filter.remembered = int64(float64(in.Rows) - known.Ask)
	return f, nil
}

// listNarrow lists the matching rows through an index of SQLite's where that may be
// the cheapest way, and so learns their number.
func (r *filterRun) listNarrow(in plans.Input, f *plans.FilterInput) error {
	in.Filter = f
	bound := plans.ListBound(in, f.Matches/float64(max(in.Rows, 1)), 0)
	if bound == 0 {
		return nil
	}
	done, err := r.listUpTo(bound)
	if err != nil {
		return err
	}
	f.Matches = max(f.Matches, float64(r.atLeast))
	if done {
		f.Matches, f.Counted, f.Listed = float64(len(r.rows)), true, true
	}
	return nil
}

// noteIncluded keeps what the included columns said for the record.
func (r *filterRun) noteIncluded(inc *plans.IncludedInput, covered bool, rows int64) {
	r.included = "part"
	if covered {
		r.included = "all"
	}
	n := float64(max(rows, 1))
	share := min(1, (inc.Yes+inc.Ask/2)/n)
	if covered || inc.Yes+inc.Ask == 0 {
		r.share = &share
		r.exact = inc.Swept && inc.Ask == 0
	}
}

// noteRemembered keeps for the record that all was known.
func (r *filterRun) noteRemembered(inc *plans.IncludedInput, rows int64) {
	share := min(1, inc.Yes/float64(max(rows, 1)))
	r.remembered, r.share, r.exact = rows, &share, true
}

// codeScan compares the codes of the rows that pass. It returns min(k, matching rows)
// rows, whatever the filter.
func (l *vectorLeg) codeScan(ctx context.Context, k int) ([]hnsw.Hit, error) {
	hits, st, err := l.t.index.ScanCodes(ctx, l.q, l.withAttrs(hnsw.SearchOptions{K: k, Oversample: l.opt.oversample}))
	l.count(st)
	l.record.EfSearch = 0
	return hits, l.t.wrap(err)
}

// withAttrs puts the filter into the options of a search.
func (l *vectorLeg) withAttrs(o hnsw.SearchOptions) hnsw.SearchOptions {
	o.Filter = l.filter
	if l.attrs != nil {
		o.Attrs = l.attrs.filter
	}
	if l.memory != nil {
		o.Verdicts = l.memory.verdicts
	}
	return o
}

// settle answers with a plan that misses no row, after one that did not come back
// with enough. It takes the cheaper one of those there are.
func (l *vectorLeg) settle(ctx context.Context, k int, d plans.Decision, why string, args ...any) ([]hnsw.Hit, error) {
	next := d.Fallback
	l.record.Switched = fmt.Sprintf(why+"; "+string(next), args...)
	if next == plans.CodeScan {
		return l.codeScan(ctx, k)
	}
	return l.exact(ctx, k)
}

// fineCodes reports whether the codes of an index order all rows well: signs alone do
// not.
func fineCodes(p hnsw.Params) bool {
	return p.Quantize != hnsw.Bit || p.Metric == vector.Hamming
}
