package hnsw

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// The log's edits: an opcode and its arguments, all numbers varints. Each edit
// changes one block (opNode one of links and one of codes) or one row of
// PartRows. opTouch changes nothing: who has the block reads it again. A block remembers the id of the last log row that went into it, so
// that edits are never applied twice.
const (
	opNode      = 1  // id, level, upper slot + 1, rowid, code: a new node without links
	opFree      = 2  // id, next free node + 1
	opRow       = 3  // id, shared, rowid or chunk: what the node stands for
	opLinks     = 4  // id, removed positions, added ids
	opSlot      = 5  // slot, node, layer, next slot + 1: a new slot without links
	opSlotFree  = 6  // slot, next free slot + 1
	opSlotLinks = 7  // slot, removed positions, added ids
	opChunk     = 8  // id, length, chunk
	opRowSet    = 9  // rowid, node
	opRowDelete = 10 // rowid
	opAttrs     = 11 // id, length, attributes
	opTouch     = 12 // id: a row of the node has another vector with the same code
)

var errShort = errors.New("edit ends early")

// op is a decoded edit. Slices are parts of the log row.
type op struct {
	kind    byte
	id      uint32
	level   uint32 // or layer, or the shared flag
	next    uint32 // or the upper slot + 1, or a node
	rowid   RowID
	code    []byte // or a chunk
	removed []byte // positions, ascending
	added   [256]uint32
	nAdded  int
}

// next decodes the first edit of b into o and returns the rest.
func (o *op) decode(g *geometry, b []byte) (rest []byte, err error) {
	bad := false
	number := func() uint32 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<32-1 {
			bad = true
			return 0
		}
		b = b[n:]
		return uint32(v)
	}
	signed := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	bytes := func(n int) []byte {
		if n > len(b) {
			bad = true
			return nil
		}
		v := b[:n:n]
		b = b[n:]
		return v
	}
	if len(b) == 0 {
		return nil, errShort
	}
	*o = op{kind: b[0]}
	b = b[1:]
	switch o.kind {
	case opNode:
		o.id, o.level, o.next, o.rowid = number(), number(), number(), signed()
		o.code = bytes(g.codeBytes)
	case opFree, opSlotFree:
		o.id, o.next = number(), number()
	case opRow:
		o.id, o.level, o.rowid = number(), number(), signed()
	case opLinks, opSlotLinks:
		o.id = number()
		o.removed = bytes(int(min(number(), 256)))
		o.nAdded = int(number())
		if o.nAdded > len(o.added) {
			return nil, fmt.Errorf("edit adds %d links", o.nAdded)
		}
		for i := range o.nAdded {
			o.added[i] = number()
		}
	case opSlot:
		o.id, o.next = number(), number()
		o.level = number()
		o.rowid = int64(number()) // the slot one layer up + 1
	case opChunk, opAttrs:
		o.id = number()
		o.code = bytes(int(number()))
	case opRowSet:
		o.rowid, o.next = signed(), number()
	case opRowDelete:
		o.rowid = signed()
	case opTouch:
		o.id = number()
	default:
		return nil, fmt.Errorf("edit has the unknown code %d", o.kind)
	}
	if bad {
		return nil, errShort
	}
	return b, nil
}

// opWriter collects a transaction's edits.
type opWriter struct{ b []byte }

func (w *opWriter) put(kind byte, args ...uint32) {
	w.b = append(w.b, kind)
	for _, a := range args {
		w.b = binary.AppendUvarint(w.b, uint64(a))
	}
}

func (w *opWriter) links(kind byte, id uint32, removed []byte, added []uint32) {
	w.put(kind, id, uint32(len(removed)))
	w.b = append(w.b, removed...)
	w.b = binary.AppendUvarint(w.b, uint64(len(added)))
	for _, a := range added {
		w.b = binary.AppendUvarint(w.b, uint64(a))
	}
}

// edit is an edit of one block.
type edit struct {
	key uint64 // dir << 32 | block
	log int64
	op  []byte
}

func editKey(d int, block uint32) uint64 { return uint64(d)<<32 | uint64(block) }

// editSet holds the edits of the log, found by block. It is never changed; the
// layers are sorted by key, then by age, and each is at least twice as long as
// the next, so that a commit's share of the merging is small.
type editSet struct{ layers [][]edit }

// parseEdits splits a log row's edits. The result keeps b.
func parseEdits(g *geometry, h *header, log int64, b []byte) (edits []edit, rows map[RowID]uint32, err error) {
	rows = map[RowID]uint32{}
	var o op
	for len(b) > 0 {
		rest, err := o.decode(g, b)
		if err != nil {
			return nil, nil, corruptf(PartLog, log, "%v", err)
		}
		this := b[: len(b)-len(rest) : len(b)-len(rest)]
		b = rest
		most := h.nodes
		switch o.kind {
		case opSlot, opSlotFree, opSlotLinks:
			most = h.slots
		case opChunk:
			most = h.chunks
		case opRowSet:
			if o.next >= h.nodes {
				return nil, nil, corruptf(PartLog, log, "rowid %d is given node %d of %d", o.rowid, o.next, h.nodes)
			}
			rows[o.rowid] = o.next + 1
			continue
		case opRowDelete:
			rows[o.rowid] = 0
			continue
		}
		if o.id >= most {
			return nil, nil, corruptf(PartLog, log, "edit %d is of record %d of %d", o.kind, o.id, most)
		}
		switch o.kind {
		case opSlot, opSlotFree, opSlotLinks:
			block, _ := g.slots.split(o.id)
			edits = append(edits, edit{editKey(dirUpper, block), log, this})
		case opChunk:
			edits = append(edits, edit{editKey(dirDups, o.id), log, this})
		case opAttrs:
			if g.attrColumns == 0 {
				return nil, nil, corruptf(PartLog, log, "edit of attributes in an index without any")
			}
			block, _ := g.attrs.split(o.id)
			edits = append(edits, edit{editKey(dirAttrs, block), log, this})
		case opTouch:
			block, _ := g.codes.split(o.id)
			edits = append(edits, edit{editKey(dirCodes, block), log, this})
		default:
			block, _ := g.nodes.split(o.id)
			edits = append(edits, edit{editKey(dirLinks, block), log, this})
			if o.kind == opNode {
				block, _ := g.codes.split(o.id)
				edits = append(edits, edit{editKey(dirCodes, block), log, this})
			}
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.key, b.key) })
	return edits, rows, nil
}

// push returns the set with newer edits.
func (s *editSet) push(edits []edit) *editSet {
	if len(edits) == 0 {
		return s
	}
	n := new(editSet)
	if s != nil {
		n.layers = slices.Clone(s.layers)
	}
	for len(n.layers) > 0 && len(n.layers[len(n.layers)-1]) < 2*len(edits) {
		edits = mergeEdits(n.layers[len(n.layers)-1], edits)
		n.layers = n.layers[:len(n.layers)-1]
	}
	n.layers = append(n.layers, edits)
	return n
}

// mergeEdits merges two sorted lists; at equal keys the older edits come first.
func mergeEdits(old, new []edit) []edit {
	out := make([]edit, 0, len(old)+len(new))
	for len(old) > 0 && len(new) > 0 {
		if old[0].key <= new[0].key {
			out = append(out, old[0])
			old = old[1:]
		} else {
			out = append(out, new[0])
			new = new[1:]
		}
	}
	return append(append(out, old...), new...)
}

// blocks calls fn for each block that has edits, in ascending order.
func (s *editSet) blocks(fn func(d int, block uint32) error) error {
	if s == nil {
		return nil
	}
	var keys []uint64
	for _, l := range s.layers {
		for i, e := range l {
			if i == 0 || l[i-1].key != e.key {
				keys = append(keys, e.key)
			}
		}
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		if err := fn(int(k>>32), uint32(k)); err != nil {
			return err
		}
	}
	return nil
}

// apply changes a block by the edits of log rows after stamp and returns how
// many edits the set has for it.
func (s *editSet) apply(g *geometry, d int, block uint32, stamp int64, p unsafe.Pointer) (n int, err error) {
	if s == nil {
		return 0, nil
	}
	key := editKey(d, block)
	var o op
	for _, l := range s.layers {
		at, _ := slices.BinarySearchFunc(l, key, func(e edit, k uint64) int { return cmp.Compare(e.key, k) })
		for ; at < len(l) && l[at].key == key; at++ {
			n++
			if l[at].log <= stamp {
				continue
			}
			_, err := o.decode(g, l[at].op)
			if err == nil {
				err = o.apply(g, d, p)
			}
			if err != nil {
				return n, corruptf(PartLog, l[at].log, "%v", err)
			}
		}
	}
	return n, nil
}

// apply changes the block that the edit is of.
func (o *op) apply(g *geometry, d int, p unsafe.Pointer) error {
	switch d {
	case dirCodes:
		if o.kind == opTouch {
			return nil
		}
		_, at := g.codes.split(o.id)
		row := unsafe.Slice((*byte)(unsafe.Add(p, int(at)*g.rowStride)), g.rowStride)
		if !g.unpack(row, o.code) {
			return errors.New("code has a scale or norm that is not finite")
		}
		return nil
	case dirDups:
		c, err := readChunk(o.code)
		*(*chunk)(p) = c
		return err
	case dirAttrs:
		_, at := g.attrs.split(o.id)
		tuple := make([]Attr, g.attrColumns)
		if err := readTuple(o.code, tuple); err != nil {
			return err
		}
		(*attrBlock)(p).put(at, tuple)
		return nil
	case dirUpper:
		_, at := g.slots.split(o.id)
		rec := unsafe.Slice((*uint32)(unsafe.Add(p, int(at)*g.slotWords*4)), g.slotWords)
		switch o.kind {
		case opSlot:
			clear(rec)
			rec[slotMeta] = makeMeta(0, int(o.level), flagLive)
			rec[slotNode], rec[slotNext] = o.next, uint32(o.rowid)
		case opSlotFree:
			clear(rec)
			rec[slotNext] = o.next
		case opSlotLinks:
			return o.editLinks(&rec[slotMeta], rec[slotLinks:])
		}
		return nil
	}
	_, at := g.nodes.split(o.id)
	rec := unsafe.Slice((*uint32)(unsafe.Add(p, int(at)*g.recWords*4)), g.recWords)
	switch o.kind {
	case opNode:
		clear(rec)
		rec[recMeta] = makeMeta(0, int(min(o.level, 255)), flagLive)
		rec[recUpper] = o.next
		setRecRowID(rec, o.rowid)
	case opFree:
		clear(rec)
		rec[recUpper] = o.next
	case opRow:
		flags := uint32(flagLive)
		if o.level != 0 {
			flags |= flagShared
		}
		rec[recMeta] = rec[recMeta]&0xffffff | flags<<24
		setRecRowID(rec, o.rowid)
	case opLinks:
		return o.editLinks(&rec[recMeta], rec[recLinks:])
	}
	return nil
}

// editLinks removes and adds links; those that stay keep their order.
func (o *op) editLinks(meta *uint32, links []uint32) error {
	n := linkCount(*meta)
	if n > len(links) {
		return fmt.Errorf("record %d has %d links", o.id, n)
	}
	n, ok := removeAt(links[:n], o.removed)
	if !ok || n+o.nAdded > len(links) {
		return fmt.Errorf("record %d with %d links: cannot remove %d and add %d", o.id, n, len(o.removed), o.nAdded)
	}
	n += copy(links[n:], o.added[:o.nAdded])
	clear(links[n:])
	*meta = *meta&^0xffff | uint32(n)
	return nil
}

// removeAt removes the elements at the ascending positions.
func removeAt(links []uint32, positions []byte) (n int, ok bool) {
	for i, l := range links {
		if len(positions) > 0 && int(positions[0]) == i {
			positions = positions[1:]
			continue
		}
		links[n] = l
		n++
	}
	return n, len(positions) == 0
}

// rowSet holds changes of rowid -> node in layers of maps, newest last. Values
// are node + 1, 0 for a row that is gone. It is never changed.
type rowSet struct{ layers []map[RowID]uint32 }

func (s *rowSet) get(rowid RowID) (node uint32, ok bool) {
	if s == nil {
		return 0, false
	}
	for i := len(s.layers) - 1; i >= 0; i-- {
		if n, ok := s.layers[i][rowid]; ok {
			return n, true
		}
	}
	return 0, false
}

// push returns the set with newer changes.
func (s *rowSet) push(rows map[RowID]uint32) *rowSet {
	if len(rows) == 0 {
		return s
	}
	n := new(rowSet)
	if s != nil {
		n.layers = slices.Clone(s.layers)
	}
	for len(n.layers) > 0 && len(n.layers[len(n.layers)-1]) < 2*len(rows) {
		old := n.layers[len(n.layers)-1]
		n.layers = n.layers[:len(n.layers)-1]
		merged := make(map[RowID]uint32, len(old)+len(rows))
		for r, v := range old {
			merged[r] = v
		}
		for r, v := range rows {
			merged[r] = v
		}
		rows = merged
	}
	n.layers = append(n.layers, rows)
	return n
}

// all returns the changes in ascending order of rowids.
func (s *rowSet) all() (rowids []RowID, nodes map[RowID]uint32) {
	nodes = map[RowID]uint32{}
	if s != nil {
		for _, l := range s.layers {
			for r, v := range l {
				nodes[r] = v
			}
		}
	}
	rowids = make([]RowID, 0, len(nodes))
	for r := range nodes {
		rowids = append(rowids, r)
	}
	slices.Sort(rowids)
	return rowids, nodes
}
