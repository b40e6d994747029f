package lexical

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
)

// maxFindings ends a check of an index that is damaged all over.
const maxFindings = 100

// errEnough stops a check after maxFindings.
var errEnough = errors.New("enough findings")

// checker walks an index and reports what is wrong.
type checker struct {
	ix     *Index
	report func(string)
	count  int
}

// finding reports one fault; the number is that of the invariant broken.
func (c *checker) finding(invariant int, format string, args ...any) error {
	c.report(fmt.Sprintf(format, args...) + fmt.Sprintf(" (invariant %d)", invariant))
	if c.count++; c.count >= maxFindings {
		return errEnough
	}
	return nil
}

// Check verifies the invariants of the package comment and, if src is not nil,
// that the index holds exactly the documents of src. Findings go to report as
// text; err is for a check that could not be done.
func (ix *Index) Check(ctx context.Context, src Source, report func(finding string)) error {
	c := &checker{ix: ix, report: report}
	err := c.run(ctx, src)
	switch {
	case errors.Is(err, errEnough):
		report(fmt.Sprintf("stopped after %d findings", maxFindings))
		return nil
	case errors.Is(err, ErrCorrupt):
		// A row that does not decode ends the walk, but it is a finding.
		report(err.Error())
		return nil
	}
	return err
}

func (c *checker) run(ctx context.Context, src Source) error {
	v, err := c.ix.view()
	if err != nil {
		return err
	}
	if err := c.strayRows(v); err != nil {
		return err
	}
	if _, err := c.ix.Note(); errors.Is(err, ErrCorrupt) {
		if err := c.finding(1, "%v", err); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	// found has one checksum a document: the sum over its tokens, which does not
	// depend on their order, so that it can be compared with the texts' own.
	found := map[int64]uint64{}
	tokens := make([]int64, c.ix.src.columns)
	owners := map[int64]*segmentState{}
	for _, s := range v.segments {
		owners[s.seg.number] = s
	}
	for _, s := range v.dictionaries() {
		if err := c.segment(ctx, s, owners, found, tokens); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				return err
			}
			if err := c.finding(1, "%v", err); err != nil {
				return err
			}
		}
	}
	if int64(len(found)) != v.rows {
		if err := c.finding(6, "the manifest counts %d rows, the segments hold %d", v.rows, len(found)); err != nil {
			return err
		}
	}
	for i, n := range tokens {
		if n != v.tokens[i] {
			if err := c.finding(6, "column %q: the manifest counts %d tokens, the documents hold %d",
				c.ix.schema.params.Columns[i].Name, v.tokens[i], n); err != nil {
				return err
			}
		}
	}
	if src == nil {
		return nil
	}
	return c.compare(ctx, src, found)
}

// compare holds the documents found against those of the base table.
func (c *checker) compare(ctx context.Context, src Source, found map[int64]uint64) error {
	n := 0
	err := src(func(rowid int64, texts []string) error {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(texts) != c.ix.src.columns {
			return fmt.Errorf("rowid %d: got %d texts, want %d", rowid, len(texts), c.ix.src.columns)
		}
		have, ok := found[rowid]
		if !ok {
			return c.finding(6, "row %d is not indexed", rowid)
		}
		delete(found, rowid)
		if have != c.documentSum(texts) {
			return c.finding(6, "row %d is indexed with other text than the table has", rowid)
		}
		return nil
	})
	if err != nil {
		return err
	}
	extra := make([]int64, 0, len(found))
	for rowid := range found {
		extra = append(extra, rowid)
	}
	slices.Sort(extra)
	for _, rowid := range extra {
		if err := c.finding(6, "row %d is indexed but not in the table", rowid); err != nil {
			return err
		}
	}
	return nil
}

func tokenSum(column uint8, pos uint32, term []byte) uint64 {
	h := fnv.New64a()
	var b [5]byte
	b[0] = column
	binary.LittleEndian.PutUint32(b[1:], pos)
	_, _ = h.Write(b[:])
	_, _ = h.Write(term)
	return h.Sum64()
}

func (c *checker) documentSum(texts []string) (sum uint64) {
	for i, text := range texts {
		if text == "" {
			continue
		}
		for _, t := range c.ix.schema.analyzers[i].Analyze([]byte(text)) {
			if term := cutTerm(t.Term); len(term) > 0 {
				sum += tokenSum(uint8(i), uint32(max(t.Position, 0)), term)
			}
		}
	}
	return sum
}

// segment checks one segment or patch and adds its live documents to found and tokens;
// owners are the segments by number.
func (c *checker) segment(ctx context.Context, s *segmentState, owners map[int64]*segmentState, found map[int64]uint64, tokens []int64) error {
	seg, src := s.seg, &c.ix.src
	columns := src.columns
	rows := make([]int64, 0, seg.docs)
	lengths := make([]uint32, 0, int(seg.docs)*columns)
	for b := range seg.doc {
		block, err := seg.docBlock(src, b)
		if err != nil {
			return err
		}
		rows = append(rows, block.rows...)
		lengths = append(lengths, block.lengths...)
	}
	for doc, rowid := range rows {
		if doc > 0 && rowid <= rows[doc-1] {
			if err := c.finding(3, "segment %d: rowid %d follows %d", seg.number, rowid, rows[doc-1]); err != nil {
				return err
			}
		}
	}
	if n := len(rows); n > 0 && rows[n-1] != seg.maxRow {
		if err := c.finding(3, "segment %d: its last rowid is %d, its row says %d", seg.number, rows[n-1], seg.maxRow); err != nil {
			return err
		}
	}
	counted := make([]uint32, len(lengths))
	sums := make([]uint64, len(rows))
	it := seg.seek(src, nil)
	var list postingList
	var last, scratch []byte
	for n := 0; it.next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if n > 0 && string(it.term) <= string(last) {
			if err := c.finding(4, "segment %d: term %q follows %q", seg.number, it.term, last); err != nil {
				return err
			}
		}
		last = append(last[:0], it.term...)
		var data []byte
		var err error
		if data, scratch, err = seg.read(src, it.post.offset, it.post.bytes, scratch); err != nil {
			return err
		}
		list.reset()
		if !list.decode(data, it.post.docs, seg.docs, columns, nil, nil) {
			if err := c.finding(4, "segment %d: postings of %q do not decode", seg.number, it.term); err != nil {
				return err
			}
			continue
		}
		ent, at := 0, 0
		for i, doc := range list.docs {
			for k := list.entries[i]; k > 0; k-- {
				col, f := list.columns[ent], list.freqs[ent]
				ent++
				counted[int(doc)*columns+int(col)] += f
				for _, p := range list.pos[at : at+int(f)] {
					if s.patchedColumns(doc)>>col&1 == 1 {
						continue // counts in the patch
					}
					sums[doc] += tokenSum(col, p, it.term)
				}
				at += int(f)
			}
		}
	}
	if it.err != nil {
		return it.err
	}
	for i, n := range counted {
		if n != lengths[i] {
			if err := c.finding(5, "segment %d: rowid %d has length %d in column %d, its postings add up to %d",
				seg.number, rows[i/columns], lengths[i], i%columns, n); err != nil {
				return err
			}
		}
	}
	if seg.isPatch {
		return c.patch(s, owners, sums, found, tokens)
	}
	patched := 0
	for doc, rowid := range rows {
		if s.isDeleted(uint32(doc)) {
			continue
		}
		if s.patchedColumns(uint32(doc)) != 0 {
			patched++
		}
		if _, twice := found[rowid]; twice {
			if err := c.finding(3, "rowid %d is live in two segments", rowid); err != nil {
				return err
			}
		}
		found[rowid] = sums[doc]
		for i := range columns {
			if s.patchedColumns(uint32(doc))>>i&1 == 0 {
				tokens[i] += int64(lengths[doc*columns+i])
			}
		}
	}
	if patched != s.patched {
		return c.finding(8, "segment %d: %d documents have parts in patches, want %d", seg.number, patched, s.patched)
	}
	return nil
}

// patch checks that the documents of a patch are parts of the documents that they say,
// and adds them to those: found has these already.
func (c *checker) patch(s *segmentState, owners map[int64]*segmentState, sums []uint64, found map[int64]uint64, tokens []int64) error {
	src := &c.ix.src
	return s.eachPatch(src, func(doc uint32, rowid int64, h patchHead, lengths []uint32) error {
		home := owners[h.segment]
		if home == nil || h.doc >= home.seg.docs || home.isDeleted(h.doc) {
			return c.finding(8, "patch %d: rowid %d is at home in document %d of segment %d, which is gone", s.seg.number, rowid, h.doc, h.segment)
		}
		at, err := home.seg.rowid(src, h.doc)
		if err != nil {
			return err
		}
		if at != rowid {
			return c.finding(8, "patch %d: rowid %d is at home where rowid %d is", s.seg.number, rowid, at)
		}
		if got := home.patchedColumns(h.doc); got != h.columns {
			return c.finding(8, "patch %d: rowid %d has columns %b, want %b", s.seg.number, rowid, h.columns, got)
		}
		now, err := home.lengths(src, int(h.doc/docBlockDocs))
		if err != nil {
			return err
		}
		for i, n := range lengths {
			if h.columns>>i&1 == 0 {
				continue
			}
			tokens[i] += int64(n)
			if k := int(h.doc%docBlockDocs)*src.columns + i; now[k] != n {
				return c.finding(8, "patch %d: rowid %d has length %d in column %d, its document %d", s.seg.number, rowid, n, i, now[k])
			}
		}
		found[rowid] += sums[doc]
		return nil
	})
}

// strayRows looks for rows that belong to no segment, and checks each delete row.
func (c *checker) strayRows(v view) error {
	byNumber := map[int64]*segmentState{}
	for _, s := range v.dictionaries() {
		byNumber[s.seg.number] = s
	}
	scan := func(part Part, stray func(id int64, row []byte) bool) error {
		return c.ix.src.store.Scan(part, -1<<63, func(id int64, row []byte) (bool, error) {
			if stray(id, row) {
				return true, c.finding(2, "row %d of %v belongs to no segment", id, part)
			}
			return true, nil
		})
	}
	err := scan(PartSegments, func(id int64, _ []byte) bool { return byNumber[id] == nil })
	if err != nil {
		return err
	}
	err = scan(PartPages, func(id int64, _ []byte) bool {
		s := byNumber[id>>24]
		return s == nil || id&(1<<24-1) >= s.seg.pageCount()
	})
	if err != nil {
		return err
	}
	err = scan(PartDeletes, func(id int64, _ []byte) bool {
		s := byNumber[id>>16]
		return s == nil || id&(1<<16-1) >= int64(groups(s.seg.docs))
	})
	if err != nil {
		return err
	}
	return c.pages(v)
}

// pages verifies the checksums of all stored rows, those in the cache included:
// the cache may hold what the disk has lost.
func (c *checker) pages(v view) error {
	src := &c.ix.src
	var buf []byte
	verify := func(part Part, id int64) error {
		row, err := src.store.Get(part, id, buf)
		if err != nil {
			return err
		}
		if row != nil {
			buf = row
		}
		if _, err := unseal(src.identity, part, id, row); err != nil {
			return c.finding(1, "%v", err)
		}
		return nil
	}
	for _, s := range v.dictionaries() {
		if s.seg.number < 0 {
			continue
		}
		if err := verify(PartSegments, s.seg.number); err != nil {
			return err
		}
		for i := int64(0); i < s.seg.pageCount(); i++ {
			if err := verify(PartPages, pageID(s.seg.number, i)); err != nil {
				return err
			}
		}
		if s.deletes == 0 || s.dirty != nil {
			continue // none stored, or the stored ones are older than memory
		}
		del, err := loadDeletes(src, segmentEntry{number: s.seg.number, docs: s.seg.docs, deleted: s.deleted()})
		if errors.Is(err, ErrCorrupt) {
			if err := c.finding(7, "%v", err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if s.del == nil || !del.Equals(s.del) {
			if err := c.finding(7, "segment %d: its stored deletes differ from those in memory", s.seg.number); err != nil {
				return err
			}
		}
	}
	return nil
}
