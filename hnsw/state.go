package hnsw

import (
	"encoding/binary"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

// The parts that are kept in blocks have a dir each.
const (
	dirLinks = iota
	dirCodes
	dirUpper
	dirDups
	dirAttrs
	numDirs
)

var dirParts = [numDirs]Part{PartLinks, PartCodes, PartUpper, PartDups, PartAttrs}

// state is one state of an index: committed and shared (a snapshot), or a
// transaction's own. Copying a state is cheap and gives an equal one.
type state struct {
	header
	lastLog int64 // id of the newest log row
	dirs    [numDirs]dir
	edits   *editSet // changes in the log, by block: applied when a block is loaded
	rows    *rowSet  // changes of rowid -> node since PartRows was written
	logRows int64    // rows and bytes of the log
	logSize int64
}

// newState returns a state whose blocks are all on disk.
func newState(g *geometry, h header, lastLog int64) state {
	s := state{header: h, lastLog: lastLog}
	for i, n := range s.blockCounts(g) {
		s.dirs[i] = newDir(n)
	}
	return s
}

// blockCounts returns the number of blocks of each dir.
func (h *header) blockCounts(g *geometry) [numDirs]int {
	n := [numDirs]int{g.nodes.blocks(h.nodes), g.codes.blocks(h.nodes), g.slots.blocks(h.slots), int(h.chunks)}
	if g.attrColumns > 0 {
		n[dirAttrs] = g.attrs.blocks(h.nodes)
	}
	return n
}

// chunk is a block of PartDups: some of the rowids that share a node, in
// ascending order, and the number + 1 of the chunk with the next greater ones.
type chunk struct {
	next   uint32
	live   bool
	rowids []RowID
}

// maxChunk bounds the rowids of a chunk so that its row fits a page even when
// all deltas are long.
const maxChunk = 360

// view reads a state through a connection's store. Its pointers into blocks stay
// valid as long as they are held; what they show may change only by the
// transaction that the view belongs to.
type view struct {
	*state
	g      *geometry
	st     Store
	cache  *Cache
	buf    []byte
	loaded int  // blocks read
	track  bool // mark blocks as used
}

// record returns the words of a node.
func (v *view) record(id NodeID) ([]uint32, error) {
	block, at := v.g.nodes.split(uint32(id))
	p := v.dirs[dirLinks].get(block)
	if p == nil {
		var err error
		if p, err = v.load(dirLinks, block); err != nil {
			return nil, err
		}
	}
	if v.track {
		v.dirs[dirLinks].touch(block)
	}
	w := uintptr(v.g.recWords)
	return unsafe.Slice((*uint32)(unsafe.Add(p, uintptr(at)*w*4)), w), nil
}

// slot returns the words of an upper slot.
func (v *view) slot(id uint32) ([]uint32, error) {
	block, at := v.g.slots.split(id)
	p := v.dirs[dirUpper].get(block)
	if p == nil {
		var err error
		if p, err = v.load(dirUpper, block); err != nil {
			return nil, err
		}
	}
	if v.track {
		v.dirs[dirUpper].touch(block)
	}
	w := uintptr(v.g.slotWords)
	return unsafe.Slice((*uint32)(unsafe.Add(p, uintptr(at)*w*4)), w), nil
}

// code returns the row of a node.
func (v *view) code(id NodeID) (*byte, error) {
	block, at := v.g.codes.split(uint32(id))
	p := v.dirs[dirCodes].get(block)
	if p == nil {
		var err error
		if p, err = v.load(dirCodes, block); err != nil {
			return nil, err
		}
	}
	if v.track {
		v.dirs[dirCodes].touch(block)
	}
	return (*byte)(unsafe.Add(p, uintptr(at)*uintptr(v.g.rowStride))), nil
}

// codesOf appends the rows of nodes.
func (v *view) codesOf(rows []*byte, ids []uint32) ([]*byte, error) {
	d, per, stride := &v.dirs[dirCodes], v.g.codes, uintptr(v.g.rowStride)
	for i, id := range ids {
		block, at := per.split(id)
		p := d.get(block)
		if p == nil || v.track {
			for _, id := range ids[i:] {
				row, err := v.code(NodeID(id))
				if err != nil {
					return rows, err
				}
				rows = append(rows, row)
			}
			return rows, nil
		}
		rows = append(rows, (*byte)(unsafe.Add(p, uintptr(at)*stride)))
	}
	return rows, nil
}

// prefetch loads the links of a node into the cache, if they are in memory: the
// node has become a candidate and will probably be expanded soon.
func (v *view) prefetch(layer int, id uint32) {
	if layer > 0 {
		return
	}
	block, at := v.g.nodes.split(id)
	if p := v.dirs[dirLinks].get(block); p != nil {
		size := uintptr(v.g.recWords) * 4
		vector.Prefetch(unsafe.Add(p, uintptr(at)*size), int(size))
	}
}

// prefetchRecord loads the head of a node's record into the cache, if it is in memory:
// what tells which row the node has.
func (v *view) prefetchRecord(id uint32) {
	block, at := v.g.nodes.split(id)
	if p := v.dirs[dirLinks].get(block); p != nil {
		vector.Prefetch(unsafe.Add(p, uintptr(at)*uintptr(v.g.recWords)*4), recLinks*4)
	}
}

// codeRow is code as a slice.
func (v *view) codeRow(id NodeID) ([]byte, error) {
	p, err := v.code(id)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(p, v.g.rowStride), nil
}

// chunk returns a chunk of rowids, which the caller does not change.
func (v *view) chunk(id uint32) (*chunk, error) {
	p := v.dirs[dirDups].get(id)
	if p == nil {
		var err error
		if p, err = v.load(dirDups, id); err != nil {
			return nil, err
		}
	}
	return (*chunk)(p), nil
}

// meta word of records and slots.
func linkCount(meta uint32) int    { return int(meta & 0xffff) }
func metaLevel(meta uint32) int    { return int(meta >> 16 & 0xff) }
func metaFlags(meta uint32) uint32 { return meta >> 24 }
func makeMeta(count, level int, flags uint32) uint32 {
	return uint32(count) | uint32(level)<<16 | flags<<24
}

func recRowID(rec []uint32) RowID {
	return RowID(uint64(rec[recRowLo]) | uint64(rec[recRowHi])<<32)
}

func setRecRowID(rec []uint32, rowid RowID) {
	rec[recRowLo], rec[recRowHi] = uint32(uint64(rowid)), uint32(uint64(rowid)>>32)
}

// blockSize returns the bytes of a block in memory.
func (g *geometry) blockSize(d int) int {
	switch d {
	case dirLinks:
		return int(g.nodes.d) * g.recWords * 4
	case dirUpper:
		return int(g.slots.d) * g.slotWords * 4
	case dirCodes:
		return int(g.codes.d) * g.rowStride
	case dirAttrs:
		return attrBlockSize(g.attrColumns)
	}
	return int(unsafe.Sizeof(chunk{})) + maxChunk*8
}

// newBlock returns zeroed memory of a block, codes aligned to cache lines.
func (g *geometry) newBlock(d int) unsafe.Pointer {
	size := g.blockSize(d)
	switch d {
	case dirLinks, dirUpper:
		return unsafe.Pointer(unsafe.SliceData(make([]uint32, size/4)))
	case dirCodes:
		b := make([]uint64, (size+63+7)/8)
		p := unsafe.Pointer(unsafe.SliceData(b))
		if off := uintptr(p) & 63; off != 0 {
			if size >= 1024 && uintptr(p)&63 == 0 {
				return p
			}
			p = unsafe.Add(p, 64-off)
		}
		return p
	case dirAttrs:
		return unsafe.Pointer(newAttrBlock(g.attrColumns))
	}
	return unsafe.Pointer(new(chunk))
}

// copyBlock returns a copy that may be changed.
func (g *geometry) copyBlock(d int, p unsafe.Pointer) unsafe.Pointer {
	if d == dirAttrs {
		return unsafe.Pointer((*attrBlock)(p).copy())
	}
	c := g.newBlock(d)
	if d == dirDups {
		old := (*chunk)(p)
		*(*chunk)(c) = chunk{next: old.next, live: old.live, rowids: append([]RowID(nil), old.rowids...)}
		return c
	}
	n := g.blockSize(d)
	copy(unsafe.Slice((*byte)(c), n), unsafe.Slice((*byte)(p), n))
	return c
}

// records returns how many records of a block are within the state.
func (h *header) records(g *geometry, d int, block uint32) int {
	of := func(v divider, n uint32) int {
		return int(min(int64(v.d), max(0, int64(n)-int64(block)*int64(v.d))))
	}
	switch d {
	case dirLinks:
		return of(g.nodes, h.nodes)
	case dirCodes:
		return of(g.codes, h.nodes)
	case dirUpper:
		return of(g.slots, h.slots)
	case dirAttrs:
		return of(g.attrs, h.nodes)
	}
	return 1
}

// encodeBlock makes the row of a block.
func (s *state) encodeBlock(g *geometry, b []byte, d int, block uint32, p unsafe.Pointer, stamp int64) []byte {
	n := s.records(g, d, block)
	b = append(b[:0], make([]byte, blockHeader)...)
	switch d {
	case dirLinks, dirUpper:
		words := g.recWords
		if d == dirUpper {
			words = g.slotWords
		}
		for _, w := range unsafe.Slice((*uint32)(p), n*words) {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
	case dirCodes:
		rows := unsafe.Slice((*byte)(p), n*g.rowStride)
		for i := range n {
			b = g.pack(b, rows[i*g.rowStride:][:g.rowStride])
		}
	case dirDups:
		b = appendChunk(b, (*chunk)(p))
		n = 1
	case dirAttrs:
		b = (*attrBlock)(p).encode(b, n)
	}
	putBlockHeader(b, n, stamp)
	seal(dirParts[d], int64(block), b)
	return b
}

// load reads a block and puts it into the dir.
func (v *view) load(d int, block uint32) (unsafe.Pointer, error) {
	p, err := v.read(d, block)
	if err != nil {
		return nil, err
	}
	v.loaded++
	if v.cache != nil {
		v.cache.loaded(int64(v.g.blockSize(d)))
	}
	return v.dirs[d].fill(block, p), nil
}

// peek returns a block without keeping it if it is not loaded.
func (v *view) peek(d int, block uint32) (unsafe.Pointer, error) {
	if v.dirs[d].has(block) {
		if p := v.dirs[d].get(block); p != nil {
			return p, nil
		}
	}
	return v.read(d, block)
}

// read reads a block, applies the log's edits to it and verifies it.
func (v *view) read(d int, block uint32) (unsafe.Pointer, error) {
	part, id := dirParts[d], int64(block)
	if !v.dirs[d].has(block) || int(block) >= v.blockCounts(v.g)[d] {
		return nil, corruptf(part, id, "is named but there are %d blocks", v.blockCounts(v.g)[d])
	}
	var err error
	if v.buf == nil {
		v.buf = make([]byte, 0, 4096)
	}
	data, err := v.st.Get(part, id, v.buf[:0])
	if err != nil {
		return nil, err
	}
	p := v.g.newBlock(d)
	var stamp int64
	if data != nil {
		v.buf = data
		if stamp, err = v.decodeBlock(d, block, p, data); err != nil {
			return nil, err
		}
		if stamp > v.lastLog {
			return nil, corruptf(part, id, "is newer than the log: %d, want at most %d", stamp, v.lastLog)
		}
	} else {
		stamp = -1
	}
	applied, err := v.edits.apply(v.g, d, block, stamp, p)
	if err != nil {
		return nil, err
	}
	if data == nil && applied == 0 {
		return nil, corruptf(part, id, "row is missing")
	}
	return p, v.verifyBlock(d, block, p)
}

// resident reports whether every block is loaded.
func (s *state) resident(g *geometry) bool {
	for d, n := range s.blockCounts(g) {
		for block := range uint32(n) {
			if !s.dirs[d].has(block) || s.dirs[d].get(block) == nil {
				return false
			}
		}
	}
	return true
}

func (v *view) decodeBlock(d int, block uint32, p unsafe.Pointer, data []byte) (stamp int64, err error) {
	g, part, id := v.g, dirParts[d], int64(block)
	switch d {
	case dirLinks, dirUpper:
		words, most := g.recWords, int(g.nodes.d)
		if d == dirUpper {
			words, most = g.slotWords, int(g.slots.d)
		}
		rest, n, stamp, err := openBlock(part, id, data, words*4, most)
		if err != nil {
			return 0, err
		}
		out := unsafe.Slice((*uint32)(p), n*words)
		for i := range out {
			out[i] = binary.LittleEndian.Uint32(rest[4*i:])
		}
		return stamp, nil
	case dirCodes:
		rest, n, stamp, err := openBlock(part, id, data, g.codeBytes, int(g.codes.d))
		if err != nil {
			return 0, err
		}
		rows := unsafe.Slice((*byte)(p), n*g.rowStride)
		for i := range n {
			if !g.unpack(rows[i*g.rowStride:][:g.rowStride], rest[i*g.codeBytes:]) {
				return 0, corruptf(part, id, "code %d has a scale or norm that is not finite", i)
			}
		}
		return stamp, nil
	}
	if err := open(part, id, data, blockHeader); err != nil {
		return 0, err
	}
	if d == dirAttrs {
		n := int(binary.LittleEndian.Uint16(data[6:]))
		if data[4] != formatVersion || n > attrNodes {
			return 0, corruptf(part, id, "block version is %d with %d records, want %d and at most %d", data[4], n, formatVersion, attrNodes)
		}
		if err := (*attrBlock)(p).decode(data[blockHeader:], n); err != nil {
			return 0, corruptf(part, id, "%v", err)
		}
		return int64(binary.LittleEndian.Uint64(data[8:])), nil
	}
	c, err := readChunk(data[blockHeader:])
	if err != nil {
		return 0, corruptf(part, id, "%v", err)
	}
	*(*chunk)(p) = c
	return int64(binary.LittleEndian.Uint64(data[8:])), nil
}

// verifyBlock makes sure that everything in a block that is used as an index is
// in range, so that traversal need not look.
func (v *view) verifyBlock(d int, block uint32, p unsafe.Pointer) error {
	g, part, id := v.g, dirParts[d], int64(block)
	n := v.records(g, d, block)
	switch d {
	case dirLinks:
		recs := unsafe.Slice((*uint32)(p), int(g.nodes.d)*g.recWords)
		for i := range int(g.nodes.d) {
			rec := recs[i*g.recWords:][:g.recWords]
			if i >= n {
				clear(rec)
				continue
			}
			bound := v.slots
			flags := metaFlags(rec[recMeta])
			if flags&flagLive == 0 {
				bound = v.nodes
			}
			count := linkCount(rec[recMeta])
			if count > g.m0 || rec[recUpper] > bound || flags > flagLive|flagShared || metaLevel(rec[recMeta]) > maxLevel ||
				(flags&flagLive == 0 && count > 0) {
				return corruptf(part, id, "record %d has %d links, flags %d, upper slot %d", i, count, flags, rec[recUpper])
			}
			if flags&flagShared != 0 && uint64(recRowID(rec)) >= uint64(v.chunks) {
				return corruptf(part, id, "record %d names chunk %d of %d", i, recRowID(rec), v.chunks)
			}
			for _, nb := range rec[recLinks:][:count] {
				if nb >= v.nodes {
					return corruptf(part, id, "record %d links to node %d of %d", i, nb, v.nodes)
				}
			}
		}
	case dirUpper:
		recs := unsafe.Slice((*uint32)(p), int(g.slots.d)*g.slotWords)
		for i := range int(g.slots.d) {
			rec := recs[i*g.slotWords:][:g.slotWords]
			if i >= n {
				clear(rec)
				continue
			}
			count := linkCount(rec[slotMeta])
			if count > g.m || rec[slotNext] > v.slots || rec[slotNode] >= max(1, v.nodes) || metaFlags(rec[slotMeta]) > flagLive ||
				(metaFlags(rec[slotMeta]) == 0 && count > 0) {
				return corruptf(part, id, "slot %d has %d links, node %d, next %d", i, count, rec[slotNode], rec[slotNext])
			}
			for _, nb := range rec[slotLinks:][:count] {
				if nb >= v.nodes {
					return corruptf(part, id, "slot %d links to node %d of %d", i, nb, v.nodes)
				}
			}
		}
	case dirDups:
		if c := (*chunk)(p); c.next > v.chunks {
			return corruptf(part, id, "names chunk %d of %d", c.next, v.chunks)
		}
	}
	return nil
}
