package lexical

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// postingList is one term's postings, decoded: for each document the columns that
// hold the term, each with its frequency and its positions.
type postingList struct {
	docs    []uint32
	entries []uint8 // (column, frequency) pairs of each document
	columns []uint8
	freqs   []uint32
	pos     []uint32 // positions of the pairs one after the other, ascending in each
}

func (l *postingList) reset() {
	l.docs, l.entries = l.docs[:0], l.entries[:0]
	l.columns, l.freqs, l.pos = l.columns[:0], l.freqs[:0], l.pos[:0]
}

// append encodes the list:
//
//	uvarint  bytes of the document part, shifted left by one; the low bit is
//	         reserved for skip data and 0
//	byte     the column that short entries mean
//	document part, for each document:
//	         uvarint (distance from the document before, 1 or more) << 1 | long
//	         short: the term occurs once, in the column named above
//	         long:  column, frequency << 1 | more: uvarints, until more is 0
//	position part, for each document and column: uvarint differences
func (l *postingList) append(b []byte, scratch []byte) (out, newScratch []byte) {
	var singles [MaxColumns]int
	e := 0
	for _, n := range l.entries {
		if n == 1 && l.freqs[e] == 1 {
			singles[l.columns[e]]++
		}
		e += int(n)
	}
	common := 0
	for c, n := range singles {
		if n > singles[common] {
			common = c
		}
	}
	part := append(scratch[:0], byte(common))
	last := int64(-1)
	e = 0
	for i, doc := range l.docs {
		n := int(l.entries[i])
		step := uint64(int64(doc)-last) << 1
		last = int64(doc)
		if n == 1 && l.freqs[e] == 1 && int(l.columns[e]) == common {
			part = binary.AppendUvarint(part, step)
			e++
			continue
		}
		part = binary.AppendUvarint(part, step|1)
		for ; n > 0; n-- {
			f := uint64(l.freqs[e]) << 1
			if n > 1 {
				f |= 1
			}
			part = append(part, l.columns[e])
			part = binary.AppendUvarint(part, f)
			e++
		}
	}
	b = binary.AppendUvarint(b, uint64(len(part))<<1)
	b = append(b, part...)
	p := 0
	for _, f := range l.freqs {
		var prev uint32
		for ; f > 0; f-- {
			b = binary.AppendUvarint(b, uint64(l.pos[p]-prev))
			prev = l.pos[p]
			p++
		}
	}
	return b, part
}

// split separates an encoded list into its parts.
func splitPostings(data []byte) (common uint8, docs, positions []byte, ok bool) {
	d := decoder{data: data}
	head := d.uvarint()
	if d.failed || head&1 != 0 || head>>1 > uint64(len(d.data)) || head < 2 {
		return 0, nil, nil, false
	}
	docs = d.bytes(int(head >> 1))
	return docs[0], docs[1:], d.data, docs[0] < MaxColumns
}

// decode appends an encoded list of n documents to l, all numbers shifted by
// remap: document d becomes remap[d]; those with remap[d] == dropped are left
// out. A nil remap keeps the numbers. limit bounds the document numbers, columns
// the columns. Of documents that s, if it is not nil, has parts of in patches, the
// columns there are left out. It reports whether the bytes are well formed.
func (l *postingList) decode(data []byte, n, limit uint32, columns int, remap []uint32, s *segmentState) bool {
	common, docs, positions, ok := splitPostings(data)
	if !ok || int(common) >= columns || uint64(n) > uint64(len(docs)) {
		return false
	}
	at, p := 0, 0
	doc := int64(-1)
	for ; n > 0; n-- {
		var v uint32
		if v, at = uvarintAt(docs, at); at == 0 || v < 2 {
			return false
		}
		doc += int64(v >> 1)
		if doc >= int64(limit) {
			return false
		}
		first := len(l.freqs)
		if v&1 == 0 {
			l.columns = append(l.columns, common)
			l.freqs = append(l.freqs, 1)
		} else {
			for more, prev := true, -1; more; {
				if at >= len(docs) || int(docs[at]) >= columns || int(docs[at]) <= prev {
					return false
				}
				prev = int(docs[at])
				var f uint32
				if f, at = uvarintAt(docs, at+1); at == 0 || f < 2 {
					return false
				}
				l.columns = append(l.columns, uint8(prev))
				l.freqs = append(l.freqs, f>>1)
				more = f&1 == 1
			}
		}
		start := len(l.pos)
		for _, f := range l.freqs[first:] {
			if uint64(f) > uint64(len(positions)-p) {
				return false
			}
			var pos uint32
			for ; f > 0; f-- {
				var step uint32
				if step, p = uvarintAt(positions, p); p == 0 || step > ^uint32(0)-pos {
					return false
				}
				pos += step
				l.pos = append(l.pos, pos)
			}
		}
		to := uint32(doc)
		if remap != nil {
			to = remap[doc]
		}
		if s != nil && s.patched > 0 && to != dropped {
			if l.leaveOut(s.patchedColumns(uint32(doc)), first, start); first == len(l.freqs) {
				continue
			}
		}
		if to == dropped {
			l.columns, l.freqs, l.pos = l.columns[:first], l.freqs[:first], l.pos[:start]
			continue
		}
		l.docs = append(l.docs, to)
		l.entries = append(l.entries, uint8(len(l.freqs)-first))
	}
	return at == len(docs) && p == len(positions)
}

// dropped marks a document that a merge leaves out.
const dropped = ^uint32(0)

// leaveOut drops columns of the last document, whose pairs begin at first and whose
// positions begin at start.
func (l *postingList) leaveOut(columns uint64, first, start int) {
	e, p, from := first, start, start
	for i := first; i < len(l.freqs); i++ {
		c, f := l.columns[i], l.freqs[i]
		if columns>>c&1 == 0 {
			l.columns[e], l.freqs[e] = c, f
			e++
			p += copy(l.pos[p:], l.pos[from:from+int(f)])
		}
		from += int(f)
	}
	l.columns, l.freqs, l.pos = l.columns[:e], l.freqs[:e], l.pos[:p]
}

// sort brings the documents in ascending order, which merging lists of segments
// with interleaved rowids can disturb, and joins what patches have of a document with
// the rest.
func (l *postingList) sort() {
	ascending := true
	for i := 1; i < len(l.docs) && ascending; i++ {
		ascending = l.docs[i-1] < l.docs[i]
	}
	if ascending {
		return
	}
	// A run is one column of a document.
	type run struct {
		doc      uint32
		column   uint8
		ent, pos int
	}
	runs := make([]run, 0, len(l.freqs))
	e, p := 0, 0
	for i, doc := range l.docs {
		for n := l.entries[i]; n > 0; n-- {
			runs = append(runs, run{doc, l.columns[e], e, p})
			p += int(l.freqs[e])
			e++
		}
	}
	slices.SortFunc(runs, func(a, b run) int {
		if a.doc != b.doc {
			return cmp.Compare(a.doc, b.doc)
		}
		return cmp.Compare(a.column, b.column)
	})
	columns, freqs, pos := slices.Clone(l.columns), slices.Clone(l.freqs), slices.Clone(l.pos)
	l.reset()
	for _, r := range runs {
		if n := len(l.docs); n == 0 || l.docs[n-1] != r.doc {
			l.docs = append(l.docs, r.doc)
			l.entries = append(l.entries, 0)
		}
		l.entries[len(l.entries)-1]++
		l.columns = append(l.columns, columns[r.ent])
		l.freqs = append(l.freqs, freqs[r.ent])
		l.pos = append(l.pos, pos[r.pos:r.pos+int(freqs[r.ent])]...)
	}
}
