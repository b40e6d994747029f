package hnsw_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// TestSmallCache gives an index a tenth of the memory it would use: the answers
// are those of a cache without a bound.
func TestSmallCache(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 64, M: 8, EfConstruction: 40})
	vecs := random(13, 3000, 64)
	e.fill(vecs)
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.reopen()
	ctx := context.Background()
	var want [][]hnsw.Hit
	for _, q := range vecs[:200] {
		hits, _, err := e.ix.Search(ctx, q, hnsw.SearchOptions{})
		e.ok(err)
		want = append(want, hits)
	}
	budget := e.cache.Bytes() / 10
	if budget < 10000 {
		t.Fatalf("the cache holds %d bytes only", e.cache.Bytes())
	}
	e.reopen()
	e.cache.SetMaxBytes(budget)
	loads := 0
	for i, q := range vecs[:200] {
		hits, stats, err := e.ix.Search(ctx, q, hnsw.SearchOptions{})
		e.ok(err)
		loads += stats.Loaded
		if !slices.Equal(hits, want[i]) {
			t.Fatalf("query %d: got %v, want %v", i, hits, want[i])
		}
		if got := e.cache.Bytes(); got > budget {
			t.Fatalf("query %d: the cache holds %d bytes, want at most %d", i, got, budget)
		}
	}
	t.Logf("%d bytes allowed, %d blocks loaded", budget, loads)
	e.cache.SetMaxBytes(0)
}

// TestLazy opens an index without reading its blocks.
func TestLazy(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 16})
	e.fill(random(15, 5000, 16))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.reopen()
	before := e.conn.Reads
	_, stats, err := e.ix.Search(context.Background(), e.base[1], hnsw.SearchOptions{})
	e.ok(err)
	if reads := e.conn.Reads - before; reads > stats.Loaded+10 {
		t.Errorf("%d reads for %d blocks", reads, stats.Loaded)
	}
	before = e.conn.Reads
	if _, _, err = e.ix.Search(context.Background(), e.base[1], hnsw.SearchOptions{}); err != nil {
		t.Error(err)
	}
	if reads := e.conn.Reads - before; reads != 1 {
		t.Errorf("%d reads for a search in memory, want 1", reads)
	}
}
