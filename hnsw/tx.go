package hnsw

import (
	"encoding/binary"
	"slices"
	"time"
	"unsafe"
)

// tx is a write transaction: a state of its own, made from a snapshot by copying
// what changes, and the edits that lead from the one to the other.
type tx struct {
	view
	base    *snapshot
	origin  token // of the state that the changed blocks are laid over
	stored  token // of the state that the store shows
	epoch   uint64
	ops     opWriter
	rowsTop map[RowID]uint32 // newest changes of rowid -> node, above state.rows
	direct  bool             // too much has changed for the log: Sync writes blocks
	changed bool             // since the transaction began
	version uint64           // counts changes
	synced  bool             // since the last change
	saves   []save
	broken  error         // a change failed half way
	built   time.Duration // what the last Build took
	refresh func() error  // measures the probes anew if that is due

	tupleBuf, haveBuf []Attr
}

// rowsN counts a row in or out.
func (t *tx) rowsN(delta int64) {
	t.rowCount += delta
	t.version++
	t.churned()
}

// save is what a savepoint restores.
type save struct {
	id      int
	state   state
	origin  token
	stored  token
	ops     int
	direct  bool
	changed bool
}

// minFold and foldShare say when the log is folded into the blocks: when it is
// longer than minFold and than 1/foldShare of the links. Folding rewrites most
// blocks of links of a large index, so that its cost per insert is about
// foldShare times the bytes that an insert adds to the log. minFold is a
// variable for tests.
var minFold = 256 << 10

const foldShare = 4

func newTx(s *snapshot, st Store, cache *Cache) *tx {
	t := &tx{base: s, origin: s.token, stored: s.token, epoch: newEpoch(), rowsTop: map[RowID]uint32{}}
	own := s.state
	own.lastLog++ // the id of the log row that sync will write
	t.view = view{state: &own, g: s.g, st: st, cache: cache}
	return t
}

// logging reports whether edits are still recorded.
func (t *tx) logging() bool {
	if !t.direct && len(t.ops.b) > t.foldLimit() {
		t.direct = true
	}
	return !t.direct
}

// foldLimit returns the most bytes of the log.
func (t *tx) foldLimit() int {
	if minFold == 0 {
		return 0
	}
	return max(minFold, int(t.live)*t.g.recWords*4/foldShare)
}

func (t *tx) savepoint(id int) {
	t.release(id)
	t.rowsFreeze()
	t.saves = append(t.saves, save{id, *t.state, t.origin, t.stored, len(t.ops.b), t.direct, t.changed})
	t.epoch = newEpoch()
}

func (t *tx) rowsFreeze() {
	if len(t.rowsTop) > 0 {
		t.rows = t.rows.push(t.rowsTop)
		t.rowsTop = map[RowID]uint32{}
	}
}

func (t *tx) release(id int) {
	for n := len(t.saves); n > 0 && t.saves[n-1].id >= id; n-- {
		t.saves = t.saves[:n-1]
	}
}

// rollbackTo restores the oldest savepoint with at least this id: one that was
// set before the index joined the transaction is not known, and the first one
// known then holds the same state.
func (t *tx) rollbackTo(id int) {
	for i, s := range t.saves {
		if s.id < id {
			continue
		}
		*t.state, t.origin, t.stored = s.state, s.origin, s.stored
		t.version++
		t.ops.b = t.ops.b[:s.ops]
		t.direct, t.changed, t.broken = s.direct, s.changed, nil
		t.rowsTop = map[RowID]uint32{}
		t.saves = t.saves[:i+1]
		t.epoch = newEpoch()
		t.synced = false
		return
	}
}

// mutable returns a block that the transaction may change in place, and marks
// it as changed.
func (t *tx) mutable(d int, block uint32) (unsafe.Pointer, error) {
	dr := &t.dirs[d]
	i := block % pageSlots
	if at := int(block >> pageShift); at < len(dr.pages) {
		if pg := dr.pages[at]; pg.epoch == t.epoch && pg.own.epochs[i] == t.epoch {
			pg.own.dirty[i/64] |= 1 << (i % 64)
			return pg.slots[i], nil
		}
	}
	var p unsafe.Pointer
	if dr.has(block) {
		p = dr.get(block)
	}
	if p == nil {
		var err error
		if p, err = t.load(d, block); err != nil {
			return nil, err
		}
	}
	pg := dr.own(t.epoch, block)
	p = t.g.copyBlock(d, p)
	pg.slots[i] = p
	pg.own.epochs[i] = t.epoch
	pg.own.dirty[i/64] |= 1 << (i % 64)
	return p, nil
}

// addBlock makes an empty block just past the end.
func (t *tx) addBlock(d int, block uint32) {
	pg := t.dirs[d].own(t.epoch, block)
	i := block % pageSlots
	pg.slots[i] = t.g.newBlock(d)
	pg.own.epochs[i] = t.epoch
	pg.own.dirty[i/64] |= 1 << (i % 64)
}

func (t *tx) mutableRecord(id NodeID) ([]uint32, error) {
	block, at := t.g.nodes.split(uint32(id))
	p, err := t.mutable(dirLinks, block)
	if err != nil {
		return nil, err
	}
	w := t.g.recWords
	return unsafe.Slice((*uint32)(unsafe.Add(p, int(at)*w*4)), w), nil
}

func (t *tx) mutableSlot(id uint32) ([]uint32, error) {
	block, at := t.g.slots.split(id)
	p, err := t.mutable(dirUpper, block)
	if err != nil {
		return nil, err
	}
	w := t.g.slotWords
	return unsafe.Slice((*uint32)(unsafe.Add(p, int(at)*w*4)), w), nil
}

// newNode makes a node without links, with slots for the layers above 0.
func (t *tx) newNode(rowid RowID, lvl int, row []byte, attrs []Attr) (NodeID, error) {
	next := uint32(0)
	for layer := lvl; layer > 0; layer-- {
		s, err := t.newSlot()
		if err != nil {
			return 0, err
		}
		rec, err := t.mutableSlot(s)
		if err != nil {
			return 0, err
		}
		clear(rec)
		rec[slotMeta] = makeMeta(0, layer, flagLive)
		rec[slotNext] = next
		next = s + 1
	}
	id := t.nodes
	if t.freeNode != 0 {
		id = t.freeNode - 1
		rec, err := t.record(NodeID(id))
		if err != nil {
			return 0, err
		}
		if metaFlags(rec[recMeta]) != 0 {
			return 0, corruptf(PartLinks, int64(id), "node is in the free list and in use")
		}
		t.freeNode = rec[recUpper]
	} else {
		if id >= maxNodes {
			return 0, ErrTooLarge
		}
		t.nodes++
		if block, at := t.g.nodes.split(id); at == 0 {
			t.addBlock(dirLinks, block)
		}
		if block, at := t.g.codes.split(id); at == 0 {
			t.addBlock(dirCodes, block)
		}
		if block, at := t.g.attrs.split(id); at == 0 && t.g.attrColumns > 0 {
			t.addBlock(dirAttrs, block)
		}
	}
	rec, err := t.mutableRecord(NodeID(id))
	if err != nil {
		return 0, err
	}
	clear(rec)
	rec[recMeta] = makeMeta(0, lvl, flagLive)
	rec[recUpper] = next
	setRecRowID(rec, rowid)
	block, at := t.g.codes.split(id)
	p, err := t.mutable(dirCodes, block)
	if err != nil {
		return 0, err
	}
	copy(unsafe.Slice((*byte)(unsafe.Add(p, int(at)*t.g.rowStride)), t.g.rowStride), row)
	for s, layer := next, 1; s != 0; layer++ {
		rec, err := t.mutableSlot(s - 1)
		if err != nil {
			return 0, err
		}
		rec[slotNode] = id
		if t.logging() {
			t.ops.put(opSlot, s-1, id, uint32(layer), rec[slotNext])
		}
		s = rec[slotNext]
	}
	if t.logging() {
		t.ops.put(opNode, id, uint32(lvl), next)
		t.ops.b = binary.AppendVarint(t.ops.b, rowid)
		t.ops.b = t.g.pack(t.ops.b, row)
	}
	if err := t.setAttrs(NodeID(id), attrs, true); err != nil {
		return 0, err
	}
	t.live++
	return NodeID(id), nil
}

// touch gives the block of a node's code another place in memory, here and wherever
// the log is read: a vector with the same code has come, and those kept in memory
// (vectors.go) go by that place.
//
// Vectors of nodes that stand for several rows are not kept: such a node is touched
// when it is back to one row.
func (t *tx) touch(id NodeID) error {
	rec, err := t.record(id)
	if err != nil {
		return err
	}
	if metaFlags(rec[recMeta])&flagShared != 0 {
		return nil
	}
	block, _ := t.g.codes.split(uint32(id))
	if _, err := t.mutable(dirCodes, block); err != nil {
		return err
	}
	t.changed, t.synced = true, false
	if t.logging() {
		t.ops.put(opTouch, uint32(id))
	}
	return nil
}

func (t *tx) newSlot() (uint32, error) {
	s := t.slots
	if t.freeSlot != 0 {
		s = t.freeSlot - 1
		rec, err := t.slot(s)
		if err != nil {
			return 0, err
		}
		if metaFlags(rec[slotMeta]) != 0 {
			return 0, corruptf(PartUpper, int64(s), "slot is in the free list and in use")
		}
		t.freeSlot = rec[slotNext]
		return s, nil
	}
	if s >= maxNodes {
		return 0, ErrTooLarge
	}
	t.slots++
	if block, at := t.g.slots.split(s); at == 0 {
		t.addBlock(dirUpper, block)
	}
	return s, nil
}

// freeNodeID gives a node without links back, and its slots.
func (t *tx) freeNodeID(id NodeID) error {
	rec, err := t.mutableRecord(id)
	if err != nil {
		return err
	}
	next := rec[recUpper]
	for steps := 0; next != 0; steps++ {
		s := next - 1
		slot, err := t.mutableSlot(s)
		if err != nil {
			return err
		}
		if metaFlags(slot[slotMeta]) == 0 || steps > maxLevel {
			return corruptf(PartLinks, int64(id), "node's upper slots lead to a free slot or in a circle")
		}
		next = slot[slotNext]
		clear(slot)
		slot[slotNext] = t.freeSlot
		if t.logging() {
			t.ops.put(opSlotFree, s, t.freeSlot)
		}
		t.freeSlot = s + 1
	}
	if err := t.setAttrs(id, nil, false); err != nil {
		return err
	}
	clear(rec)
	rec[recUpper] = t.freeNode
	if t.logging() {
		t.ops.put(opFree, uint32(id), t.freeNode)
	}
	t.freeNode = uint32(id) + 1
	t.live--
	return nil
}

// setNodeRow changes what a node stands for: a rowid, or a chunk of them.
func (t *tx) setNodeRow(id NodeID, isShared bool, rowid RowID) error {
	rec, err := t.mutableRecord(id)
	if err != nil {
		return err
	}
	flags, arg := uint32(flagLive), uint32(0)
	if isShared {
		flags, arg = flagLive|flagShared, 1
	}
	rec[recMeta] = rec[recMeta]&0xffffff | flags<<24
	setRecRowID(rec, rowid)
	if t.logging() {
		t.ops.put(opRow, uint32(id), arg)
		t.ops.b = binary.AppendVarint(t.ops.b, rowid)
	}
	return nil
}

// node returns the node of a rowid.
func (t *tx) node(rowid RowID) (NodeID, bool, error) {
	if n, ok := t.rowsTop[rowid]; ok {
		return NodeID(n - 1), n != 0, nil
	}
	return t.view.node(rowid)
}

// node returns the node of a rowid.
func (v *view) node(rowid RowID) (NodeID, bool, error) {
	if n, ok := v.rows.get(rowid); ok {
		return NodeID(n - 1), n != 0, nil
	}
	data, err := v.st.Get(PartRows, rowid, v.buf[:0])
	if err != nil || data == nil {
		return 0, false, err
	}
	id, err := decodeRow(rowid, data, v.nodes)
	return id, err == nil, err
}

func (t *tx) setRow(rowid RowID, id NodeID) {
	t.rowsTop[rowid] = uint32(id) + 1
	if t.logging() {
		t.ops.put(opRowSet)
		t.ops.b = binary.AppendVarint(t.ops.b, rowid)
		t.ops.b = binary.AppendUvarint(t.ops.b, uint64(id))
	}
}

func (t *tx) deleteRow(rowid RowID) {
	t.rowsTop[rowid] = 0
	if t.logging() {
		t.ops.put(opRowDelete)
		t.ops.b = binary.AppendVarint(t.ops.b, rowid)
	}
}

// sync writes the changes to the store: a log row, or all changed blocks when
// there are too many. It may be called again after a COMMIT that failed, and
// after more changes: everything since the transaction's base is written again.
func (t *tx) sync() error {
	if !t.changed || t.synced {
		return nil
	}
	if t.logging() && int(t.logSize)+len(t.ops.b) <= t.foldLimit() && !t.probesDue() {
		c := newChain(chainEdits, t.base.token)
		c.row(PartLog, t.lastLog, t.ops.b)
		t.token, t.previous = c.token(t.lastLog, &t.header), t.base.token
		row := encodeLog(nil, t.lastLog, logEdits, &t.header, t.ops.b)
		if err := t.st.Put(PartLog, t.lastLog, row); err != nil {
			return err
		}
	} else if err := t.fold(); err != nil {
		return err
	}
	t.synced, t.stored = true, t.token
	return nil
}

// fold writes every block that differs from the store's, and replaces the log
// by one row without edits.
func (t *tx) fold() error {
	t.direct = true
	if err := t.refresh(); err != nil {
		return err
	}
	var b []byte
	hash := newChain(chainBlocks, t.origin)
	write := func(d int, block uint32, p unsafe.Pointer) error {
		b = t.state.encodeBlock(t.g, b, d, block, p, t.lastLog)
		hash.row(dirParts[d], int64(block), b)
		return t.st.Put(dirParts[d], int64(block), b)
	}
	err := t.edits.blocks(func(d int, block uint32) error {
		if int(block) >= t.blockCounts(t.g)[d] || t.isDirty(d, block) {
			return nil
		}
		p := t.dirs[d].get(block)
		if p == nil {
			var err error
			if p, err = t.load(d, block); err != nil {
				return err
			}
		}
		return write(d, block, p)
	})
	if err != nil {
		return err
	}
	for d := range t.dirs {
		err := t.dirs[d].dirtyBlocks(func(block uint32, p unsafe.Pointer) error { return write(d, block, p) })
		if err != nil {
			return err
		}
	}
	was := t.base.blockCounts(t.g)
	for d, n := range t.blockCounts(t.g) {
		for block := n; block < was[d]; block++ { // given back
			if err := t.st.Delete(dirParts[d], int64(block)); err != nil {
				return err
			}
		}
	}
	t.rowsFreeze()
	rowids, nodes := t.rows.all()
	for _, r := range rowids {
		var err error
		if n := nodes[r]; n == 0 {
			err = t.st.Delete(PartRows, r)
		} else {
			b = encodeRow(b, NodeID(n-1)) // not hashed: the blocks say the same
			err = t.st.Put(PartRows, r, b)
		}
		if err != nil {
			return err
		}
	}
	t.token, t.previous = hash.token(t.lastLog, &t.header), t.origin
	return t.checkpoint()
}

// checkpoint replaces the log by one row without edits.
func (t *tx) checkpoint() error {
	var old []int64
	err := t.st.Scan(PartLog, 0, func(id int64, _ []byte) (bool, error) {
		old = append(old, id)
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := t.st.Put(PartLog, t.lastLog, encodeLog(nil, t.lastLog, logCheckpoint, &t.header, nil)); err != nil {
		return err
	}
	for _, id := range old {
		if id == t.lastLog {
			continue
		}
		if err := t.st.Delete(PartLog, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) isDirty(d int, block uint32) bool {
	dr := &t.dirs[d]
	if !dr.has(block) {
		return false
	}
	own := dr.pages[block>>pageShift].own
	i := block % pageSlots
	return own != nil && own.dirty[i/64]>>(i%64)&1 != 0
}

// publish returns the transaction's state as a snapshot. The transaction is
// over.
func (t *tx) publish() (_ *snapshot, size int64, err error) {
	t.rowsFreeze()
	s := &snapshot{state: *t.state, g: t.g}
	if t.direct {
		s.edits, s.rows, s.logRows, s.logSize = nil, nil, 1, 0
	} else {
		edits, _, err := parseEdits(t.g, &t.header, t.lastLog, slices.Clone(t.ops.b))
		if err != nil {
			return nil, 0, err
		}
		s.edits = s.edits.push(edits)
		s.logRows++
		s.logSize += int64(len(t.ops.b))
	}
	for d := range s.dirs {
		each := int64(t.g.blockSize(d))
		size += each * s.dirs[d].changed()
		s.dirs[d].pages = slices.Clone(s.dirs[d].pages)
		s.dirs[d].clean()
	}
	return s, size, nil
}
