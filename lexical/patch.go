package lexical

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// A patch is a segment of parts of documents: an update of some columns writes the
// postings of those columns alone. The rest of the document stays where it is, at home;
// there the columns that a patch has no longer count. A search takes the home's postings
// without those columns and adds the patches' under the home's number, so that all
// that follows sees whole documents. Merges put documents together again.
//
// A document has a part in one patch at most: the next update of it takes along the
// columns that are in a patch already. A patch names homes by segment number, so they
// are stored segments, and a home that a merge rewrites takes its patches in.

// minPatched is how many documents a segment has at least to be patched: small ones are
// soon merged, and rewriting a document in them costs less than the detour.
var minPatched uint32 = 64

// patchHead is what a patch says of a document besides its rowid and lengths.
type patchHead struct {
	columns uint64 // that it has
	segment int64  // its home
	doc     uint32
}

func (h *patchHead) append(b []byte) []byte {
	b = binary.AppendUvarint(b, h.columns)
	b = binary.AppendUvarint(b, uint64(h.segment))
	return binary.AppendUvarint(b, uint64(h.doc))
}

func decodePatchHead(d *decoder, columns int) patchHead {
	h := patchHead{columns: d.uvarint(), segment: d.int63(), doc: uint32(d.count(maxSegmentDocs))}
	if h.columns == 0 || bits.Len64(h.columns) > columns {
		d.failed = true
	}
	return h
}

// head returns what a patch says of one of its documents.
func (s *segment) head(src *rowSource, doc uint32) (patchHead, error) {
	b, err := s.docBlock(src, int(doc/docBlockDocs))
	if err != nil {
		return patchHead{}, err
	}
	return b.patches[doc%docBlockDocs], nil
}

// patchedBlock is a block of documents of which patches have parts. It is immutable as
// the segmentState is that holds it.
type patchedBlock struct {
	columns []uint64 // of each document, those that are in a patch
	lengths []uint32 // of each document and column, with the patches'
	owner   uint64   // the state that may change it
}

// stateIDs tells states apart that own blocks.
var stateIDs atomic.Uint64

// patchedColumns are the columns of a document that are in a patch.
func (s *segmentState) patchedColumns(doc uint32) uint64 {
	if s.blocks == nil {
		return 0
	}
	if b := s.blocks[doc/docBlockDocs]; b != nil {
		return b.columns[doc%docBlockDocs]
	}
	return 0
}

// lengths are the tokens of a block's documents, a column each.
func (s *segmentState) lengths(src *rowSource, block int) ([]uint32, error) {
	if s.blocks != nil {
		if b := s.blocks[block]; b != nil {
			return b.lengths, nil
		}
	}
	b, err := s.seg.docBlock(src, block)
	if err != nil {
		return nil, err
	}
	return b.lengths, nil
}

// patch lets columns of a document count no longer, but have other lengths. The state is
// the caller's to change.
func (s *segmentState) patch(src *rowSource, doc uint32, columns uint64, lengths []uint32) error {
	if s.blocks == nil {
		s.blocks = make([]*patchedBlock, len(s.seg.doc))
	}
	n := int(doc / docBlockDocs)
	b := s.blocks[n]
	if b == nil || b.owner != s.id {
		old, err := s.lengths(src, n)
		if err != nil {
			return err
		}
		own := &patchedBlock{columns: make([]uint64, len(old)/src.columns), lengths: slices.Clone(old), owner: s.id}
		if b != nil {
			copy(own.columns, b.columns)
		}
		b, s.blocks[n] = own, own
	}
	at := int(doc % docBlockDocs)
	if b.columns[at] == 0 {
		s.patched++
	}
	b.columns[at] = columns
	for c := range src.columns {
		if columns>>c&1 == 1 {
			b.lengths[at*src.columns+c] = lengths[c]
		}
	}
	return nil
}

// eachPatch calls fn for each live document of a patch.
func (s *segmentState) eachPatch(src *rowSource, fn func(doc uint32, rowid int64, h patchHead, lengths []uint32) error) error {
	var doc uint32
	for n := range s.seg.doc {
		b, err := s.seg.docBlock(src, n)
		if err != nil {
			return err
		}
		for i, rowid := range b.rows {
			if !s.isDeleted(doc) {
				if err := fn(doc, rowid, b.patches[i], b.lengths[i*src.columns:(i+1)*src.columns]); err != nil {
					return err
				}
			}
			doc++
		}
	}
	return nil
}

// applyPatches marks in a snapshot that was read the documents that have parts in its
// patches. Segments may be those of other snapshots: they are copied first.
func applyPatches(src *rowSource, s *snapshot) error {
	own := map[int64]*segmentState{}
	for _, p := range s.patches {
		err := p.eachPatch(src, func(doc uint32, rowid int64, h patchHead, lengths []uint32) error {
			to := own[h.segment]
			if to == nil {
				i, ok := slices.BinarySearchFunc(s.segments, h.segment, func(s *segmentState, n int64) int { return cmp.Compare(s.seg.number, n) })
				if !ok {
					return corruptf("patch %d: rowid %d is at home in segment %d, which there is not", p.seg.number, rowid, h.segment)
				}
				old := s.segments[i]
				to = &segmentState{seg: old.seg, del: old.del, deletes: old.deletes, bytes: old.bytes, id: stateIDs.Add(1)}
				own[h.segment], s.segments[i] = to, to
			}
			if h.doc >= to.seg.docs || to.isDeleted(h.doc) || to.patchedColumns(h.doc) != 0 {
				return corruptf("patch %d: rowid %d is at home in document %d of segment %d, which is gone or in another patch", p.seg.number, rowid, h.doc, h.segment)
			}
			return to.patch(src, h.doc, h.columns, lengths)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Update indexes some columns of rowid anew, those of the bits in changed; the other
// texts are those that rowid has in the index. It does the same as Insert, which it is
// where the entry is new or small, or all columns changed. Needs Begin.
func (ix *Index) Update(rowid int64, texts []string, changed uint64) error {
	tx, err := ix.writable()
	if err != nil {
		return err
	}
	all := ix.schema.all()
	if changed &= all; changed == 0 {
		changed = all
	}
	if changed == all || ix.version < formatPatches || len(texts) != ix.src.columns {
		return ix.Insert(rowid, texts)
	}
	b := tx.buffer
	if i, ok := b.live[rowid]; ok {
		if b.ops[i].changed == 0 {
			return ix.Insert(rowid, texts) // it is not in a segment yet
		}
		changed |= b.ops[i].changed
	}
	i, doc, ok, err := ix.find(tx.segments, rowid)
	if err != nil {
		return err
	}
	if !ok {
		return ix.Insert(rowid, texts)
	}
	s := tx.segments[i]
	if changed |= s.patchedColumns(doc); changed == all || s.seg.number < 0 || s.seg.docs < minPatched {
		return ix.Insert(rowid, texts)
	}
	if err := ix.checkTexts(rowid, texts); err != nil {
		return err
	}
	kept := make([]string, len(texts))
	for c := range texts {
		if changed>>c&1 == 1 {
			kept[c] = texts[c]
		}
	}
	return ix.enqueue(document{rowid, kept, changed})
}

// sealPatches turns the buffered parts of documents into a patch in memory.
func (ix *Index) sealPatches(docs []document) error {
	tx, src := ix.tx, &ix.src
	if len(docs) == 0 {
		return nil
	}
	heads := make([]patchHead, len(docs))
	at := make([]int, len(docs)) // their homes in tx.segments
	for j, d := range docs {
		i, doc, ok, err := ix.find(tx.segments, d.rowid)
		if err != nil {
			return err
		}
		if !ok || tx.segments[i].seg.number < 0 {
			return corruptf("rowid %d: the entry that was updated is gone", d.rowid)
		}
		heads[j], at[j] = patchHead{d.changed, tx.segments[i].seg.number, doc}, i
	}
	seg, err := invert(ix.schema, docs, heads)
	if err != nil {
		return err
	}
	for j, d := range docs {
		h := heads[j]
		block, err := seg.docBlock(src, j/docBlockDocs)
		if err != nil {
			return err
		}
		k := j % docBlockDocs * src.columns
		lengths := block.lengths[k : k+src.columns]
		if err := ix.unpatch(tx.segments[at[j]], h.doc, d.rowid); err != nil {
			return err
		}
		s := ix.own(tx.segments, at[j], &tx.segments)
		old, err := s.lengths(src, int(h.doc/docBlockDocs))
		if err != nil {
			return err
		}
		k = int(h.doc%docBlockDocs) * src.columns
		for c, n := range old[k : k+src.columns] {
			if h.columns>>c&1 == 1 {
				tx.tokens[c] += int64(lengths[c]) - int64(n)
			}
		}
		if err := s.patch(src, h.doc, h.columns, lengths); err != nil {
			return err
		}
	}
	tx.patches = append(slices.Clip(tx.patches), &segmentState{seg: seg, bytes: seg.streamBytes(), epoch: tx.epoch})
	return nil
}

// unpatch deletes the part of a document that is in a patch, if there is one, because
// another takes its place or the document goes.
func (ix *Index) unpatch(home *segmentState, doc uint32, rowid int64) error {
	if home.patchedColumns(doc) == 0 {
		return nil
	}
	tx := ix.tx
	i, part, ok, err := ix.find(tx.patches, rowid)
	if err != nil {
		return err
	}
	if !ok {
		return corruptf("rowid %d has no entry in a patch, want one", rowid)
	}
	ix.own(tx.patches, i, &tx.patches).delete(part)
	return nil
}

// takenIn deletes from the patches what a merge of segments has taken in.
func (ix *Index) takenIn(picked []*segmentState) error {
	tx := ix.tx
	for i := range tx.patches {
		var gone []uint32
		err := tx.patches[i].eachPatch(&ix.src, func(doc uint32, _ int64, h patchHead, _ []uint32) error {
			if slices.ContainsFunc(picked, func(s *segmentState) bool { return s.seg.number == h.segment }) {
				gone = append(gone, doc)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, doc := range gone {
			ix.own(tx.patches, i, &tx.patches).delete(doc)
		}
	}
	return nil
}

// patchLists adds to a leaf's lists the postings that patches have, under the numbers
// of the documents they are parts of.
func (e *evaluation) patchLists(l *leaf) error {
	if e.places == nil {
		e.places = make(map[int64]int, len(e.view.segments))
		for i, s := range e.view.segments {
			e.places[s.seg.number] = i
		}
	}
	for _, s := range e.view.patches {
		for _, t := range l.terms {
			p, ok, err := s.seg.term(&e.ix.src, []byte(t.term))
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			e.stats.Terms++
			var data []byte
			if data, e.scratch, err = s.seg.read(&e.ix.src, p.offset, p.bytes, e.scratch); err != nil {
				return err
			}
			one := &e.one
			one.docs, one.tf, one.at, one.pos = one.docs[:0], one.tf[:0], one.at[:0], one.pos[:0]
			if !e.decode(one, data, p.docs, s, l, t.weight) {
				return corruptf("patch %d: postings of %q do not decode", s.seg.number, t.term)
			}
			parts := map[int]*leafList{}
			for i, doc := range one.docs {
				h, err := s.seg.head(&e.ix.src, doc)
				if err != nil {
					return err
				}
				at, ok := e.places[h.segment]
				if !ok {
					return corruptf("patch %d: a document is at home in segment %d, which there is not", s.seg.number, h.segment)
				}
				to := parts[at]
				if to == nil {
					to = &leafList{}
					if l.positions {
						to.at = append(to.at, 0)
					}
					parts[at] = to
				}
				to.docs, to.tf = append(to.docs, h.doc), append(to.tf, one.tf[i])
				if l.positions {
					to.pos = append(to.pos, one.pos[one.at[i]:one.at[i+1]]...)
					to.at = append(to.at, uint32(len(to.pos)))
				}
			}
			// Documents of a patch and of a home both ascend by rowid.
			for at, part := range parts {
				if !slices.IsSorted(part.docs) || part.docs[len(part.docs)-1] >= e.view.segments[at].seg.docs {
					return corruptf("patch %d: its documents are not in the order of segment %d", s.seg.number, e.view.segments[at].seg.number)
				}
				l.lists[at].union(part, l.positions)
			}
		}
	}
	return nil
}
