package lexical

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Index is one connection's handle. Open makes it.
type Index struct {
	src     rowSource
	schema  *schema
	version byte         // of the options row
	snap    *snapshot    // the committed state seen last
	tx      *transaction // nil outside Begin … Commit or Rollback
	arena   *arena       // of the last search; nil while one runs
}

// Create writes the rows of an empty index. The store must hold no rows of one.
// The parameters are checked with Validate.
func Create(st Store, p Params) error {
	if err := p.Validate(); err != nil {
		return err
	}
	id, err := randomUint64()
	if err != nil {
		return err
	}
	c := config{version: formatPatches, identity: id, params: p.Normalize()}
	row, err := c.encode()
	if err != nil {
		return err
	}
	r, err := randomUint64()
	if err != nil {
		return err
	}
	m := manifest{token: token{1, r}, next: 1, tokens: make([]int64, len(c.params.Columns))}
	for _, part := range Parts() {
		if err := st.Clear(part); err != nil {
			return err
		}
	}
	if err := st.Put(PartConfig, configOptions, row); err != nil {
		return err
	}
	if err := st.Put(PartConfig, configManifest, m.encode(id)); err != nil {
		return err
	}
	return st.Put(PartConfig, configToken, m.token.encode(id))
}

// Open returns a handle on the index in st. It reads the config row only. A nil
// cache means SharedCache.
func Open(cache *Cache, st Store) (*Index, error) {
	if cache == nil {
		cache = SharedCache()
	}
	row, err := st.Get(PartConfig, configOptions, nil)
	if err != nil {
		return nil, err
	}
	c, err := decodeConfig(row)
	if err != nil {
		return nil, err
	}
	if err := c.params.Validate(); err != nil {
		return nil, corruptf("row %d of %v: %v", configOptions, PartConfig, err)
	}
	sc, err := newSchema(c.params.Normalize())
	if err != nil {
		return nil, err
	}
	return &Index{
		src:    rowSource{store: st, cache: cache, identity: c.identity, columns: len(c.params.Columns)},
		schema: sc, version: c.version,
	}, nil
}

// Params returns the options of the index, defaults filled in.
func (ix *Index) Params() Params { return ix.schema.params }

// refresh returns the committed state that the store shows now.
func (ix *Index) refresh() (*snapshot, error) {
	row, err := ix.src.store.Get(PartConfig, configToken, ix.src.buf)
	if err != nil {
		return nil, err
	}
	if row != nil {
		ix.src.buf = row
	}
	t, err := decodeToken(ix.src.identity, row)
	if err != nil {
		return nil, err
	}
	if ix.snap != nil && ix.snap.token == t {
		return ix.snap, nil
	}
	if s := ix.src.cache.snapshot(ix.src.identity, t); s != nil {
		ix.snap = s
		return s, nil
	}
	s, err := loadSnapshot(&ix.src, t)
	if err != nil {
		return nil, err
	}
	ix.snap = s
	// A reader may hold an older state than the newest cached one; keeping it for
	// others too is harmless, tokens tell states apart.
	ix.src.cache.publish(ix.src.identity, s)
	return s, nil
}

// view is what a read sees: the transaction's own state, or the committed one.
type view struct {
	segments []*segmentState
	patches  []*segmentState
	rows     int64
	tokens   []int64
}

// dictionaries are the segments that have words, patches included.
func (v *view) dictionaries() []*segmentState {
	if len(v.patches) == 0 {
		return v.segments
	}
	return slices.Concat(v.segments, v.patches)
}

func (ix *Index) view() (view, error) {
	if ix.tx == nil {
		s, err := ix.refresh()
		if err != nil {
			return view{}, err
		}
		return view{s.segments, s.patches, s.rows, s.tokens}, nil
	}
	if _, err := ix.writable(); err != nil {
		return view{}, err
	}
	if err := ix.sealBuffer(); err != nil {
		return view{}, err
	}
	return view{ix.tx.segments, ix.tx.patches, ix.tx.rows, ix.tx.tokens}, nil
}

// Insert indexes texts, one a column ("" = absent), under rowid. An entry that
// rowid already has is replaced. The strings are kept until Sync. Needs Begin.
func (ix *Index) Insert(rowid int64, texts []string) error {
	tx, err := ix.writable()
	if err != nil {
		return err
	}
	if tx.rows == math.MaxInt64 {
		return fmt.Errorf("rowid %d: the index is full", rowid)
	}
	if err := ix.checkTexts(rowid, texts); err != nil {
		return err
	}
	if _, err := ix.Delete(rowid); err != nil {
		return err
	}
	tx.rows++
	return ix.enqueue(document{rowid: rowid, texts: slices.Clone(texts)})
}

// checkTexts refuses what cannot be indexed.
func (ix *Index) checkTexts(rowid int64, texts []string) error {
	if len(texts) != ix.src.columns {
		return fmt.Errorf("rowid %d: got %d texts, want %d", rowid, len(texts), ix.src.columns)
	}
	for c, text := range texts {
		if int64(len(text)) > math.MaxInt32 {
			return fmt.Errorf("rowid %d: text of column %q has %d bytes, want at most %d",
				rowid, ix.schema.params.Columns[c].Name, len(text), math.MaxInt32)
		}
	}
	return nil
}

// enqueue puts a document into the buffer.
func (ix *Index) enqueue(d document) error {
	tx := ix.tx
	b := tx.buffer
	b.ops = append(b.ops, operation{document: d})
	b.live[d.rowid] = len(b.ops) - 1
	b.bytes += textBytes(d.texts)
	tx.ops = len(b.ops)
	tx.dirty, tx.synced = true, nil
	if b.bytes >= maxBatchText || len(b.live) >= maxBatchDocs {
		return ix.spill()
	}
	return nil
}

// maxFreshBytes bounds the segments that a large transaction holds in memory.
var maxFreshBytes int64 = 64 << 20

// spill seals the buffer, and stores the segments in memory when they are many.
func (ix *Index) spill() error {
	if err := ix.sealBuffer(); err != nil {
		return err
	}
	var fresh int64
	for _, s := range slices.Concat(ix.tx.segments, ix.tx.patches) {
		if s.seg.number < 0 {
			fresh += s.bytes
		}
	}
	if fresh < maxFreshBytes {
		return nil
	}
	return ix.storing(ix.storeSegments)
}

// Delete removes rowid's entry and reports whether there was one. Needs Begin.
func (ix *Index) Delete(rowid int64) (found bool, err error) {
	tx, err := ix.writable()
	if err != nil {
		return false, err
	}
	b := tx.buffer
	at, ok := b.live[rowid]
	part := ok && b.ops[at].changed != 0 // the rest of it is in a segment
	if !ok || part {
		i, doc, ok, err := ix.find(tx.segments, rowid)
		if err != nil || !ok {
			return false, err
		}
		if err := ix.deleteDoc(i, doc, rowid); err != nil {
			return false, err
		}
	}
	if ok {
		delete(b.live, rowid)
		b.ops = append(b.ops, operation{document: document{rowid: rowid}, isDelete: true})
		tx.ops = len(b.ops)
	}
	tx.rows--
	tx.dirty, tx.synced = true, nil
	return true, nil
}

// find locates the live entry of rowid.
func (ix *Index) find(segments []*segmentState, rowid int64) (i int, doc uint32, ok bool, err error) {
	// The newest segment first: updates tend to follow inserts.
	for i := len(segments) - 1; i >= 0; i-- {
		doc, ok, err := segments[i].seg.find(&ix.src, rowid)
		if err != nil {
			return 0, 0, false, err
		}
		if ok && !segments[i].isDeleted(doc) {
			return i, doc, true, nil
		}
	}
	return 0, 0, false, nil
}

// Contains reports whether rowid has an entry, as this transaction sees it.
func (ix *Index) Contains(rowid int64) (bool, error) {
	var segments []*segmentState
	if ix.tx != nil {
		if _, ok := ix.tx.buffer.live[rowid]; ok {
			return true, nil
		}
		segments = ix.tx.segments
	} else {
		s, err := ix.refresh()
		if err != nil {
			return false, err
		}
		segments = s.segments
	}
	_, _, ok, err := ix.find(segments, rowid)
	return ok, err
}

// Rows is the number of entries this transaction sees.
func (ix *Index) Rows() (int64, error) {
	if ix.tx != nil {
		return ix.tx.rows, nil
	}
	s, err := ix.refresh()
	if err != nil {
		return 0, err
	}
	return s.rows, nil
}

// Source yields documents: it calls yield for each, in any order, and returns
// the first error of yield at once. rowids must differ. The slice texts may be
// reused between calls, its strings may not change.
type Source func(yield func(rowid int64, texts []string) error) error

// Build replaces the contents by the documents of src. progress, which may be
// nil, is told now and then how many documents are done. Needs Begin.
func (ix *Index) Build(ctx context.Context, src Source, progress func(done int64)) error {
	if _, err := ix.writable(); err != nil {
		return err
	}
	return ix.storing(func() error { return ix.build(ctx, src, progress) })
}

func (ix *Index) build(ctx context.Context, src Source, progress func(done int64)) error {
	tx := ix.tx
	for _, part := range []Part{PartSegments, PartPages, PartDeletes} {
		if err := ix.src.store.Clear(part); err != nil {
			return err
		}
	}
	tx.segments, tx.patches, tx.rows, tx.tokens = nil, nil, 0, make([]int64, ix.src.columns)
	tx.buffer, tx.ops = newBuffer(), 0
	tx.dirty, tx.synced = true, nil
	var done int64
	err := src(func(rowid int64, texts []string) error {
		if err := ix.Insert(rowid, texts); err != nil {
			return err
		}
		if done++; done%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(done)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := ix.sealBuffer(); err != nil {
		return err
	}
	if err := ix.storeSegments(); err != nil {
		return err
	}
	if progress != nil {
		progress(done)
	}
	return nil
}

// Optimize merges everything into one segment and drops deleted documents.
// Needs Begin.
func (ix *Index) Optimize(ctx context.Context) error {
	if _, err := ix.writable(); err != nil {
		return err
	}
	return ix.storing(func() error { return ix.optimize(ctx) })
}

func (ix *Index) optimize(ctx context.Context) error {
	tx := ix.tx
	if err := ix.sealBuffer(); err != nil {
		return err
	}
	if err := ix.storeSegments(); err != nil {
		return err
	}
	if err := ix.dropEmpty(); err != nil {
		return err
	}
	tx.dirty, tx.synced = true, nil
	if n := len(tx.segments); n == 0 || n == 1 && tx.segments[0].del == nil && len(tx.patches) == 0 {
		return nil
	}
	if err := ix.mergeStored(ctx, slices.Clone(tx.segments)); err != nil && !errors.Is(err, errTooBig) {
		return err
	}
	return ix.dropEmpty()
}

// Scan visits the rowids of all entries, in ascending order within a segment.
func (ix *Index) Scan(fn func(rowid int64) (more bool, err error)) error {
	v, err := ix.view()
	if err != nil {
		return err
	}
	for _, s := range v.segments {
		var doc uint32
		for b := range s.seg.doc {
			block, err := s.seg.docBlock(&ix.src, b)
			if err != nil {
				return err
			}
			for _, rowid := range block.rows {
				gone := s.isDeleted(doc)
				doc++
				if gone {
					continue
				}
				if more, err := fn(rowid); err != nil || !more {
					return err
				}
			}
		}
	}
	return nil
}

// Stats describes the size of an index.
type Stats struct {
	Rows      int64     // live documents
	Deleted   int64     // documents deleted but still in a segment
	Segments  int       // segments, those not stored yet and patches included
	Patched   int64     // documents of which a part is in a patch
	Terms     int64     // dictionary entries, counted once per segment
	Bytes     int64     // bytes of the segment and page rows
	Tokens    []int64   // tokens per column
	AvgLength []float64 // Tokens / Rows
}

// Size returns the rows indexed and the bytes of their segments.
func (ix *Index) Size() (rows, bytes int64, err error) {
	v, err := ix.view()
	if err != nil {
		return 0, 0, err
	}
	for _, s := range v.dictionaries() {
		bytes += s.bytes
	}
	return v.rows, bytes, nil
}

// Stats reads the index's figures as this transaction sees them.
func (ix *Index) Stats() (Stats, error) {
	v, err := ix.view()
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Rows: v.rows, Segments: len(v.segments) + len(v.patches), Tokens: slices.Clone(v.tokens), AvgLength: make([]float64, len(v.tokens))}
	for _, s := range v.segments {
		st.Deleted += int64(s.deleted())
	}
	for _, s := range v.patches {
		st.Patched += int64(s.live())
	}
	for _, s := range v.dictionaries() {
		st.Terms += s.seg.terms
		st.Bytes += s.bytes
	}
	for c, n := range v.tokens {
		if v.rows > 0 {
			st.AvgLength[c] = float64(n) / float64(v.rows)
		}
	}
	return st, nil
}
