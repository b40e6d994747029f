package hnsw

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

// Vectors in memory. Rescoring reads some twenty vectors of the table a search, which
// takes as long as the walk. A vector that was read is kept, with the place in memory
// of its node's code. Blocks of codes are never changed once others may see them, and
// every change of a row's vector makes another block, or reads it anew (Insert and
// tx.touch), in this process and in others; rows that share a node are left out. So a vector is the row's as long as the
// code is where it was; keeping it keeps the block, so that no other can take its place.

// vectorPool are the kept vectors of all indexes of a Cache. Its zero value is empty.
type vectorPool struct {
	mu     sync.Mutex
	tables map[familyKey]*vectorTable
	bytes  atomic.Int64
}

// vectorTable holds vectors of one index in one of two slots, by rowid. It never
// forgets but for others that need a slot, and altogether.
type vectorTable struct {
	pool  *vectorPool
	slots []atomic.Pointer[keptVector]
	size  int64 // of an entry
	most  int64 // bytes of the pool
	spare atomic.Uint32
	dead  atomic.Bool // emptied: not in the pool any more
}

type keptVector struct {
	rowid RowID
	code  *byte // of the row's node
	stamp int64 // of KeepVectors
	vec   []float32
}

// Shares of the cache's bound, and the fewest vectors worth a table.
const (
	vectorShare = 4
	fewVectors  = 64
)

// vectors returns the table of an index of so many rows; nil if memory is too short.
func (c *Cache) vectors(key familyKey, dims int, rows int64) *vectorTable {
	size := int64(4*dims+64) + 600 // a part of a block of codes, which nothing else may hold any more
	most := c.maxBytes.Load() / vectorShare
	if most <= 0 {
		most = 1 << 40
	}
	want := int64(fewVectors)
	for want < 2*rows && (want+want/2)*size <= most {
		want *= 2
	}
	if fewVectors*size > most {
		return nil
	}
	p := &c.vecs
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[key]
	if t != nil && int64(len(t.slots)) >= want && t.most == most {
		return t
	}
	if t != nil {
		p.drop(key, t)
	}
	t = &vectorTable{pool: p, slots: make([]atomic.Pointer[keptVector], want), size: size, most: most}
	if p.tables == nil {
		p.tables = map[familyKey]*vectorTable{}
	}
	p.tables[key] = t
	return t
}

// drop empties a table. The caller holds p.mu.
func (p *vectorPool) drop(key familyKey, t *vectorTable) {
	delete(p.tables, key)
	t.dead.Store(true)
	for i := range t.slots {
		if t.slots[i].Swap(nil) != nil {
			p.bytes.Add(-t.size)
		}
	}
}

// dropAll empties all tables.
func (p *vectorPool) dropAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, t := range p.tables {
		p.drop(key, t)
	}
}

// places are the two slots of a row. The first puts rows without gaps side by side.
func (t *vectorTable) places(rowid RowID) (a, b *atomic.Pointer[keptVector]) {
	mask := uint64(len(t.slots) - 1)
	return &t.slots[uint64(rowid)&mask], &t.slots[mix(uint64(rowid))&mask]
}

// likely returns what is in the slot that a row's vector is in most of the time.
func (t *vectorTable) likely(rowid RowID) *keptVector {
	a, _ := t.places(rowid)
	return a.Load()
}

// get returns the row's vector, nil if it is not known to be that.
func (t *vectorTable) get(rowid RowID, code *byte, stamp int64) []float32 {
	a, b := t.places(rowid)
	e := a.Load()
	if e == nil || e.rowid != rowid {
		if e = b.Load(); e == nil || e.rowid != rowid {
			return nil
		}
	}
	if e.code != code || e.stamp != stamp {
		return nil
	}
	return e.vec
}

// put keeps a copy of a vector. In a full table one in eight takes another's slot, so
// that an index much larger than the table does not spend its time copying.
func (t *vectorTable) put(rowid RowID, code *byte, stamp int64, vec []float32) {
	if t.dead.Load() {
		return
	}
	a, b := t.places(rowid)
	slot := a
	if e := a.Load(); e != nil && e.rowid != rowid {
		if f := b.Load(); f == nil || f.rowid == rowid {
			slot = b
		} else if t.spare.Add(1)%8 != 0 {
			return
		}
	}
	if slot.Load() == nil && t.pool.bytes.Load()+t.size > t.most {
		t.pool.dropAll()
		return
	}
	kept := &keptVector{rowid, code, stamp, append(make([]float32, 0, len(vec)), vec...)}
	if slot.Swap(kept) == nil {
		t.pool.bytes.Add(t.size)
	}
	if t.dead.Load() && slot.Swap(nil) != nil { // emptied meanwhile
		t.pool.bytes.Add(-t.size)
	}
}

// KeepVectors lets searches keep vectors of the table in memory. The caller promises
// that rows change through Insert and Delete only, of any handle in any process, as
// long as it gives the same stamp; 0, the default, promises nothing.
func (ix *Index) KeepVectors(stamp int64) { ix.stamp = stamp }

// VectorBytes returns about how many bytes of vectors are held, beside Bytes.
func (c *Cache) VectorBytes() int64 { return c.vecs.bytes.Load() }

// exact returns the distance of a row of a node; ok is false if it has no vector, or
// one that is not comparable.
func (w *walk) exact(id NodeID, isShared bool, rowid RowID) (d float64, ok bool, err error) {
	ix := w.ix
	// A transaction changes its blocks in place, and rows of a node change places.
	if ix.stamp == 0 || ix.tx != nil || isShared {
		return ix.exact(w.q, rowid)
	}
	if w.kept == nil {
		if ix.keptRows == 0 || w.v.rowCount > 2*ix.keptRows || ix.kept != nil && ix.kept.dead.Load() {
			ix.kept, ix.keptRows = ix.cache.vectors(ix.key, ix.g.dims, w.v.rowCount), w.v.rowCount
		}
		if w.kept = ix.kept; w.kept == nil {
			return ix.exact(w.q, rowid)
		}
	}
	code, err := w.v.code(id)
	if err != nil {
		return 0, false, err
	}
	if vec := w.kept.get(rowid, code, ix.stamp); vec != nil {
		w.t.stats.Kept++
		d = ix.g.metric.Distance(w.q, vec)
		return d, d == d, nil
	}
	vec, ok, err := ix.vector(rowid)
	if err != nil || !ok {
		return 0, false, err
	}
	w.kept.put(rowid, code, ix.stamp, vec)
	d = ix.g.metric.Distance(w.q, vec)
	return d, d == d, nil
}

// prefetchKept asks for the memory of the vectors that rescoring compares first. Each is
// at the end of a chain of three pointers far apart: followed side by side, they take
// 5 % off a search through SQL (512 dimensions).
func (w *walk) prefetchKept() {
	t := w.ix.kept
	if t == nil || w.ix.stamp == 0 || w.ix.tx != nil {
		return
	}
	var first [forecastAfter]*keptVector
	n := 0
	for _, c := range w.t.pool.items[:min(len(w.t.pool.items), len(first))] {
		rec, err := w.v.record(c.node())
		if err != nil {
			return // rescoring will say so
		}
		if first[n] = t.likely(recRowID(rec)); first[n] != nil {
			n++
		}
	}
	for _, e := range first[:n] {
		vector.Prefetch(unsafe.Pointer(unsafe.SliceData(e.vec)), min(4*len(e.vec), prefetchBytes))
	}
}

// prefetchBytes is how much of a vector is asked for: the processor goes on by itself.
const prefetchBytes = 1024
