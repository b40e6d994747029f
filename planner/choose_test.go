package planner_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

func input(rows int64, matches float64, change ...func(*planner.Input)) planner.Input {
	in := planner.Input{
		Rows: rows, Dims: 512, M: 16, K: 10, EfSearch: 64, Costs: planner.DefaultCosts(),
		Filter: &planner.FilterInput{Matches: matches},
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

func noFilter(in *planner.Input) { in.Filter = nil }
func exact(in *planner.Input)    { in.Exact = true }
func counted(in *planner.Input) {
	in.Filter.Counted, in.Filter.Listed, in.Filter.Indexed = true, true, true
}

func included(yes, ask float64, swept bool) func(*planner.Input) {
	return func(in *planner.Input) {
		in.Codes = true
		in.Filter.Included = &planner.IncludedInput{Yes: yes, Ask: ask, Swept: swept}
	}
}
func indexed(in *planner.Input) { in.Filter.Indexed = true }
func force(p planner.Plan) func(*planner.Input) {
	return func(in *planner.Input) { in.Force = p }
}
func lexical(in *planner.Input) { in.Lexical, in.Candidates = true, 2500 }
func k(n int) func(*planner.Input) {
	return func(in *planner.Input) { in.K, in.EfSearch = n, max(n, in.EfSearch) }
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name string
		in   planner.Input
		want planner.Plan
	}{
		{"no filter", input(50_000, 0, noFilter), planner.Traversal},
		{"no filter, asked to be exact", input(50_000, 0, noFilter, exact), planner.ExactScan},
		{"no filter, a handful of rows", input(20, 0, noFilter), planner.ExactScan},
		{"k is 0", input(50_000, 100, k(0)), planner.NoMatches},
		{"empty index", input(0, 0), planner.NoMatches},
		{"filter known to match nothing", input(50_000, 0, counted), planner.NoMatches},
		{"no match in the sample is no proof", input(50_000, 0), planner.ExactScan},
		{"few matching rows, at hand", input(50_000, 200, counted), planner.ExactScan},
		{"at most k matching rows", input(50_000, 10, counted), planner.ExactScan},
		{"0.1 %, an index lists them", input(1_000_000, 1_000, counted), planner.ExactScan},
		{"10 %, at hand", input(1_000_000, 100_000, counted), planner.FilteredTraversal},
		{"half pass", input(50_000, 25_000), planner.FilteredTraversal},
		{"90 % pass", input(1_000_000, 900_000), planner.FilteredTraversal},
		{"10 % pass", input(50_000, 5_000), planner.FilteredTraversal},
		{"1 % of included columns", input(50_000, 500, included(500, 0, true)), planner.CodeScan},
		{"10 % of included columns, not swept yet", input(1_000_000, 100_000, included(100_000, 0, false)), planner.FilteredTraversal},
		{"half pass by included columns", input(50_000, 25_000, included(25_000, 0, true)), planner.FilteredTraversal},
		{"one tenant of many, with an index of the host's", input(1_000_000, 60, included(60, 0, false), indexed), planner.ExactScan},
		{"included columns leave most rows to be asked about", input(50_000, 5_000, included(0, 50_000, true)), planner.FilteredTraversal},
		{"included columns, coarse codes", input(50_000, 500, included(500, 0, true), func(in *planner.Input) { in.Codes = false }, indexed), planner.ExactScan},
		{"included columns, asked to be exact", input(50_000, 500, included(500, 0, true), exact), planner.ExactScan},
		{"earlier searches found nothing near", input(50_000, 5_000, func(in *planner.Input) { in.Filter.Far = 1 }), planner.ExactScan},
		{"earlier searches found nothing near, included columns", input(50_000, 5_000, included(5_000, 0, true), func(in *planner.Input) { in.Filter.Far = 1 }), planner.CodeScan},
		{"one in four earlier searches found nothing near", input(50_000, 5_000, func(in *planner.Input) { in.Filter.Far = 0.25 }), planner.FilteredTraversal},
		{"an exact scan was seen to be fast", input(50_000, 5_000, func(in *planner.Input) { in.Filter.ExactSeen = 50_000 }), planner.ExactScan},
		{"asked to be exact", input(50_000, 25_000, exact), planner.ExactScan},
		{"asked for a plan", input(50_000, 25_000, force(planner.FilteredTraversal)), planner.FilteredTraversal},
		{"asked for a plan that few rows rule out", input(50_000, 20, counted, force(planner.TraverseThenFilter)), planner.TraverseThenFilter},
		{"text, half pass", input(50_000, 25_000, lexical), planner.LexicalFirst},
		{"text, few rows at hand", input(50_000, 50, lexical, counted), planner.ExactScan},
		{"text, no filter", input(50_000, 0, lexical, noFilter), planner.LexicalScan},
		{"text, filter matches nothing", input(50_000, 0, lexical, counted), planner.NoMatches},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := planner.Choose(c.in)
			if d.Plan != c.want {
				t.Fatalf("got %q at %.0f ns, want %q; rejected %+v", d.Plan, d.Cost, c.want, d.Rejected)
			}
		})
	}
}

// Whatever the numbers: the plan has a finite positive cost, no possible plan that
// was rejected is cheaper, exact searches get exact plans, and every decision says
// what else there was.
func TestChooseInvariants(t *testing.T) {
	plans := 0
	for _, rows := range []int64{1, 50, 5_000, 50_000, 10_000_000} {
		for _, share := range []float64{0, 0.00001, 0.001, 0.01, 0.1, 0.3, 0.6, 0.99, 1} {
			for _, n := range []int{1, 10, 1_000} {
				for flags := range 16 {
					in := input(rows, share*float64(rows), k(n))
					in.Exact = flags&1 != 0
					in.Filter.Indexed = flags&2 != 0
					if flags&4 != 0 {
						counted(&in)
					}
					if flags&8 != 0 {
						lexical(&in)
					}
					d := planner.Choose(in)
					plans++
					if d.Plan == planner.NoMatches {
						if !in.Filter.Counted || in.Filter.Matches != 0 {
							t.Fatalf("%+v %+v: no matches without proof", in, in.Filter)
						}
						continue
					}
					if !(d.Cost > 0) || math.IsInf(d.Cost, 0) {
						t.Fatalf("%+v %+v: cost %v", in, in.Filter, d.Cost)
					}
					if in.Exact && !in.Lexical && d.Plan != planner.ExactScan {
						t.Fatalf("%+v: exact search runs %q", in, d.Plan)
					}
					if len(d.Rejected) == 0 {
						t.Fatalf("%+v: nothing was rejected", in)
					}
					for _, r := range d.Rejected {
						if r.Reason == "" && r.Cost < d.Cost {
							t.Fatalf("%+v %+v: %q at %.0f was rejected for %q at %.0f", in, in.Filter, r.Plan, r.Cost, d.Plan, d.Cost)
						}
					}
					if d.Plan == planner.TraverseThenFilter && (d.Fetch < 1 || d.EfSearch < 1) {
						t.Fatalf("%+v: fetch %d, ef_search %d", in, d.Fetch, d.EfSearch)
					}
				}
			}
		}
	}
	if plans == 0 {
		t.Fatal("nothing was tried")
	}
}

// A filter that passes more rows never makes the exact scan cheaper, nor the
// candidates of a traversal dearer.
func TestCostsAreMonotonic(t *testing.T) {
	c := planner.DefaultCosts()
	lastExact, lastThen := 0.0, math.Inf(1)
	for _, share := range []float64{0.0001, 0.001, 0.01, 0.1, 0.5, 1} {
		in := input(100_000, share*100_000, indexed)
		exact, then := c.Exact(in), c.TraverseThenFilter(in, int(64/share))
		if exact < lastExact {
			t.Errorf("exact scan of %v of the rows costs %.0f, of fewer %.0f", share, exact, lastExact)
		}
		if then > lastThen {
			t.Errorf("traversing for %v of the rows costs %.0f, for fewer %.0f", share, then, lastThen)
		}
		lastExact, lastThen = exact, then
	}
}

// Every approximate plan has one to fall back on that misses nothing, and a budget in
// line with what that costs.
func TestFallback(t *testing.T) {
	d := planner.Choose(input(50_000, 5_000))
	if d.Plan != planner.FilteredTraversal || d.Fallback != planner.ExactScan || d.Budget < 1_000 {
		t.Errorf("without included columns: %+v", d)
	}
	with := planner.Choose(input(50_000, 25_000, included(25_000, 0, true)))
	if with.Plan != planner.FilteredTraversal || with.Fallback != planner.CodeScan || with.Budget < 1_000 || with.Budget > 50_000 {
		t.Errorf("with included columns: %+v", with)
	}
	if with := planner.Choose(input(50_000, 25_000, included(25_000, 0, true), exact)); with.Plan != planner.ExactScan {
		t.Errorf("exact: %+v", with)
	}
}

// Prices of the graph and of the host are scaled each by its factor, all of them.
func TestScaled(t *testing.T) {
	a, b := planner.DefaultCosts(), planner.DefaultCosts().Scaled(2, 3)
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		name, f := x.Type().Field(i).Name, y.Field(i).Float()/x.Field(i).Float()
		if f != 2 && math.Abs(f-3) > 1e-9 {
			t.Errorf("%s is scaled by %v", name, f)
		}
	}
	if b.Node != 2*a.Node || b.Probe != 3*a.Probe {
		t.Errorf("%+v, scaled by 2 and 3 %+v", a, b)
	}
}

// A traversal whose candidates do not pass is given up once going on is dearer than
// the exact scan; one that finds its rows is not.
func TestGiveUp(t *testing.T) {
	d := planner.Choose(input(50_000, 5_000, force(planner.TraverseThenFilter)))
	if d.Plan != planner.TraverseThenFilter {
		t.Fatalf("plan %q", d.Plan)
	}
	for tested := int64(1); tested < 20_000; tested++ {
		if d.GiveUp(tested, int(min(9, tested/10))) && tested < 5_000 {
			t.Fatalf("given up after %d candidates, one in ten of which passed", tested)
		}
	}
	given := int64(0)
	for tested := int64(1); tested < 50_000; tested++ {
		if d.GiveUp(tested, 0) {
			given = tested
			break
		}
	}
	if given < 40 || given > 2_000 {
		t.Errorf("given up after %d candidates, none of which passed", given)
	}
}

func TestListBound(t *testing.T) {
	in := input(1_000_000, 0)
	if n := planner.ListBound(in, 0.5, 0.05); n != 0 {
		t.Errorf("half pass: list up to %d rows, want 0", n)
	}
	if n := planner.ListBound(in, 0.005, 0.01); n < 1_000 || n > 50_000 {
		t.Errorf("none of 96 passed: list up to %d rows", n)
	}
}

func TestSelectivity(t *testing.T) {
	sample := func(every int) planner.Selectivity {
		var s planner.Selectivity
		n := 0
		for more := s.More(); more > 0; more = s.More() {
			for range more {
				n++
				s.Add(every > 0 && n%every == 0)
			}
		}
		return s
	}
	for _, c := range []struct {
		name       string
		every      int
		probed     int
		low, high  float64
		errorBelow float64
	}{
		{"all pass", 1, planner.FirstSample, 0.97, 1, 0.05},
		{"half pass", 2, planner.FirstSample, 0.45, 0.55, 0.11},
		{"one in ten", 10, 96, 0.08, 0.12, 0.04},
		{"one in 100", 100, planner.MaxSample, 0.005, 0.02, 0.01},
		{"none", 0, planner.MaxSample, 0.0001, 0.003, 0.002},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sample(c.every)
			if s.Probed != c.probed {
				t.Errorf("probed %d rows, want %d", s.Probed, c.probed)
			}
			if p := s.Share(); p < c.low || p > c.high {
				t.Errorf("share %v, want %v to %v", p, c.low, c.high)
			}
			if e := s.Error(); !(e < c.errorBelow) {
				t.Errorf("error %v, want below %v", e, c.errorBelow)
			}
		})
	}
	costs := planner.DefaultCosts()
	for rows, want := range map[int64]int{0: planner.FirstSample, 500: 93, 1_000_000: planner.MaxSample} {
		if got := planner.SampleLimit(rows, costs); got != want {
			t.Errorf("limit of a sample of %d rows: %d, want %d", rows, got, want)
		}
	}
	if more := (planner.Selectivity{Probed: 24, Limit: 30}).More(); more != 6 {
		t.Errorf("24 of at most 30 probed: %d more, want 6", more)
	}
	if p := (planner.Selectivity{}).Share(); p != 0.5 {
		t.Errorf("without a sample the share is %v, want 0.5", p)
	}
}
