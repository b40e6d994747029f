package hnsw_test

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"sort"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
	"github.com/nearlite/nearlite/vector"
)

// table is a base table: rowid -> vector.
type table map[hnsw.RowID][]float32

func (t table) Vector(rowid hnsw.RowID, dst []float32) ([]float32, bool, error) {
	v, ok := t[rowid]
	return append(dst[:0], v...), ok, nil
}

// rowids yields the table's rowids.
func (t table) rowids(yield func(hnsw.RowID, error) bool) {
	for r := range t {
		if !yield(r, nil) {
			return
		}
	}
}

// sorted returns the rowids in ascending order.
func (t table) sorted() []hnsw.RowID {
	ids := make([]hnsw.RowID, 0, len(t))
	for r := range t {
		ids = append(ids, r)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// source feeds Build with the table's rows in ascending order.
func (t table) source(yield func(hnsw.RowID, []float32) error) error {
	for _, r := range t.sorted() {
		if err := yield(r, t[r]); err != nil {
			return err
		}
	}
	return nil
}

// nearest returns the k nearest rows, exactly.
func (t table) nearest(m vector.Metric, q []float32, k int, keep func(hnsw.RowID) bool) []hnsw.Hit {
	var hits []hnsw.Hit
	for r, v := range t {
		if keep == nil || keep(r) {
			hits = append(hits, hnsw.Hit{RowID: r, Distance: m.Distance(q, v)})
		}
	}
	sort.Slice(hits, func(i, j int) bool {
		a, b := hits[i], hits[j]
		return a.Distance < b.Distance || a.Distance == b.Distance && a.RowID < b.RowID
	})
	return hits[:min(k, len(hits))]
}

// env is a database with one index, as one connection sees it.
type env struct {
	t     testing.TB
	db    *memstore.DB
	conn  *memstore.Conn
	base  table
	cache *hnsw.Cache
	ix    *hnsw.Index
}

// newEnv creates an index. The test ends with its integrity check.
func newEnv(t testing.TB, p hnsw.Params) *env {
	t.Helper()
	e := &env{t: t, db: memstore.New(), base: table{}, cache: hnsw.NewCache(0)}
	e.conn = e.db.Conn()
	if err := hnsw.Create(e.conn, p); err != nil {
		t.Fatal(err)
	}
	e.reopen()
	t.Cleanup(func() {
		if !t.Failed() {
			e.check()
		}
	})
	return e
}

// reopen makes a new handle, with a cache that knows nothing.
func (e *env) reopen() {
	e.t.Helper()
	e.cache = hnsw.NewCache(0)
	ix, err := hnsw.Open(e.cache, e.conn, e.base)
	if err != nil {
		e.t.Fatal(err)
	}
	ix.KeepVectors(1) // the tables of the tests change with their indexes
	e.ix = ix
}

// write runs fn in a transaction.
func (e *env) write(fn func()) {
	e.t.Helper()
	e.conn.Begin()
	if err := e.ix.Begin(); err != nil {
		e.t.Fatal(err)
	}
	fn()
	e.ok(e.ix.Sync())
	e.ok(e.conn.Commit())
	e.ix.Commit()
}

func (e *env) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// insert adds a row to the table and the index.
func (e *env) insert(rowid hnsw.RowID, v []float32) {
	e.t.Helper()
	e.base[rowid] = v
	e.ok(e.ix.InsertAttrs(rowid, v, attrsOf(e.ix.Params().Attrs, rowid, v)))
}

func (e *env) delete(rowid hnsw.RowID) {
	e.t.Helper()
	delete(e.base, rowid)
	found, err := e.ix.Delete(rowid)
	e.ok(err)
	if !found {
		e.t.Fatalf("delete %d: not found", rowid)
	}
}

// check fails the test for each finding.
func (e *env) check() {
	e.t.Helper()
	e.ok(e.ix.Check(context.Background(), e.base.rowids, func(f string) { e.t.Error("check:", f) }))
}

// recall returns the share of the k nearest rows that Search finds.
func (e *env) recall(queries [][]float32, k int, opt hnsw.SearchOptions) float64 {
	e.t.Helper()
	found, want := 0, 0
	for _, q := range queries {
		opt.K = k
		hits, _, err := e.ix.Search(context.Background(), q, opt)
		e.ok(err)
		exact := e.base.nearest(e.ix.Params().Metric, q, k, nil)
		if len(hits) != len(exact) {
			e.t.Fatalf("got %d hits, want %d", len(hits), len(exact))
		}
		got := map[hnsw.RowID]bool{}
		for i, h := range hits {
			got[h.RowID] = true
			if d := e.ix.Params().Metric.Distance(q, e.base[h.RowID]); d != h.Distance {
				e.t.Fatalf("rowid %d: distance is %v, want %v", h.RowID, h.Distance, d)
			}
			if i > 0 && (h.Distance < hits[i-1].Distance || h.Distance == hits[i-1].Distance && h.RowID <= hits[i-1].RowID) {
				e.t.Fatalf("hit %d is out of order", i)
			}
		}
		for _, h := range exact {
			want++
			if got[h.RowID] || h.Distance == hits[len(hits)-1].Distance {
				found++
			}
		}
	}
	return float64(found) / float64(want)
}

// readF32 reads a file of float32 rows.
func readF32(t testing.TB, path string, dims int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]float32, len(b)/4/dims)
	for i := range rows {
		rows[i] = make([]float32, dims)
		for j := range rows[i] {
			rows[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*dims+j):]))
		}
	}
	return rows
}

const tinyDir = "../examples/data/tiny/"

// TestRealVectors asks for a recall of 0.99 at the default settings on real
// embeddings of 512 dimensions, inserted one by one and built at once.
func TestRealVectors(t *testing.T) {
	docs := readF32(t, tinyDir+"docs.f32", 512)
	queries := readF32(t, tinyDir+"queries.f32", 512)
	for _, how := range []string{"Insert", "Build"} {
		t.Run(how, func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 512})
			e.write(func() {
				for i, v := range docs {
					e.base[hnsw.RowID(i)] = v
					if how == "Insert" {
						e.insert(hnsw.RowID(i), v)
					}
				}
				if how == "Build" {
					e.ok(e.ix.Build(context.Background(), e.base.source, nil))
				}
			})
			if got := e.recall(queries, 10, hnsw.SearchOptions{}); got < 0.99 {
				t.Errorf("recall@10 is %.4f, want at least 0.99", got)
			}
			e.reopen()
			if got := e.recall(queries, 10, hnsw.SearchOptions{}); got < 0.99 {
				t.Errorf("recall@10 after reopening is %.4f, want at least 0.99", got)
			}
		})
	}
}
