package hnsw_test

import (
	"context"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// TestOptimizeGivesSpaceBack deletes nine tenths of an index: the rest takes the
// space that a fresh index of it takes, and answers as before.
func TestOptimizeGivesSpaceBack(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 24, M: 5})
	vecs := random(14, 3000, 24)
	e.fill(vecs)
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.write(func() {
		for r := range len(vecs) {
			if r%10 != 0 {
				e.delete(hnsw.RowID(r + 1))
			}
		}
	})
	size := func() (n int64) {
		st, err := e.ix.Stats()
		e.ok(err)
		for _, b := range st.Bytes {
			n += b
		}
		return n
	}
	before := size()
	e.write(func() { e.ok(e.ix.Optimize(context.Background())) })
	after := size()
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	fresh := size()
	t.Logf("%d bytes before, %d after, %d when fresh", before, after, fresh)
	if after > fresh*11/10 || before < 5*after {
		t.Errorf("got %d bytes, want about %d", after, fresh)
	}
	e.write(func() {
		for r := range len(vecs) { // what was given back is made again
			e.insert(hnsw.RowID(r+1), vecs[r])
		}
	})
	e.check()
	e.reopen()
	if got := e.recall(vecs[:100], 10, hnsw.SearchOptions{EfSearch: 100}); got < 0.97 {
		t.Errorf("recall is %.3f", got)
	}
}
