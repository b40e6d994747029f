package hnsw

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/nearlite/nearlite/vector"
)

// formatVersion is the version of everything below; docs/format.md describes it.
const formatVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the part and the id as well, so that a row in another's place
// is noticed.
func checksum(part Part, id int64, data []byte) uint32 {
	var head [9]byte
	head[0] = byte(part)
	binary.LittleEndian.PutUint64(head[1:], uint64(id))
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, data)
}

// seal puts the checksum of data[4:] in front.
func seal(part Part, id int64, data []byte) {
	binary.LittleEndian.PutUint32(data, checksum(part, id, data[4:]))
}

// open verifies a sealed row.
func open(part Part, id int64, data []byte, minLen int) error {
	if len(data) < max(minLen, 5) {
		return corruptf(part, id, "got %d bytes, want at least %d", len(data), max(minLen, 5))
	}
	if got, want := binary.LittleEndian.Uint32(data), checksum(part, id, data[4:]); got != want {
		return corruptf(part, id, "checksum is %08x, want %08x", got, want)
	}
	return nil
}

// identity is a hash of what an index was created with.
type identity [16]byte

// token names a committed state of an index; see token.go.
type token [16]byte

const configID = 1

// firstLog is the id of the log row of a state that replaces all others.
const firstLog = 1

var configMagic = []byte("nearlite hnsw\x00")

const configLen = 4 + 14 + 2 + 16 + 4*4 + 8 + 2

// encodeConfig makes the row of PartConfig.
func encodeConfig(p Params) []byte {
	b := make([]byte, 4, configLen)
	b = append(b, configMagic...)
	b = binary.LittleEndian.AppendUint16(b, formatVersion)
	at := len(b)
	b = append(b, make([]byte, len(identity{}))...)
	for _, v := range []int{p.Dims, p.M, p.EfConstruction, p.EfSearch} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	b = binary.LittleEndian.AppendUint64(b, p.Seed)
	b = append(b, byte(p.Metric), byte(p.Quantize))
	if p.Attrs > 0 {
		b = append(b, byte(p.Attrs)) // absent without attributes, as before there were any
	}
	sum := sha256.Sum256(b)
	copy(b[at:], sum[:len(identity{})])
	seal(PartConfig, configID, b)
	return b
}

func decodeConfig(b []byte) (p Params, id identity, err error) {
	if b == nil {
		return p, id, corruptf(PartConfig, configID, "row is missing")
	}
	if len(b) >= 4+len(configMagic)+2 && bytes.HasPrefix(b[4:], configMagic) {
		if v := binary.LittleEndian.Uint16(b[4+len(configMagic):]); v != formatVersion {
			return p, id, fmt.Errorf("%w: version %d, want %d", ErrVersion, v, formatVersion)
		}
	}
	if err := open(PartConfig, configID, b, configLen); err != nil {
		return p, id, err
	}
	if len(b) > configLen+1 || !bytes.HasPrefix(b[4:], configMagic) {
		return p, id, corruptf(PartConfig, configID, "got %d bytes without the format's name, want %d", len(b), configLen)
	}
	b = b[4+len(configMagic)+2:]
	copy(id[:], b)
	b = b[16:]
	for _, v := range []*int{&p.Dims, &p.M, &p.EfConstruction, &p.EfSearch} {
		*v = int(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	p.Seed = binary.LittleEndian.Uint64(b)
	p.Metric, p.Quantize = vector.Metric(b[8]), Quantization(b[9])
	if len(b) > 10 {
		p.Attrs = int(b[10])
	}
	if p.M == 0 || p.EfConstruction == 0 || p.EfSearch == 0 || p.Quantize == DefaultQuantization {
		return p, id, corruptf(PartConfig, configID, "an option is zero")
	}
	if err := p.Validate(); err != nil {
		return p, id, corruptf(PartConfig, configID, "%v", err)
	}
	return p, id, nil
}

// header is the part of the state that is not in blocks. Each log row holds it,
// so the newest log row is all that a reader needs to begin.
type header struct {
	token     token
	previous  token // of the state that the log row's edits apply to
	rowCount  int64
	nodes     uint32 // node ids in use or free: 0 … nodes-1
	live      uint32 // nodes in use
	freeNode  uint32 // first free node + 1
	entry     uint32 // entry point + 1, 0 when the index is empty
	top       uint32 // layer of the entry point
	slots     uint32 // upper slots in use or free
	freeSlot  uint32 // first free slot + 1
	chunks    uint32 // dups chunks in use or free
	freeChunk uint32 // first free chunk + 1
	efSearch  uint32 // or recallBit and a recall: see recall.go
	growth    growth
	churn     uint32 // rows inserted or deleted since the probes were measured
}

const (
	logCheckpoint = 1 // all earlier changes are in the blocks
	logEdits      = 2 // the row's edits are not

	headerLen = 4 + 1 + 32 + 8 + 13*4
)

func (h *header) fields() [10]*uint32 {
	return [10]*uint32{&h.nodes, &h.live, &h.freeNode, &h.entry, &h.top, &h.slots, &h.freeSlot, &h.chunks, &h.freeChunk, &h.efSearch}
}

// encodeLog makes a row of PartLog.
func encodeLog(b []byte, id int64, kind byte, h *header, edits []byte) []byte {
	b = append(b[:0], 0, 0, 0, 0, kind)
	b = append(b, h.token[:]...)
	b = append(b, h.previous[:]...)
	b = h.appendCounts(b)
	b = append(b, edits...)
	seal(PartLog, id, b)
	return b
}

// appendCounts appends all of the header but the tokens.
func (h *header) appendCounts(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(h.rowCount))
	for _, v := range h.fields() {
		b = binary.LittleEndian.AppendUint32(b, *v)
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.growth.near))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.growth.exponent))
	return binary.LittleEndian.AppendUint32(b, h.churn)
}

// peekToken reads the token of a log row that may have been seen before.
func peekToken(b []byte) token {
	if len(b) < headerLen {
		return token{}
	}
	return token(b[5:21])
}

// decodeLog reads a row of PartLog; edits is a part of b.
func decodeLog(id int64, b []byte) (kind byte, h header, edits []byte, err error) {
	if err := open(PartLog, id, b, headerLen); err != nil {
		return 0, h, nil, err
	}
	kind = b[4]
	if kind != logCheckpoint && kind != logEdits {
		return 0, h, nil, corruptf(PartLog, id, "kind is %d, want %d or %d", kind, logCheckpoint, logEdits)
	}
	h.token, h.previous = token(b[5:21]), token(b[21:37])
	h.rowCount = int64(binary.LittleEndian.Uint64(b[37:]))
	at := 45
	for _, v := range h.fields() {
		*v = binary.LittleEndian.Uint32(b[at:])
		at += 4
	}
	h.growth.near = math.Float32frombits(binary.LittleEndian.Uint32(b[at:]))
	h.growth.exponent = math.Float32frombits(binary.LittleEndian.Uint32(b[at+4:]))
	h.churn = binary.LittleEndian.Uint32(b[at+8:])
	if err := h.validate(); err != nil {
		return 0, h, nil, corruptf(PartLog, id, "%v", err)
	}
	return kind, h, b[headerLen:], nil
}

// maxNodes leaves a bit of a node id free for the search's marks.
const maxNodes = 1<<31 - 1

func (h *header) validate() error {
	switch {
	case h.nodes > maxNodes || h.slots > maxNodes || h.chunks > maxNodes:
		return fmt.Errorf("counts %d, %d, %d are too large", h.nodes, h.slots, h.chunks)
	case h.live > h.nodes || h.rowCount < int64(h.live):
		return fmt.Errorf("%d rows in %d of %d nodes", h.rowCount, h.live, h.nodes)
	case h.entry > h.nodes || (h.entry == 0) != (h.live == 0) || h.top > maxLevel:
		return fmt.Errorf("entry point %d in layer %d of %d nodes", int64(h.entry)-1, h.top, h.live)
	case h.freeNode > h.nodes || h.freeSlot > h.slots || h.freeChunk > h.chunks:
		return fmt.Errorf("first free ids %d, %d, %d are out of range", h.freeNode, h.freeSlot, h.freeChunk)
	case h.efSearch&recallBit != 0 && (h.efSearch == recallBit || h.efSearch >= recallBit|million):
		return fmt.Errorf("recall is %d millionths", h.efSearch&^recallBit)
	case h.efSearch&recallBit == 0 && (h.efSearch < MinEfSearch || h.efSearch > MaxEfSearch):
		return fmt.Errorf("ef_search is %d", h.efSearch)
	}
	return h.growth.validate()
}

// A block's row: u32 checksum, u8 version, u8 zero, u16 records, u64 id of the
// log row whose edits, and all earlier ones, it holds.

func putBlockHeader(b []byte, records int, stamp int64) {
	b[4], b[5] = formatVersion, 0
	binary.LittleEndian.PutUint16(b[6:], uint16(records))
	binary.LittleEndian.PutUint64(b[8:], uint64(stamp))
}

// openBlock verifies a block and returns its records.
func openBlock(part Part, id int64, b []byte, recordBytes, maxRecords int) (records []byte, n int, stamp int64, err error) {
	if err := open(part, id, b, blockHeader); err != nil {
		return nil, 0, 0, err
	}
	if b[4] != formatVersion {
		return nil, 0, 0, corruptf(part, id, "block version is %d, want %d", b[4], formatVersion)
	}
	n = int(binary.LittleEndian.Uint16(b[6:]))
	if n > maxRecords || len(b) != blockHeader+n*recordBytes {
		return nil, 0, 0, corruptf(part, id, "%d bytes for %d records of %d bytes", len(b), n, recordBytes)
	}
	return b[blockHeader:], n, int64(binary.LittleEndian.Uint64(b[8:])), nil
}

// A row of PartRows is the node's number as 4 bytes, little-endian.

func encodeRow(b []byte, node NodeID) []byte {
	return binary.LittleEndian.AppendUint32(b[:0], uint32(node))
}

func decodeRow(rowid RowID, b []byte, nodes uint32) (NodeID, error) {
	if len(b) != 4 {
		return 0, corruptf(PartRows, rowid, "got %d bytes, want 4", len(b))
	}
	node := binary.LittleEndian.Uint32(b)
	if node >= nodes {
		return 0, corruptf(PartRows, rowid, "names node %d of %d", node, nodes)
	}
	return NodeID(node), nil
}
