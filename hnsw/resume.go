package hnsw

import (
	"math"
	"slices"
)

// A search that may have to go on keeps what it has seen and has no room for, so that
// a wider pool continues where the narrower one ended: no node is visited twice. An
// ordinary search without a filter does not: it ends with its first pool.

// spill are candidates that the pool had no room for. Some have been expanded. Most
// searches never look at them: they become a heap, nearest first, when one does.
type spill []candidate

func (s *spill) push(c candidate) { *s = append(*s, c) }

// heap puts the candidates in the order of a heap.
func (s spill) heap() {
	for i := len(s)/2 - 1; i >= 0; i-- {
		s.down(i)
	}
}

func (s spill) down(i int) {
	for {
		down := 2*i + 1
		if down >= len(s) {
			return
		}
		if right := down + 1; right < len(s) && less(s[right].dist, s[right].id, s[down].dist, s[down].id) {
			down = right
		}
		if !less(s[down].dist, s[down].id, s[i].dist, s[i].id) {
			return
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
}

// pop takes the nearest out of a heap.
func (s *spill) pop() candidate {
	h := *s
	c, n := h[0], len(h)-1
	h[0] = h[n]
	*s = h[:n]
	s.down(0)
	return c
}

// keep adds a candidate to the pool, and what that leaves no room for to the spill.
func (t *traverser) keep(c candidate) {
	p := &t.pool
	if n := len(p.items); n == p.most {
		last := p.items[n-1]
		if !less(c.dist, c.id, last.dist, last.id) {
			t.spilled.push(c)
			return
		}
		t.spilled.push(last)
	}
	p.add(c.dist, c.id)
}

// expandKeeping is expand that loses nothing.
func (t *traverser) expandKeeping() (bool, error) {
	if more, err := t.hop(0); err != nil || !more {
		return false, err
	}
	for i, id := range t.ids {
		c := candidate{t.dists[i], id}
		if c.dist > t.pool.worst {
			t.spilled.push(c)
		} else {
			t.v.prefetch(0, id)
			t.keep(c)
		}
	}
	return true, nil
}

// exhausted reports whether the pool holds every node, all of them expanded.
func (t *traverser) exhausted() bool {
	open := func(c candidate) bool { return c.id&expandedBit == 0 }
	return len(t.spilled) == 0 && !slices.ContainsFunc(t.pool.items, open)
}

// widen goes on with a pool that keeps more nodes.
func (w *walk) widen() error { return w.widenTo(4 * max(w.t.pool.most, 1)) }

func (w *walk) widenTo(most int) error {
	t := w.t
	most = min(int(w.v.live), most)
	if w.follows() && len(w.near.dists) == w.near.k {
		w.near.k = 0 // its bound has been too narrow
	}
	if !w.keeping {
		w.keeping = true // nothing was kept yet: the nodes seen are seen once more
		t.spilled = t.spilled[:0]
		items := slices.Clone(t.pool.items)
		t.begin(most)
		for _, c := range items {
			c.id &^= expandedBit
			t.start(c)
		}
		return w.run()
	}
	t.pool.grow(most)
	t.spilled.heap()
	for len(t.spilled) > 0 && len(t.pool.items) < most {
		c := t.spilled.pop()
		t.pool.add(c.dist, c.id)
	}
	if w.follows() {
		if err := w.recount(); err != nil {
			return err
		}
	}
	return w.run()
}

// grow makes room for more candidates, wherever they are.
func (p *pool) grow(most int) {
	p.items = slices.Grow(p.items, max(0, most-len(p.items)))
	p.most, p.rank = most, 0
	p.limit = float32(math.Inf(1))
	p.worst = p.bound()
	p.cursor = 0
}
