package hnsw

// nodeSet is a set of nodes that is quick to clear.
type nodeSet struct {
	words []uint64
	dirty []uint32 // words that are set, in a large set; its length is a word more than needed
	n     int      // of dirty
}

// largeSet is the number of words from which on those that are set are noted:
// clearing less is as fast as noting.
const largeSet = 2048

// reset empties the set and makes room for n nodes.
func (s *nodeSet) reset(n uint32) {
	words := (int(n) + 63) / 64
	if len(s.words) < words {
		s.words = make([]uint64, words+words/8+1)
		s.n = 0
		if len(s.words) > largeSet {
			s.dirty = make([]uint32, len(s.words)+1)
		}
		return
	}
	if len(s.words) <= largeSet || s.n*8 > len(s.words) {
		clear(s.words)
	} else {
		for _, w := range s.dirty[:s.n] {
			s.words[w] = 0
		}
	}
	s.n = 0
}

// add adds a node and reports whether it is new.
func (s *nodeSet) add(id uint32) bool {
	var one [1]uint32
	return s.addAll(one[:], []uint32{id}) == 1
}

// addAll adds nodes and writes the new ones to fresh, which has room for all;
// it returns their number. Whether a neighbor has been visited cannot be
// guessed, so there is no branch on it.
func (s *nodeSet) addAll(fresh, ids []uint32) (n int) {
	fresh = fresh[:len(ids)]
	if len(s.words) <= largeSet {
		for _, id := range ids {
			w := &s.words[id>>6]
			old := *w
			*w = old | 1<<(id&63)
			fresh[n] = id
			n += int(^old >> (id & 63) & 1)
		}
		return n
	}
	d := s.n
	for _, id := range ids {
		w := &s.words[id>>6]
		old := *w
		*w = old | 1<<(id&63)
		fresh[n] = id
		n += int(^old >> (id & 63) & 1)
		s.dirty[d] = id >> 6
		if old == 0 {
			d++
		}
	}
	s.n = d
	return n
}

func (s *nodeSet) has(id uint32) bool {
	return s.words[id>>6]>>(id&63)&1 != 0
}
