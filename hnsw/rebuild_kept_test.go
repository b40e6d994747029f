package hnsw_test

import (
	"context"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// A vector that changes by less than its code shows is another one after a rebuild, too:
// no search shows the distance of what was there before.
func TestRebuildOfEqualCodes(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 1, Metric: vector.Cosine})
	q := []float32{1}
	distance := func() float64 {
		t.Helper()
		hits, _, err := e.ix.Search(context.Background(), q, hnsw.SearchOptions{K: 1})
		e.ok(err)
		return hits[0].Distance
	}
	for _, v := range [][]float32{{-1}, {-1.0003052}, {-1}} {
		e.write(func() {
			e.base[1] = v
			e.ok(e.ix.Build(context.Background(), e.base.source, nil))
		})
		for range 2 {
			if got, want := distance(), vector.Cosine.Distance(q, v); got != want {
				t.Errorf("distance of %v is %v, want %v", v, got, want)
			}
		}
	}
}
