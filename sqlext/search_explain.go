package sqlext

import (
	"math"

	plans "github.com/nearlite/nearlite/planner"
)

// explain makes the record of a search.
func (s *searcher) explain(search string, k, rows int, filter *filterRun, indexed int64,
	fusion *plans.FusionExplain, times plans.Times, watch *stopwatch, legs ...plans.LegExplain,
) ([]byte, error) {
	e := plans.Explain{Search: search, K: k, Rows: rows, Legs: legs, Fusion: fusion, Times: times}
	for i := range legs {
		if legs[i].Rejected == nil {
			legs[i].Rejected = []plans.Candidate{}
		}
	}
	e.Prices.Graph, e.Prices.Host = s.cat.calibrate()
	if len(legs) > 0 {
		e.Plan = legs[0].Plan
	}
	if filter != nil {
		e.Filter = filter.record(indexed)
		e.Times.Filter = plans.Microseconds(filter.learnTime + filter.listTime)
	}
	e.Times.Total = watch.total() // without this record, which other searches do not make
	return e.JSON()
}

// record says what was learned about the filter.
func (r *filterRun) record(indexed int64) *plans.FilterExplain {
	x := &plans.FilterExplain{SQL: r.f.expr, Access: r.f.access, Included: r.included, Remembered: r.remembered, Listed: -1, Probes: r.probes}
	n := math.Max(float64(indexed), 1)
	if r.est != nil {
		x.Sampled = r.est.share.Probed
		x.Selectivity.Estimated = round6(r.est.selectivity())
		x.Source = r.est.from
	}
	if r.share != nil {
		share := round6(*r.share)
		if x.Selectivity.Estimated = share; r.exact {
			x.Selectivity.Actual = &share
		}
	}
	if r.listed {
		x.Listed = int64(len(r.rows))
		actual := round6(float64(len(r.rows)) / n)
		x.Selectivity.Actual = &actual
		if r.est == nil && r.share == nil {
			x.Selectivity.Estimated = actual
		}
	}
	return x
}

func round6(f float64) float64 { return math.Round(f*1e6) / 1e6 }
