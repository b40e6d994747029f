package hnsw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// maxFindings bounds what Check reports of a damaged index.
const maxFindings = 100

// checker walks everything and reports what is wrong.
type checker struct {
	ix       *Index
	v        *view
	ctx      context.Context
	report   func(string)
	findings int

	levels []int8 // top layer of each node, -1 for free ones
	rows   int64
}

func (c *checker) found(format string, args ...any) {
	if c.findings++; c.findings <= maxFindings {
		c.report(fmt.Sprintf(format, args...))
	} else if c.findings == maxFindings+1 {
		c.report(fmt.Sprintf("more than %d findings; the rest is not reported", maxFindings))
	}
}

// damaged reports an error of a block that cannot be read, and says whether it
// was one. Other errors end the check.
func (c *checker) damaged(err error) bool {
	if err == nil || !errors.Is(err, ErrCorrupt) {
		return false
	}
	c.found("%v", err)
	return true
}

// Check verifies the whole index: checksums, counts, free lists, that links are
// symmetric and lead to nodes in use, that every node can be reached, and that
// rowids and nodes name each other. With base, which yields the rowids of the
// table that have a vector in any order, it verifies that exactly those are
// indexed, each under its vector's code. report is called for each finding, at
// most maxFindings+1 times; err says why a check could not be done.
func (ix *Index) Check(ctx context.Context, base iter.Seq2[RowID, error], report func(finding string)) error {
	v, snap, err := ix.reader()
	c := &checker{ix: ix, ctx: ctx, report: report}
	if err != nil {
		if c.damaged(err) {
			return nil
		}
		return err
	}
	defer keepAlive(snap)
	c.v = v
	for _, step := range []func() error{c.nodes, c.links, c.upper, c.freeLists, c.reachable, c.rowids, c.probes} {
		if err := step(); err != nil && !c.damaged(err) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if base != nil {
		if err := c.against(base); err != nil && !c.damaged(err) {
			return err
		}
	}
	return nil
}

// CheckAttrs compares the attributes of all rows with what of returns for them;
// same reports whether two values of a column are equal for every condition. What
// is unknown is not compared. report is called for each finding.
func (ix *Index) CheckAttrs(of func(rowid RowID) ([]Attr, error), same func(col int, a, b Attr) bool, report func(finding string)) error {
	if ix.g.attrColumns == 0 {
		return nil
	}
	c := &checker{ix: ix, report: report}
	v, snap, err := ix.reader()
	if err != nil {
		return err
	}
	defer keepAlive(snap)
	var have []Attr
	err = ix.scanRows(func(rowid RowID, node NodeID) (bool, error) {
		want, err := of(rowid)
		if err != nil || want == nil {
			return err == nil, err
		}
		if have, err = v.tuple(node, have); err != nil {
			return false, err
		}
		for i, a := range have {
			if a.Kind != AttrUnknown && !same(i, a, want[i].known()) {
				c.found("row %d: attribute %d of node %d is not the table's", rowid, i, node)
			}
		}
		return true, nil
	})
	if c.damaged(err) {
		return nil
	}
	return err
}

// nodes visits every record and code, so that every block is verified.
func (c *checker) nodes() error {
	v := c.v
	c.levels = make([]int8, v.nodes)
	var live uint32
	top := 0
	for id := range v.nodes {
		c.levels[id] = -1
		if id%1024 == 0 {
			if err := c.ctx.Err(); err != nil {
				return err
			}
		}
		rec, err := v.record(NodeID(id))
		if c.damaged(err) {
			continue
		} else if err != nil {
			return err
		}
		if _, err = v.code(NodeID(id)); c.damaged(err) {
			continue
		} else if err != nil {
			return err
		}
		if v.g.attrColumns > 0 {
			block, at := v.g.attrs.split(id)
			attrs, err := v.attrs(block)
			if c.damaged(err) {
				continue
			} else if err != nil {
				return err
			}
			if attrs.set[at/64]>>(at%64)&1 == 0 {
				c.found("node %d has no attributes", id)
			}
		}
		if metaFlags(rec[recMeta])&flagLive == 0 {
			continue
		}
		live++
		c.levels[id] = int8(metaLevel(rec[recMeta]))
		top = max(top, metaLevel(rec[recMeta]))
		n := int64(0)
		last := RowID(minRowID)
		err = v.rowIDs(rec, func(rowid RowID) (bool, error) {
			if n > 0 && rowid <= last {
				c.found("node %d: rowids %d and %d are out of order", id, last, rowid)
			}
			last = rowid
			n++
			other, found, err := c.ix.node(v, rowid)
			if err != nil {
				return false, err
			}
			if !found {
				c.found("node %d: its rowid %d is not in rows", id, rowid)
			} else if other != NodeID(id) {
				c.found("node %d: its rowid %d is node %d's in rows", id, rowid, other)
			}
			return true, nil
		})
		if err != nil && !c.damaged(err) {
			return err
		}
		c.rows += n
	}
	if live != v.live {
		c.found("%d nodes are in use, want %d", live, v.live)
	}
	if c.rows != v.rowCount {
		c.found("nodes have %d rows, want %d", c.rows, v.rowCount)
	}
	if v.entry != 0 && (c.levels[v.entry-1] != int8(v.top) || int(v.top) != top) {
		c.found("entry point %d is in layer %d, want a node in layer %d", v.entry-1, c.levels[v.entry-1], top)
	}
	return nil
}

// links verifies that links lead to nodes of the layer, once, and back.
func (c *checker) links() error {
	v := c.v
	for id, lvl := range c.levels {
		for layer := 0; layer <= int(lvl); layer++ {
			list, err := v.neighbors(layer, NodeID(id))
			if c.damaged(err) {
				break
			} else if err != nil {
				return err
			}
			for i, nb := range list {
				switch {
				case int(nb) == id:
					c.found("node %d links to itself in layer %d", id, layer)
					continue
				case int(c.levels[nb]) < layer:
					c.found("node %d links to node %d, which is not in layer %d", id, nb, layer)
					continue
				case slices.Contains(list[:i], nb):
					c.found("node %d links to node %d twice in layer %d", id, nb, layer)
				}
				back, err := v.neighbors(layer, NodeID(nb))
				if c.damaged(err) {
					continue
				} else if err != nil {
					return err
				}
				if !slices.Contains(back, uint32(id)) {
					c.found("node %d links to node %d in layer %d, which does not link back", id, nb, layer)
				}
			}
		}
	}
	return nil
}

// upper verifies that each slot in use belongs to a node.
func (c *checker) upper() error {
	v := c.v
	var want, inUse int
	for _, lvl := range c.levels {
		want += max(0, int(lvl))
	}
	for s := range v.slots {
		slot, err := v.slot(s)
		if c.damaged(err) {
			continue
		} else if err != nil {
			return err
		}
		if metaFlags(slot[slotMeta])&flagLive != 0 {
			inUse++
		}
	}
	if inUse != want {
		c.found("%d upper slots are in use, want %d", inUse, want)
	}
	return nil
}

// freeLists verifies that what is not in use can be used again.
func (c *checker) freeLists() error {
	v := c.v
	walk := func(what string, first, most uint32, next func(id uint32) (uint32, bool, error)) (n uint32, err error) {
		for at := first; at != 0; n++ {
			if at > most || n > most {
				c.found("free list of %s leads out of range or in a circle", what)
				return n, nil
			}
			var free bool
			id := at - 1
			if at, free, err = next(id); err != nil {
				return n, err
			}
			if !free {
				c.found("free list of %s names %d, which is in use", what, id)
				return n, nil
			}
		}
		return n, nil
	}
	n, err := walk("nodes", v.freeNode, v.nodes, func(id uint32) (uint32, bool, error) {
		rec, err := v.record(NodeID(id))
		if err != nil {
			return 0, false, err
		}
		return rec[recUpper], metaFlags(rec[recMeta]) == 0, nil
	})
	if err != nil {
		return err
	}
	if n != v.nodes-v.live {
		c.found("free list of nodes has %d of %d", n, v.nodes-v.live)
	}
	_, err = walk("slots", v.freeSlot, v.slots, func(id uint32) (uint32, bool, error) {
		slot, err := v.slot(id)
		if err != nil {
			return 0, false, err
		}
		return slot[slotNext], metaFlags(slot[slotMeta]) == 0, nil
	})
	if err != nil {
		return err
	}
	_, err = walk("chunks", v.freeChunk, v.chunks, func(id uint32) (uint32, bool, error) {
		ch, err := v.chunk(id)
		if err != nil {
			return 0, false, err
		}
		return ch.next, !ch.live, nil
	})
	return err
}

// reachable verifies that each layer is connected.
func (c *checker) reachable() error {
	v := c.v
	if v.entry == 0 {
		return nil
	}
	start := v.entry - 1
	for layer := int(v.top); layer >= 0; layer-- {
		var seen nodeSet
		seen.reset(v.nodes)
		seen.add(start)
		queue := []uint32{start}
		for at := 0; at < len(queue); at++ {
			list, err := v.neighbors(layer, NodeID(queue[at]))
			if c.damaged(err) {
				continue
			} else if err != nil {
				return err
			}
			for _, nb := range list {
				if seen.add(nb) {
					queue = append(queue, nb)
				}
			}
		}
		for id, lvl := range c.levels {
			if int(lvl) >= layer && !seen.has(uint32(id)) {
				c.found("node %d cannot be reached in layer %d", id, layer)
			}
		}
	}
	return nil
}

// rowids verifies that each rowid names a node in use; that the node names it
// follows from the counts.
func (c *checker) rowids() error {
	n := int64(0)
	err := c.ix.scanRows(func(rowid RowID, node NodeID) (bool, error) {
		n++
		if c.levels[node] < 0 {
			c.found("rowid %d is given node %d, which is free", rowid, node)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if n != c.v.rowCount {
		c.found("rows has %d rowids, want %d", n, c.v.rowCount)
	}
	return nil
}

// probes verifies that what the index knows of its own recall is whole.
func (c *checker) probes() error {
	data, err := c.ix.st.Get(PartConfig, curveID, nil)
	if err != nil {
		return err
	}
	m := &curves{}
	if data != nil {
		if m, err = decodeCurves(data); err != nil {
			return err
		}
	}
	rows := 0
	err = c.ix.st.Scan(PartConfig, firstProbe, func(id int64, data []byte) (bool, error) {
		rows++
		_, err := decodeProbes(id, data)
		return err == nil, err
	})
	if err == nil && rows != m.probeRows {
		c.found("config has %d rows of probes, want %d", rows, m.probeRows)
	}
	return err
}

// against compares the index with the table.
func (c *checker) against(base iter.Seq2[RowID, error]) error {
	ix, v := c.ix, c.v
	row := make([]byte, ix.g.rowStride)
	indexed := map[RowID]bool{} // the count is not to be trusted here
	for rowid, err := range base {
		if err != nil {
			return err
		}
		id, found, err := ix.node(v, rowid)
		if c.damaged(err) {
			continue
		} else if err != nil {
			return err
		}
		if !found {
			c.found("row %d of the table is not indexed", rowid)
			continue
		}
		indexed[rowid] = true
		vec, ok, err := ix.base.Vector(rowid, ix.vec)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := checkVector(vec, ix.g.dims); err != nil {
			c.found("row %d: its vector cannot be indexed: %v", rowid, err)
			continue
		}
		ix.g.encode(row, vec)
		have, err := v.codeRow(id)
		if c.damaged(err) {
			continue
		} else if err != nil {
			return err
		}
		if !bytes.Equal(row, have) {
			c.found("row %d: node %d does not have its vector's code", rowid, id)
		}
	}
	return ix.Scan(func(rowid RowID) (bool, error) {
		if !indexed[rowid] {
			c.found("row %d is indexed but not in the table", rowid)
		}
		return true, nil
	})
}
