package hnsw

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Source feeds Build: it calls yield for each row and returns yield's error.
// yield does not keep vec.
type Source func(yield func(rowid RowID, vec []float32) error) error

// AttrSource is a Source whose rows have attributes, see [Index.InsertAttrs].
type AttrSource func(yield func(rowid RowID, vec []float32, attrs []Attr) error) error

func (src Source) plain() AttrSource {
	return func(yield func(RowID, []float32, []Attr) error) error {
		return src(func(rowid RowID, vec []float32) error { return yield(rowid, vec, nil) })
	}
}

// maxBatch bounds the nodes that are linked at once while building.
const maxBatch = 1024

// Build replaces the contents with the rows of src, inside a transaction. Nodes are
// numbered in src's order and linked in a shuffled one: the same rows in the same
// order give the same blocks, on any number of cores.
//
// Nodes are linked in batches: their neighbors are searched for in parallel in
// the graph as it was before the batch, then the links are added. The vectors
// are not kept, their codes and links are, so memory is that of the index.
// progress, unless nil, is told now and then how many nodes of how many are linked.
// After an error, of ctx for example, the contents are as before.
func (ix *Index) Build(ctx context.Context, src Source, progress func(done, total int64)) error {
	return ix.BuildAttrs(ctx, src.plain(), progress)
}

// BuildAttrs is Build of rows with attributes.
func (ix *Index) BuildAttrs(ctx context.Context, src AttrSource, progress func(done, total int64)) error {
	return ix.build(ctx, src, progress, runtime.GOMAXPROCS(0))
}

func (ix *Index) build(ctx context.Context, src AttrSource, progress func(done, total int64), workers int) error {
	t, err := ix.writer()
	if err != nil {
		return err
	}
	began := time.Now()
	t.rowsFreeze()
	before := save{state: *t.state, origin: t.origin, ops: len(t.ops.b), direct: t.direct, changed: t.changed}
	undo := func() {
		*t.state, t.origin = before.state, before.origin
		t.direct, t.changed = before.direct, before.changed
		t.epoch = newEpoch()
	}
	t.epoch = newEpoch()
	t.header = header{efSearch: t.efSearch, churn: mustProbe}
	t.lastLog = firstLog // nothing that was written before is read again
	t.dirs = [numDirs]dir{}
	t.edits, t.rows = nil, nil
	t.direct, t.changed, t.synced = true, true, false
	t.version++

	b := &builder{ix: ix, t: t, ctx: ctx, progress: progress, vectors: newChain(chainVectors, token{})}
	if err := b.collect(src); err != nil {
		undo()
		return err
	}
	if err := b.link(workers); err != nil {
		undo()
		return err
	}
	err = t.guard(b.write)
	t.built = time.Since(began)
	return err
}

type builder struct {
	ix       *Index
	t        *tx
	ctx      context.Context
	progress func(done, total int64)
	rows     []rowNode
	vectors  *chain // of all rows, part of the token: vectors may differ whose codes do not
}

type rowNode struct {
	rowid RowID
	node  NodeID
}

// collect makes a node of each distinct code.
func (b *builder) collect(src AttrSource) error {
	t, ix := b.t, b.ix
	twins := map[uint64]NodeID{}
	row := make([]byte, ix.g.rowStride)
	n := 0
	err := src(func(rowid RowID, vec []float32, attrs []Attr) error {
		if n++; n%256 == 0 {
			if err := b.ctx.Err(); err != nil {
				return err
			}
		}
		if err := checkVector(vec, ix.g.dims); err != nil {
			return fmt.Errorf("rowid %d: %w", rowid, err)
		}
		if err := ix.g.checkAttrs(attrs); err != nil {
			return fmt.Errorf("rowid %d: %w", rowid, err)
		}
		b.vectors.vector(rowid, vec)
		ix.g.encode(row, vec)
		h := hashRow(row)
		if id, ok := twins[h]; ok {
			have, err := t.codeRow(id)
			if err != nil {
				return err
			}
			if bytes.Equal(have, row) {
				b.rows = append(b.rows, rowNode{rowid, id})
				if err := t.addRow(id, rowid); err != nil {
					return err
				}
				return t.joinAttrs(id, attrs)
			}
		}
		id, err := t.newNode(rowid, level(ix.p.Seed, rowid, ix.p.M), row, attrs)
		if err != nil {
			return err
		}
		twins[h] = id
		b.rows = append(b.rows, rowNode{rowid, id})
		return nil
	})
	if err != nil {
		return err
	}
	t.rowCount = int64(len(b.rows))
	slices.SortFunc(b.rows, func(a, b rowNode) int { return cmp.Compare(a.rowid, b.rowid) })
	for i := 1; i < len(b.rows); i++ {
		if b.rows[i].rowid == b.rows[i-1].rowid {
			return fmt.Errorf("rowid %d is given twice", b.rows[i].rowid)
		}
	}
	return nil
}

func hashRow(row []byte) uint64 {
	h := uint64(len(row))
	for len(row) >= 8 {
		h = (h ^ binary.NativeEndian.Uint64(row)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
		row = row[8:]
	}
	return mix(h)
}

// worker is what one goroutine of a build needs.
type worker struct {
	v    view
	trav *traverser
	link *linker
	err  error
}

// group is the new links of one target and the order in which to drop some.
type group struct {
	links []newLink
	order []uint32
}

// link links all nodes, batch by batch.
func (b *builder) link(workers int) error {
	t, ix := b.t, b.ix
	total := t.nodes
	if total == 0 {
		return nil
	}
	ws := make([]*worker, workers)
	for i := range ws {
		w := &worker{v: t.view, trav: newTraverser(ix.g)}
		w.link = &linker{t: t, sel: newSelector(ix.g)}
		w.link.sel.v = &w.v
		ws[i] = w
	}
	parallel := func(n int, fn func(w *worker, i int) error) error {
		return runParallel(ws, n, fn)
	}
	l := ix.linker(t)
	order := linkOrder(ix.p.Seed, total)
	first, err := t.record(NodeID(order[0]))
	if err != nil {
		return err
	}
	t.entry, t.top = order[0]+1, uint32(metaLevel(first[recMeta]))
	plans := make([]nodePlan, maxBatch)
	byLayer := make([][]newLink, maxLevel+1)
	var groups []group
	var samples []sample // of the second half: the others saw a smaller graph
	for n := uint32(1); n < total; {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		size := min(max(1, n/8), maxBatch, total-n)
		for i := range size { // a node that opens a layer is the last of its batch
			rec, err := t.record(NodeID(order[n+i]))
			if err != nil {
				return err
			}
			if uint32(metaLevel(rec[recMeta])) > t.top {
				size = i + 1
				break
			}
		}
		err := parallel(int(size), func(w *worker, i int) error {
			id := NodeID(order[n+uint32(i)])
			row, err := w.v.codeRow(id)
			if err != nil {
				return err
			}
			rec, err := w.v.record(id)
			if err != nil {
				return err
			}
			plans[i], err = ix.planNode(&w.v, w.trav, w.link.sel, row, metaLevel(rec[recMeta]), false)
			return err
		})
		if err != nil {
			return err
		}
		for i := range byLayer {
			byLayer[i] = byLayer[i][:0]
		}
		for i := range int(size) {
			id := order[n+uint32(i)]
			for layer, picked := range plans[i].picked {
				list := make([]uint32, len(picked))
				for j, c := range picked {
					list[j] = uint32(c.node())
					byLayer[layer] = append(byLayer[layer], newLink{list[j], id, c.dist})
				}
				if err := l.setLinks(layer, NodeID(id), list); err != nil {
					return err
				}
			}
		}
		for layer, links := range byLayer {
			if len(links) == 0 {
				continue
			}
			slices.SortFunc(links, compareLinks)
			groups = groups[:0]
			for from, i := 0, 1; i <= len(links); i++ {
				if i == len(links) || links[i].target != links[from].target {
					groups = append(groups, group{links: links[from:i]})
					from = i
				}
			}
			err := parallel(len(groups), func(w *worker, i int) error {
				g := &groups[i]
				target := NodeID(g.links[0].target)
				have, err := w.v.neighbors(layer, target)
				if err != nil {
					return err
				}
				if len(have)+len(g.links) <= t.g.capacity(layer) {
					return nil
				}
				g.order, err = w.link.rank(layer, g.links, nil)
				return err
			})
			if err != nil {
				return err
			}
			l.added = false
			rest := links
			for _, g := range groups {
				rest = rest[len(g.links):]
				l.later = rest
				if err := l.attach(layer, g.links, g.order); err != nil {
					return err
				}
			}
			l.later = nil
		}
		for i := range size {
			rec, err := t.record(NodeID(order[n+i]))
			if err != nil {
				return err
			}
			if lvl := uint32(metaLevel(rec[recMeta])); lvl > t.top {
				t.entry, t.top = order[n+i]+1, lvl
			}
		}
		for i := range int(size) {
			if n+uint32(i) >= total/2 {
				samples = append(samples, plans[i].seen)
			}
		}
		n += size
		for i := range ws {
			ws[i].v.state = t.state
		}
		if b.progress != nil {
			b.progress(int64(n), int64(total))
		}
	}
	t.growth = mean(samples)
	return nil
}

// linkOrder is the order in which the nodes are linked: shuffled, the same for the
// same seed. Tables are often sorted by what their vectors are about, the chunks of a
// document one after the other; in that order the nearest neighbors of a node would
// be in its own batch, where it cannot see them.
func linkOrder(seed uint64, n uint32) []uint32 {
	keys := make([]uint64, n)
	order := make([]uint32, n)
	for i := range n {
		keys[i], order[i] = mix(seed^mix(uint64(i)+1)), i
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b)) })
	return order
}

// runParallel calls fn for 0 … n-1 on the workers.
func runParallel(ws []*worker, n int, fn func(w *worker, i int) error) error {
	if n < 4 || len(ws) == 1 {
		for i := range n {
			if err := fn(ws[0], i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, w := range ws {
		w.err = nil
		wg.Go(func() {
			for {
				from := int(next.Add(8)) - 8
				if from >= n {
					return
				}
				for i := from; i < min(from+8, n); i++ {
					if w.err = fn(w, i); w.err != nil {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for _, w := range ws {
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// write replaces the rows of the store. What is written is not written again
// by Sync.
func (b *builder) write() error {
	t := b.t
	parts := []Part{PartLinks, PartCodes, PartUpper, PartDups, PartRows}
	if t.g.attrColumns > 0 {
		parts = append(parts, PartAttrs)
	}
	for _, p := range parts {
		if err := t.st.Clear(p); err != nil {
			return err
		}
	}
	var buf []byte
	hash := newChain(chainBuild, b.vectors.sum())
	for d := range t.dirs {
		err := t.dirs[d].dirtyBlocks(func(block uint32, p unsafe.Pointer) error {
			buf = t.state.encodeBlock(t.g, buf, d, block, p, t.lastLog)
			hash.row(dirParts[d], int64(block), buf)
			return t.st.Put(dirParts[d], int64(block), buf)
		})
		if err != nil {
			return err
		}
		for _, p := range t.dirs[d].pages {
			clear(p.own.dirty[:])
		}
	}
	for _, r := range b.rows {
		buf = encodeRow(buf, r.node)
		if err := t.st.Put(PartRows, r.rowid, buf); err != nil {
			return err
		}
	}
	t.origin = hash.sum()
	return nil
}
