package lexical

import (
	"context"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
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
	var one leafList
	for i, s := range e.view.segments {
		list := &l.lists[i]
		for _, t := range l.terms {
			p, ok, err := s.seg.term(&e.ix.src, []byte(t.term))
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			e.stats.Terms++
			if e.stats.Terms%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			var data []byte
			data, e.scratch, err = s.seg.read(&e.ix.src, p.offset, p.bytes, e.scratch)
			if err != nil {
				return err
			}
			into := list
			if len(list.docs) > 0 {
				one.docs, one.tf, one.at, one.pos = one.docs[:0], one.tf[:0], one.at[:0], one.pos[:0]
				into = &one
			}
			if !e.decode(into, data, p.docs, s, l, t.weight) {
				return corruptf("segment %d: postings of %q do not decode", s.seg.number, t.term)
			}
			if into == &one {
				list.union(&one, l.positions)
			}
		}
		docs += int64(len(list.docs))
	}
	n := float64(e.view.rows)
	l.idf = math.Log(1 + (n-float64(docs)+0.5)/(float64(docs)+0.5))
	return nil
}

// decode appends the live documents of a posting list that have the leaf's term
// in the leaf's columns. It is postingList.decode for searching: it leaves out
// what a search does not need.
func (e *evaluation) decode(out *leafList, data []byte, n uint32, s *segmentState, l *leaf, weight float64) bool {
	if l.positions {
		return e.decodePositions(out, data, n, s, l, weight)
	}
	common, docs, _, ok := splitPostings(data)
	columns := e.ix.src.columns
	if !ok || int(common) >= columns || uint64(n) > uint64(len(docs)) {
		return false
	}
	var del *roaring.Bitmap
	if s.del != nil {
		del = s.del
	}
	out.docs = slices.Grow(out.docs, int(n))
	out.tf = slices.Grow(out.tf, int(n))
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
		if v&1 == 1 {
			tf = 0
			for more := true; more; {
				if at >= len(docs) || int(docs[at]) >= columns {
					return false
				}
				c := docs[at]
				var f uint32
				if f, at = uvarintAt(docs, at+1); at == 0 {
					return false
				}
				if l.columns>>c&1 == 1 {
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
	if !p.decode(data, n, s.seg.docs, e.ix.src.columns, nil) {
		return false
	}
	if len(out.at) == 0 {
		out.at = append(out.at, 0)
	}
	ent, at := 0, 0
	for i, doc := range p.docs {
		tf := 0.0
		for k := p.entries[i]; k > 0; k-- {
			c, f := p.columns[ent], p.freqs[ent]
			ent++
			if l.columns>>c&1 == 1 {
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

// union merges another list in; frequencies of the same document add up.
func (a *leafList) union(b *leafList, positions bool) {
	var out leafList
	out.docs = make([]uint32, 0, len(a.docs)+len(b.docs))
	out.tf = make([]float64, 0, len(a.docs)+len(b.docs))
	if positions {
		out.at = append(out.at, 0)
	}
	i, j := 0, 0
	for i < len(a.docs) || j < len(b.docs) {
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
	*a = out
}
