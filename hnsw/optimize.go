package hnsw

import (
	"context"
	"slices"
)

// Optimize folds the log into the blocks and gives back the space of ids that are
// not in use, inside a transaction, and measures recall anew. Sync writes the result. After an error the
// transaction can only be rolled back; ctx ends it early with one.
func (ix *Index) Optimize(ctx context.Context) error {
	t, err := ix.writer()
	if err != nil {
		return err
	}
	t.direct, t.changed, t.synced = true, true, false
	t.version++
	t.churn = mustProbe
	return t.guard(func() error {
		if err := t.compactSlots(); err != nil {
			return err
		}
		if err := t.compactChunks(ctx); err != nil {
			return err
		}
		return t.compactNodes(ctx)
	})
}

// compactNodes moves the nodes with the greatest ids to ids that are free, until
// all ids below the number of nodes are in use and no other.
func (t *tx) compactNodes(ctx context.Context) error {
	if t.live == t.nodes {
		return nil
	}
	holes, err := freeIDs(t.freeNode, t.live, t.nodes, func(id uint32) (uint32, error) {
		rec, err := t.record(NodeID(id))
		if err != nil {
			return 0, err
		}
		return rec[recUpper], nil
	})
	if err != nil {
		return err
	}
	for from := t.live; from < t.nodes; from++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := t.record(NodeID(from))
		if err != nil {
			return err
		}
		if metaFlags(rec[recMeta])&flagLive == 0 {
			continue
		}
		if len(holes) == 0 {
			return corruptf(PartLinks, int64(from), "free list of nodes is too short")
		}
		if err := t.moveNode(NodeID(from), NodeID(holes[0])); err != nil {
			return err
		}
		holes = holes[1:]
	}
	t.nodes, t.freeNode = t.live, 0
	t.truncate()
	return nil
}

// compactChunks writes the lists of rowids anew, in full chunks without gaps, if some
// are free or not full.
func (t *tx) compactChunks(ctx context.Context) error {
	if t.chunks == 0 {
		return nil
	}
	type list struct {
		node   NodeID
		rowids []RowID
	}
	var lists []list
	var need uint32
	for id := range t.nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := t.record(NodeID(id))
		if err != nil {
			return err
		}
		if metaFlags(rec[recMeta])&flagShared == 0 {
			continue
		}
		l := list{node: NodeID(id)}
		err = t.rowIDs(rec, func(r RowID) (bool, error) {
			l.rowids = append(l.rowids, r)
			return true, nil
		})
		if err != nil {
			return err
		}
		lists = append(lists, l)
		need += uint32((len(l.rowids) + maxChunk - 1) / maxChunk)
	}
	if need == t.chunks && t.freeChunk == 0 {
		return nil
	}
	if need > t.chunks {
		return corruptf(PartLog, t.lastLog, "%d chunks are in use, want at least %d", t.chunks, need)
	}
	at := uint32(0)
	for _, l := range lists {
		if err := t.setNodeRow(l.node, true, RowID(at)); err != nil {
			return err
		}
		for part := range slices.Chunk(l.rowids, maxChunk) {
			c, err := t.mutableChunk(at)
			if err != nil {
				return err
			}
			at++
			*c = chunk{live: true, next: at + 1, rowids: slices.Clone(part)}
			if len(part) > 0 && part[len(part)-1] == l.rowids[len(l.rowids)-1] {
				c.next = 0
			}
		}
	}
	t.chunks, t.freeChunk = need, 0
	t.truncate()
	return nil
}

// freeIDs returns the ids of a free list below bound, ascending.
func freeIDs(first, bound, most uint32, next func(id uint32) (uint32, error)) (ids []uint32, err error) {
	for n := uint32(0); first != 0; n++ {
		if first > most || n > most {
			return nil, corruptf(PartLog, 0, "a free list leads out of range or in a circle")
		}
		id := first - 1
		if id < bound {
			ids = append(ids, id)
		}
		if first, err = next(id); err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// moveNode gives a node another id.
func (t *tx) moveNode(from, to NodeID) error {
	old, err := t.mutableRecord(from)
	if err != nil {
		return err
	}
	code, err := t.codeRow(from)
	if err != nil {
		return err
	}
	block, _ := t.g.codes.split(uint32(to))
	if _, err := t.mutable(dirCodes, block); err != nil {
		return err
	}
	dst, err := t.codeRow(to)
	if err != nil {
		return err
	}
	copy(dst, code)
	if t.g.attrColumns > 0 {
		attrs, err := t.tuple(from, nil)
		if err != nil {
			return err
		}
		if err := t.setAttrs(to, attrs, false); err != nil {
			return err
		}
	}
	for layer := 0; layer <= metaLevel(old[recMeta]); layer++ {
		links, err := t.neighbors(layer, from)
		if err != nil {
			return err
		}
		for _, nb := range slices.Clone(links) {
			if err := t.renameLink(layer, NodeID(nb), uint32(from), uint32(to)); err != nil {
				return err
			}
		}
	}
	rec, err := t.mutableRecord(to)
	if err != nil {
		return err
	}
	copy(rec, old)
	for s, steps := rec[recUpper], 0; s != 0; steps++ {
		slot, err := t.mutableSlot(s - 1)
		if err != nil {
			return err
		}
		if steps > maxLevel {
			return corruptf(PartLinks, int64(from), "node's upper slots lead in a circle")
		}
		slot[slotNode] = uint32(to)
		s = slot[slotNext]
	}
	if t.entry == uint32(from)+1 {
		t.entry = uint32(to) + 1
	}
	clear(old)
	return t.rowIDs(rec, func(rowid RowID) (bool, error) {
		t.setRow(rowid, to)
		return true, nil
	})
}

// renameLink changes a link of a node.
func (t *tx) renameLink(layer int, id NodeID, from, to uint32) error {
	rec, err := t.mutableRecord(id)
	if err != nil {
		return err
	}
	links := rec[recLinks : recLinks+linkCount(rec[recMeta])]
	if layer > 0 {
		_, at, err := t.upper(layer, id, rec)
		if err != nil {
			return err
		}
		slot, err := t.mutableSlot(at)
		if err != nil {
			return err
		}
		links = slot[slotLinks : slotLinks+linkCount(slot[slotMeta])]
	}
	i := slices.Index(links, from)
	if i < 0 {
		return corruptf(PartLinks, int64(id), "node has no link back to %d in layer %d", from, layer)
	}
	links[i] = to
	return nil
}

// compactSlots does for upper slots what compactNodes does for nodes.
func (t *tx) compactSlots() error {
	if t.freeSlot == 0 {
		return nil
	}
	next := func(id uint32) (uint32, error) {
		slot, err := t.slot(id)
		if err != nil {
			return 0, err
		}
		return slot[slotNext], nil
	}
	all, err := freeIDs(t.freeSlot, t.slots, t.slots, next)
	if err != nil {
		return err
	}
	live := t.slots - uint32(len(all))
	holes := all[:0]
	for _, id := range all {
		if id < live {
			holes = append(holes, id)
		}
	}
	for from := live; from < t.slots; from++ {
		slot, err := t.slot(from)
		if err != nil {
			return err
		}
		if metaFlags(slot[slotMeta])&flagLive == 0 {
			continue
		}
		if len(holes) == 0 {
			return corruptf(PartUpper, int64(from), "free list of slots is too short")
		}
		to := holes[0]
		holes = holes[1:]
		dst, err := t.mutableSlot(to)
		if err != nil {
			return err
		}
		copy(dst, slot)
		node, layer := NodeID(slot[slotNode]), metaLevel(slot[slotMeta])
		rec, err := t.mutableRecord(node)
		if err != nil {
			return err
		}
		if layer == 1 {
			if rec[recUpper] != from+1 {
				return corruptf(PartUpper, int64(from), "slot is not node %d's in layer 1", node)
			}
			rec[recUpper] = to + 1
			continue
		}
		_, below, err := t.upper(layer-1, node, rec)
		if err != nil {
			return err
		}
		slot, err = t.mutableSlot(below)
		if err != nil {
			return err
		}
		if slot[slotNext] != from+1 {
			return corruptf(PartUpper, int64(from), "slot is not node %d's in layer %d", node, layer)
		}
		slot[slotNext] = to + 1
	}
	t.slots, t.freeSlot = live, 0
	t.truncate()
	return nil
}

// truncate forgets blocks beyond the counts. The store's rows go when the
// transaction folds.
func (t *tx) truncate() {
	for d, n := range t.blockCounts(t.g) {
		for block := n; block < len(t.dirs[d].pages)*pageSlots; block++ {
			at, i := block/pageSlots, block%pageSlots
			if t.dirs[d].pages[at].slots[i] == nil && t.dirs[d].pages[at].own == nil {
				continue
			}
			pg := t.dirs[d].own(t.epoch, uint32(block))
			pg.slots[i] = nil
			pg.own.epochs[i] = 0
			pg.own.dirty[i/64] &^= 1 << (i % 64)
		}
	}
}
