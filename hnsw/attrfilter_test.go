package hnsw_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// A filter that has looked at all nodes looks again when nodes at the end are given up,
// although the block of attributes that they were in has not changed.
func TestAttrFilterAfterOptimize(t *testing.T) {
	const n, left = 300, 290
	e := newEnv(t, hnsw.Params{Dims: 8, Metric: vector.L2, Attrs: 1})
	rows := random(3, n, 8)
	e.write(func() {
		for i, v := range rows {
			e.base[hnsw.RowID(i+1)] = v
			e.ok(e.ix.InsertAttrs(hnsw.RowID(i+1), v, []hnsw.Attr{{Kind: hnsw.AttrInt, Int: int64(i % 7)}}))
		}
	})
	expr, _ := below(5)
	passes := func(r hnsw.RowID) bool { return (r-1)%7 < 5 }
	f := hnsw.NewAttrFilter(expr)
	scan := func() {
		t.Helper()
		hits, _, err := e.ix.ScanCodes(context.Background(), rows[3], hnsw.SearchOptions{K: n, Attrs: f})
		e.ok(err)
		if want := e.base.nearest(vector.L2, rows[3], n, passes); !slices.Equal(hits, want) {
			t.Errorf("%d hits, want %d", len(hits), len(want))
		}
	}
	scan()
	e.write(func() {
		for r := hnsw.RowID(left + 1); r <= n; r++ {
			_, err := e.ix.Delete(r)
			e.ok(err)
			delete(e.base, r)
		}
	})
	scan()
	e.write(func() { e.ok(e.ix.Optimize(context.Background())) })
	scan()

	// What a transaction that is undone has looked at is not kept either.
	e.conn.Begin()
	e.ok(e.ix.Begin())
	for r := hnsw.RowID(1); r <= left; r++ {
		e.ok(e.ix.InsertAttrs(r, rows[r-1], []hnsw.Attr{{Kind: hnsw.AttrInt, Int: 9}}))
	}
	_, err := e.ix.Count(f, 1)
	e.ok(err)
	e.ix.Rollback()
	e.conn.Rollback()
	scan()
}
