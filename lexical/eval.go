package lexical

import (
	"context"
	"math/bits"
)

// A query is evaluated segment by segment, each node of its tree into the list of
// its documents with their scores. Lists are short next to the postings they
// come from, and one pass over postings in order is what memory likes best.

// matches are documents of one segment, ascending, with their scores.
type matches struct {
	docs   []uint32
	scores []float64
}

// node is a part of a query.
type node interface {
	eval(e *evaluation, segment int) (matches, error)
}

type (
	noneNode struct{}
	// allNode matches every document, with a constant score.
	allNode struct{ boost float64 }
	// leafNode matches the documents of a leaf, scored by BM25.
	leafNode struct{ leaf *leaf }
	// anyNode matches documents that at least min of its children match.
	anyNode struct {
		children []node
		min      int
	}
	// bothNode matches documents that all its children match.
	bothNode struct{ children []node }
	// boolNode matches must, and should if there is no must or should is needed,
	// without mustNot. Absent parts are nil.
	boolNode struct {
		must, should, mustNot, filter node
		shouldNeeded                  bool
	}
	// phraseNode matches documents with the slots' words at their offsets, in one
	// column; slop is the sum of displacements allowed.
	phraseNode struct {
		slots []phraseSlot
		slop  int
	}
	// rowsNode matches given rowids.
	rowsNode struct {
		rowids []int64
		boost  float64
	}
)

// phraseSlot is a word of a phrase and its distance from the first.
type phraseSlot struct {
	leaf   *leaf
	offset int
}

// evaluation is the state of one search.
type evaluation struct {
	ix     *Index
	view   view
	boosts []float64 // per column
	leaves []*leaf
	stats  SearchStats
	places map[int64]int // of segments by number; made when there are patches

	*arena
}

// arena is memory that searches use again. A search takes its Index's and gives
// it back; a search inside another one (from a filter) finds none and makes one.
type arena struct {
	scratch []byte
	list    postingList
	one     leafList

	// Accumulators over a segment's documents. All are zero between uses.
	acc   []float64
	count []uint16
	seen  []uint64 // bit set

	ints   slab[uint32]
	floats slab[float64]
}

// slab hands out slices of one growing block, all taken back at once.
type slab[T any] struct {
	block []T
	used  int
}

// take returns an empty slice with room for n.
func (s *slab[T]) take(n int) []T {
	if s.used+n > len(s.block) {
		// Slices handed out stay valid: the old block is left to them.
		s.block, s.used = make([]T, max(2*len(s.block), n, 1024)), 0
	}
	s.used += n
	return s.block[s.used-n : s.used-n : s.used]
}

func (ix *Index) newEvaluation(v view) *evaluation {
	e := &evaluation{ix: ix, view: v, boosts: ix.schema.boosts, arena: ix.arena}
	if ix.arena = nil; e.arena == nil {
		e.arena = &arena{}
	}
	return e
}

// maxArena bounds what an idle Index keeps, in numbers.
const maxArena = 1 << 20

// close gives the memory back. Results must not alias it.
func (e *evaluation) close() {
	a := e.arena
	e.arena = nil
	a.ints.used, a.floats.used = 0, 0
	if len(a.ints.block) <= maxArena && len(a.floats.block) <= maxArena && len(a.acc) <= maxArena && cap(a.scratch) <= 8*maxArena {
		e.ix.arena = a
	}
}

// accumulators makes room for a segment's documents.
func (e *evaluation) accumulators(docs int) {
	if len(e.acc) < docs {
		e.acc, e.count, e.seen = make([]float64, docs), make([]uint16, docs), make([]uint64, (docs+63)/64)
	}
}

// harvest moves what has been accumulated, from at least min sources, into lists,
// and clears the accumulators.
func (e *evaluation) harvest(docs, least, most int) (found []uint32, sums []float64) {
	found, sums = e.ints.take(min(docs, most)), e.floats.take(min(docs, most))
	for i, w := range e.seen[:(docs+63)/64] {
		if w == 0 {
			continue
		}
		e.seen[i] = 0
		for ; w != 0; w &= w - 1 {
			doc := i*64 + bits.TrailingZeros64(w)
			if int(e.count[doc]) >= least {
				found, sums = append(found, uint32(doc)), append(sums, e.acc[doc])
			}
			e.acc[doc], e.count[doc] = 0, 0
		}
	}
	return found, sums
}

// averageLength is the mean number of tokens in the given columns.
func (e *evaluation) averageLength(columns uint64) float64 {
	var sum int64
	for c, n := range e.view.tokens {
		if columns>>c&1 == 1 {
			sum += n
		}
	}
	if sum <= 0 || e.view.rows <= 0 {
		return 1
	}
	return float64(sum) / float64(e.view.rows)
}

func (e *evaluation) gatherAll(ctx context.Context) error {
	for _, l := range e.leaves {
		if err := e.gather(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// score appends the leaf's scores in a segment, BM25 in the form of Robertson and
// Zaragoza 2009, equation 3.15, with the idf that cannot be negative:
//
//	idf · tf·(k1+1) / (tf + k1·(1 - b + b·length/average))
//
// and tf summed over columns, weighted by their boosts (BM25F with one length).
func (e *evaluation) score(l *leaf, segment int, list *leafList, scores []float64) ([]float64, error) {
	err := e.scores(l, segment, list, func(_ uint32, score float64) { scores = append(scores, score) })
	return scores, err
}

// scores calls to with each document of the list and its score.
func (e *evaluation) scores(l *leaf, segment int, list *leafList, to func(doc uint32, score float64)) error {
	p := &e.ix.schema.params
	k1, b := p.K1, p.b()
	weight := l.boost * l.idf * (k1 + 1)
	fixed, perToken := k1*(1-b), k1*b/e.averageLength(l.columns)
	s := e.view.segments[segment]
	columns := e.ix.src.columns
	whole := l.columns == e.ix.schema.all()
	var lengths []uint32
	current := -1
	for i, doc := range list.docs {
		if n := int(doc / docBlockDocs); n != current {
			var err error
			if lengths, err = s.lengths(&e.ix.src, n); err != nil {
				return err
			}
			current = n
		}
		at := int(doc%docBlockDocs) * columns
		var length uint32
		for c, n := range lengths[at : at+columns] {
			if whole || l.columns>>c&1 == 1 {
				length += n
			}
		}
		tf := list.tf[i]
		to(doc, weight*tf/(tf+fixed+perToken*float64(length)))
	}
	return nil
}

func (noneNode) eval(*evaluation, int) (matches, error) { return matches{}, nil }

func (n allNode) eval(e *evaluation, segment int) (matches, error) {
	s := e.view.segments[segment]
	m := matches{docs: make([]uint32, 0, s.live()), scores: make([]float64, 0, s.live())}
	for doc := range s.seg.docs {
		if !s.isDeleted(doc) {
			m.docs = append(m.docs, doc)
			m.scores = append(m.scores, n.boost)
		}
	}
	return m, nil
}

func (n leafNode) eval(e *evaluation, segment int) (matches, error) {
	list := &n.leaf.lists[segment]
	scores, err := e.score(n.leaf, segment, list, e.floats.take(len(list.docs)))
	return matches{list.docs, scores}, err
}

func (n anyNode) eval(e *evaluation, segment int) (matches, error) {
	if len(n.children) == 1 && n.min <= 1 {
		return n.children[0].eval(e, segment)
	}
	// Children that are no words are evaluated before the accumulators are used:
	// they may use them too.
	parts := make([]matches, len(n.children))
	total := 0
	for i, c := range n.children {
		if l, ok := c.(leafNode); ok {
			total += len(l.leaf.lists[segment].docs)
			continue
		}
		m, err := c.eval(e, segment)
		if err != nil {
			return matches{}, err
		}
		parts[i] = m
		total += len(m.docs)
	}
	docs := int(e.view.segments[segment].seg.docs)
	e.accumulators(docs)
	acc, count, seen := e.acc, e.count, e.seen
	add := func(doc uint32, score float64) {
		acc[doc] += score
		count[doc]++
		seen[doc/64] |= 1 << (doc % 64)
	}
	var failed error
	for i, c := range n.children {
		if l, ok := c.(leafNode); ok && failed == nil {
			failed = e.scores(l.leaf, segment, &l.leaf.lists[segment], add)
		}
		for j, doc := range parts[i].docs {
			add(doc, parts[i].scores[j])
		}
	}
	found, sums := e.harvest(docs, n.min, total) // clears, also after an error
	return matches{found, sums}, failed
}

func (n bothNode) eval(e *evaluation, segment int) (matches, error) {
	var out matches
	for i, c := range n.children {
		m, err := c.eval(e, segment)
		if err != nil {
			return matches{}, err
		}
		if i == 0 {
			out = m
		} else {
			out = intersect(out, m, true)
		}
		if len(out.docs) == 0 {
			return matches{}, nil
		}
	}
	return out, nil
}

// intersect keeps a's documents that b has too, adding b's scores if wanted.
func intersect(a, b matches, add bool) matches {
	out := matches{make([]uint32, 0, min(len(a.docs), len(b.docs))), make([]float64, 0, min(len(a.docs), len(b.docs)))}
	j := 0
	for i, doc := range a.docs {
		for j < len(b.docs) && b.docs[j] < doc {
			j++
		}
		if j == len(b.docs) {
			break
		}
		if b.docs[j] == doc {
			score := a.scores[i]
			if add {
				score += b.scores[j]
			}
			out.docs, out.scores = append(out.docs, doc), append(out.scores, score)
		}
	}
	return out
}

// subtract keeps a's documents that b lacks.
func subtract(a, b matches) matches {
	var out matches
	j := 0
	for i, doc := range a.docs {
		for j < len(b.docs) && b.docs[j] < doc {
			j++
		}
		if j == len(b.docs) || b.docs[j] != doc {
			out.docs, out.scores = append(out.docs, doc), append(out.scores, a.scores[i])
		}
	}
	return out
}

// addScores adds b's scores to the documents of a that b has.
func addScores(a, b matches) matches {
	out := matches{a.docs, append([]float64(nil), a.scores...)}
	j := 0
	for i, doc := range a.docs {
		for j < len(b.docs) && b.docs[j] < doc {
			j++
		}
		if j < len(b.docs) && b.docs[j] == doc {
			out.scores[i] += b.scores[j]
		}
	}
	return out
}

func (n boolNode) eval(e *evaluation, segment int) (matches, error) {
	var out, should matches
	var err error
	if n.should != nil {
		if should, err = n.should.eval(e, segment); err != nil {
			return matches{}, err
		}
	}
	switch {
	case n.must != nil:
		if out, err = n.must.eval(e, segment); err != nil {
			return matches{}, err
		}
		if n.should != nil && n.shouldNeeded {
			out = intersect(out, should, true)
		} else if n.should != nil {
			out = addScores(out, should)
		}
	case n.should != nil:
		out = should
	default: // only exclusions and filters: they choose among all documents
		if out, err = (allNode{1}).eval(e, segment); err != nil {
			return matches{}, err
		}
	}
	if n.filter != nil {
		f, err := n.filter.eval(e, segment)
		if err != nil {
			return matches{}, err
		}
		out = intersect(out, f, false)
	}
	if n.mustNot != nil && len(out.docs) > 0 {
		not, err := n.mustNot.eval(e, segment)
		if err != nil {
			return matches{}, err
		}
		out = subtract(out, not)
	}
	return out, nil
}

func (n rowsNode) eval(e *evaluation, segment int) (matches, error) {
	var out matches
	s := e.view.segments[segment]
	for _, rowid := range n.rowids { // ascending, as documents are
		doc, ok, err := s.seg.find(&e.ix.src, rowid)
		if err != nil {
			return matches{}, err
		}
		if ok && !s.isDeleted(doc) {
			out.docs, out.scores = append(out.docs, doc), append(out.scores, n.boost)
		}
	}
	return out, nil
}

// eval of a phrase scores like the words joined by AND, as bleve does.
func (n phraseNode) eval(e *evaluation, segment int) (matches, error) {
	// Intersect on documents first, then look at positions.
	at := make([]int, len(n.slots))
	var costs [2][]int
	positions := func(k int) []uint64 {
		l := &n.slots[k].leaf.lists[segment]
		return l.pos[l.at[at[k]]:l.at[at[k]+1]]
	}
	offset := func(k int) int { return n.slots[k].offset }
	first := &n.slots[0].leaf.lists[segment]
	var out matches
	kept := make([]leafList, len(n.slots))
	for i, doc := range first.docs {
		found := true
		for k := 1; k < len(n.slots) && found; k++ {
			l := &n.slots[k].leaf.lists[segment]
			for at[k] < len(l.docs) && l.docs[at[k]] < doc {
				at[k]++
			}
			found = at[k] < len(l.docs) && l.docs[at[k]] == doc
		}
		at[0] = i
		if !found || !matchPhrase(len(n.slots), positions, offset, n.slop, &costs) {
			continue
		}
		out.docs = append(out.docs, doc)
		for k := range n.slots {
			kept[k].docs = append(kept[k].docs, doc)
			kept[k].tf = append(kept[k].tf, n.slots[k].leaf.lists[segment].tf[at[k]])
		}
	}
	out.scores = make([]float64, len(out.docs))
	var scores []float64
	for k := range n.slots {
		var err error
		if scores, err = e.score(n.slots[k].leaf, segment, &kept[k], scores[:0]); err != nil {
			return matches{}, err
		}
		for i, s := range scores {
			out.scores[i] += s
		}
	}
	return out, nil
}
