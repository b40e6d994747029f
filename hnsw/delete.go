package hnsw

import (
	"fmt"
	"slices"
)

// Delete removes a row and reports whether it was indexed. The node goes at
// once, unless other rows share it: its neighbors are linked to each other, so
// that no link leads to it and everything stays reachable. After an error the
// transaction can only be rolled back.
func (ix *Index) Delete(rowid RowID) (found bool, err error) {
	t, err := ix.writer()
	if err != nil {
		return false, err
	}
	err = t.guard(func() error {
		var id NodeID
		if id, found, err = t.node(rowid); err != nil || !found {
			return err
		}
		return ix.remove(t, rowid, id)
	})
	if err != nil {
		return false, fmt.Errorf("delete rowid %d: %w", rowid, err)
	}
	return found, nil
}

// remove removes a row from its node, and the node with its last row.
func (ix *Index) remove(t *tx, rowid RowID, id NodeID) error {
	rec, err := t.record(id)
	if err != nil {
		return err
	}
	flags := metaFlags(rec[recMeta])
	if flags&flagLive == 0 {
		return corruptf(PartRows, rowid, "names node %d, which is free", id)
	}
	t.changed, t.synced = true, false
	t.rowsN(-1)
	t.deleteRow(rowid)
	if flags&flagShared != 0 {
		return t.removeRow(id, rowid)
	}
	if recRowID(rec) != rowid {
		return corruptf(PartRows, rowid, "names node %d, which is row %d's", id, recRowID(rec))
	}
	lvl := metaLevel(rec[recMeta])
	l := ix.linker(t)
	var entry uint32 // a neighbor in the highest layer that has one
	top := 0
	for layer := lvl; layer >= 0; layer-- {
		links, err := t.neighbors(layer, id)
		if err != nil {
			return err
		}
		if entry == 0 && len(links) > 0 {
			entry, top = links[0]+1, layer
		}
		if err := l.detach(layer, id, slices.Clone(links)); err != nil {
			return err
		}
	}
	if t.entry == uint32(id)+1 {
		t.entry, t.top = entry, uint32(top)
	}
	return t.freeNodeID(id)
}

// detach removes a node from a layer and links its neighbors to each other.
//
// Each neighbor gets the best of the others that it is not linked to yet and
// that its own links do not dominate, where both have room. What is then not
// joined directly or by a common neighbor is joined by force.
func (l *linker) detach(layer int, id NodeID, around []uint32) error {
	t := l.t
	if err := l.setLinks(layer, id, nil); err != nil {
		return err
	}
	for _, u := range around {
		if err := l.unlink(layer, NodeID(u), uint32(id)); err != nil {
			return err
		}
	}
	if len(around) < 2 {
		return nil
	}
	most := t.g.capacity(layer)
	for _, u := range around {
		links, err := t.neighbors(layer, NodeID(u))
		if err != nil {
			return err
		}
		if len(links) >= most {
			continue
		}
		best, err := l.replacement(layer, u, links, around)
		if err != nil {
			return err
		}
		if best == u {
			continue
		}
		if err := l.connect(layer, u, best); err != nil {
			return err
		}
	}
	return l.reconnect(layer, around)
}

// replacement returns the nearest of around to link u to, or u if there is none.
func (l *linker) replacement(layer int, u uint32, links, around []uint32) (uint32, error) {
	t := l.t
	most := t.g.capacity(layer)
	l.cur = append(l.cur[:0], links...) // first the links, then what could become one
	for _, w := range around {
		if w == u || slices.Contains(links, w) {
			continue
		}
		theirs, err := t.neighbors(layer, NodeID(w))
		if err != nil {
			return u, err
		}
		if len(theirs) < most {
			l.cur = append(l.cur, w)
		}
	}
	if len(l.cur) == len(links) {
		return u, nil
	}
	if err := l.sel.from(NodeID(u)); err != nil {
		return u, err
	}
	dists, err := l.sel.measure(len(l.cur), func(i int) uint32 { return l.cur[i] })
	if err != nil {
		return u, err
	}
	l.sorted, l.kept = l.sorted[:0], l.kept[:0]
	for i, w := range l.cur {
		if i < len(links) {
			l.kept = append(l.kept, candidate{dists[i], w})
		} else {
			l.sorted = append(l.sorted, candidate{dists[i], w})
		}
	}
	sortCandidates(l.sorted)
	for _, c := range l.sorted {
		if err := l.sel.from(c.node()); err != nil {
			return u, err
		}
		dists, err := l.sel.measure(len(l.kept), func(i int) uint32 { return l.kept[i].id })
		if err != nil {
			return u, err
		}
		dominated := false
		for i, k := range l.kept {
			if k.dist < c.dist && dists[i] < c.dist {
				dominated = true
				break
			}
		}
		if !dominated {
			return c.id, nil
		}
	}
	return u, nil
}

// reconnect joins the nodes of list, which were neighbors of a deleted node.
func (l *linker) reconnect(layer int, list []uint32) error {
	t := l.t
	group := make([]int, len(list)) // union-find
	for i := range group {
		group[i] = i
	}
	find := func(i int) int {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	left := len(list)
	union := func(i, j int) {
		if i, j = find(i), find(j); i != j {
			group[max(i, j)] = min(i, j)
			left--
		}
	}
	owner := make(map[uint32]int, 16*len(list))
	for i, u := range list {
		owner[u] = i
	}
	for i, u := range list {
		links, err := t.neighbors(layer, NodeID(u))
		if err != nil {
			return err
		}
		for _, w := range links {
			if j, ok := owner[w]; ok {
				union(i, j)
			} else {
				owner[w] = i
			}
		}
	}
	for i := 1; i < len(list) && left > 1; i++ {
		if find(i) == find(0) {
			continue
		}
		// They may still be joined by a longer path.
		joined, err := l.reaches(layer, list[0], list[i])
		if err != nil {
			return err
		}
		if !joined {
			if err := l.joinParts(layer, list[0], list[i]); err != nil {
				return err
			}
		}
		union(0, i)
	}
	return nil
}

// reaches reports whether there is a path from a to b.
func (l *linker) reaches(layer int, a, b uint32) (bool, error) {
	// Search from both sides in turn: where the answer is yes, they meet soon.
	l.search.reset(l.t.nodes)
	l.far.reset(l.t.nodes)
	l.search.add(a)
	l.far.add(b)
	queues := [2][]uint32{{a}, {b}}
	sets := [2]*nodeSet{&l.search, &l.far}
	for side := 0; len(queues[0]) > 0 && len(queues[1]) > 0; side = 1 - side {
		id := queues[side][0]
		queues[side] = queues[side][1:]
		links, err := l.t.neighbors(layer, NodeID(id))
		if err != nil {
			return false, err
		}
		for _, w := range links {
			if sets[1-side].has(w) {
				return true, nil
			}
			if sets[side].add(w) {
				queues[side] = append(queues[side], w)
			}
		}
	}
	return false, nil
}

// joinParts links the parts of a layer that a and b are in, at nodes that have
// room. There must be no path from a to b.
func (l *linker) joinParts(layer int, a, b uint32) error {
	x, err := l.roomNear(layer, a)
	if err != nil {
		return err
	}
	y, err := l.roomNear(layer, b)
	if err != nil {
		return err
	}
	return l.connect(layer, x, y)
}

// roomNear returns the nearest node, counted in hops, that has room for a link;
// failing that it makes room by dropping a link that is not a bridge.
func (l *linker) roomNear(layer int, a uint32) (uint32, error) {
	most := l.t.g.capacity(layer)
	l.search.reset(l.t.nodes)
	l.search.add(a)
	queue := []uint32{a}
	for at := 0; at < len(queue); at++ {
		links, err := l.all(layer, queue[at])
		if err != nil {
			return 0, err
		}
		if len(links) < most {
			return queue[at], nil
		}
		for _, w := range links {
			if l.search.add(w) {
				queue = append(queue, w)
			}
		}
	}
	// A finite part without room cannot be a tree: some link is on a circle.
	for _, u := range queue {
		links, err := l.all(layer, u)
		if err != nil {
			return 0, err
		}
		links = slices.Clone(links)
		for _, z := range links {
			if !l.mutual(layer, u, z) {
				continue // a link to come
			}
			ok, err := l.connected(layer, u, links, z, anyPath)
			if err != nil {
				return 0, err
			}
			if !ok {
				continue
			}
			if err := l.unlink(layer, NodeID(u), z); err != nil {
				return 0, err
			}
			return u, l.unlink(layer, NodeID(z), u)
		}
	}
	return 0, corruptf(PartLinks, int64(a), "no node of layer %d has room for one more link", layer)
}

// mutual reports whether the link between a and b is in the records of both.
func (l *linker) mutual(layer int, a, b uint32) bool {
	ofA, err := l.t.neighbors(layer, NodeID(a))
	if err != nil || !slices.Contains(ofA, b) {
		return false
	}
	ofB, err := l.t.neighbors(layer, NodeID(b))
	return err == nil && slices.Contains(ofB, a)
}
