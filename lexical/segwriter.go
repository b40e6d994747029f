package lexical

import (
	"encoding/binary"
	"math"
)

// segmentWriter lays out a segment's stream. Calls: add for each term in
// ascending order, then document for each document in order, then finish.
type segmentWriter struct {
	columns int
	seg     *segment

	post, dict, doc []byte
	scratch         []byte
	last            []byte // the term before
	block           dictBlock
	blockStart      int

	blockRow int64 // the rowid before, within the document block
}

func newSegmentWriter(columns int, uid uint64) *segmentWriter {
	return &segmentWriter{columns: columns, seg: &segment{uid: uid, number: -1, tokens: make([]int64, columns)}}
}

// add appends a term with its postings.
func (w *segmentWriter) add(term []byte, l *postingList) {
	start := len(w.post)
	w.post, w.scratch = l.append(w.post, w.scratch)
	if w.block.entries > 0 && len(w.dict)-w.blockStart >= dictBlockBytes {
		w.endDictBlock()
	}
	if w.block.entries == 0 {
		w.block = dictBlock{first: string(term), offset: int64(w.blockStart), post: int64(start)}
		w.last = w.last[:0]
	}
	shared := commonPrefixBytes(w.last, term)
	w.dict = binary.AppendUvarint(w.dict, uint64(shared))
	w.dict = binary.AppendUvarint(w.dict, uint64(len(term)-shared))
	w.dict = append(w.dict, term[shared:]...)
	w.dict = binary.AppendUvarint(w.dict, uint64(len(l.docs)))
	w.dict = binary.AppendUvarint(w.dict, uint64(len(w.post)-start))
	w.last = append(w.last[:0], term...)
	w.block.entries++
	w.seg.terms++
}

func commonPrefixBytes(a, b []byte) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (w *segmentWriter) endDictBlock() {
	w.block.bytes = int64(len(w.dict) - w.blockStart)
	w.seg.dict = append(w.seg.dict, w.block)
	w.blockStart = len(w.dict)
	w.block = dictBlock{}
}

// document appends a document; lengths has the tokens of each column. head is nil
// but in a patch.
func (w *segmentWriter) document(rowid int64, lengths []uint32, head *patchHead) {
	if w.seg.docs%docBlockDocs == 0 {
		w.endDocBlock()
		w.seg.doc = append(w.seg.doc, docBlockEntry{first: rowid, offset: int64(len(w.doc))})
	} else {
		w.doc = binary.AppendUvarint(w.doc, uint64(rowid)-uint64(w.blockRow)-1)
	}
	if w.seg.docs == 0 {
		w.seg.minRow = rowid
	}
	columns := ^uint64(0)
	if head != nil {
		w.doc = head.append(w.doc)
		columns = head.columns
	}
	for c, n := range lengths {
		if columns>>c&1 == 1 {
			w.doc = binary.AppendUvarint(w.doc, uint64(n))
			w.seg.tokens[c] += int64(n)
		}
	}
	w.blockRow, w.seg.maxRow = rowid, rowid
	w.seg.docs++
}

func (w *segmentWriter) endDocBlock() {
	if n := len(w.seg.doc); n > 0 {
		w.seg.doc[n-1].bytes = int64(len(w.doc)) - w.seg.doc[n-1].offset
	}
}

// finish returns the segment, in memory.
func (w *segmentWriter) finish() (*segment, error) {
	if w.block.entries > 0 {
		w.endDictBlock()
	}
	w.endDocBlock()
	s := w.seg
	s.postBytes, s.dictBytes, s.docBytes = int64(len(w.post)), int64(len(w.dict)), int64(len(w.doc))
	if s.docs > maxSegmentDocs || s.streamBytes() > math.MaxInt32*16 || s.streamBytes() > int64(maxSegmentPages)*pageBytes {
		return nil, errTooBig
	}
	s.stream = append(append(w.post, w.dict...), w.doc...)
	s.inline = s.streamBytes() <= inlineBytes
	s.initCaches()
	return s, nil
}

// store writes a segment that is in memory under a number and returns its stored
// form, which reads its pages when it needs them.
func (s *segment) store(src *rowSource, number int64) (*segment, int64, error) {
	var total int64
	put := func(part Part, id int64, data []byte) error {
		row := seal(src.identity, part, id, data)
		total += int64(len(row))
		return src.store.Put(part, id, row)
	}
	if err := put(PartSegments, number, s.encodeRow()); err != nil {
		return nil, 0, err
	}
	var buf []byte
	for i := int64(0); i < s.pageCount(); i++ {
		buf = append(buf[:0], s.stream[i*pageBytes:min((i+1)*pageBytes, int64(len(s.stream)))]...)
		if err := put(PartPages, pageID(number, i), buf); err != nil {
			return nil, 0, err
		}
	}
	t := &segment{
		uid: s.uid, docs: s.docs, terms: s.terms, tokens: s.tokens, minRow: s.minRow, maxRow: s.maxRow,
		postBytes: s.postBytes, dictBytes: s.dictBytes, docBytes: s.docBytes,
		dict: s.dict, doc: s.doc, number: number, inline: s.inline, isPatch: s.isPatch,
	}
	if s.inline {
		t.stream = s.stream
	}
	t.initCaches()
	return t, total, nil
}
