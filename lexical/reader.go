package lexical

import (
	"context"
	"errors"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	bleve "github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// With ScoringBleve, queries run through bleve's own searchers, over a reader of
// one view. bleve numbers documents with eight bytes: ours are the document number
// plus the documents of the segments before.

// allFields is bleve's name for all fields together.
const allFields = "_all"

// reader implements bleve's index.BM25Reader over a view.
type reader struct {
	ctx   context.Context
	e     *evaluation
	bases []uint64 // number of the first document of each segment
	docs  uint64
}

func newReader(ctx context.Context, e *evaluation) *reader {
	r := &reader{ctx: ctx, e: e}
	for _, s := range e.view.segments {
		r.bases = append(r.bases, r.docs)
		r.docs += uint64(s.seg.docs)
	}
	return r
}

// runBleve evaluates a parsed query with bleve's searchers and hands the matches
// to collect, segment by segment.
func (ix *Index) runBleve(ctx context.Context, e *evaluation, q query.Query, collect func(segment int, m matches) error) error {
	ctx = context.WithValue(ctx, search.GetScoringModelCallbackKey, search.GetScoringModelCallbackFn(func() string {
		return index.BM25Scoring
	}))
	r := newReader(ctx, e)
	s, err := q.Searcher(ctx, r, bleveMapping{ix.schema}, search.SearcherOptions{})
	if err != nil {
		return bleveError(err)
	}
	defer func() { _ = s.Close() }() // our readers have nothing that could fail to close
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(s.DocumentMatchPoolSize()+1, 0), IndexReader: r}
	var m matches
	segment := 0
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		hit, err := s.Next(sc)
		if err != nil {
			return bleveError(err)
		}
		at := len(r.bases)
		var doc uint32
		if hit != nil {
			at, doc = r.locate(hit.IndexInternalID)
		}
		for segment < at {
			if err := collect(segment, m); err != nil {
				return err
			}
			m = matches{m.docs[:0], m.scores[:0]}
			segment++
		}
		if hit == nil {
			return nil
		}
		m.docs, m.scores = append(m.docs, doc), append(m.scores, hit.Score)
		sc.DocumentMatchPool.Put(hit)
	}
}

// bleveError marks what bleve says about a query; errors of our own reader and
// of the context pass unchanged.
func bleveError(err error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return queryErrorf("%v", err)
}

// locate splits a document's number.
func (r *reader) locate(id index.IndexInternalID) (segment int, doc uint32) {
	if len(id) != 8 {
		return len(r.bases), 0
	}
	n := id.Value()
	i := sort.Search(len(r.bases), func(i int) bool { return r.bases[i] > n }) - 1
	return i, uint32(n - r.bases[i])
}

// columns resolves a field name; 0 if there is no such column.
func (r *reader) columns(field string) uint64 {
	sc := r.e.ix.schema
	if field == allFields || field == "" {
		return sc.all()
	}
	if i := sc.column(field); i >= 0 {
		return 1 << i
	}
	return 0
}

// TermFieldReader implements index.IndexReader.
func (r *reader) TermFieldReader(ctx context.Context, term []byte, field string, _, _, vectors bool) (index.TermFieldReader, error) {
	l := &leaf{terms: []weightedTerm{{string(cutTerm(term)), 1}}, columns: r.columns(field), boost: 1, positions: vectors}
	if err := r.e.gather(ctx, l); err != nil {
		return nil, err
	}
	t := &termReader{r: r, leaf: l, term: string(term), field: field}
	for _, list := range l.lists {
		t.count += uint64(len(list.docs))
	}
	return t, nil
}

// termReader implements index.TermFieldReader.
type termReader struct {
	r       *reader
	leaf    *leaf
	term    string
	field   string
	count   uint64
	segment int
	at      int
}

// Next implements index.TermFieldReader.
func (t *termReader) Next(tfd *index.TermFieldDoc) (*index.TermFieldDoc, error) {
	for t.segment < len(t.leaf.lists) && t.at == len(t.leaf.lists[t.segment].docs) {
		t.segment, t.at = t.segment+1, 0
	}
	if t.segment == len(t.leaf.lists) {
		return nil, nil
	}
	if tfd == nil {
		tfd = &index.TermFieldDoc{}
	}
	list := &t.leaf.lists[t.segment]
	doc := list.docs[t.at]
	length, err := t.r.e.length(t.segment, doc, t.leaf.columns)
	if err != nil {
		return nil, err
	}
	tfd.Term = t.term
	tfd.ID = index.NewIndexInternalID(tfd.ID, t.r.bases[t.segment]+uint64(doc))
	tfd.Freq = uint64(list.tf[t.at])
	// bleve keeps the norm in 32 bits; so does this, for equal scores.
	tfd.Norm = float64(float32(1 / math.Sqrt(float64(length))))
	tfd.Vectors = tfd.Vectors[:0]
	if t.leaf.positions {
		for _, p := range list.pos[list.at[t.at]:list.at[t.at+1]] {
			// The column as an array position keeps phrases within a column.
			tfd.Vectors = append(tfd.Vectors, &index.TermFieldVector{
				Field: t.field, Pos: p & (1<<32 - 1), ArrayPositions: []uint64{p >> 32},
			})
		}
	}
	t.at++
	return tfd, nil
}

// Advance implements index.TermFieldReader.
func (t *termReader) Advance(id index.IndexInternalID, tfd *index.TermFieldDoc) (*index.TermFieldDoc, error) {
	segment, doc := t.r.locate(id)
	if segment > t.segment {
		t.segment, t.at = segment, 0
	}
	if segment == t.segment && segment < len(t.leaf.lists) {
		rest := t.leaf.lists[segment].docs[t.at:]
		i, _ := slices.BinarySearch(rest, doc)
		t.at += i
	}
	return t.Next(tfd)
}

// Count implements index.TermFieldReader.
func (t *termReader) Count() uint64 { return t.count }

// Close implements index.TermFieldReader.
func (t *termReader) Close() error { return nil }

// Size implements index.TermFieldReader.
func (t *termReader) Size() int { return 0 }

// length is a document's number of tokens in the given columns.
func (e *evaluation) length(segment int, doc uint32, columns uint64) (uint32, error) {
	lengths, err := e.view.segments[segment].lengths(&e.ix.src, int(doc/docBlockDocs))
	if err != nil {
		return 0, err
	}
	n := e.ix.src.columns
	at := int(doc%docBlockDocs) * n
	var sum uint32
	for c, v := range lengths[at : at+n] {
		if columns>>c&1 == 1 {
			sum += v
		}
	}
	return sum, nil
}

// DocIDReaderAll implements index.IndexReader.
func (r *reader) DocIDReaderAll() (index.DocIDReader, error) {
	d := &docReader{}
	for i, s := range r.e.view.segments {
		for doc := range s.seg.docs {
			if !s.isDeleted(doc) {
				d.ids = append(d.ids, r.bases[i]+uint64(doc))
			}
		}
	}
	return d, nil
}

// DocIDReaderOnly implements index.IndexReader.
func (r *reader) DocIDReaderOnly(ids []string) (index.DocIDReader, error) {
	d := &docReader{}
	for _, id := range ids {
		n, ok, err := r.number(id)
		if err != nil {
			return nil, err
		}
		if ok {
			d.ids = append(d.ids, n)
		}
	}
	slices.Sort(d.ids)
	d.ids = slices.Compact(d.ids)
	return d, nil
}

// number finds the document of a rowid.
func (r *reader) number(id string) (uint64, bool, error) {
	rowid, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, false, queryErrorf("id %q of a query is no rowid", id)
	}
	i, doc, ok, err := r.e.ix.find(r.e.view.segments, rowid)
	if err != nil || !ok {
		return 0, false, err
	}
	return r.bases[i] + uint64(doc), true, nil
}

// docReader implements index.DocIDReader.
type docReader struct {
	ids []uint64
	at  int
}

// Next implements index.DocIDReader.
func (d *docReader) Next() (index.IndexInternalID, error) {
	if d.at == len(d.ids) {
		return nil, nil
	}
	d.at++
	return index.NewIndexInternalID(nil, d.ids[d.at-1]), nil
}

// Advance implements index.DocIDReader.
func (d *docReader) Advance(id index.IndexInternalID) (index.IndexInternalID, error) {
	if len(id) == 8 {
		i, _ := slices.BinarySearch(d.ids[d.at:], id.Value())
		d.at += i
	}
	return d.Next()
}

// Size implements index.DocIDReader.
func (d *docReader) Size() int { return 0 }

// Close implements index.DocIDReader.
func (d *docReader) Close() error { return nil }

// FieldDict implements index.IndexReader.
func (r *reader) FieldDict(field string) (index.FieldDict, error) {
	return r.dict(field, "", func(string) (bool, bool) { return true, false })
}

// FieldDictRange implements index.IndexReader.
func (r *reader) FieldDictRange(field string, start, end []byte) (index.FieldDict, error) {
	return r.dict(field, string(start), func(term string) (bool, bool) {
		past := end != nil && term > string(end)
		return !past, past
	})
}

// FieldDictPrefix implements index.IndexReader.
func (r *reader) FieldDictPrefix(field string, prefix []byte) (index.FieldDict, error) {
	return r.dict(field, string(prefix), func(term string) (bool, bool) {
		ok := strings.HasPrefix(term, string(prefix))
		return ok, !ok
	})
}

// dict lists words from one on; want says which, and when to stop.
func (r *reader) dict(field, from string, want func(term string) (ok, stop bool)) (index.FieldDict, error) {
	columns := r.columns(field)
	counts := map[string]uint64{}
	for _, s := range r.e.view.segments {
		it := s.seg.seek(&r.e.ix.src, []byte(from))
		for n := 0; it.next(); n++ {
			if n%1024 == 0 && r.ctx.Err() != nil {
				return nil, r.ctx.Err()
			}
			ok, stop := want(string(it.term))
			if stop {
				break
			}
			if !ok {
				continue
			}
			var list leafList
			data, scratch, err := s.seg.read(&r.e.ix.src, it.post.offset, it.post.bytes, r.e.scratch)
			if err != nil {
				return nil, err
			}
			r.e.scratch = scratch
			if !r.e.decode(&list, data, it.post.docs, s, &leaf{columns: columns}, 1) {
				return nil, corruptf("segment %d: postings of %q do not decode", s.seg.number, it.term)
			}
			if n := len(list.docs); n > 0 {
				counts[string(it.term)] += uint64(n)
			}
		}
		if it.err != nil {
			return nil, it.err
		}
	}
	err := r.e.patchTerms(from, want, func(term string) error {
		n, err := r.e.docFreq(r.ctx, term, columns)
		if counts[term] = uint64(n); n == 0 {
			delete(counts, term)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	d := &fieldDict{}
	for term, n := range counts {
		d.entries = append(d.entries, index.DictEntry{Term: term, Count: n})
	}
	sort.Slice(d.entries, func(i, j int) bool { return d.entries[i].Term < d.entries[j].Term })
	return d, nil
}

// fieldDict implements index.FieldDict.
type fieldDict struct {
	entries []index.DictEntry
	at      int
}

// Next implements index.FieldDict.
func (d *fieldDict) Next() (*index.DictEntry, error) {
	if d.at == len(d.entries) {
		return nil, nil
	}
	d.at++
	return &d.entries[d.at-1], nil
}

// Close implements index.FieldDict.
func (d *fieldDict) Close() error { return nil }

// Cardinality implements index.FieldDict.
func (d *fieldDict) Cardinality() int { return len(d.entries) }

// BytesRead implements index.FieldDict.
func (d *fieldDict) BytesRead() uint64 { return 0 }

// Document implements index.IndexReader. The index stores no text.
func (r *reader) Document(string) (index.Document, error) { return nil, nil }

// DocValueReader implements index.IndexReader. No field has stored values.
func (r *reader) DocValueReader([]string) (index.DocValueReader, error) { return noValues{}, nil }

type noValues struct{}

// VisitDocValues implements index.DocValueReader.
func (noValues) VisitDocValues(index.IndexInternalID, index.DocValueVisitor) error { return nil }

// BytesRead implements index.DocValueReader.
func (noValues) BytesRead() uint64 { return 0 }

// Fields implements index.IndexReader.
func (r *reader) Fields() ([]string, error) {
	names := []string{allFields}
	for _, c := range r.e.ix.schema.params.Columns {
		names = append(names, c.Name)
	}
	return names, nil
}

// GetInternal implements index.IndexReader.
func (r *reader) GetInternal([]byte) ([]byte, error) { return nil, nil }

// DocCount implements index.IndexReader.
func (r *reader) DocCount() (uint64, error) { return uint64(r.e.view.rows), nil }

// FieldCardinality implements index.BM25Reader: the tokens of a field, from which
// bleve derives the average length. bleve's own indexes answer with the number of
// different words, which is not what BM25 asks for.
func (r *reader) FieldCardinality(field string) (int, error) {
	columns := r.columns(field)
	var n int64
	for c, tokens := range r.e.view.tokens {
		if columns>>c&1 == 1 {
			n += tokens
		}
	}
	return int(n), nil
}

// ExternalID implements index.IndexReader.
func (r *reader) ExternalID(id index.IndexInternalID) (string, error) {
	segment, doc := r.locate(id)
	if segment < 0 || segment >= len(r.bases) {
		return "", corruptf("document number %x is out of range", []byte(id))
	}
	rowid, err := r.e.view.segments[segment].seg.rowid(&r.e.ix.src, doc)
	return strconv.FormatInt(rowid, 10), err
}

// InternalID implements index.IndexReader.
func (r *reader) InternalID(id string) (index.IndexInternalID, error) {
	n, ok, err := r.number(id)
	if err != nil || !ok {
		return nil, err
	}
	return index.NewIndexInternalID(nil, n), nil
}

// Close implements index.IndexReader.
func (r *reader) Close() error { return nil }

// bleveMapping tells bleve's queries which analyzer a field has.
type bleveMapping struct{ *schema }

// AnalyzerNameForPath implements mapping.IndexMapping.
func (m bleveMapping) AnalyzerNameForPath(path string) string {
	if i := m.column(path); i >= 0 {
		return m.params.Columns[i].Analyzer
	}
	return m.params.Analyzer
}

// AnalyzerNamed implements mapping.IndexMapping.
func (m bleveMapping) AnalyzerNamed(name string) analysis.Analyzer {
	a, err := newAnalyzer(name)
	if err != nil {
		return nil
	}
	return a.query
}

// DefaultSearchField implements mapping.IndexMapping.
func (m bleveMapping) DefaultSearchField() string { return allFields }

// DateTimeParserNamed implements mapping.IndexMapping. Columns hold text only.
func (m bleveMapping) DateTimeParserNamed(string) analysis.DateTimeParser { return nil }

// FieldMappingForPath implements mapping.IndexMapping.
func (m bleveMapping) FieldMappingForPath(string) mapping.FieldMapping {
	return mapping.FieldMapping{Type: "text"}
}

// Validate implements mapping.IndexMapping.
func (m bleveMapping) Validate() error { return nil }

// MapDocument implements mapping.IndexMapping. Documents do not pass through bleve.
func (m bleveMapping) MapDocument(*bleve.Document, any) error {
	return errors.New("documents are not mapped by bleve here")
}
