package hnsw

import (
	"math"
	"slices"

	"github.com/nearlite/nearlite/vector"
)

// Estimate appends to dst the distance from q to each of the rows as the codes have
// it, on the scale of Hit.Distance: NaN for a row that is not indexed. It reads no
// vector of the table, so it does not notice that a row is gone. ok is false, and dst
// as it was, where codes do not tell distances: signs under any metric but Hamming.
//
// Cost: a comparison of codes per row, and a look-up of the row's node unless an
// earlier call has found it. Errors: as of Search.
func (ix *Index) Estimate(q []float32, rows []RowID, dst []float64) (out []float64, ok bool, err error) {
	if err := checkVector(q, ix.g.dims); err != nil {
		return dst, false, err
	}
	if ix.g.quantize == Bit && ix.g.metric != vector.Hamming {
		return dst, false, nil
	}
	v, snap, err := ix.reader()
	if err != nil {
		return dst, false, err
	}
	defer keepAlive(snap)
	t := ix.trav
	t.v = v
	at := len(dst)
	ix.expect(v, rows)
	t.ids = t.ids[:0]
	for _, rowid := range rows {
		id, found, err := ix.recall(v, rowid)
		if err != nil {
			return dst[:at], false, err
		}
		if !found {
			dst = append(dst, math.NaN())
			continue
		}
		dst = append(dst, 0)
		t.ids = append(t.ids, uint32(id))
	}
	if len(t.ids) == 0 {
		return dst, true, nil
	}
	t.s.setQuery(q)
	if err := t.measure(); err != nil {
		return dst[:at], false, err
	}
	scale := forecast{g: ix.g}
	n := 0
	for i := at; i < len(dst); i++ {
		if dst[i] == 0 {
			dst[i] = scale.coded(t.dists[n])
			n++
		}
	}
	return dst, true, nil
}

// Distances appends to dst the distance from q to each of the rows: NaN for a row that
// is not indexed, is gone or has no vector. It reads the vectors that searches do not
// keep (KeepVectors).
func (ix *Index) Distances(q []float32, rows []RowID, dst []float64) ([]float64, error) {
	if err := checkVector(q, ix.g.dims); err != nil {
		return dst, err
	}
	v, snap, err := ix.reader()
	if err != nil {
		return dst, err
	}
	defer keepAlive(snap)
	ix.trav.stats = SearchStats{}
	w := &walk{ix: ix, t: ix.trav, v: v, snap: snap, q: q}
	for _, rowid := range rows {
		d := math.NaN()
		id, ok, err := ix.recall(v, rowid)
		if err == nil && ok {
			var rec []uint32
			if rec, err = v.record(id); err == nil {
				if d, ok, err = w.exact(id, metaFlags(rec[recMeta])&flagShared != 0, rowid); !ok {
					d = math.NaN()
				}
			}
		}
		if err != nil {
			return dst, err
		}
		dst = append(dst, d)
	}
	return dst, nil
}

// mostRecalled bounds the nodes that an Index remembers by rowid.
const mostRecalled = 1 << 16

// expect prepares for recall of some rows: their records come from memory side by side.
func (ix *Index) expect(v *view, rows []RowID) {
	if len(ix.recalled) == 0 {
		return
	}
	for _, rowid := range rows {
		if slot := *ix.memory(rowid); slot != 0 && slot <= v.nodes {
			v.prefetchRecord(slot - 1)
		}
	}
}

// memory is where the node + 1 of a row is remembered, among those of others.
func (ix *Index) memory(rowid RowID) *uint32 {
	return &ix.recalled[mix(uint64(rowid))&uint64(len(ix.recalled)-1)]
}

// recall is node with a memory. The store's table of nodes is far away; but whether a
// row has a given node is in the node's record, so that what an earlier state said,
// or a guess, is as good once the record confirms it.
func (ix *Index) recall(v *view, rowid RowID) (NodeID, bool, error) {
	if len(ix.recalled) == 0 {
		n := uint32(256)
		for n < mostRecalled && n < v.nodes {
			n *= 2
		}
		ix.recalled = make([]uint32, n)
	}
	slot := ix.memory(rowid)
	if *slot != 0 {
		if ok, err := v.holds(NodeID(*slot-1), rowid); ok || err != nil {
			return NodeID(*slot - 1), ok, err
		}
	}
	// Build numbers nodes in the order of rowids, of which some may be missing or share a
	// node: the record under a guess tells how far off it is.
	guess := uint64(0)
	for range 5 {
		if guess >= uint64(v.nodes) {
			break
		}
		rec, err := v.record(NodeID(guess))
		if err != nil {
			return 0, false, err
		}
		if metaFlags(rec[recMeta]) != flagLive {
			break
		}
		off := uint64(rowid) - uint64(recRowID(rec))
		if off == 0 {
			*slot = uint32(guess) + 1
			return NodeID(guess), true, nil
		}
		guess += off
	}
	id, found, err := ix.node(v, rowid)
	if found {
		*slot = uint32(id) + 1
	}
	return id, found, err
}

// holds reports whether a row is one of a node's.
func (v *view) holds(id NodeID, rowid RowID) (bool, error) {
	if uint32(id) >= v.nodes {
		return false, nil
	}
	rec, err := v.record(id)
	if err != nil {
		return false, err
	}
	switch metaFlags(rec[recMeta]) {
	case flagLive:
		return recRowID(rec) == rowid, nil
	case flagLive | flagShared:
		c, err := v.chunk(uint32(recRowID(rec)))
		if err != nil {
			return false, err
		}
		// Only the first chunk: what it lacks is looked up.
		_, ok := slices.BinarySearch(c.rowids, rowid)
		return ok && c.live, nil
	}
	return false, nil
}
