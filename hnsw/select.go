package hnsw

import (
	"cmp"
	"slices"
)

// selector chooses links. It measures distances between nodes.
type selector struct {
	v     *view
	s     *scorer
	rows  []*byte
	dists []float32
	rest  []candidate
	next  []candidate
}

func newSelector(g *geometry) *selector { return &selector{s: newScorer(g)} }

// from prepares for distances from a node.
func (s *selector) from(id NodeID) error {
	row, err := s.v.codeRow(id)
	if err != nil {
		return err
	}
	s.s.setRow(row)
	return nil
}

// measure returns the distances to the nodes of list. The result is valid until
// the next call.
func (s *selector) measure(n int, id func(i int) uint32) ([]float32, error) {
	s.rows = s.rows[:0]
	for i := range n {
		p, err := s.v.code(NodeID(id(i)))
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, p)
	}
	if cap(s.dists) < n {
		s.dists = make([]float32, n+n/2)
	}
	s.dists = s.dists[:n]
	s.s.batch(s.rows, s.dists)
	return s.dists, nil
}

// pick appends to kept up to want of the candidates, which are sorted by their
// distance to a node: the nearest ones that are nearer to the node than to any
// picked before (algorithm 4). The others, dominated by a picked one, it appends
// to dominated, nearest first, unless that is nil. Each picked candidate is
// compared with all that are left at once.
func (s *selector) pick(kept []candidate, dominated *[]candidate, sorted []candidate, want int) ([]candidate, error) {
	rest := append(s.rest[:0], sorted...)
	next := s.next[:0]
	start := len(kept)
	for len(rest) > 0 && len(kept)-start < want {
		c := rest[0]
		kept = append(kept, c)
		rest = rest[1:]
		if len(rest) == 0 || len(kept)-start == want {
			break
		}
		if err := s.from(c.node()); err != nil {
			return kept, err
		}
		dists, err := s.measure(len(rest), func(i int) uint32 { return rest[i].id &^ expandedBit })
		if err != nil {
			return kept, err
		}
		next = next[:0]
		for i, r := range rest {
			if dists[i] < r.dist {
				if dominated != nil {
					*dominated = append(*dominated, r)
				}
				continue
			}
			next = append(next, r)
		}
		rest, next = append(s.rest[:0], next...), next[:0]
	}
	if dominated != nil {
		*dominated = append(*dominated, rest...)
		sortCandidates(*dominated)
	}
	s.rest, s.next = s.rest[:0], next
	return kept, nil
}

func sortCandidates(list []candidate) {
	slices.SortFunc(list, func(a, b candidate) int {
		if c := cmp.Compare(a.dist, b.dist); c != 0 {
			return c
		}
		return cmp.Compare(a.id&^expandedBit, b.id&^expandedBit)
	})
}
