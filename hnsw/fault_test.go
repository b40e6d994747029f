package hnsw_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
)

// TestWriteFaults makes write number n of a transaction fail, for n = 0, 1, 2 …
// until it runs clean. After the rollback, rows and memory are as before; after
// a commit they are as after; never between.
func TestWriteFaults(t *testing.T) {
	for name, minFold := range map[string]int{"Log": 1 << 18, "Blocks": 0} {
		t.Run(name, func(t *testing.T) {
			defer hnsw.SetMinFold(hnsw.SetMinFold(minFold))
			e := newEnv(t, hnsw.Params{Dims: 6, M: 3, EfConstruction: 10, Attrs: 2})
			e.fill(random(8, 150, 6))
			e.write(func() { e.ok(e.ix.BuildAttrs(context.Background(), e.base.attrSource(e.ix.Params().Attrs), nil)) })
			more := random(9, 60, 6)
			script := func() error {
				for i, v := range more {
					if err := e.ix.Insert(hnsw.RowID(100+i), v); err != nil {
						return err
					}
					if _, err := e.ix.Delete(hnsw.RowID(1 + i)); err != nil {
						return err
					}
				}
				return e.ix.Sync()
			}
			before, rowsBefore := maps.Clone(e.base), e.parts()
			after := maps.Clone(e.base)
			for i, v := range more {
				after[hnsw.RowID(100+i)] = v
				delete(after, hnsw.RowID(1+i))
			}
			for n := 0; ; n++ {
				e.conn.Begin()
				e.ok(e.ix.Begin())
				e.conn.FailAfter(n)
				err := script()
				e.conn.FailAfter(-1)
				if err == nil {
					e.ok(e.conn.Commit())
					e.ix.Commit()
					clear(e.base)
					maps.Copy(e.base, after)
					e.check()
					e.reopen()
					e.check()
					t.Logf("%d writes", n)
					return
				}
				if !errors.Is(err, memstore.ErrInjected) {
					t.Fatalf("write %d: got %v", n, err)
				}
				e.conn.Rollback()
				e.ix.Rollback()
				clear(e.base)
				maps.Copy(e.base, before)
				if n%7 == 0 {
					e.check()
				}
				for p, rows := range rowsBefore {
					if !maps.EqualFunc(rows, e.conn.Rows(p), bytes.Equal) {
						t.Fatalf("write %d: %v has changed", n, p)
					}
				}
			}
		})
	}
}

// TestReadFaults makes read number n fail. The transaction then refuses to go on
// until it is rolled back to a savepoint, and is whole again after that.
func TestReadFaults(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 6, M: 3, EfConstruction: 10, Attrs: 2})
	e.fill(random(8, 400, 6))
	e.write(func() { e.ok(e.ix.BuildAttrs(context.Background(), e.base.attrSource(e.ix.Params().Attrs), nil)) })
	v := random(10, 1, 6)[0]
	for n := 0; ; n++ {
		e.reopen()
		e.conn.Begin()
		e.ok(e.ix.Begin())
		e.conn.Savepoint(0)
		e.ix.Savepoint(0)
		e.conn.FailReadAfter(n)
		_, err := e.ix.Delete(7)
		if err == nil {
			err = e.ix.Insert(7, v)
		}
		if err == nil {
			_, _, err = e.ix.Search(context.Background(), v, hnsw.SearchOptions{})
		}
		e.conn.FailReadAfter(-1)
		if err == nil {
			e.conn.Rollback()
			e.ix.Rollback()
			t.Logf("%d reads", n)
			return
		}
		if !errors.Is(err, memstore.ErrInjected) {
			t.Fatalf("read %d: got %v", n, err)
		}
		e.conn.RollbackTo(0)
		e.ix.RollbackTo(0)
		e.check()
		e.ok(e.ix.Insert(7, v))
		e.ok(e.ix.Sync())
		e.conn.Rollback()
		e.ix.Rollback()
	}
}

// TestCorruption damages every row of the store in several ways. Whatever is
// called then returns an error that says so, or a right answer; Check reports
// the damage; nothing panics or runs forever.
func TestCorruption(t *testing.T) {
	defer hnsw.SetMinFold(hnsw.SetMinFold(1 << 18))
	e := newEnv(t, hnsw.Params{Dims: 5, M: 3, EfConstruction: 10, Attrs: 2})
	e.fill(random(11, 200, 5))
	for i := range 300 { // one node with several chunks
		e.base[hnsw.RowID(1000+i*3)] = e.base[5]
		e.base[hnsw.RowID(5000+i)] = e.base[5]
	}
	e.write(func() { e.ok(e.ix.BuildAttrs(context.Background(), e.base.attrSource(e.ix.Params().Attrs), nil)) })
	for i := range 4 { // log rows
		e.write(func() {
			e.insert(hnsw.RowID(300+i), random(uint64(20+i), 1, 5)[0])
			e.delete(hnsw.RowID(10 + i))
		})
	}
	all := e.parts()
	damages := map[string]func([]byte) []byte{
		"Delete":    func([]byte) []byte { return nil },
		"Empty":     func([]byte) []byte { return []byte{} },
		"Truncate":  func(b []byte) []byte { return b[:len(b)/2] },
		"Lengthen":  func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"FlipFirst": func(b []byte) []byte { return flip(b, 0) },
		"FlipMid":   func(b []byte) []byte { return flip(b, len(b)/2) },
		"FlipLast":  func(b []byte) []byte { return flip(b, len(b)-1) },
	}
	for part, rows := range all {
		step := 1 + len(rows)/20
		n := 0
		for id, data := range rows {
			if part == hnsw.PartRows && id >= 10 && id < 14 {
				continue // the log has deleted them: these rows are not read any more
			}
			if n++; n%step != 0 {
				continue
			}
			for name, damage := range damages {
				conn := e.db.Conn()
				conn.Begin()
				if bad := damage(data); bad == nil {
					e.ok(conn.Delete(part, id))
				} else {
					e.ok(conn.Put(part, id, bad))
				}
				findings, err := useAll(e, conn)
				if err != nil && !errors.Is(err, hnsw.ErrCorrupt) && !errors.Is(err, hnsw.ErrVersion) {
					t.Errorf("%v %d %s: got %v", part, id, name, err)
				}
				if err == nil && findings == 0 {
					t.Errorf("%v %d %s: nothing was found", part, id, name)
				}
				conn.Rollback()
			}
		}
	}
}

// TestForgedRows changes bytes and makes the checksums right again, as someone
// might who wants to do harm. Answers may then be wrong, but nothing panics, runs
// forever or takes memory without bound.
func TestForgedRows(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 5, M: 3, EfConstruction: 10, Attrs: 2})
	e.fill(random(11, 120, 5))
	for i := range 50 {
		e.base[hnsw.RowID(1000+i*3)] = e.base[5]
	}
	e.write(func() { e.ok(e.ix.BuildAttrs(context.Background(), e.base.attrSource(e.ix.Params().Attrs), nil)) })
	for i := range 3 {
		e.write(func() {
			e.insert(hnsw.RowID(300+i), random(uint64(20+i), 1, 5)[0])
			e.delete(hnsw.RowID(10 + i))
		})
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, part := range hnsw.Parts() {
		rows := e.conn.Rows(part)
		ids := slices.Sorted(maps.Keys(rows))
		for range 300 {
			id := ids[r.IntN(len(ids))]
			bad := bytes.Clone(rows[id])
			for range 1 + r.IntN(3) {
				switch at := r.IntN(len(bad)); r.IntN(4) {
				case 0:
					bad[at] ^= 1 << r.IntN(8)
				case 1:
					bad[at] = byte(r.IntN(256))
				case 2:
					bad[at] = 0xff
				default:
					bad = slices.Delete(bad, at, min(at+1+r.IntN(4), len(bad)))
				}
				if len(bad) == 0 {
					bad = []byte{0}
				}
			}
			hnsw.Reseal(part, id, bad)
			conn := e.db.Conn()
			conn.Begin()
			e.ok(conn.Put(part, id, bad))
			forged := *e
			forged.t = quiet{t}
			_, _ = useAll(&forged, conn)
			conn.Rollback()
		}
	}
}

// quiet is a test that does not mind wrong answers.
type quiet struct{ testing.TB }

func (quiet) Errorf(string, ...any) {}
func (quiet) Error(...any)          {}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x41
	return b
}

// useAll calls everything on a fresh handle. Answers without an error are
// verified; it returns the number of findings of Check and the last error.
func useAll(e *env, conn *memstore.Conn) (findings int, last error) {
	ctx := context.Background()
	note := func(err error) {
		if err != nil {
			last = err
		}
	}
	ix, err := hnsw.Open(hnsw.NewCache(0), conn, e.base)
	if err != nil {
		return 0, err
	}
	note(ix.Check(ctx, e.base.rowids, func(string) { findings++ }))
	q := e.base[1]
	for _, opt := range []hnsw.SearchOptions{{K: 10}, {K: 3, Filter: hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { return r%3 == 0, nil })}, {K: 10000}, {Exact: true}} {
		hits, _, err := ix.Search(ctx, q, opt)
		note(err)
		if err != nil && len(hits) > 0 {
			e.t.Errorf("search returned %v and hits", err)
		}
		for _, h := range hits {
			if v, ok := e.base[h.RowID]; !ok || h.Distance != ix.Params().Metric.Distance(q, v) {
				e.t.Errorf("search returned %v, which is wrong", h)
			}
		}
	}
	expr, _ := below(3)
	hits, _, err := ix.ScanCodes(ctx, q, hnsw.SearchOptions{K: 5, Attrs: hnsw.NewAttrFilter(expr), Filter: hnsw.FilterFunc(func(hnsw.RowID) (bool, error) { return true, nil })})
	note(err)
	if err != nil && len(hits) > 0 {
		e.t.Errorf("scan of codes returned %v and hits", err)
	}
	_, err = ix.Stats()
	note(err)
	note(ix.Scan(func(hnsw.RowID) (bool, error) { return true, nil }))
	if err := ix.Begin(); err != nil {
		e.t.Error(err)
	}
	for i := range 30 {
		ix.Savepoint(i)
		if err := ix.InsertAttrs(hnsw.RowID(9000+i), random(uint64(i), 1, 5)[0], attrsOf(ix.Params().Attrs, 1, q)); err != nil {
			note(err)
			ix.RollbackTo(i)
		}
		if _, err := ix.Delete(hnsw.RowID(1000 + 3*i)); err != nil {
			note(err)
			ix.RollbackTo(i)
		}
	}
	note(ix.Optimize(context.Background()))
	note(ix.Sync())
	ix.Rollback()
	return findings, last
}
