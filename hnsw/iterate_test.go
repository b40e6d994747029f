package hnsw_test

import (
	"context"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// TestIterateResumes reads all rows through an iterator: each comes once, almost in
// order, and no node is visited twice on the way.
func TestIterateResumes(t *testing.T) {
	rows, queries := senses(t)
	e := newEnv(t, hnsw.Params{Dims: 64, M: 8, EfConstruction: 60})
	e.fill(rows)
	e.base[6001] = rows[0] // rows that share a node
	e.base[6002] = rows[0]
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	ctx := context.Background()
	for _, q := range queries[:5] {
		it, err := e.ix.Iterate(ctx, q, hnsw.SearchOptions{K: 10, EfSearch: 40})
		e.ok(err)
		exact := e.base.nearest(vector.Cosine, q, len(e.base), nil)
		seen := map[hnsw.RowID]bool{}
		found := map[int]int{} // of the n nearest, among the first n
		want := map[hnsw.RowID]int{}
		for i, h := range exact {
			want[h.RowID] = i
		}
		late, last := 0, -1.0
		for n := 0; ; n++ {
			h, ok, err := it.Next()
			e.ok(err)
			if !ok {
				break
			}
			if seen[h.RowID] {
				t.Fatalf("row %d comes twice", h.RowID)
			}
			seen[h.RowID] = true
			if h.Distance < last {
				late++
			}
			last = max(last, h.Distance)
			for _, page := range []int{10, 100, 1000} {
				if n < page && want[h.RowID] < page {
					found[page]++
				}
			}
			if n == 100 { // searches beside it do no harm
				e.recallOf(queries[:3], make([]float64, 3), hnsw.SearchOptions{K: 10})
			}
		}
		if len(seen) != len(e.base) {
			t.Fatalf("%d rows, want %d", len(seen), len(e.base))
		}
		if v := it.Stats().Visited; v > 5000+500 {
			t.Errorf("%d nodes were visited for 5000: some twice", v)
		}
		if late > 500 {
			t.Errorf("%d of %d rows come after a farther one", late, len(e.base))
		}
		if found[100] < 85 || found[1000] < 900 {
			t.Errorf("%d of the 100 nearest come first, %d of the 1000", found[100], found[1000])
		}
	}
}

// TestIterateStale notices changes.
func TestIterateStale(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 4})
	e.fill(random(3, 200, 4))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	start := func() *hnsw.Iterator {
		it, err := e.ix.Iterate(context.Background(), e.base[1], hnsw.SearchOptions{})
		e.ok(err)
		_, _, err = it.Next()
		e.ok(err)
		return it
	}
	stale := func(it *hnsw.Iterator, want bool) {
		t.Helper()
		if got, err := it.Stale(e.ix); err != nil || got != want {
			t.Errorf("stale: got %v, %v, want %v", got, err, want)
		}
	}
	it := start()
	stale(it, false)
	var inside *hnsw.Iterator
	e.write(func() {
		stale(it, false)
		_, err := e.ix.Delete(7)
		e.ok(err)
		stale(it, true)
		inside = start()
		stale(inside, false)
		e.ix.Savepoint(1)
		stale(inside, false)
		e.ok(e.ix.Insert(7, e.base[7]))
		stale(inside, true)
		e.ix.RollbackTo(1)
		stale(inside, true)
		inside = start()
		delete(e.base, 7)
	})
	stale(inside, true)
	stale(start(), false)
}
