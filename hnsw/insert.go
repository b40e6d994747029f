package hnsw

import (
	"bytes"
	"fmt"

	"github.com/nearlite/nearlite/vector"
)

// Insert indexes a row, replacing what was indexed for it. vec is not kept. It
// fails with ErrDims or ErrVector before anything has changed; after any other
// error the transaction can only be rolled back, to a savepoint or altogether.
func (ix *Index) Insert(rowid RowID, vec []float32) error {
	return ix.InsertAttrs(rowid, vec, nil)
}

// InsertAttrs is Insert with the row's attributes, of which there are Params.Attrs;
// nil means that they are unknown.
func (ix *Index) InsertAttrs(rowid RowID, vec []float32, attrs []Attr) error {
	t, err := ix.writer()
	if err != nil {
		return err
	}
	if err := checkVector(vec, ix.g.dims); err != nil {
		return err
	}
	if err := ix.g.checkAttrs(attrs); err != nil {
		return err
	}
	ix.trav.s.g.encode(ix.row, vec)
	return t.guard(func() error {
		if err := ix.insert(t, rowid, ix.row, attrs); err != nil {
			return fmt.Errorf("insert rowid %d: %w", rowid, err)
		}
		return nil
	})
}

func (ix *Index) insert(t *tx, rowid RowID, row []byte, attrs []Attr) error {
	old, found, err := t.node(rowid)
	if err != nil {
		return err
	}
	if found {
		have, err := t.codeRow(old)
		if err != nil {
			return err
		}
		if bytes.Equal(have, row) {
			if err := t.updateAttrs(old, attrs); err != nil {
				return err
			}
			return t.touch(old)
		}
		if err := ix.remove(t, rowid, old); err != nil {
			return err
		}
	}
	t.changed, t.synced = true, false
	t.rowsN(+1)
	lvl := level(ix.p.Seed, rowid, ix.p.M)
	if t.entry == 0 {
		id, err := t.newNode(rowid, lvl, row, attrs)
		if err != nil {
			return err
		}
		t.entry, t.top = uint32(id)+1, uint32(lvl)
		t.setRow(rowid, id)
		return nil
	}
	plan, err := ix.planNode(&t.view, ix.trav, ix.linker(t).sel, row, lvl, true)
	if err != nil {
		return err
	}
	if plan.twin != 0 { // the same code: one node stands for both rows
		id := NodeID(plan.twin - 1)
		if err := t.addRow(id, rowid); err != nil {
			return err
		}
		if err := t.joinAttrs(id, attrs); err != nil {
			return err
		}
		t.setRow(rowid, id)
		return nil
	}
	id, err := t.newNode(rowid, lvl, row, attrs)
	if err != nil {
		return err
	}
	for layer := len(plan.picked) - 1; layer >= 0; layer-- {
		if err := ix.link.place(layer, id, plan.picked[layer]); err != nil {
			return err
		}
	}
	if uint32(lvl) > t.top {
		t.entry, t.top = uint32(id)+1, uint32(lvl)
	}
	t.growth.learn(plan.seen, 2/float64(t.live+1))
	t.setRow(rowid, id)
	return nil
}

// nodePlan says how a new node is to be linked.
type nodePlan struct {
	twin   uint32        // node + 1 with the same code
	picked [][]candidate // links by layer
	seen   sample        // of its neighbors' distances
}

// planNode finds the links of a new node: algorithm 1 without its last step. If
// twins is set it looks for a node with the same code first.
func (ix *Index) planNode(v *view, t *traverser, sel *selector, row []byte, lvl int, twins bool) (p nodePlan, err error) {
	t.v = v
	t.s.setRow(row)
	top := min(lvl, int(v.top))
	near, err := t.descend(top)
	if err != nil {
		return p, err
	}
	p.picked = make([][]candidate, top+1)
	for layer := top; layer >= 0; layer-- {
		t.begin(ix.p.EfConstruction)
		t.start(near)
		if err := t.run(layer); err != nil {
			return p, err
		}
		found := t.pool.items
		near = found[0]
		near.id &^= expandedBit
		if layer == 0 && twins {
			if p.twin, err = ix.findTwin(v, found, row); err != nil || p.twin != 0 {
				return p, err
			}
		}
		if layer == 0 {
			p.seen = sampleOf(ix.g, found)
		}
		if p.picked[layer], err = sel.pick(nil, nil, found, ix.p.M); err != nil {
			return p, err
		}
	}
	return p, nil
}

// findTwin looks for a node with the same code among the nearest. Under dot a
// vector's equals need not be near it: some may be missed, which costs space but
// no correctness.
func (ix *Index) findTwin(v *view, found []candidate, row []byte) (uint32, error) {
	for i, c := range found {
		if i >= 8 && c.dist > found[0].dist && ix.g.metric != vector.InnerProduct {
			break // equal codes have the least distance, but for rounding
		}
		have, err := v.codeRow(c.node())
		if err != nil {
			return 0, err
		}
		if bytes.Equal(have, row) {
			return uint32(c.node()) + 1, nil
		}
	}
	return 0, nil
}
