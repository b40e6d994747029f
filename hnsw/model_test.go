package hnsw_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// model is the exact contents beside an index, with the same transactions.
type model struct {
	*env
	t         *rapid.T
	inTx      bool
	committed table
	saves     []struct {
		id   int
		rows table
	}
	other *hnsw.Index // a second connection, that only reads
	far   *hnsw.Index // a connection of another process: it shares no cache
	dims  int
	pool  [][]float32 // vectors to choose from, so that some are equal
}

func (m *model) set(rows table) {
	clear(m.base)
	maps.Copy(m.base, rows)
}

// TestModel drives random changes, savepoints, rollbacks, reopening and a second
// connection against an exact model, and checks after each step.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := hnsw.Params{
			Dims:           rapid.IntRange(1, 12).Draw(rt, "dims"),
			M:              rapid.SampledFrom([]int{2, 3, 5, 16}).Draw(rt, "m"),
			EfConstruction: rapid.SampledFrom([]int{5, 20, 200}).Draw(rt, "efConstruction"),
			EfSearch:       64,
			Attrs:          rapid.SampledFrom([]int{0, 2}).Draw(rt, "attrs"),
			Metric:         rapid.SampledFrom([]vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct, vector.L1, vector.Hamming}).Draw(rt, "metric"),
		}
		if p.EfConstruction < p.M {
			p.EfConstruction = p.M
		}
		if p.Metric < vector.L1 {
			p.Quantize = rapid.SampledFrom([]hnsw.Quantization{hnsw.None, hnsw.F16, hnsw.Int8, hnsw.Bit}).Draw(rt, "quantize")
		}
		defer hnsw.SetMinFold(hnsw.SetMinFold(rapid.SampledFrom([]int{0, 1000, 1 << 18}).Draw(rt, "minFold")))
		m := &model{env: newEnv(t, p), t: rt, dims: p.Dims, committed: table{}}
		for range rapid.IntRange(1, 40).Draw(rt, "vectors") {
			v := rapid.SliceOfN(rapid.Float32Range(-2, 2), p.Dims, p.Dims).Draw(rt, "vector")
			m.pool = append(m.pool, v)
			if p.Attrs > 0 { // the same code under cosine, but other attributes
				m.pool = append(m.pool, twice(v))
			}
		}
		m.reader()
		rt.Repeat(map[string]func(*rapid.T){
			"":           m.verify,
			"insert":     m.doInsert,
			"insertMany": m.doInsertMany,
			"delete":     m.doDelete,
			"deleteAll":  m.doDeleteAll,
			"savepoint":  m.doSavepoint,
			"release":    m.doRelease,
			"rollbackTo": m.doRollbackTo,
			"commit":     m.doCommit,
			"busy":       m.doBusyCommit,
			"rollback":   m.doRollback,
			"reopen":     m.doReopen,
			"build":      m.doBuild,
			"optimize":   m.doOptimize,
			"smallCache": m.doSmallCache,
		})
	})
}

func (m *model) ok(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

// reader opens the second connection. It shares the cache.
func (m *model) reader() {
	ix, err := hnsw.Open(m.cache, m.db.Conn(), m.committed)
	m.ok(err)
	ix.KeepVectors(1)
	m.other = ix
	if m.far == nil {
		m.far, err = hnsw.Open(hnsw.NewCache(0), m.db.Conn(), m.committed)
		m.ok(err)
		m.far.KeepVectors(1)
	}
}

func (m *model) begin() {
	if !m.inTx {
		m.conn.Begin()
		m.ok(m.ix.Begin())
		m.inTx = true
		m.saves = nil
	}
}

func (m *model) rowid() hnsw.RowID {
	if len(m.base) > 0 && rapid.Bool().Draw(m.t, "existing") {
		return rapid.SampledFrom(m.base.sorted()).Draw(m.t, "rowid")
	}
	return rapid.Int64Range(-3, 60).Draw(m.t, "rowid")
}

func (m *model) doInsert(t *rapid.T) {
	m.t = t
	m.begin()
	r, v := m.rowid(), rapid.SampledFrom(m.pool).Draw(t, "vector")
	m.base[r] = v
	m.ok(m.ix.InsertAttrs(r, v, attrsOf(m.ix.Params().Attrs, r, v)))
}

func (m *model) doInsertMany(t *rapid.T) {
	m.t = t
	m.begin()
	for i := range rapid.IntRange(1, 60).Draw(t, "n") {
		r, v := hnsw.RowID(100+i), m.pool[i%len(m.pool)]
		m.base[r] = v
		m.ok(m.ix.InsertAttrs(r, v, attrsOf(m.ix.Params().Attrs, r, v)))
	}
}

func (m *model) doDelete(t *rapid.T) {
	m.t = t
	m.begin()
	r := m.rowid()
	_, want := m.base[r]
	delete(m.base, r)
	got, err := m.ix.Delete(r)
	m.ok(err)
	if got != want {
		t.Fatalf("delete %d: found is %v, want %v", r, got, want)
	}
}

func (m *model) doDeleteAll(t *rapid.T) {
	m.t = t
	m.begin()
	for _, r := range m.base.sorted() {
		delete(m.base, r)
		_, err := m.ix.Delete(r)
		m.ok(err)
	}
}

func (m *model) doSavepoint(t *rapid.T) {
	m.t = t
	m.begin()
	id := len(m.saves)
	m.saves = append(m.saves, struct {
		id   int
		rows table
	}{id, maps.Clone(m.base)})
	m.conn.Savepoint(id)
	m.ix.Savepoint(id)
}

func (m *model) pickSave(t *rapid.T) int {
	if !m.inTx || len(m.saves) == 0 {
		t.Skip("no savepoint")
	}
	return rapid.IntRange(0, len(m.saves)-1).Draw(t, "savepoint")
}

func (m *model) doRelease(t *rapid.T) {
	m.t = t
	i := m.pickSave(t)
	m.conn.Release(i)
	m.ix.Release(i)
	m.saves = m.saves[:i]
}

func (m *model) doRollbackTo(t *rapid.T) {
	m.t = t
	i := m.pickSave(t)
	m.conn.RollbackTo(i)
	m.ix.RollbackTo(i)
	m.set(m.saves[i].rows)
	m.saves = m.saves[:i+1]
}

func (m *model) doCommit(t *rapid.T) {
	m.t = t
	if !m.inTx {
		t.Skip("no transaction")
	}
	m.ok(m.ix.Sync())
	m.ok(m.conn.Commit())
	m.ix.Commit()
	m.inTx = false
	clear(m.committed)
	maps.Copy(m.committed, m.base)
}

// doBusyCommit makes COMMIT fail after Sync; the transaction goes on.
func (m *model) doBusyCommit(t *rapid.T) {
	m.t = t
	if !m.inTx {
		t.Skip("no transaction")
	}
	busy := errors.New("busy")
	m.ok(m.ix.Sync())
	m.conn.FailCommit(busy)
	if err := m.conn.Commit(); !errors.Is(err, busy) {
		t.Fatal(err)
	}
}

func (m *model) doRollback(t *rapid.T) {
	m.t = t
	if !m.inTx {
		t.Skip("no transaction")
	}
	m.conn.Rollback()
	m.ix.Rollback()
	m.inTx = false
	m.set(m.committed)
}

func (m *model) doReopen(t *rapid.T) {
	m.t = t
	if m.inTx {
		t.Skip("in a transaction")
	}
	m.env.reopen()
	m.reader()
}

func (m *model) doBuild(t *rapid.T) {
	m.t = t
	m.begin()
	m.ok(m.ix.BuildAttrs(context.Background(), m.base.attrSource(m.ix.Params().Attrs), nil))
}

func (m *model) doOptimize(t *rapid.T) {
	m.t = t
	m.begin()
	m.ok(m.ix.Optimize(context.Background()))
}

func (m *model) doSmallCache(t *rapid.T) {
	m.t = t
	m.cache.SetMaxBytes(rapid.SampledFrom([]int64{0, 1, 20000, 100000}).Draw(t, "bytes"))
}

// verify checks both connections.
func (m *model) verify(t *rapid.T) {
	m.t = t
	verifyIndex(t, m.ix, m.base, m.pool[0])
	verifyIndex(t, m.other, m.committed, m.pool[0])
	verifyIndex(t, m.far, m.committed, m.pool[0])
}

func verifyIndex(t *rapid.T, ix *hnsw.Index, rows table, q []float32) {
	ctx := context.Background()
	err := ix.Check(ctx, rows.rowids, func(f string) { t.Errorf("check: %s", f) })
	if err != nil {
		t.Fatal(err)
	}
	if n, err := ix.Rows(); err != nil || n != int64(len(rows)) {
		t.Fatalf("rows: got %d, %v; want %d", n, err, len(rows))
	}
	var scanned []hnsw.RowID
	if err := ix.Scan(func(r hnsw.RowID) (bool, error) { scanned = append(scanned, r); return true, nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(scanned, rows.sorted()) {
		t.Fatalf("scan: got %v, want %v", scanned, rows.sorted())
	}
	// All rows: every search is then exact.
	hits, _, err := ix.Search(ctx, q, hnsw.SearchOptions{K: 1000})
	if err != nil {
		t.Fatal(err)
	}
	want := rows.nearest(ix.Params().Metric, q, 1000, nil)
	if !slices.Equal(hits, want) {
		t.Fatalf("search for all: got %v, want %v", hits, want)
	}
	if ix.Params().Attrs > 0 {
		checkAttrs(t, ix, rows, q)
	}
	even := func(r hnsw.RowID) bool { return r%2 == 0 }
	hits, _, err = ix.Search(ctx, q, hnsw.SearchOptions{K: 3, Filter: hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { return even(r), nil })})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rows.nearest(ix.Params().Metric, q, 3, even)); len(hits) != n {
		t.Fatalf("filtered search: got %d hits, want %d", len(hits), n)
	}
	hits, _, err = ix.SearchRows(ctx, q, 5, odd(rows))
	if err != nil {
		t.Fatal(err)
	}
	if want := rows.nearest(ix.Params().Metric, q, 5, func(r hnsw.RowID) bool { return r%2 != 0 }); !slices.Equal(hits, want) {
		t.Fatalf("search rows: got %v, want %v", hits, want)
	}
	it, err := ix.Iterate(ctx, q, hnsw.SearchOptions{K: 4, EfSearch: 4})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[hnsw.RowID]bool{}
	for {
		h, ok, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if seen[h.RowID] {
			t.Fatalf("iterator: rowid %d twice", h.RowID)
		}
		seen[h.RowID] = true
	}
	if len(seen) != len(rows) {
		t.Fatalf("iterator: %d rows, want %d", len(seen), len(rows))
	}
}

// odd yields the odd rowids, and some that do not exist.
func odd(rows table) iter.Seq[hnsw.RowID] {
	return func(yield func(hnsw.RowID) bool) {
		for _, r := range append(rows.sorted(), 100001, -100001) {
			if r%2 != 0 && !yield(r) {
				return
			}
		}
	}
}

func twice(v []float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = 2 * x
	}
	return out
}
