package lexical

import (
	"context"
	"math"
	"slices"
)

// leaf is a word of a query, or a set of words that count as one (the words with
// a prefix, the spellings of a fuzzy word), in some columns.
type leaf struct {
	terms     []weightedTerm
	columns   uint64 // bit mask
	boost     float64
	positions bool // wanted, for phrases

	idf   float64
	lists []leafList // per segment
}

type weightedTerm struct {
	term   string
	weight float64 // of an occurrence: 1, less for a misspelling
}

// leafList holds the live documents of one segment that contain a leaf.
type leafList struct {
	docs []uint32
	tf   []float64 // occurrences, weighted by column and word
	// at[i] to at[i+1] delimit document i's positions: column << 32 | position,
	// ascending.
	at  []uint32
	pos []uint64
}

// gather reads a leaf's postings in all segments.
func (e *evaluation) gather(ctx context.Context, l *leaf) error {
	l.lists = make([]leafList, len(e.view.segments))
	var docs int64
	for i, s := range e.view.segments {
		if err := e.gatherSegment(ctx, l, &l.lists[i], s); err != nil {
			return err
		}
	}
	if len(e.view.patches) > 0 {
		if err := e.patchLists(l); err != nil {
			return err
		}
	}
	for i := range l.lists {
		docs += int64(len(l.lists[i].docs))
	}
	n := float64(e.view.rows)
	l.idf = math.Log(1 + (n-float64(docs)+0.5)/(float64(docs)+0.5))
	return nil
}

// gatherSegment reads a leaf's postings in one segment. Several words are added up
// document by document; where positions are wanted, list by list.
func (e *evaluation) gatherSegment(ctx context.Context, l *leaf, list *leafList, s *segmentState) error {
	adding := len(l.terms) > 1 && !l.positions
	total := 0
	var failed error
	for _, t := range l.terms {
		p, ok, err := s.seg.term(&e.ix.src, []byte(t.term))
		if err != nil {
			failed = err
			break
		}
		if !ok {
			continue
		}
		e.stats.Terms++
		if e.stats.Terms%256 == 0 && ctx.Err() != nil {
			failed = ctx.Err()
			break
		}
		var data []byte
		data, e.scratch, err = s.seg.read(&e.ix.src, p.offset, p.bytes, e.scratch)
		if err != nil {
			failed = err
			break
		}
		into := list
		if adding || len(list.docs) > 0 {
			into = &e.one
			into.docs, into.tf, into.at, into.pos = into.docs[:0], into.tf[:0], into.at[:0], into.pos[:0]
		} else {
			list.docs, list.tf = e.ints.take(int(p.docs)), e.floats.take(int(p.docs))
		}
		if !e.decode(into, data, p.docs, s, l, t.weight) {
			failed = corruptf("segment %d: postings of %q do not decode", s.seg.number, t.term)
			break
		}
		switch {
		case adding:
			e.accumulators(int(s.seg.docs))
			for i, doc := range into.docs {
				e.acc[doc] += into.tf[i]
				e.seen[doc/64] |= 1 << (doc % 64)
			}
			total += len(into.docs)
		case into != list:
			list.union(into, true)
		}
	}
	if adding && total > 0 {
		list.docs, list.tf = e.harvest(int(s.seg.docs), 0, total)
	}
	return failed
}

// decode appends the live documents of a posting list that have the leaf's term
// in the leaf's columns. It is postingList.decode for searching: it leaves out
// what a search does not need.
func (e *evaluation) decode(out *leafList, data []byte, n uint32, s *segmentState, l *leaf, weight float64) bool {
	if l.positions {
		return e.decodePositions(out, data, n, s, l, weight)
	}
	common, docs, _, ok := splitPostings(data)
	limitColumns := e.ix.src.columns
	if !ok || int(common) >= limitColumns || uint64(n) > uint64(len(docs)) {
		return false
	}
	del, patched := s.del, s.patched > 0
	commonTF := 0.0
	if l.columns>>common&1 == 1 {
		commonTF = weight * e.boosts[common]
	}
	at := 0
	doc := int64(-1)
	limit := int64(s.seg.docs)
	for ; n > 0; n-- {
		var v uint32
		if v, at = uvarintAt(docs, at); at == 0 || v < 2 {
			return false
		}
		if doc += int64(v >> 1); doc >= limit {
			return false
		}
		tf := commonTF
		columns := l.columns
		if patched {
			if columns &^= s.patchedColumns(uint32(doc)); columns>>common&1 == 0 {
				tf = 0
			}
		}
		if v&1 == 1 {
			tf = 0
			for more := true; more; {
				if at >= len(docs) || int(docs[at]) >= limitColumns {
					return false
				}
				c := docs[at]
				var f uint32
				if f, at = uvarintAt(docs, at+1); at == 0 {
					return false
				}
				if columns>>c&1 == 1 {
					tf += weight * e.boosts[c] * float64(f>>1)
				}
				more = f&1 == 1
			}
		}
		if tf == 0 || del != nil && del.Contains(uint32(doc)) {
			continue
		}
		out.docs = append(out.docs, uint32(doc))
		out.tf = append(out.tf, tf)
	}
	return at == len(docs)
}

func (e *evaluation) decodePositions(out *leafList, data []byte, n uint32, s *segmentState, l *leaf, weight float64) bool {
	p := &e.list
	p.reset()
	if !p.decode(data, n, s.seg.docs, e.ix.src.columns, nil, nil) {
		return false
	}
	if len(out.at) == 0 {
		out.at = append(out.at, 0)
	}
	ent, at := 0, 0
	for i, doc := range p.docs {
		tf := 0.0
		columns := l.columns &^ s.patchedColumns(doc)
		for k := p.entries[i]; k > 0; k-- {
			c, f := p.columns[ent], p.freqs[ent]
			ent++
			if columns>>c&1 == 1 {
				tf += weight * e.boosts[c] * float64(f)
				for _, x := range p.pos[at : at+int(f)] {
					out.pos = append(out.pos, uint64(c)<<32|uint64(x))
				}
			}
			at += int(f)
		}
		if tf == 0 || s.isDeleted(doc) {
			out.pos = out.pos[:out.at[len(out.at)-1]]
			continue
		}
		out.docs = append(out.docs, doc)
		out.tf = append(out.tf, tf)
		out.at = append(out.at, uint32(len(out.pos)))
	}
	return true
}

// union merges another list in; frequencies of a document add up. positions says
// whether the lists have any.
func (l *leafList) union(b *leafList, positions bool) {
	a := *l
	if len(a.docs) == 0 {
		*l = *b
		return
	}
	out := leafList{docs: make([]uint32, 0, len(a.docs)+len(b.docs)), tf: make([]float64, 0, len(a.docs)+len(b.docs))}
	if positions {
		out.at = append(out.at, 0)
	}
	for i, j := 0, 0; i < len(a.docs) || j < len(b.docs); {
		takeA := j == len(b.docs) || i < len(a.docs) && a.docs[i] <= b.docs[j]
		takeB := i == len(a.docs) || j < len(b.docs) && b.docs[j] <= a.docs[i]
		var doc uint32
		var tf float64
		if takeA {
			doc, tf = a.docs[i], a.tf[i]
			if positions {
				out.pos = append(out.pos, a.pos[a.at[i]:a.at[i+1]]...)
			}
			i++
		}
		if takeB {
			doc = b.docs[j]
			tf += b.tf[j]
			if positions {
				out.pos = append(out.pos, b.pos[b.at[j]:b.at[j+1]]...)
			}
			j++
		}
		out.docs, out.tf = append(out.docs, doc), append(out.tf, tf)
		if positions {
			if takeA && takeB {
				slices.Sort(out.pos[out.at[len(out.at)-1]:])
			}
			out.at = append(out.at, uint32(len(out.pos)))
		}
	}
	*l = out
}
