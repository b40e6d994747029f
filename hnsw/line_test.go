package hnsw_test

import (
	"context"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// TestBuildOnALine builds on points of a line in their order. The nearest neighbors
// of each are the rows beside it, which a batch of rows in that order would not see;
// and the nearest one on each side dominates all others, so that most links are
// bridges: one too many must not cost a walk through the whole graph.
func TestBuildOnALine(t *testing.T) {
	const n = 6000
	e := newEnv(t, hnsw.Params{Dims: 2, Metric: vector.L2, Quantize: hnsw.None})
	vecs := make([][]float32, n)
	for i := range vecs {
		vecs[i] = []float32{float32(i), 1}
	}
	e.fill(vecs)
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	found := 0
	for q := 50; q < n; q += 100 {
		hits, _, err := e.ix.Search(context.Background(), vecs[q], hnsw.SearchOptions{K: 3})
		e.ok(err)
		for _, h := range hits {
			if d := int(h.RowID) - 1 - q; d >= -1 && d <= 1 {
				found++
			}
		}
	}
	if want := 3 * n / 100 * 95 / 100; found < want {
		t.Errorf("%d of %d neighbors found, want %d", found, 3*n/100, want)
	}
}

// TestBuildOnARay builds on points whose angles differ by less than float32 tells:
// which of them dominates which is chance, and most links are bridges.
func TestBuildOnARay(t *testing.T) {
	const n = 4000
	e := newEnv(t, hnsw.Params{Dims: 2, Quantize: hnsw.None})
	vecs := make([][]float32, n)
	for i := range vecs {
		vecs[i] = []float32{float32(i), 1}
	}
	e.fill(vecs)
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.write(func() {
		for r := hnsw.RowID(1); r <= n; r += 3 {
			delete(e.base, r)
			_, err := e.ix.Delete(r)
			e.ok(err)
		}
	}) // the test ends with a check of the graph
}
