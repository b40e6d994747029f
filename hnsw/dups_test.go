package hnsw_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// TestIdenticalVectors puts ten thousand equal vectors among some others: they
// share a node, searches and deletes stay cheap, and the graph stays whole.
func TestIdenticalVectors(t *testing.T) {
	const n = 10000
	same := []float32{1, 2, 3, 4}
	for _, how := range []string{"Insert", "Build"} {
		t.Run(how, func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 4})
			e.fill(random(6, 100, 4))
			for i := range n {
				e.base[hnsw.RowID(1000+7919*i%n)] = same
			}
			e.write(func() {
				if how == "Build" {
					e.ok(e.ix.Build(context.Background(), e.base.source, nil))
					return
				}
				for i := range 100 {
					e.ok(e.ix.Insert(hnsw.RowID(i+1), e.base[hnsw.RowID(i+1)]))
				}
				for i := range n { // in no order
					e.ok(e.ix.Insert(hnsw.RowID(1000+7919*i%n), same))
				}
			})
			st, err := e.ix.Stats()
			e.ok(err)
			if st.Rows != n+100 || st.Nodes > 101 {
				t.Errorf("got %d rows in %d nodes, want %d in at most 101", st.Rows, st.Nodes, n+100)
			}
			e.check()
			hits, stats, err := e.ix.Search(context.Background(), same, hnsw.SearchOptions{K: 5})
			e.ok(err)
			if want := e.base.nearest(0, same, 5, nil); !slices.Equal(hits, want) {
				t.Errorf("got %v, want %v", hits, want)
			}
			if stats.Rescored > 2000 {
				t.Errorf("%d rows were rescored for 5 hits", stats.Rescored)
			}
			hits, _, err = e.ix.Search(context.Background(), same, hnsw.SearchOptions{K: 9000})
			e.ok(err)
			if want := e.base.nearest(0, same, 9000, nil); !slices.Equal(hits, want) {
				t.Errorf("9000 hits are not the first by rowid")
			}
			e.write(func() {
				for i := range n - 3 {
					e.delete(hnsw.RowID(1000 + i))
				}
			})
			e.check()
			hits, _, err = e.ix.Search(context.Background(), same, hnsw.SearchOptions{K: 5})
			e.ok(err)
			if want := e.base.nearest(0, same, 5, nil); !slices.Equal(hits, want) {
				t.Errorf("after deletes: got %v, want %v", hits, want)
			}
		})
	}
}

// TestZeroVector has a vector without direction, at distance 1 from all.
func TestZeroVector(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 3})
	e.write(func() {
		e.insert(1, []float32{0, 0, 0})
		e.insert(2, []float32{1, 0, 0})
		e.insert(3, []float32{-1, 0, 0})
		e.insert(4, []float32{0, 0, 0})
	})
	for _, q := range [][]float32{{1, 0, 0}, {0, 0, 0}} {
		hits, _, err := e.ix.Search(context.Background(), q, hnsw.SearchOptions{})
		e.ok(err)
		if want := e.base.nearest(0, q, 10, nil); !slices.Equal(hits, want) {
			t.Errorf("query %v: got %v, want %v", q, hits, want)
		}
	}
}
