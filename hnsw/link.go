package hnsw

import (
	"cmp"
	"slices"
)

// Links are symmetric, and each layer is connected. Both are invariants of the
// stored graph, which Check verifies:
//
//   - A new node is linked to nodes of the layer, so it is connected.
//   - A node with too many links loses one only if its two ends stay connected
//     without it. Mostly a common neighbor shows that.
//   - When a node is deleted, its neighbors are joined again.
//
// So every node can be reached, and the links to a node are found in its own
// list: deleting it touches no more than its neighbors.

// linker changes the links of a transaction's graph.
type linker struct {
	t   *tx
	sel *selector

	sorted, kept, dominated []candidate
	order                   []uint32
	cur                     []uint32
	removed                 []byte
	search, far             nodeSet
	queue                   []uint32

	later   []newLink // links that their targets will get, sorted by target
	added   bool      // links were added that no rank knows
	bridges int       // links of the order, from its start, that squeeze has tried
	both    []uint32
	ordered []uint32
}

func newLinker(t *tx) *linker {
	l := &linker{t: t, sel: newSelector(t.g)}
	l.sel.v = &t.view
	return l
}

// links returns a node's links in a layer, its words there and the kind and id
// under which changes are logged.
func (l *linker) mutableLinks(layer int, id NodeID) (meta *uint32, links []uint32, kind byte, at uint32, err error) {
	if layer == 0 {
		rec, err := l.t.mutableRecord(id)
		if err != nil {
			return nil, nil, 0, 0, err
		}
		return &rec[recMeta], rec[recLinks:], opLinks, uint32(id), nil
	}
	rec, err := l.t.record(id)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	_, at, err = l.t.upper(layer, id, rec)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	slot, err := l.t.mutableSlot(at)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	return &slot[slotMeta], slot[slotLinks:], opSlotLinks, at, nil
}

// setLinks gives a node the links of list: those it had and keeps come first, in
// their old order. list must not be a part of the record.
func (l *linker) setLinks(layer int, id NodeID, list []uint32) error {
	meta, links, kind, at, err := l.mutableLinks(layer, id)
	if err != nil {
		return err
	}
	n := linkCount(*meta)
	removed := l.removed[:0]
	stay := 0
	for i, old := range links[:n] {
		if stay < len(list) && list[stay] == old {
			stay++
		} else {
			removed = append(removed, byte(i))
		}
	}
	l.removed = removed
	added := list[stay:]
	if len(removed) == 0 && len(added) == 0 {
		return nil
	}
	copy(links, list)
	clear(links[len(list):])
	*meta = *meta&^0xffff | uint32(len(list))
	if l.t.logging() {
		l.t.ops.links(kind, at, removed, added)
	}
	return nil
}

// unlink removes other from a node's links.
func (l *linker) unlink(layer int, id NodeID, other uint32) error {
	meta, links, kind, at, err := l.mutableLinks(layer, id)
	if err != nil {
		return err
	}
	n := linkCount(*meta)
	i := slices.Index(links[:n], other)
	if i < 0 {
		return corruptf(PartLinks, int64(id), "node has no link back to %d in layer %d", other, layer)
	}
	copy(links[i:n-1], links[i+1:n])
	links[n-1] = 0
	*meta = *meta&^0xffff | uint32(n-1)
	if l.t.logging() {
		l.t.ops.links(kind, at, []byte{byte(i)}, nil)
	}
	return nil
}

// appendLink adds a link to a node that has room.
func (l *linker) appendLink(layer int, id NodeID, other uint32) error {
	meta, links, kind, at, err := l.mutableLinks(layer, id)
	if err != nil {
		return err
	}
	n := linkCount(*meta)
	links[n] = other
	*meta = *meta&^0xffff | uint32(n+1)
	if l.t.logging() {
		l.t.ops.links(kind, at, nil, []uint32{other})
	}
	return nil
}

// newLink is a link to be added at target, whose other end source has it
// already.
type newLink struct {
	target, source uint32
	dist           float32
}

// rank orders the links that a node would have, old and new: the order in which
// to drop them when there are too many. Dominated ones come first, farthest
// first, then the others, farthest first.
func (l *linker) rank(layer int, fresh []newLink, order []uint32) ([]uint32, error) {
	target := NodeID(fresh[0].target)
	links, err := l.t.neighbors(layer, target)
	if err != nil {
		return order, err
	}
	if err := l.sel.from(target); err != nil {
		return order, err
	}
	dists, err := l.sel.measure(len(links), func(i int) uint32 { return links[i] })
	if err != nil {
		return order, err
	}
	l.sorted = l.sorted[:0]
	for i, id := range links {
		l.sorted = append(l.sorted, candidate{dists[i], id})
	}
	for _, f := range fresh {
		l.sorted = append(l.sorted, candidate{f.dist, f.source})
	}
	sortCandidates(l.sorted)
	l.dominated = l.dominated[:0]
	l.kept, err = l.sel.pick(l.kept[:0], &l.dominated, l.sorted, len(l.sorted))
	if err != nil {
		return order, err
	}
	for i := len(l.dominated) - 1; i >= 0; i-- {
		order = append(order, l.dominated[i].id)
	}
	for i := len(l.kept) - 1; i >= 0; i-- {
		order = append(order, l.kept[i].id)
	}
	return order, nil
}

// attach adds the new links of one target, dropping others where there are too
// many, by order.
func (l *linker) attach(layer int, fresh []newLink, order []uint32) error {
	target := NodeID(fresh[0].target)
	links, err := l.t.neighbors(layer, target)
	if err != nil {
		return err
	}
	l.cur = append(l.cur[:0], links...)
	for _, f := range fresh {
		l.cur = append(l.cur, f.source)
	}
	most := l.t.g.capacity(layer)
	if len(l.cur) <= most {
		return l.setLinks(layer, target, l.cur)
	}
	if l.added {
		if order, err = l.rank(layer, fresh, l.ordered[:0]); err != nil {
			return err
		}
		l.ordered = order
	}
	for _, z := range order {
		if len(l.cur) <= most {
			break
		}
		at := slices.Index(l.cur, z)
		if at < 0 {
			continue // dropped from its own side meanwhile
		}
		common, err := l.common(layer, z, fresh)
		if err != nil {
			return err
		}
		if !common {
			continue
		}
		if err := l.drop(layer, target, at); err != nil {
			return err
		}
	}
	l.bridges = 0
	for len(l.cur) > most {
		if err := l.squeeze(layer, target, fresh, order); err != nil {
			return err
		}
	}
	return l.setLinks(layer, target, l.cur)
}

// drop removes the link at a position of l.cur, at its other end too.
func (l *linker) drop(layer int, target NodeID, at int) error {
	z := l.cur[at]
	l.cur = slices.Delete(l.cur, at, at+1)
	return l.unlink(layer, NodeID(z), uint32(target))
}

// common reports whether z and the node whose links are l.cur have a common
// neighbor. Of links that were not added to their target yet, the other end
// knows.
func (l *linker) common(layer int, z uint32, fresh []newLink) (bool, error) {
	links, err := l.t.neighbors(layer, NodeID(z))
	if err != nil {
		return false, err
	}
	var mask uint64
	for _, w := range links {
		mask |= 1 << (w & 63)
	}
	for _, w := range l.cur {
		if mask>>(w&63)&1 != 0 && slices.Contains(links, w) {
			return true, nil
		}
	}
	for _, f := range fresh {
		if f.source == z || !slices.Contains(l.cur, f.source) {
			continue
		}
		far, err := l.t.neighbors(layer, NodeID(f.source))
		if err != nil {
			return false, err
		}
		if slices.Contains(far, z) {
			return true, nil
		}
	}
	return false, nil
}

// squeeze makes l.cur one shorter when no link of it has a common neighbor as a
// witness: by one whose ends are connected some other way, or by putting a new
// node between its ends. It is needed for tiny m and strange data only.
func (l *linker) squeeze(layer int, target NodeID, fresh []newLink, order []uint32) error {
	done, n, err := l.dropCircle(layer, target, order[l.bridges:], nearPath)
	if l.bridges += n; done || err != nil {
		return err
	}
	most := l.t.g.capacity(layer)
	isNew := make(map[uint32]bool, len(fresh))
	for _, f := range fresh {
		isNew[f.source] = true
	}
	// A batch may bring hundreds of new links: cur is searched once, not for each.
	var old []uint32 // the links that are not new, in the order to drop them
	for _, z := range order {
		if !isNew[z] && slices.Contains(l.cur, z) {
			old = append(old, z)
		}
	}
	for i := 0; i < len(l.cur) && len(old) > 0; i++ {
		x := l.cur[i]
		if !isNew[x] {
			continue
		}
		links, err := l.t.neighbors(layer, NodeID(x))
		if err != nil {
			return err
		}
		if len(links) >= most {
			continue
		}
		for _, z := range old {
			if slices.Contains(links, z) {
				continue
			}
			if err := l.drop(layer, target, slices.Index(l.cur, z)); err != nil {
				return err
			}
			l.added = true
			return l.connect(layer, z, x)
		}
	}
	// No new node has room. Look for a way round however long; if every link is a
	// bridge, give the last new one another place.
	if done, _, err := l.dropCircle(layer, target, order, anyPath); done || err != nil {
		return err
	}
	for i := len(l.cur) - 1; i >= 0; i-- {
		x := l.cur[i]
		if !isNew[x] {
			continue
		}
		if err := l.drop(layer, target, i); err != nil {
			return err
		}
		if err := l.setLinks(layer, target, l.cur[:min(len(l.cur), most)]); err != nil {
			return err
		}
		l.added = true
		return l.joinParts(layer, uint32(target), x)
	}
	return corruptf(PartLinks, int64(target), "node has more than %d links in layer %d", most, layer)
}

// all returns a node's links, those included that it will get later. The result
// is valid until the next call.
func (l *linker) all(layer int, id uint32) ([]uint32, error) {
	links, err := l.t.neighbors(layer, NodeID(id))
	if err != nil || len(l.later) == 0 {
		return links, err
	}
	at, found := slices.BinarySearchFunc(l.later, id, func(n newLink, id uint32) int { return cmp.Compare(n.target, id) })
	if !found {
		return links, nil
	}
	l.both = append(l.both[:0], links...)
	for ; at < len(l.later) && l.later[at].target == id; at++ {
		l.both = append(l.both, l.later[at].source)
	}
	return l.both, nil
}

// How many nodes connected looks at before it takes a link for a bridge. Where data
// lie on a line most links are bridges but for the long way round, which costs the
// whole graph to find: squeeze has a cheaper remedy then.
const (
	nearPath = 256
	anyPath  = maxNodes
)

// dropCircle drops the first link in order whose ends stay connected without it,
// and reports whether there was one, and how many of order need not be tried again:
// with fewer links there are fewer ways round.
func (l *linker) dropCircle(layer int, target NodeID, order []uint32, reach int) (done bool, n int, err error) {
	for i, z := range order {
		at := slices.Index(l.cur, z)
		if at < 0 {
			continue
		}
		ok, err := l.connected(layer, uint32(target), l.cur, z, reach)
		if err != nil {
			return false, i, err
		}
		if ok {
			return true, i + 1, l.drop(layer, target, at)
		}
	}
	return false, len(order), nil
}

// connected reports whether there is a path from z to target, whose links are
// list, other than their link. It ends at the first of target's neighbors, most
// often two steps away, or when it has looked at reach nodes: then it is not known,
// which counts as no.
func (l *linker) connected(layer int, target uint32, list []uint32, z uint32, reach int) (bool, error) {
	l.search.reset(l.t.nodes)
	l.far.reset(l.t.nodes)
	for _, w := range list {
		l.far.add(w)
	}
	l.search.add(target)
	l.search.add(z)
	l.queue = append(l.queue[:0], z)
	for at := 0; at < min(len(l.queue), reach); at++ {
		links, err := l.all(layer, l.queue[at])
		if err != nil {
			return false, err
		}
		for _, w := range links {
			if !l.search.add(w) {
				continue
			}
			if l.far.has(w) {
				return true, nil
			}
			l.queue = append(l.queue, w)
		}
	}
	return false, nil
}

// connect adds a link between two nodes that have room.
func (l *linker) connect(layer int, a, b uint32) error {
	if err := l.appendLink(layer, NodeID(a), b); err != nil {
		return err
	}
	return l.appendLink(layer, NodeID(b), a)
}

// place links a new node into a layer: its own links first, then the other ends.
func (l *linker) place(layer int, id NodeID, picked []candidate) error {
	list := make([]uint32, len(picked))
	links := make([]newLink, len(picked))
	for i, c := range picked {
		list[i] = uint32(c.node())
		links[i] = newLink{list[i], uint32(id), c.dist}
	}
	if err := l.setLinks(layer, id, list); err != nil {
		return err
	}
	slices.SortFunc(links, compareLinks)
	l.added = false
	for i := range links {
		fresh := links[i : i+1]
		have, err := l.t.neighbors(layer, NodeID(fresh[0].target))
		if err != nil {
			return err
		}
		l.order = l.order[:0]
		if len(have) >= l.t.g.capacity(layer) {
			if l.order, err = l.rank(layer, fresh, l.order); err != nil {
				return err
			}
		}
		l.later = links[i+1:]
		if err := l.attach(layer, fresh, l.order); err != nil {
			return err
		}
	}
	l.later = nil
	return nil
}

// compareLinks orders links by target, then as the target would.
func compareLinks(a, b newLink) int {
	return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.dist, b.dist), cmp.Compare(a.source, b.source))
}
