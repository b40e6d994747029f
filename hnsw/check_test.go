package hnsw_test

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// TestCheckNamesDefects makes one defect at a time, with checksums that are right
// unless they are the defect: Check finds it and says what it is.
func TestCheckNamesDefects(t *testing.T) {
	const m = 4
	words := 4 + 2*m
	// edit changes the records of all nodes.
	edit := func(e *env, fn func(id uint32, rec []uint32)) {
		id := uint32(0)
		rows := e.conn.Rows(hnsw.PartLinks)
		for block := range int64(len(rows)) {
			data := slices.Clone(rows[block])
			for at := 16; at < len(data); at += 4 * words {
				rec := make([]uint32, words)
				for i := range rec {
					rec[i] = binary.LittleEndian.Uint32(data[at+4*i:])
				}
				fn(id, rec)
				for i, w := range rec {
					binary.LittleEndian.PutUint32(data[at+4*i:], w)
				}
				id++
			}
			hnsw.Reseal(hnsw.PartLinks, block, data)
			e.ok(e.conn.Put(hnsw.PartLinks, block, data))
		}
	}
	links := func(rec []uint32) []uint32 { return rec[4 : 4+rec[0]&0xffff] }
	const gone = 50 // the row deleted before, whose node is free
	for name, c := range map[string]struct {
		damage func(e *env)
		want   string
	}{
		"missing row": {func(e *env) { e.base[999] = e.base[1] }, "row 999 of the table is not indexed"},
		"extra row":   {func(e *env) { delete(e.base, 5) }, "row 5 is indexed but not in the table"},
		"wrong code":  {func(e *env) { e.base[7] = []float32{9, 9, 9} }, "row 7: node 6 does not have its vector's code"},
		"dangling link": {func(e *env) {
			edit(e, func(id uint32, rec []uint32) {
				if id == 3 {
					links(rec)[0] = gone - 1
				}
			})
		}, "node 3 links to node 49, which is not in layer 0"},
		"one-way link": {func(e *env) {
			edit(e, func(id uint32, rec []uint32) {
				if id == 3 {
					links(rec)[0] = rec[4+rec[0]&0xffff-1]
				}
				if i := slices.Index(links(rec), 4); i >= 0 && id != 4 {
					links(rec)[i] = links(rec)[0]
				}
			})
		}, "in layer 0, which does not link back"},
		"link to itself": {func(e *env) {
			edit(e, func(id uint32, rec []uint32) {
				if id == 3 {
					links(rec)[0] = 3
				}
			})
		}, "node 3 links to itself in layer 0"},
		"unreachable node": {func(e *env) {
			edit(e, func(id uint32, rec []uint32) {
				if id == 8 {
					rec[0] &^= 0xffff
					clear(rec[4:])
				}
				if i := slices.Index(links(rec), 8); i >= 0 {
					n := len(links(rec)) - 1
					copy(rec[4+i:], rec[4+i+1:4+n+1])
					rec[4+n] = 0
					rec[0]--
				}
			})
		}, "node 8 cannot be reached in layer 0"},
		"checksum": {func(e *env) {
			data := slices.Clone(e.conn.Rows(hnsw.PartCodes)[0])
			data[40]++
			e.ok(e.conn.Put(hnsw.PartCodes, 0, data))
		}, "codes 0: checksum is"},
		"another code": {func(e *env) {
			data := slices.Clone(e.conn.Rows(hnsw.PartCodes)[0])
			data[16] = 255 - data[16]
			hnsw.Reseal(hnsw.PartCodes, 0, data)
			e.ok(e.conn.Put(hnsw.PartCodes, 0, data))
		}, "row 1: node 0 does not have its vector's code"},
		"missing block": {func(e *env) { e.ok(e.conn.Delete(hnsw.PartCodes, 0)) }, "codes has blocks up to 0, want 0"},
		"missing rowid": {func(e *env) { e.ok(e.conn.Delete(hnsw.PartRows, 9)) }, "node 8: its rowid 9 is not in rows"},
		"other node": {func(e *env) {
			e.ok(e.conn.Put(hnsw.PartRows, 9, []byte{1, 0, 0, 0}))
		}, "node 8: its rowid 9 is node 1's in rows"},
		"count of rows": {func(e *env) {
			id, data, err := e.conn.Last(hnsw.PartLog, nil)
			e.ok(err)
			data = slices.Clone(data)
			data[37]++
			hnsw.Reseal(hnsw.PartLog, id, data)
			e.ok(e.conn.Put(hnsw.PartLog, id, data))
		}, "nodes have 299 rows, want 300"},
		"stray probes": {func(e *env) {
			data := slices.Clone(e.conn.Rows(hnsw.PartConfig)[1])
			hnsw.Reseal(hnsw.PartConfig, 3, data)
			e.ok(e.conn.Put(hnsw.PartConfig, 3, data))
		}, "config 3: "},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 3, M: m, EfConstruction: 20})
			e.fill(random(77, 300, 3))
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
			e.write(func() { e.delete(gone) })
			defer hnsw.SetMinFold(hnsw.SetMinFold(0))
			e.write(func() { e.ok(e.ix.SetEfSearch(65)) }) // everything into the blocks
			e.check()
			base := table{}
			for r, v := range e.base {
				base[r] = v
			}
			c.damage(e)
			e.reopen()
			var all []string
			e.ok(e.ix.Check(context.Background(), e.base.rowids, func(f string) { all = append(all, f) }))
			if !strings.Contains(strings.Join(all, "\n"), c.want) {
				t.Errorf("got %q, want %q", all, c.want)
			}
			// Building anew repairs it.
			clear(e.base)
			for r, v := range base {
				e.base[r] = v
			}
			for _, p := range e.ix.Params().Parts() {
				e.ok(e.conn.Clear(p))
			}
			e.ok(hnsw.Create(e.conn, e.ix.Params()))
			e.reopen()
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
		})
	}
}
