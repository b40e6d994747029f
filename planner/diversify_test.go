package planner_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/planner"
)

func TestDiversify(t *testing.T) {
	relevance := []float64{1, .95, .9, .5}
	place := []float64{0, 0.01, 0.02, 1} // rows 0 to 2 say the same
	similar := func(i, j int) float64 { return 1 - math.Abs(place[i]-place[j]) }
	rel := func(i int) float64 { return relevance[i] }
	for _, c := range []struct {
		lambda float64
		want   []int
	}{
		{1, []int{0, 1, 2}},
		{0.5, []int{0, 3, 1}},
		{0, []int{0, 3, 2}},
	} {
		if got := planner.Diversify(4, 3, c.lambda, rel, similar); !slices.Equal(got, c.want) {
			t.Errorf("lambda %v: %v, want %v", c.lambda, got, c.want)
		}
	}
	if got := planner.Diversify(2, 5, .5, rel, similar); len(got) != 2 {
		t.Errorf("2 rows, 5 wanted: %v", got)
	}
	if got := planner.Diversify(0, 5, .5, rel, similar); len(got) != 0 {
		t.Errorf("no rows: %v", got)
	}
}

func TestGroup(t *testing.T) {
	groups := strings.Split("a a a b a c b b", " ")
	key := func(i int) string { return groups[i] }
	for _, c := range []struct {
		k, limit int
		want     []int
		short    bool
	}{
		{3, 1, []int{0, 3, 5}, false},
		{4, 1, []int{0, 3, 5}, true},
		{5, 2, []int{0, 1, 3, 5, 6}, false},
		{2, 9, []int{0, 1}, false},
		{0, 1, nil, false},
	} {
		got, short := planner.Group(len(groups), c.k, c.limit, key)
		if !slices.Equal(got, c.want) || short != c.short {
			t.Errorf("best %d of each, %d in all: %v %v, want %v %v", c.limit, c.k, got, short, c.want, c.short)
		}
	}
}

func TestExplainJSON(t *testing.T) {
	actual := 0.01
	e := planner.Explain{
		Search: "vector", K: 10, Rows: 10, Plan: planner.ExactScan,
		Filter: &planner.FilterExplain{SQL: `a < 'x"y'`, Access: "index", Selectivity: planner.Share{Estimated: 0.02, Actual: &actual}},
		Legs:   []planner.LegExplain{{Leg: "vector", Plan: planner.ExactScan, Rejected: []planner.Candidate{{Plan: planner.FilteredTraversal, Reason: "no"}}}},
		Times:  planner.Times{Total: planner.Microseconds(1234567 * time.Nanosecond)},
	}
	b, err := e.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back planner.Explain
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Filter.SQL != e.Filter.SQL || *back.Filter.Selectivity.Actual != actual || back.Times.Total != 1234.5 {
		t.Errorf("%s reads back as %+v", b, back)
	}
}
