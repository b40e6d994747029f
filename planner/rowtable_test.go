package planner_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

// TestFuserKeep compares the best rows with the head of all, with memory used again.
func TestFuserKeep(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var f planner.Fuser
	for range 500 {
		leg := func() (l planner.Leg) {
			for _, id := range rng.Perm(200)[:rng.IntN(120)] {
				l.Items = append(l.Items, planner.Item{RowID: int64(id) - 50, Score: float64(rng.IntN(30))})
			}
			slices.SortStableFunc(l.Items, func(a, b planner.Item) int { return int(b.Score - a.Score) })
			return l
		}
		lex, vec := leg(), leg()
		opt := planner.FuseOptions{Method: planner.Methods()[rng.IntN(4)]}
		all, _, err := planner.Fuse(lex, vec, opt)
		if err != nil {
			t.Fatal(err)
		}
		f.Keep = []int{0, 1, 10, 32, 33, 500}[rng.IntN(6)]
		got, _, err := f.Fuse(lex, vec, opt)
		if err != nil {
			t.Fatal(err)
		}
		want := len(all)
		if f.Keep > 0 {
			want = min(f.Keep, len(all))
		}
		if len(got) != want || f.Count() != len(all) {
			t.Fatalf("keep %d: got %d of %d rows, want %d of %d", f.Keep, len(got), f.Count(), want, len(all))
		}
		for i := range got {
			if got[i].RowID != all[i].RowID || got[i].Score != all[i].Score {
				t.Fatalf("keep %d: row %d is %+v, want %+v", f.Keep, i, got[i], all[i])
			}
		}
		missing := f.Join(lex.Items, vec.Items)
		for i, it := range lex.Items {
			in := slices.ContainsFunc(vec.Items, func(v planner.Item) bool { return v.RowID == it.RowID })
			if in == slices.Contains(missing, i) {
				t.Fatalf("row %d: missing %v, in the list %v", it.RowID, !in, in)
			}
		}
	}
}
