package hnsw_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// TestKeptVectors changes rows in all ways while other handles, with the same cache and
// with one of their own as another process has, keep vectors in memory: distances
// must be those of the table all the time. Many vectors differ so little that they have
// one code.
func TestKeptVectors(t *testing.T) {
	const dims = 16
	e := newEnv(t, hnsw.Params{Dims: dims, Metric: vector.L2})
	rng := rand.New(rand.NewPCG(4, 4))
	base := random(2, 60, dims)
	draw := func(n int) []float32 {
		v := append([]float32(nil), base[n]...)
		v[rng.IntN(dims)] *= 1 + float32(rng.IntN(3))*3e-4 // most often the same code
		return v
	}
	same, err := hnsw.Open(e.cache, e.conn, e.base)
	e.ok(err)
	far, err := hnsw.Open(hnsw.NewCache(0), e.conn, e.base)
	e.ok(err)
	handles := []*hnsw.Index{e.ix, same, far}
	for _, ix := range handles {
		ix.KeepVectors(7)
	}
	search := func() {
		t.Helper()
		q := draw(rng.IntN(60))
		for n, ix := range handles {
			for range 2 {
				hits, _, err := ix.Search(context.Background(), q, hnsw.SearchOptions{K: 20, EfSearch: 200})
				e.ok(err)
				if len(hits) != min(20, len(e.base)) {
					t.Fatalf("handle %d: got %d hits of %d rows", n, len(hits), len(e.base))
				}
				for _, h := range hits {
					if want := e.ix.Params().Metric.Distance(q, e.base[h.RowID]); h.Distance != want {
						t.Fatalf("handle %d: rowid %d: got distance %v, want %v", n, h.RowID, h.Distance, want)
					}
				}
			}
		}
	}
	for round := range 300 {
		rowid := hnsw.RowID(rng.IntN(60))
		near := int(rowid) // most rows stay near where they are
		if rng.IntN(4) == 0 {
			near = rng.IntN(60)
		}
		before := append([]float32(nil), e.base[rowid]...)
		_, had := e.base[rowid]
		switch op := rng.IntN(10); {
		case op < 6:
			e.write(func() { e.insert(rowid, draw(near)) })
		case op < 8 && had:
			e.write(func() { e.delete(rowid) })
		case op == 8: // a change that is undone
			e.conn.Begin()
			e.ok(e.ix.Begin())
			e.insert(rowid, draw(near))
			_, _, err := e.ix.Search(context.Background(), draw(0), hnsw.SearchOptions{K: 20, EfSearch: 200})
			e.ok(err)
			e.conn.Rollback()
			e.ix.Rollback()
			delete(e.base, rowid)
			if had {
				e.base[rowid] = before
			}
		case round%3 == 0:
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
		}
		search()
	}
	if e.cache.VectorBytes() == 0 {
		t.Error("no vector was kept")
	}
	e.cache.SetMaxBytes(1 << 10)
	search()
	if n := e.cache.VectorBytes(); n != 0 {
		t.Errorf("a small cache keeps %d bytes", n)
	}
}

// TestKeptVectorsBound keeps no more than the cache's share, whatever is asked for.
func TestKeptVectorsBound(t *testing.T) {
	const dims, most = 32, 1 << 20
	e := newEnv(t, hnsw.Params{Dims: dims})
	e.cache.SetMaxBytes(most)
	e.fill(random(9, 3000, dims))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.ix.KeepVectors(1)
	for _, q := range random(8, 200, dims) {
		_, _, err := e.ix.Search(context.Background(), q, hnsw.SearchOptions{K: 50, EfSearch: 100})
		e.ok(err)
		if n := e.cache.VectorBytes(); n > most/4 {
			t.Fatalf("%d bytes of vectors, want at most %d", n, most/4)
		}
	}
}

// TestKeepVectorsStamp forgets with the stamp, and keeps nothing without one.
func TestKeepVectorsStamp(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8})
	vecs := random(1, 2, 8)
	e.write(func() { e.insert(1, vecs[0]) })
	distance := func(want []float32) {
		t.Helper()
		hits, _, err := e.ix.Search(context.Background(), vecs[0], hnsw.SearchOptions{K: 1})
		e.ok(err)
		if d := e.ix.Params().Metric.Distance(vecs[0], want); len(hits) != 1 || hits[0].Distance != d {
			t.Errorf("got %v, want distance %v", hits, d)
		}
	}
	e.ix.KeepVectors(1)
	distance(vecs[0])
	e.base[1] = vecs[1] // the index is not told
	distance(vecs[0])
	e.ix.KeepVectors(2)
	distance(vecs[1])
	e.base[1] = vecs[0]
	e.ix.KeepVectors(0)
	distance(vecs[0])
}

// TestKeptVectorOfTwins brings a row back to its node, with another vector, while the
// node stands for two rows.
func TestKeptVectorOfTwins(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 4, Metric: vector.L2})
	e.ix.KeepVectors(1)
	a, b := []float32{1, 0.5, 0.25, 0}, []float32{1, 0.5001, 0.25, 0}
	distance := func(want []float32) {
		t.Helper()
		hits, _, err := e.ix.Search(context.Background(), []float32{0, 0, 0, 0}, hnsw.SearchOptions{K: 1})
		e.ok(err)
		if d := vector.L2.Distance([]float32{0, 0, 0, 0}, want); len(hits) != 1 || hits[0].RowID != 1 || hits[0].Distance != d {
			t.Errorf("got %v, want row 1 at %v", hits, d)
		}
	}
	e.write(func() { e.insert(1, a) })
	distance(a)
	e.write(func() { e.insert(2, a) })
	e.write(func() { e.delete(1) })
	e.write(func() { e.insert(1, b) })
	e.write(func() { e.delete(2) })
	if st, err := e.ix.Stats(); err != nil || st.Nodes != 1 {
		t.Fatalf("%+v, %v, want one node: the codes are the same", st, err)
	}
	distance(b)
}
