package hnsw

import "slices"

// A search that may have to go on keeps what it has seen and has no room for, so that
// a wider pool continues where the narrower one ended: no node is visited twice. The
// first pool of an ordinary search does not: most searches end with it.

// spill is a heap of candidates, nearest first, that the pool had no room for. Some
// have been expanded.
type spill []candidate

func (s *spill) push(c candidate) {
	h := append(*s, c)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !less(h[i].dist, h[i].id, h[up].dist, h[up].id) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	*s = h
}

func (s *spill) pop() candidate {
	h := *s
	c := h[0]
	n := len(h) - 1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			break
		}
		if right := down + 1; right < n && less(h[right].dist, h[right].id, h[down].dist, h[down].id) {
			down = right
		}
		if !less(h[down].dist, h[down].id, h[i].dist, h[i].id) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	*s = h
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
	t.ids = t.ids[:0]
	n := 0
	for ; n < width; n++ {
		c, ok := t.pool.next()
		if !ok {
			break
		}
		links, err := t.v.neighbors(0, NodeID(c.id))
		if err != nil {
			return false, err
		}
		for _, nb := range links {
			if t.visited.add(nb) {
				t.ids = append(t.ids, nb)
			}
		}
	}
	if n == 0 {
		return false, nil
	}
	if err := t.measure(); err != nil {
		return false, err
	}
	for i, id := range t.ids {
		c := candidate{t.dists[i], id}
		if c.dist > t.pool.worst {
			t.spilled.push(c)
		} else {
			t.keep(c)
		}
	}
	t.stats.Expanded += n
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
	for len(t.spilled) > 0 && len(t.pool.items) < most {
		c := t.spilled.pop()
		t.pool.add(c.dist, c.id)
	}
	return w.run()
}

// grow makes room for more candidates, wherever they are.
func (p *pool) grow(most int) {
	p.items = slices.Grow(p.items, max(0, most-len(p.items)))
	p.most, p.rank = most, 0
	p.worst = p.bound()
	p.cursor = 0
}
