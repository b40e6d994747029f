package planner_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

func leg(scores ...float64) planner.Leg {
	l := planner.Leg{Complete: true}
	for i, s := range scores {
		l.Items = append(l.Items, planner.Item{RowID: int64(i + 1), Score: s})
	}
	return l
}

func ids(rows []planner.Fused) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.RowID
	}
	return out
}

func equal(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Worked by hand: rows 1 and 2 are in both lists, at ranks 1, 2 and 2, 1.
func TestRRF(t *testing.T) {
	lex := planner.Leg{Items: []planner.Item{{1, 9}, {2, 8}, {3, 7}}}
	vec := planner.Leg{Items: []planner.Item{{2, .9}, {1, .8}, {4, .7}}}
	rows, info, err := planner.Fuse(lex, vec, planner.FuseOptions{Method: planner.RRF})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{1, 2, 3, 4}; !equal(ids(rows), want) {
		t.Fatalf("got %v, want %v (ties by rowid)", ids(rows), want)
	}
	if want := 1.0/61 + 1.0/62; math.Abs(rows[0].Score-want) > 1e-15 {
		t.Errorf("score %v, want %v", rows[0].Score, want)
	}
	if want := 1.0 / 63; math.Abs(rows[3].Score-want) > 1e-15 {
		t.Errorf("score %v, want %v", rows[3].Score, want)
	}
	if rows[0].LexicalRank != 1 || rows[0].VectorRank != 2 || rows[3].LexicalRank != 0 || rows[3].VectorRank != 3 {
		t.Errorf("ranks: %+v", rows)
	}
	if !math.IsNaN(rows[3].LexicalScore) || rows[3].VectorScore != .7 {
		t.Errorf("scores of a row in one list: %+v", rows[3])
	}
	if info.Weight != 0.5 {
		t.Errorf("weight %v, want 0.5", info.Weight)
	}
	rows, _, err = planner.Fuse(lex, vec, planner.FuseOptions{Method: planner.RRF, HasWeight: true, Weight: 1, RankConstant: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{2, 1, 4, 3}; !equal(ids(rows), want) || rows[0].Score != 1 {
		t.Errorf("all weight on the vector leg: %v, first score %v, want %v, 1", ids(rows), rows[0].Score, want)
	}
}

func TestConvex(t *testing.T) {
	lex := planner.Leg{Items: []planner.Item{{1, 10}, {2, 6}, {3, 2}}, Least: 0}
	vec := planner.Leg{Items: []planner.Item{{3, .9}, {2, .7}, {4, .5}}, Least: -1}
	for _, c := range []struct {
		name string
		opt  planner.FuseOptions
		want map[int64]float64
	}{
		{"min-max", planner.FuseOptions{Method: planner.Convex}, map[int64]float64{1: .7, 2: .7*.5 + .3*.5, 3: .3, 4: 0}},
		{"weight", planner.FuseOptions{Method: planner.Convex, HasWeight: true, Weight: .5}, map[int64]float64{1: .5, 2: .5, 3: .5, 4: 0}},
		{
			"theoretical-min",
			planner.FuseOptions{Method: planner.Convex, Normalize: planner.TheoreticalMin},
			map[int64]float64{1: .7, 2: .7*.6 + .3*1.7/1.9, 3: .7*.2 + .3, 4: .3 * 1.5 / 1.9},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, _, err := planner.Fuse(lex, vec, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if math.Abs(r.Score-c.want[r.RowID]) > 1e-12 {
					t.Errorf("row %d: score %v, want %v", r.RowID, r.Score, c.want[r.RowID])
				}
			}
			if len(rows) != len(c.want) {
				t.Errorf("%d rows, want %d", len(rows), len(c.want))
			}
		})
	}
}

// dbsf maps mean ± 3 deviations to 0 and 1: of 1, 2, 3 the mean is in the middle.
func TestDBSF(t *testing.T) {
	rows, _, err := planner.Fuse(leg(3, 2, 1), leg(3, 2, 1), planner.FuseOptions{Method: planner.DBSF})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(rows[1].Score-1) > 1e-12 {
		t.Errorf("the middle of both lists scores %v, want 1/2 + 1/2", rows[1].Score)
	}
	sd := math.Sqrt(2.0 / 3)
	if want := 2 * (1/(6*sd) + 0.5); math.Abs(rows[0].Score-want) > 1e-12 {
		t.Errorf("the best scores %v, want %v", rows[0].Score, want)
	}
}

// The default trusts a vector leg less when its rows have little of the query's
// words.
func TestAutoSupport(t *testing.T) {
	lex := leg(10, 9, 8, 7)
	agreeing := leg(.9, .8, .7, .6)
	stranger := planner.Leg{Items: []planner.Item{{11, .9}, {12, .8}, {13, .7}, {4, .6}}, Known: []planner.Item{{1, .1}, {2, .1}, {3, .1}}}
	rows, info, err := planner.Fuse(lex, agreeing, planner.FuseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Support != 1 || math.Abs(info.Weight-0.45) > 1e-12 || !equal(ids(rows), []int64{1, 2, 3, 4}) {
		t.Errorf("legs that agree: %+v %v", info, ids(rows))
	}
	rows, info, err = planner.Fuse(lex, stranger, planner.FuseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := 7.0 / 4 / 8.5; math.Abs(info.Support-want) > 1e-12 || math.Abs(info.Weight-0.15-0.3*want) > 1e-12 {
		t.Errorf("support %v, weight %v, want %v and 0.15 + 0.3 of it", info.Support, info.Weight, want)
	}
	if rows[0].RowID != 1 {
		t.Errorf("best row %d, want 1", rows[0].RowID)
	}
	for _, r := range rows {
		if r.RowID > 10 && !math.IsNaN(r.LexicalScore) {
			t.Errorf("row %d shows an assumed text score %v", r.RowID, r.LexicalScore)
		}
		if r.RowID <= 3 && r.VectorScore != .1 {
			t.Errorf("row %d: vector score %v, want the known .1", r.RowID, r.VectorScore)
		}
	}
}

func TestFuseOneLeg(t *testing.T) {
	for _, m := range planner.Methods() {
		rows, info, err := planner.Fuse(planner.Leg{}, leg(.5, .4), planner.FuseOptions{Method: m})
		if err != nil || !equal(ids(rows), []int64{1, 2}) || rows[0].Score != .5 || info.Weight != 1 {
			t.Errorf("%s, vector leg alone: %+v %+v %v", m, rows, info, err)
		}
		rows, info, err = planner.Fuse(leg(5, 4), planner.Leg{}, planner.FuseOptions{Method: m})
		if err != nil || !equal(ids(rows), []int64{1, 2}) || rows[0].Score != 5 || info.Weight != 0 {
			t.Errorf("%s, text leg alone: %+v %+v %v", m, rows, info, err)
		}
		rows, _, err = planner.Fuse(planner.Leg{}, planner.Leg{}, planner.FuseOptions{Method: m})
		if err != nil || len(rows) != 0 {
			t.Errorf("%s, no leg: %+v %v", m, rows, err)
		}
	}
}

func TestFuseErrors(t *testing.T) {
	for _, c := range []struct {
		opt  planner.FuseOptions
		want string
	}{
		{planner.FuseOptions{Method: "borda"}, `fusion is "borda", want one of auto, rrf, convex, dbsf`},
		{planner.FuseOptions{Normalize: "z"}, `normalize is "z", want one of min-max, theoretical-min`},
		{planner.FuseOptions{HasWeight: true, Weight: 1.5}, `weight is 1.5, want a number from 0 to 1`},
		{planner.FuseOptions{HasWeight: true, Weight: math.NaN()}, `weight is NaN`},
		{planner.FuseOptions{RankConstant: -1}, `rank_constant is -1, want a number from 0 up`},
	} {
		_, _, err := planner.Fuse(leg(1), leg(1), c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.opt, err, c.want)
		}
	}
}

// Whatever the lists: every row of both comes once, in order of score and rowid,
// with finite scores, and does not depend on anything but the input.
func TestFuseInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	random := func() planner.Leg {
		l := planner.Leg{Complete: rng.IntN(2) == 0, Least: []float64{0, -1, math.Inf(-1), math.NaN()}[rng.IntN(4)]}
		score := rng.NormFloat64() * 10
		for _, id := range rng.Perm(20)[:rng.IntN(15)] {
			l.Items = append(l.Items, planner.Item{RowID: int64(id), Score: score})
			score -= []float64{0, 0, 1, rng.Float64()}[rng.IntN(4)]
		}
		if rng.IntN(2) == 0 {
			l.Known = []planner.Item{{3, score - 1}, {5, score - 2}}
		}
		return l
	}
	for range 3000 {
		lex, vec := random(), random()
		opt := planner.FuseOptions{Method: planner.Methods()[rng.IntN(4)], Normalize: []planner.Normalization{"", planner.MinMax, planner.TheoreticalMin}[rng.IntN(3)]}
		rows, info, err := planner.Fuse(lex, vec, opt)
		if err != nil {
			t.Fatal(err)
		}
		again, _, _ := planner.Fuse(lex, vec, opt)
		want := map[int64]bool{}
		for _, it := range lex.Items {
			want[it.RowID] = true
		}
		for _, it := range vec.Items {
			want[it.RowID] = true
		}
		if len(rows) != len(want) {
			t.Fatalf("%v: %d rows, want %d", opt, len(rows), len(want))
		}
		for i, r := range rows {
			if !want[r.RowID] {
				t.Fatalf("%v: row %d twice, or from nowhere", opt, r.RowID)
			}
			delete(want, r.RowID)
			if math.IsNaN(r.Score) || math.IsInf(r.Score, 0) {
				t.Fatalf("%v: score %v\n%+v\n%+v", opt, r.Score, lex, vec)
			}
			if i > 0 && (rows[i-1].Score < r.Score || rows[i-1].Score == r.Score && rows[i-1].RowID > r.RowID) {
				t.Fatalf("%v: out of order at %d: %+v", opt, i, rows)
			}
			if again[i].RowID != r.RowID || again[i].Score != r.Score {
				t.Fatalf("%v: a second run differs", opt)
			}
		}
		if !(info.Weight >= 0 && info.Weight <= 1) {
			t.Fatalf("%v: weight %v", opt, info.Weight)
		}
	}
}
