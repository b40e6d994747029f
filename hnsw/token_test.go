package hnsw_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
)

// TestTokensDiverge follows two copies of an index that share a cache: while they are
// changed alike their rows are equal; as soon as they are not, their tokens differ,
// and each is searched as it is. Going back and committing something else is a third
// state.
func TestTokensDiverge(t *testing.T) {
	p := hnsw.Params{Dims: 6, M: 4, EfConstruction: 20}
	vecs := random(31, 400, 6)
	cache := hnsw.NewCache(0)
	open := func() *env {
		e := newEnv(t, p)
		e.cache = cache
		ix, err := hnsw.Open(cache, e.conn, e.base)
		e.ok(err)
		e.ix = ix
		e.fill(vecs[:300])
		e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
		return e
	}
	equal := func(a, b *env) bool {
		for part, rows := range a.parts() {
			if !maps.EqualFunc(rows, b.conn.Rows(part), slices.Equal[[]byte]) {
				return false
			}
		}
		return true
	}
	insert := func(e *env, r hnsw.RowID, v []float32) {
		e.base[r] = v
		e.write(func() { e.ok(e.ix.Insert(r, v)) })
	}
	a, b := open(), open()
	insert(a, 301, vecs[301])
	insert(b, 301, vecs[301])
	if !equal(a, b) {
		t.Error("the same changes gave different rows")
	}
	insert(a, 302, vecs[302])
	insert(b, 302, vecs[303])
	if bytesOfLog(a) == bytesOfLog(b) {
		t.Error("different changes gave the same token")
	}
	// What a rolled back transaction would have been is not what the next one is.
	b.conn.Begin()
	b.ok(b.ix.Begin())
	b.ok(b.ix.Insert(305, vecs[305]))
	b.ok(b.ix.Sync())
	undone := bytesOfLog(b)
	b.conn.Rollback()
	b.ix.Rollback()
	insert(b, 305, vecs[306])
	if bytesOfLog(b) == undone {
		t.Error("a state has the token of one that was rolled back")
	}
	// Only a setting differs.
	before := bytesOfLog(a)
	a.write(func() { a.ok(a.ix.SetEfSearch(99)) })
	if bytesOfLog(a) == before {
		t.Error("a setting has changed, the token has not")
	}
	for _, e := range []*env{a, b} {
		e.write(func() { e.ok(e.ix.Optimize(context.Background())) })
		hits, _, err := e.ix.Search(context.Background(), vecs[0], hnsw.SearchOptions{K: 310})
		e.ok(err)
		if want := e.base.nearest(p.Metric, vecs[0], 310, nil); !slices.Equal(hits, want) {
			t.Errorf("search gives %d hits, want the %d of this copy", len(hits), len(want))
		}
	}
}

// bytesOfLog returns the token in the newest log row.
func bytesOfLog(e *env) string {
	_, data, err := e.conn.Last(hnsw.PartLog, nil)
	e.ok(err)
	return string(data[5:21])
}

// TestForgedToken gives an index the log row, token included, of another one: the
// cache must not take either for the other.
func TestForgedToken(t *testing.T) {
	p := hnsw.Params{Dims: 6}
	cache := hnsw.NewCache(0)
	var all []*env
	for seed := range uint64(2) {
		e := newEnv(t, p)
		ix, err := hnsw.Open(cache, e.conn, e.base)
		e.ok(err)
		e.cache, e.ix = cache, ix
		e.fill(random(50+seed, 200, 6))
		e.write(func() { e.ok(hnsw.BuildOn(e.ix, e.base.source, 1)) })
		all = append(all, e)
	}
	_, row, err := all[0].conn.Last(hnsw.PartLog, nil)
	all[0].ok(err)
	forged := memstore.New()
	conn := forged.Conn()
	for part, rows := range all[1].parts() {
		for id, data := range rows {
			all[1].ok(conn.Put(part, id, data))
		}
	}
	all[1].ok(conn.Put(hnsw.PartLog, 1, row))
	ix, err := hnsw.Open(cache, conn, all[1].base)
	all[1].ok(err)
	q := []float32{1, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		name string
		ix   *hnsw.Index
		rows table
	}{{"the first", all[0].ix, all[0].base}, {"the forged one", ix, all[1].base}, {"the second", all[1].ix, all[1].base}} {
		hits, _, err := c.ix.Search(context.Background(), q, hnsw.SearchOptions{K: 200})
		if err != nil {
			continue // noticed
		}
		if want := c.rows.nearest(p.Metric, q, 200, nil); !slices.Equal(hits, want) {
			t.Errorf("%s answers with another's rows", c.name)
		}
	}
}
