package hnsw

import (
	"math/bits"

	"github.com/nearlite/nearlite/vector"
)

// maxBlock bounds the bytes of a block so that its row fits a 4 KiB page of
// SQLite without an overflow page, also where some bytes of the page are reserved.
const maxBlock = 4000

// blockHeader is the number of bytes before a block's records.
const blockHeader = 16

// Words of a node's record before its links, see docs/format.md.
const (
	recMeta   = 0 // link count, level, flags
	recUpper  = 1 // upper slot + 1; in a free node the next free node + 1
	recRowLo  = 2 // rowid, or the first chunk of the rowids
	recRowHi  = 3
	recLinks  = 4
	slotMeta  = 0 // link count, layer, flags
	slotNode  = 1
	slotNext  = 2 // the node's slot one layer up + 1; in a free slot the next free slot + 1
	slotLinks = 4
)

// Flags of records and slots, in the top byte of the meta word.
const (
	flagLive   = 1
	flagShared = 2 // several rowids: the rowid field names a chunk of dups
)

// divider divides 32-bit numbers by a constant with one multiplication.
type divider struct {
	d     uint32
	magic uint64
}

func newDivider(d int) divider {
	return divider{d: uint32(d), magic: (1<<63-1)/uint64(d) + 1}
}

// split returns n/d and n%d.
func (v divider) split(n uint32) (q, r uint32) {
	hi, _ := bits.Mul64(uint64(n)<<1, v.magic)
	q = uint32(hi)
	return q, n - q*v.d
}

// geometry is the layout of blocks that follows from the parameters.
type geometry struct {
	dims     int
	metric   vector.Metric
	quantize Quantization
	m, m0    int // most links in upper layers and in layer 0

	recWords  int // words of a node's record
	slotWords int // words of an upper slot
	codeBytes int // bytes of a code on disk, its two numbers included

	kernelLen int // bytes (int8, bit) or elements (float) that kernels read of a row
	metaOff   int // offset of scale and norm in a row in memory; -1 for bit
	rowStride int // bytes of a row in memory

	nodes divider // nodes per links block
	slots divider // slots per upper block
	codes divider // codes per codes block
	attrs divider // nodes per block of attributes

	attrColumns int
}

func newGeometry(p Params) *geometry {
	g := &geometry{dims: p.Dims, metric: p.Metric, quantize: p.Quantize, m: p.M, m0: 2 * p.M}
	g.recWords = recLinks + g.m0
	g.slotWords = slotLinks + g.m
	switch p.Quantize {
	case Bit:
		g.codeBytes = (p.Dims + 7) / 8
		g.kernelLen = (p.Dims + 63) / 64 * 8
		g.metaOff = -1
		g.rowStride = g.kernelLen
	case Int8:
		g.codeBytes = p.Dims + 8
		g.kernelLen = (p.Dims + 63) / 64 * 64
		g.metaOff = g.kernelLen - 8
		if p.Dims > g.metaOff { // no room behind the code in its last cache line
			g.metaOff = g.kernelLen
		}
		g.rowStride = (g.metaOff + 8 + 63) / 64 * 64
	default:
		g.codeBytes = 4*p.Dims + 8
		if p.Quantize == F16 {
			g.codeBytes = 2*p.Dims + 8
		}
		g.kernelLen = p.Dims
		g.metaOff = 4 * p.Dims
		g.rowStride = (4*p.Dims + 8 + 15) / 16 * 16
	}
	per := func(bytes int) divider { return newDivider(max(1, (maxBlock-blockHeader)/bytes)) }
	g.nodes = per(4 * g.recWords)
	g.slots = per(4 * g.slotWords)
	g.codes = per(g.codeBytes)
	g.attrs, g.attrColumns = newDivider(attrNodes), p.Attrs
	return g
}

// capacity returns the most links of a node in a layer.
func (g *geometry) capacity(layer int) int {
	if layer == 0 {
		return g.m0
	}
	return g.m
}

// blocks returns the number of blocks that hold n records of the part.
func (d divider) blocks(n uint32) int { return int((uint64(n) + uint64(d.d) - 1) / uint64(d.d)) }

// level returns the top layer of the node that is made for a row: layer l with
// probability m^-l. It depends on nothing else, so that the same rows give the
// same levels on any machine.
func level(seed uint64, rowid RowID, m int) int {
	h := mix(seed ^ mix(uint64(rowid)+0x9e3779b97f4a7c15))
	l := 0
	for l < maxLevel && h%uint64(m) == 0 {
		h = mix(h + 0x9e3779b97f4a7c15)
		l++
	}
	return l
}

const maxLevel = 15

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
