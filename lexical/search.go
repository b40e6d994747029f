package lexical

import "context"

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
	return nil, SearchStats{}, errWIP
}

// SearchRows scores only the given rows: the hits among them, in Search's order,
// not cut to K. Rows that do not match, or are not indexed, are left out.
func (ix *Index) SearchRows(ctx context.Context, req Request, rows []int64) ([]Hit, SearchStats, error) {
	return nil, SearchStats{}, errWIP
}

// Count is the number of documents that match and pass the filter.
func (ix *Index) Count(ctx context.Context, req Request) (int64, error) { return 0, errWIP }

// Validate reports whether the query can be parsed; the error is that of Search.
func (ix *Index) Validate(query string, syntax Syntax) error { return errWIP }

// Highlight returns text, the content of the given column, with every word that
// the query matches there between open and close.
func (ix *Index) Highlight(query string, syntax Syntax, column int, text, open, close string) (string, error) {
	return "", errWIP
}

// Snippet returns the piece of text, at most tokens words long, that holds most
// of the query's words, marked as by Highlight. ellipsis stands where text was
// cut off. tokens below 1 means 16.
func (ix *Index) Snippet(query string, syntax Syntax, column int, text, open, close, ellipsis string, tokens int) (string, error) {
	return "", errWIP
}

// TermCount is a word of the dictionary and the number of documents that hold it.
type TermCount struct {
	Term string
	Docs int64
}

// Terms returns up to n words that begin with prefix and occur in live documents,
// the most frequent first; words of equal frequency in byte order.
func (ix *Index) Terms(prefix string, n int) ([]TermCount, error) { return nil, errWIP }
