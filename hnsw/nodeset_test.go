package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Small sets are cleared whole, large ones word by word; both behave as a map does.
func TestNodeSetIsASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []uint32{1, 64, 1000, largeSet*64 + 1, 4 * largeSet * 64} {
		var s nodeSet
		for round := range 20 {
			s.reset(n)
			have := map[uint32]bool{}
			for range 30 {
				ids := make([]uint32, rng.IntN(40))
				var want []uint32
				for i := range ids {
					ids[i] = rng.Uint32N(n)
					if rng.IntN(4) == 0 {
						ids[i] = n - 1 // often again
					}
					if !have[ids[i]] {
						want = append(want, ids[i])
					}
					have[ids[i]] = true
				}
				fresh := make([]uint32, len(ids))
				if got := fresh[:s.addAll(fresh, ids)]; !slices.Equal(got, want) {
					t.Fatalf("%d nodes, round %d: %v are new of %v, want %v", n, round, got, ids, want)
				}
			}
			for range 100 {
				if id := rng.Uint32N(n); s.has(id) != have[id] {
					t.Fatalf("%d nodes, round %d: has(%d) is %v", n, round, id, s.has(id))
				}
			}
		}
	}
}

// The pool is a sorted list of distinct candidates, whatever the signs.
func TestPoolSorts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for most := 1; most < 70; most += 7 {
		var p pool
		p.reset(most)
		var all []candidate
		for i := range uint32(200) {
			c := candidate{float32(rng.IntN(50)-25) / 8, i}
			all = append(all, c)
			p.add(c.dist, c.id)
			if i%3 == 0 {
				p.next()
			}
		}
		sortCandidates(all)
		for i, c := range p.items {
			if c.dist != all[i].dist || c.node() != all[i].node() {
				t.Fatalf("a pool of %d has %v at %d, want %v", most, c, i, all[i])
			}
		}
	}
}
