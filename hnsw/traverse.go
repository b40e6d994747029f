package hnsw

// traverser walks the graph of a view. It holds the memory that a search needs,
// to be used again.
type traverser struct {
	v       *view
	s       *scorer
	visited nodeSet
	judged  nodeSet // nodes about which the filter was asked, and those it allowed
	allowed nodeSet
	pool    pool
	spilled spill
	ids     []uint32
	rows    []*byte
	dists   []float32
	stats   SearchStats
}

func newTraverser(g *geometry) *traverser {
	n := width * g.m0
	return &traverser{s: newScorer(g), ids: make([]uint32, 0, n), rows: make([]*byte, 0, n), dists: make([]float32, n)}
}

// neighbors returns the links of a node in a layer.
func (v *view) neighbors(layer int, id NodeID) ([]uint32, error) {
	rec, err := v.record(id)
	if err != nil {
		return nil, err
	}
	if layer == 0 {
		return rec[recLinks : recLinks+linkCount(rec[recMeta])], nil
	}
	slot, _, err := v.upper(layer, id, rec)
	if err != nil {
		return nil, err
	}
	return slot[slotLinks : slotLinks+linkCount(slot[slotMeta])], nil
}

// upper returns a node's slot in a layer above 0, and its number.
func (v *view) upper(layer int, id NodeID, rec []uint32) (slot []uint32, at uint32, err error) {
	next := rec[recUpper]
	if metaFlags(rec[recMeta])&flagLive == 0 {
		return nil, 0, corruptf(PartLinks, int64(id), "node is free but linked to in layer %d", layer)
	}
	for l := 1; ; l++ {
		if next == 0 || l > layer {
			return nil, 0, corruptf(PartLinks, int64(id), "node has no slot in layer %d", layer)
		}
		at = next - 1
		if slot, err = v.slot(at); err != nil {
			return nil, 0, err
		}
		if meta := slot[slotMeta]; metaFlags(meta)&flagLive == 0 || metaLevel(meta) != l || slot[slotNode] != uint32(id) {
			return nil, 0, corruptf(PartUpper, int64(at), "slot is not node %d's in layer %d", id, l)
		}
		if l == layer {
			return slot, at, nil
		}
		next = slot[slotNext]
	}
}

// measure computes the distances to t.ids into t.dists.
func (t *traverser) measure() error {
	var err error
	if t.rows, err = t.v.codesOf(t.rows[:0], t.ids); err != nil {
		return err
	}
	if len(t.dists) < len(t.ids) {
		t.dists = make([]float32, len(t.ids)+len(t.ids)/2)
	}
	t.s.batch(t.rows, t.dists)
	t.stats.Visited += len(t.ids)
	return nil
}

// distance returns the distance of one node.
func (t *traverser) distance(id NodeID) (float32, error) {
	t.ids = append(t.ids[:0], uint32(id))
	err := t.measure()
	return t.dists[0], err
}

// descend goes greedily from the entry point to the layer above bottom and
// returns the nearest node found, from which bottom is searched.
func (t *traverser) descend(bottom int) (best candidate, err error) {
	best.id = t.v.entry - 1
	if best.dist, err = t.distance(NodeID(best.id)); err != nil {
		return best, err
	}
	for layer := int(t.v.top); layer > bottom; layer-- {
		for {
			links, err := t.v.neighbors(layer, NodeID(best.id))
			if err != nil {
				return best, err
			}
			t.ids = append(t.ids[:0], links...)
			if err := t.measure(); err != nil {
				return best, err
			}
			before := best.id
			for i, id := range t.ids {
				if less(t.dists[i], id, best.dist, best.id) {
					best = candidate{t.dists[i], id}
				}
			}
			if best.id == before {
				break
			}
		}
	}
	return best, nil
}

// begin prepares a search of a layer that keeps ef candidates.
func (t *traverser) begin(ef int) {
	t.visited.reset(t.v.nodes)
	t.pool.reset(ef)
}

// start adds a node from which a layer is searched.
func (t *traverser) start(c candidate) {
	if t.visited.add(c.id) {
		t.pool.add(c.dist, c.id)
	}
}

// width is how many candidates are expanded at a time. Their links, and then all
// their neighbors' codes, come from memory side by side. All but the last few
// candidates would be expanded anyway.
const width = 2

// hop follows the links of the nearest candidates, and puts the nodes not seen before
// and their distances into t.ids and t.dists. more is false if no candidate was left.
func (t *traverser) hop(layer int) (more bool, err error) {
	var lists [width][]uint32
	n := 0
	for n < width {
		c, ok := t.pool.next()
		if !ok {
			break
		}
		links, err := t.v.neighbors(layer, NodeID(c.id))
		if err != nil {
			return false, err
		}
		lists[n] = links
		n++
	}
	if n == 0 {
		return false, nil
	}
	ids := t.ids[:cap(t.ids)]
	fresh := 0
	for _, links := range lists[:n] {
		fresh += t.visited.addAll(ids[fresh:], links)
	}
	t.ids = ids[:fresh]
	t.stats.Expanded += n
	return true, t.measure()
}

// expand hops from the nearest candidates, and reports whether there were any.
func (t *traverser) expand(layer int) (bool, error) {
	if more, err := t.hop(layer); err != nil || !more {
		return false, err
	}
	for i, id := range t.ids {
		if d := t.dists[i]; d <= t.pool.worst {
			t.v.prefetch(layer, id)
			t.pool.add(d, id)
		} else {
			t.pool.cut = true
		}
	}
	return true, nil
}

// run searches a layer until every candidate is expanded (algorithm 2).
func (t *traverser) run(layer int) error {
	for {
		if more, err := t.expand(layer); err != nil || !more {
			return err
		}
	}
}
