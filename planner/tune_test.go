package planner_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

func TestNDCG(t *testing.T) {
	rows := []int64{7, 1, 2, 9}
	at := func(i int) int64 { return rows[i] }
	for _, c := range []struct {
		grades map[int64]float64
		k      int
		want   float64
	}{
		{map[int64]float64{7: 1}, 10, 1},
		{map[int64]float64{1: 1}, 10, 1 / math.Log2(3)},
		{map[int64]float64{9: 1}, 3, 0},
		{map[int64]float64{5: 1}, 10, 0},
		{nil, 10, 0},
		{map[int64]float64{7: 1, 2: 3}, 10, (1 + 3/math.Log2(4)) / (3 + 1/math.Log2(3))},
	} {
		if got := planner.NDCG(len(rows), at, c.grades, c.k); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v at %d: got %v, want %v", c.grades, c.k, got, c.want)
		}
	}
}

// judgedQueries makes queries of 30 rows, the first of which is right: each leg scores
// it above the noise by so much.
func judgedQueries(n int, text, vec float64) []planner.Judged {
	rng := rand.New(rand.NewPCG(1, 2))
	leg := func(lift float64) planner.Leg {
		items := make([]planner.Item, 30)
		for i := range items {
			items[i] = planner.Item{RowID: int64(i), Score: 5 + rng.NormFloat64()}
		}
		items[0].Score += lift
		sortItems(items)
		return planner.Leg{Items: items, Complete: true}
	}
	out := make([]planner.Judged, n)
	for i := range out {
		out[i] = planner.Judged{Lexical: leg(text), Vector: leg(vec), Grades: map[int64]float64{0: 1}}
	}
	return out
}

func sortItems(items []planner.Item) {
	for i := range items {
		for j := i; j > 0 && items[j].Score > items[j-1].Score; j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
}

func TestTuneTrustsTheBetterLeg(t *testing.T) {
	for _, c := range []struct {
		name        string
		text, vec   float64
		low, high   float64
		wantsBetter bool
	}{
		{"vector", 0, 4, 0.6, 1, true},
		{"text", 4, 0, 0, 0.4, false},
		{"both", 2, 2, 0.2, 0.8, false},
	} {
		judged := judgedQueries(200, c.text, c.vec)
		got, err := planner.Tune(context.Background(), judged, planner.FuseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		o := got.Options
		if o.HasWeight && (o.Weight < c.low || o.Weight > c.high) {
			t.Errorf("%s: weight %v, want %v to %v", c.name, o.Weight, c.low, c.high)
		}
		if c.wantsBetter && (!o.HasWeight || got.After < got.Before+0.05) {
			t.Errorf("%s: %+v, want a gain of 0.05", c.name, got)
		}
		if got.After < got.Before-1e-9 || got.Fitted < got.Before-1e-9 || got.Folds != 5 || got.Tried != 106 {
			t.Errorf("%s: %+v", c.name, got)
		}
		again, err := planner.Tune(context.Background(), judged, planner.FuseOptions{})
		if err != nil || again != got {
			t.Errorf("%s: another time %+v, %v, want %+v", c.name, again, err, got)
		}
	}
}

func TestTuneStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := planner.Tune(ctx, judgedQueries(5, 1, 1), planner.FuseOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := planner.Tune(context.Background(), judgedQueries(5, 1, 1), planner.FuseOptions{Method: "best"}); err == nil {
		t.Error("an unknown method is no error")
	}
}
