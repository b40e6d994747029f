package lexical

import (
	"context"
	"slices"
	"sort"
)

// Syntax says how the text of a query is read.
type Syntax uint8

// The syntaxes.
const (
	// Match is plain text: any text is legal, a document that holds any of the
	// words is a hit. Text without a word has no hits.
	Match Syntax = iota
	// QueryString is bleve's query string language: +must -mustnot field:word
	// "a phrase"~2 fuzzy~1 prefix* wild?card /regexp/ boost^2.
	QueryString
	// JSON is a bleve query object.
	JSON
)

// String is the name in SQL: match, query_string or json.
func (s Syntax) String() string {
	switch s {
	case Match:
		return "match"
	case QueryString:
		return "query_string"
	case JSON:
		return "json"
	}
	return "unknown"
}

// ParseSyntax is the inverse of String.
func ParseSyntax(name string) (Syntax, error) {
	for _, s := range []Syntax{Match, QueryString, JSON} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, queryErrorf("unknown syntax %q, want one of match, query_string, json", name)
}

// Filter decides which rows may be hits. It is asked only about rows whose score
// would make them hits.
type Filter interface {
	Allows(rowid int64) (bool, error)
}

// Request is one search.
type Request struct {
	Query  string
	Syntax Syntax
	// K is the number of hits wanted, Offset how many of the best to leave out.
	// K below 0 means all.
	K, Offset int
	// Filter restricts the hits; nil allows all rows.
	Filter Filter
	// Columns restricts words without a field of their own to these columns; nil
	// means all columns.
	Columns []int
}

// Hit is one result.
type Hit struct {
	RowID int64
	Score float64
}

// SearchStats says what a search did.
type SearchStats struct {
	Segments int   // segments looked at, the pending buffer included
	Terms    int   // posting lists opened
	Matches  int64 // documents that matched, before the filter and K
	Filtered int64 // rows the filter was asked about
}

// Search returns the K best documents, highest score first; equal scores are
// ordered by rowid. It sees the pending documents of this transaction.
//
// Errors: ErrQuery for malformed QueryString or JSON text, ErrCorrupt, the
// filter's error, ctx.Err() when canceled.
func (ix *Index) Search(ctx context.Context, req Request) ([]Hit, SearchStats, error) {
	if req.Offset < 0 {
		return nil, SearchStats{}, queryErrorf("offset is %d, want 0 or more", req.Offset)
	}
	top := newTopHits(req.K, req.Offset)
	stats, err := ix.run(ctx, req, nil, top.limit == 0 && req.K >= 0, func(e *evaluation, segment int, m matches) error {
		return top.collect(e, segment, m, req.Filter)
	})
	if err != nil {
		return nil, stats, err
	}
	return top.hits(), stats, nil
}

// SearchRows scores only the given rows: the hits among them, in Search's order,
// not cut to K. Rows that do not match, or are not indexed, are left out.
func (ix *Index) SearchRows(ctx context.Context, req Request, rows []int64) ([]Hit, SearchStats, error) {
	rows = append([]int64{}, rows...) // never nil: that would mean all
	slices.Sort(rows)
	top := newTopHits(-1, 0)
	stats, err := ix.run(ctx, req, slices.Compact(rows), false, func(e *evaluation, segment int, m matches) error {
		return top.collect(e, segment, m, req.Filter)
	})
	if err != nil {
		return nil, stats, err
	}
	return top.hits(), stats, nil
}

// Count is the number of documents that match and pass the filter.
func (ix *Index) Count(ctx context.Context, req Request) (int64, error) {
	var n int64
	_, err := ix.run(ctx, req, nil, false, func(e *evaluation, segment int, m matches) error {
		if req.Filter == nil {
			n += int64(len(m.docs))
			return nil
		}
		for _, doc := range m.docs {
			rowid, err := e.view.segments[segment].seg.rowid(&ix.src, doc)
			if err != nil {
				return err
			}
			ok, err := req.Filter.Allows(rowid)
			if err != nil {
				return err
			}
			if ok {
				n++
			}
		}
		return nil
	})
	return n, err
}

// Validate reports whether the query can be parsed and names columns that exist;
// the error is that of Search.
func (ix *Index) Validate(query string, syntax Syntax) error {
	q, err := ix.parse(query, syntax)
	if err != nil {
		return err
	}
	c := compiler{ix: ix, columns: ix.schema.all(), syntax: syntax}
	_, err = c.compile(q, 1, syntax == QueryString)
	return err
}

// run evaluates a request and hands each segment's matches to collect. rows, if
// not nil, restricts the matches; they ascend.
func (ix *Index) run(ctx context.Context, req Request, rows []int64, parseOnly bool, collect func(e *evaluation, segment int, m matches) error) (SearchStats, error) {
	q, err := ix.parse(req.Query, req.Syntax)
	if err != nil {
		return SearchStats{}, err
	}
	columns := ix.schema.all()
	if req.Columns != nil {
		columns = 0
		for _, c := range req.Columns {
			if c < 0 || c >= ix.src.columns {
				return SearchStats{}, queryErrorf("column %d of the request, want 0 to %d", c, ix.src.columns-1)
			}
			columns |= 1 << c
		}
	}
	v, err := ix.view()
	if err != nil {
		return SearchStats{}, err
	}
	e := ix.newEvaluation(v)
	defer e.close()
	c := compiler{ix: ix, columns: columns, syntax: req.Syntax}
	c.expand = func(columns uint64, p pattern) ([]weightedTerm, error) { return e.expand(ctx, columns, p) }
	root, err := c.compile(q, 1, req.Syntax == QueryString)
	if err != nil || parseOnly {
		return SearchStats{}, err
	}
	if _, none := root.(noneNode); none {
		return SearchStats{}, nil
	}
	deliver := func(segment int, m matches) error {
		if rows != nil {
			among, err := rowsNode{rowids: rows}.eval(e, segment)
			if err != nil {
				return err
			}
			m = intersect(m, among, false)
		}
		e.stats.Segments++
		e.stats.Matches += int64(len(m.docs))
		return collect(e, segment, m)
	}
	if ix.schema.params.Scoring == ScoringBleve {
		if req.Columns != nil {
			return e.stats, queryErrorf("a choice of columns needs scoring %s; name them in the query instead", ScoringBM25)
		}
		err := ix.runBleve(ctx, e, q, deliver)
		return e.stats, err
	}
	e.leaves = c.leaves
	if err := e.gatherAll(ctx); err != nil {
		return e.stats, err
	}
	for i := range v.segments {
		if err := ctx.Err(); err != nil {
			return e.stats, err
		}
		m, err := root.eval(e, i)
		if err != nil {
			return e.stats, err
		}
		if err := deliver(i, m); err != nil {
			return e.stats, err
		}
	}
	return e.stats, nil
}

// expand lists the words of the dictionaries that are in a pattern.
func (e *evaluation) expand(ctx context.Context, columns uint64, p pattern) ([]weightedTerm, error) {
	var out []weightedTerm
	seen := map[string]bool{}
	prefix := p.prefix()
	if term, ok := p.(exactPattern); ok {
		return []weightedTerm{{string(term), 1}}, nil
	}
	n := 0
	for _, s := range e.view.dictionaries() {
		it := s.seg.seek(&e.ix.src, []byte(prefix))
		for it.next() {
			if n++; n%4096 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if !hasPrefix(it.term, prefix) {
				break
			}
			w := p.weight(it.term)
			if w == 0 || seen[string(it.term)] {
				continue
			}
			term := string(it.term)
			if seen[term] = true; len(seen) > maxClauses {
				return nil, queryErrorf("a pattern of the query stands for more than %d words; make it more specific", maxClauses)
			}
			out = append(out, weightedTerm{term, w})
		}
		if it.err != nil {
			return nil, it.err
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].term < out[j].term })
	return out, nil
}
