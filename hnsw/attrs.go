package hnsw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Attributes are columns of the indexed table that the index keeps beside the codes,
// so that a search can decide about rows without reading the table. They are kept
// by node: the rows of one node share an attribute as long as all have the same
// value, else it is unknown, and the search asks Filter about each row.

// AttrKind is the storage class of an attribute.
type AttrKind uint8

// The kinds. Unknown is what the index does not know: see MaxAttrBytes, and rows
// that share a node and differ.
const (
	AttrUnknown AttrKind = iota
	AttrNull
	AttrInt
	AttrFloat
	AttrText
	AttrBlob
	numAttrKinds
)

// Attr is one attribute of a row. Attributes are comparable.
type Attr struct {
	Kind  AttrKind
	Int   int64
	Float float64
	Bytes string // of texts and blobs
}

// MaxAttrBytes is the longest text or blob that is kept; longer ones are unknown.
// MaxAttrs is the most columns.
const (
	MaxAttrBytes = 64
	MaxAttrs     = 32
)

// known returns a as the index keeps it.
func (a Attr) known() Attr {
	if len(a.Bytes) > MaxAttrBytes || a.Float != a.Float {
		return Attr{}
	}
	return a
}

// attrNodes is the number of nodes of a block of attributes.
const attrNodes = 128

// attrBlock holds the attributes of attrNodes nodes, column by column. Each column
// has a dictionary of its own, whose first value is unknown.
type attrBlock struct {
	serial uint64   // never the same for different contents, see AttrFilter
	set    nodeBits // nodes that were given attributes
	cols   []attrColumn
}

type attrColumn struct {
	values []Attr
	at     [attrNodes]uint8 // position in values, by node
}

var unknownAttr = []Attr{{}}

func newAttrBlock(columns int) *attrBlock {
	b := &attrBlock{serial: newEpoch(), cols: make([]attrColumn, columns)}
	for i := range b.cols {
		b.cols[i].values = unknownAttr
	}
	return b
}

func (b *attrBlock) copy() *attrBlock {
	c := &attrBlock{serial: b.serial, set: b.set, cols: slices.Clone(b.cols)}
	for i := range c.cols {
		c.cols[i].values = slices.Clip(c.cols[i].values)
	}
	return c
}

// get returns a node's attribute.
func (c *attrColumn) get(at uint32) Attr { return c.values[c.at[at]] }

// set changes a node's attribute.
func (c *attrColumn) set(at uint32, a Attr) {
	i := slices.Index(c.values, a)
	if i < 0 {
		if len(c.values) > math.MaxUint8 {
			c.compact(attrNodes)
		}
		i = len(c.values)
		c.values = append(c.values[:i:i], a)
	}
	c.at[at] = uint8(i)
}

// compact drops the values that none of the first n nodes has. The others follow
// in the order in which the nodes name them.
func (c *attrColumn) compact(n int) {
	values := slices.Clone(unknownAttr)
	var moved [math.MaxUint8 + 1]uint8
	for i, old := range c.at[:n] {
		if old == 0 {
			continue
		}
		if moved[old] == 0 {
			moved[old] = uint8(len(values))
			values = append(values, c.values[old])
		}
		c.at[i] = moved[old]
	}
	clear(c.at[n:])
	c.values = values
}

// A value on disk: its kind, and for integers a varint, for floats 8 bytes, for
// texts and blobs their length and bytes.

func appendAttr(b []byte, a Attr) []byte {
	b = append(b, byte(a.Kind))
	switch a.Kind {
	case AttrInt:
		b = binary.AppendVarint(b, a.Int)
	case AttrFloat:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(a.Float))
	case AttrText, AttrBlob:
		b = binary.AppendUvarint(b, uint64(len(a.Bytes)))
		b = append(b, a.Bytes...)
	}
	return b
}

var errAttr = errors.New("attribute ends early or is none")

func readAttr(b []byte) (a Attr, rest []byte, err error) {
	if len(b) == 0 || b[0] >= byte(numAttrKinds) {
		return a, nil, errAttr
	}
	a.Kind, b = AttrKind(b[0]), b[1:]
	switch a.Kind {
	case AttrInt:
		v, n := binary.Varint(b)
		if n <= 0 {
			return a, nil, errAttr
		}
		a.Int, b = v, b[n:]
	case AttrFloat:
		if len(b) < 8 {
			return a, nil, errAttr
		}
		a.Float, b = math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
		if a.Float != a.Float {
			return a, nil, errAttr
		}
	case AttrText, AttrBlob:
		v, n := binary.Uvarint(b)
		if n <= 0 || v > MaxAttrBytes || v > uint64(len(b)-n) {
			return a, nil, errAttr
		}
		a.Bytes, b = string(b[n:n+int(v)]), b[n+int(v):]
	}
	return a, b, nil
}

// appendTuple and readTuple are the attributes of one node, in the log.
func appendTuple(b []byte, attrs []Attr) []byte {
	for _, a := range attrs {
		b = appendAttr(b, a)
	}
	return b
}

func readTuple(b []byte, out []Attr) (err error) {
	for i := range out {
		if out[i], b, err = readAttr(b); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%d bytes behind the attributes", len(b))
	}
	return nil
}

// A block's columns on disk: the number of values but the first, these, and each
// node's position in a nibble, or a byte when there are more than 16, or nothing when
// all nodes have the same; a byte of 0, 4 or 8 says which.

func (b *attrBlock) encode(out []byte, n int) []byte {
	for i := range b.cols {
		c := b.cols[i]
		c.compact(n)
		out = binary.AppendUvarint(out, uint64(len(c.values)-1))
		for _, a := range c.values[1:] {
			out = appendAttr(out, a)
		}
		same := true
		for _, x := range c.at[:n] {
			same = same && x == c.at[0]
		}
		switch {
		case same:
			out = append(out, 0, c.at[0])
		case len(c.values) <= 16:
			out = append(out, 4)
			for j := 0; j < n; j += 2 {
				x := c.at[j]
				if j+1 < n {
					x |= c.at[j+1] << 4
				}
				out = append(out, x)
			}
		default:
			out = append(out, 8)
			out = append(out, c.at[:n]...)
		}
	}
	return out
}

func (b *attrBlock) decode(data []byte, n int) error {
	for i := range b.cols {
		c := &b.cols[i]
		count, used := binary.Uvarint(data)
		if used <= 0 || count > attrNodes {
			return fmt.Errorf("column %d: %d values in a block of %d", i, count, attrNodes)
		}
		data = data[used:]
		c.values = make([]Attr, 1, count+1)
		for range count {
			a, rest, err := readAttr(data)
			if err != nil {
				return fmt.Errorf("column %d: %w", i, err)
			}
			c.values, data = append(c.values, a), rest
		}
		if len(data) == 0 {
			return fmt.Errorf("column %d: %w", i, errAttr)
		}
		width := data[0]
		data = data[1:]
		size := 1
		switch width {
		case 4:
			size = (n + 1) / 2
		case 8:
			size = n
		}
		if width != 0 && width != 4 && width != 8 || len(data) < size {
			return fmt.Errorf("column %d: width %d, %d bytes for %d nodes", i, width, len(data), n)
		}
		for j := range n {
			switch width {
			case 0:
				c.at[j] = data[0]
			case 4:
				c.at[j] = data[j/2] >> (j % 2 * 4) & 15
			default:
				c.at[j] = data[j]
			}
			if int(c.at[j]) >= len(c.values) {
				return fmt.Errorf("column %d: node %d has value %d of %d", i, j, c.at[j], len(c.values))
			}
		}
		data = data[size:]
	}
	if len(data) > 0 {
		return fmt.Errorf("%d bytes too many", len(data))
	}
	for j := range n {
		b.set[j/64] |= 1 << (j % 64)
	}
	return nil
}

// attrs returns a block of attributes, which the caller does not change.
func (v *view) attrs(block uint32) (*attrBlock, error) {
	p := v.dirs[dirAttrs].get(block)
	if p == nil {
		var err error
		if p, err = v.load(dirAttrs, block); err != nil {
			return nil, err
		}
	}
	if v.track {
		v.dirs[dirAttrs].touch(block)
	}
	return (*attrBlock)(p), nil
}

// tuple returns the attributes of a node.
func (v *view) tuple(id NodeID, out []Attr) ([]Attr, error) {
	block, at := v.g.attrs.split(uint32(id))
	b, err := v.attrs(block)
	if err != nil {
		return nil, err
	}
	out = out[:0]
	for i := range b.cols {
		out = append(out, b.cols[i].get(at))
	}
	return out, nil
}

// setAttrs changes the attributes of a node; none means that they are unknown.
func (t *tx) setAttrs(id NodeID, attrs []Attr, isNew bool) error {
	if t.g.attrColumns == 0 {
		return nil
	}
	block, at := t.g.attrs.split(uint32(id))
	t.tupleBuf = t.tupleBuf[:0]
	for i := range t.g.attrColumns {
		var a Attr
		if attrs != nil {
			a = attrs[i].known()
		}
		t.tupleBuf = append(t.tupleBuf, a)
	}
	if !isNew {
		have, err := t.tuple(id, t.haveBuf)
		if err != nil {
			return err
		}
		t.haveBuf = have
		if slices.Equal(have, t.tupleBuf) {
			return nil
		}
	}
	p, err := t.mutable(dirAttrs, block)
	if err != nil {
		return err
	}
	(*attrBlock)(p).put(at, t.tupleBuf)
	t.changed, t.synced = true, false
	if t.logging() {
		body := appendTuple(nil, t.tupleBuf)
		t.ops.put(opAttrs, uint32(id), uint32(len(body)))
		t.ops.b = append(t.ops.b, body...)
	}
	return nil
}

func (b *attrBlock) put(at uint32, attrs []Attr) {
	for i := range b.cols {
		b.cols[i].set(at, attrs[i])
	}
	b.set[at/64] |= 1 << (at % 64)
	b.serial = newEpoch()
}

// joinAttrs gives a node that stands for several rows, one of which has these
// attributes, what all of them have.
func (t *tx) joinAttrs(id NodeID, attrs []Attr) error {
	if t.g.attrColumns == 0 {
		return nil
	}
	have, err := t.tuple(id, nil)
	if err != nil {
		return err
	}
	for i := range have {
		if attrs == nil || have[i] != attrs[i].known() {
			have[i] = Attr{}
		}
	}
	return t.setAttrs(id, have, false)
}

// updateAttrs changes the attributes of an indexed row.
func (t *tx) updateAttrs(id NodeID, attrs []Attr) error {
	rec, err := t.record(id)
	if err != nil {
		return err
	}
	if metaFlags(rec[recMeta])&flagShared != 0 {
		return t.joinAttrs(id, attrs)
	}
	return t.setAttrs(id, attrs, false)
}

// checkAttrs reports a wrong number of attributes.
func (g *geometry) checkAttrs(attrs []Attr) error {
	if attrs != nil && len(attrs) != g.attrColumns {
		return fmt.Errorf("got %d attributes, want %d", len(attrs), g.attrColumns)
	}
	return nil
}

func attrBlockSize(columns int) int {
	// A few values for each column: what they really take is not counted.
	return columns * (int(unsafe.Sizeof(attrColumn{})) + 8*int(unsafe.Sizeof(Attr{})))
}
