package hnsw

import "slices"

// A walk whose filter costs next to nothing, because the nodes' attributes or earlier
// verdicts decide, asks it about every node that comes near: it knows the k nearest
// that pass as it goes, and ends at a distance behind the k-th of them, as a walk without
// a filter does. Where matching rows are crowded near the query the walk ends early, where
// they are rare or far it goes on.

// passing are the distances of the k nearest nodes that pass, ascending.
type passing struct {
	k     int
	dists []float32
}

// follows reports whether the walk ends by distance.
func (w *walk) follows() bool { return w.near.k > 0 }

// expandPassing is expandKeeping with a look at what passes.
func (w *walk) expandPassing() (bool, error) {
	t := w.t
	if more, err := t.hop(0); err != nil || !more {
		return false, err
	}
	moved := false
	for i, id := range t.ids {
		c := candidate{t.dists[i], id}
		if c.dist > t.pool.worst {
			t.spilled.push(c)
			continue
		}
		t.v.prefetch(0, id)
		t.keep(c)
		yes, err := w.surely(NodeID(id))
		if err != nil {
			return false, err
		}
		if yes {
			moved = w.near.add(c.dist) || moved
		}
	}
	if moved {
		w.bound()
	}
	return true, nil
}

// recount looks at what passes in the pool as it is.
func (w *walk) recount() error {
	w.near.dists = w.near.dists[:0]
	for _, c := range w.t.pool.items {
		yes, err := w.surely(c.node())
		if err != nil {
			return err
		}
		if yes && w.near.add(c.dist) {
			w.bound()
			return nil // they come in order
		}
	}
	return nil
}

// surely reports whether a node is known to pass.
func (w *walk) surely(id NodeID) (bool, error) {
	w.t.stats.Attrs++
	if f := w.opt.Verdicts; f != nil {
		if yes, ask := f.node(id); !ask || w.opt.Attrs == nil {
			return yes, nil
		}
	}
	yes, _, err := w.opt.Attrs.node(w.v, id)
	return yes, err
}

// add reports whether the k-th distance is another one.
func (p *passing) add(d float32) bool {
	n := len(p.dists)
	if n == p.k {
		if d >= p.dists[n-1] {
			return false
		}
		p.dists = p.dists[:n-1]
	}
	at, _ := slices.BinarySearch(p.dists, d)
	p.dists = slices.Insert(p.dists, at, d)
	return len(p.dists) == p.k
}

// bound ends the walk where the rank that it has to reach would be for an average query.
func (w *walk) bound() {
	p, x := &w.t.pool, w.v.growth
	d := w.near.dists[w.near.k-1]
	rank, _ := slices.BinarySearchFunc(p.items, d, func(c candidate, d float32) int {
		if c.dist <= d {
			return -1
		}
		return 1
	})
	rank = max(rank, nearRank)
	near := x.nearAt(rank)
	p.limit = d + x.slack(rank, w.enough(rank))*max(min(d, near), near/8)
	p.worst = p.bound()
}
