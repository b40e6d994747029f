package hnsw

import "math/bits"

// Truth says what a condition may be. It is a set: a condition on an attribute that
// is not known may be anything.
type Truth uint8

// What SQL's logic knows, and all of it.
const (
	False   Truth = 1
	Null    Truth = 2
	True    Truth = 4
	Unknown Truth = False | Null | True
)

// AttrExpr is a condition on the attributes of a row. Op is one of the Attr
// operations; what is not expressible in them is a leaf without Test, whose truth
// is not known.
type AttrExpr struct {
	Op   AttrOp
	Col  int              // of a leaf
	Test func(Attr) Truth // of a leaf: the truth for a known attribute; nil: unknown
	Args []*AttrExpr      // of And, Or and Not

	Point bool // of a leaf: only one value makes it true
}

// Column returns the column of all leaves, and whether there is only one.
func (e *AttrExpr) Column() (col int, one bool) {
	if e.Op == AttrTest {
		return e.Col, e.Test != nil
	}
	for i, a := range e.Args {
		c, ok := a.Column()
		if !ok || i > 0 && c != col {
			return 0, false
		}
		col = c
	}
	return col, true
}

// Of is the truth for a row whose every attribute is a.
func (e *AttrExpr) Of(a Attr) Truth {
	switch e.Op {
	case AttrTest:
		return e.test(a)
	case AttrNot:
		return not(e.Args[0].Of(a))
	}
	t := e.Args[0].Of(a)
	for _, x := range e.Args[1:] {
		if e.Op == AttrAnd {
			t = and(t, x.Of(a))
		} else {
			t = not(and(not(t), not(x.Of(a))))
		}
	}
	return t
}

// AttrOp is an operation of AttrExpr.
type AttrOp uint8

// The operations.
const (
	AttrTest AttrOp = iota
	AttrAnd
	AttrOr
	AttrNot
)

func (e *AttrExpr) test(a Attr) Truth {
	if e.Test == nil || a.Kind == AttrUnknown {
		return Unknown
	}
	return e.Test(a)
}

// at is the truth for one node of a block.
func (e *AttrExpr) at(b *attrBlock, at uint32) Truth {
	switch e.Op {
	case AttrNot:
		return not(e.Args[0].at(b, at))
	case AttrAnd, AttrOr:
		t := e.Args[0].at(b, at)
		for _, a := range e.Args[1:] {
			if e.Op == AttrAnd {
				if t == False {
					return t
				}
				t = and(t, a.at(b, at))
			} else {
				if t == True {
					return t
				}
				t = not(and(not(t), not(a.at(b, at))))
			}
		}
		return t
	}
	if e.Test == nil {
		return Unknown
	}
	return e.test(b.cols[e.Col].get(at))
}

// not swaps true and false.
func not(t Truth) Truth { return t>>2&1 | t&Null | t&1<<2 }

// and is what the conjunction of two sets of truths may be.
func and(a, b Truth) (t Truth) {
	if a&False|b&False != 0 {
		t |= False
	}
	if a&True != 0 && b&True != 0 {
		t |= True
	}
	if a&Null != 0 && b&(Null|True) != 0 || b&Null != 0 && a&(Null|True) != 0 {
		t |= Null
	}
	return t
}

// nodeBits has a bit for each node of a block of attributes.
type nodeBits [attrNodes / 64]uint64

// truths says for each node of a block what a condition may be.
type truths struct{ f, n, t nodeBits }

// over is at for all nodes of a block at once.
func (e *AttrExpr) over(b *attrBlock) (r truths) {
	switch e.Op {
	case AttrNot:
		x := e.Args[0].over(b)
		return truths{x.t, x.n, x.f}
	case AttrAnd, AttrOr:
		r = e.Args[0].over(b)
		for _, a := range e.Args[1:] {
			x := a.over(b)
			if e.Op == AttrOr { // not (not r and not x)
				r.f, r.t, x.f, x.t = r.t, r.f, x.t, x.f
			}
			for i := range r.t {
				n := r.n[i]&(x.n[i]|x.t[i]) | x.n[i]&(r.n[i]|r.t[i])
				r.f[i], r.n[i], r.t[i] = r.f[i]|x.f[i], n, r.t[i]&x.t[i]
			}
			if e.Op == AttrOr {
				r.f, r.t = r.t, r.f
			}
		}
		return r
	}
	if e.Test == nil {
		for i := range r.t {
			r.f[i], r.n[i], r.t[i] = ^uint64(0), ^uint64(0), ^uint64(0)
		}
		return r
	}
	c := &b.cols[e.Col]
	var of [256]Truth
	for i, v := range c.values {
		of[i] = e.test(v)
	}
	for w := range r.t {
		var f, n, t uint64
		for i, x := range c.at[64*w : 64*w+64] {
			v := uint64(of[x])
			f |= v & 1 << i
			n |= v >> 1 & 1 << i
			t |= v >> 2 & 1 << i
		}
		r.f[w], r.n[w], r.t[w] = f, n, t
	}
	return r
}

// AttrFilter is a compiled condition, and what it found out about the nodes of an
// index. It may be kept and used again with the same index, also after changes: a
// block of attributes that is the same needs no second look. It is used by one
// goroutine at a time.
type AttrFilter struct {
	expr  *AttrExpr
	swept token // state whose every block is in masks
	state token // of the last walk
	walks int   // in that state
	marks bool  // the masks are those of the search that runs
	masks []attrMask
	yes   int64 // of the last sweep
	ask   int64
}

// attrMask is what is known of a block of that serial number with so many nodes: when
// nodes at the end are given up the block's attributes stay as they are.
type attrMask struct {
	serial uint64
	nodes  int
	yes    nodeBits // true
	ask    nodeBits // may be true or not
}

// NewAttrFilter returns a filter without any knowledge.
func NewAttrFilter(e *AttrExpr) *AttrFilter { return &AttrFilter{expr: e} }

// node decides about a node: ask means that the condition's truth is not known.
func (f *AttrFilter) node(v *view, id NodeID) (yes, ask bool, err error) {
	if f.marks {
		yes, ask = f.marked(id)
		return yes, ask, nil
	}
	block, at := v.g.attrs.split(uint32(id))
	b, err := v.attrs(block)
	if err != nil {
		return false, false, err
	}
	if int(block) < len(f.masks) {
		if m := &f.masks[block]; m.serial == b.serial && int(at) < m.nodes {
			bit := uint64(1) << (at % 64)
			return m.yes[at/64]&bit != 0, m.ask[at/64]&bit != 0, nil
		}
	}
	t := f.expr.at(b, at)
	return t == True, t != True && t&True != 0, nil
}

// walked looks at all nodes if a walk in the same state has been before: then there
// may be more.
func (f *AttrFilter) walked(v *view, inTx bool) error {
	f.marks = !inTx && f.swept == v.token
	if inTx || f.marks {
		return nil
	}
	if f.state != v.token {
		f.state, f.walks = v.token, 0
	}
	if f.walks++; f.walks == 1 {
		return nil
	}
	return f.sweep(v, false)
}

// marked is node for a filter that has looked at all nodes.
func (f *AttrFilter) marked(id NodeID) (yes, ask bool) {
	m, at := &f.masks[id/attrNodes], id%attrNodes
	bit := uint64(1) << (at % 64)
	return m.yes[at/64]&bit != 0, m.ask[at/64]&bit != 0
}

// look brings the mask of a block up to date.
func (f *AttrFilter) look(v *view, block uint32) (*attrMask, error) {
	b, err := v.attrs(block)
	if err != nil {
		return nil, err
	}
	if int(block) >= len(f.masks) {
		grown := make([]attrMask, v.g.attrs.blocks(v.nodes))
		copy(grown, f.masks)
		f.masks = grown
	}
	m := &f.masks[block]
	nodes := v.state.records(v.g, dirAttrs, block)
	if m.serial != b.serial || m.nodes != nodes {
		f.swept = token{} // the masks are no longer those of that state
		r := f.expr.over(b)
		for i := range m.yes {
			m.yes[i] = r.t[i] &^ r.f[i] &^ r.n[i]
			m.ask[i] = r.t[i] &^ m.yes[i]
		}
		for at := uint32(nodes); at < attrNodes; at++ { // beyond the last node
			m.yes[at/64] &^= 1 << (at % 64)
			m.ask[at/64] &^= 1 << (at % 64)
		}
		m.serial, m.nodes = b.serial, nodes
	}
	return m, nil
}

// sweep looks at all nodes.
func (f *AttrFilter) sweep(v *view, inTx bool) error {
	if f.marks = !inTx; f.marks && f.swept == v.token {
		return nil
	}
	f.swept = token{}
	f.yes, f.ask = 0, 0
	blocks := uint32(v.g.attrs.blocks(v.nodes))
	for block := range blocks {
		m, err := f.look(v, block)
		if err != nil {
			return err
		}
		for i := range m.yes {
			f.yes += int64(bits.OnesCount64(m.yes[i]))
			f.ask += int64(bits.OnesCount64(m.ask[i]))
		}
	}
	f.masks = f.masks[:blocks]
	if !inTx {
		f.swept = v.token
	}
	return nil
}

// AttrCount is how many nodes an AttrFilter lets pass.
type AttrCount struct {
	Nodes int64 // looked at
	Yes   int64 // the condition is true
	Ask   int64 // it may be; nodes that are not in use among them
	All   bool  // all nodes were looked at
}

// Count looks at the nodes' attributes: at all of them if that is known already or
// they are at most most, else at as many, in blocks from all over the index.
func (ix *Index) Count(f *AttrFilter, most int64) (AttrCount, error) {
	v, snap, err := ix.reader()
	if err != nil {
		return AttrCount{}, err
	}
	defer keepAlive(snap)
	if ix.g.attrColumns == 0 {
		return AttrCount{}, errNoAttrs
	}
	if int64(v.nodes) <= most || f.swept == v.token && ix.tx == nil {
		err := f.sweep(v, ix.tx != nil)
		return AttrCount{int64(v.nodes), f.yes, f.ask, true}, err
	}
	var c AttrCount
	blocks := uint64(v.g.attrs.blocks(v.nodes))
	n := max(1, uint64(most)/attrNodes)
	for i := range n {
		// One block of each of n equal stretches: rows that are alike lie together.
		from, to := i*blocks/n, (i+1)*blocks/n
		if from == to {
			continue
		}
		m, err := f.look(v, uint32(from+mix(i)%(to-from)))
		if err != nil {
			return c, err
		}
		c.Nodes += attrNodes
		for i := range m.yes {
			c.Yes += int64(bits.OnesCount64(m.yes[i]))
			c.Ask += int64(bits.OnesCount64(m.ask[i]))
		}
	}
	return c, nil
}
