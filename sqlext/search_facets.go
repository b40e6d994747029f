package sqlext

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

var lexicalFacetsOptions = []string{"syntax"}

// facet is a value of the column and how many documents have it.
type facet struct {
	value host.Value
	docs  int64
}

// runLexicalFacets is lexical_facets(index, query, column, n, ...): the most frequent
// values of a column, any of the table's, or of an expression over its columns,
// among all rows that the query finds. Rows without a value count under NULL.
func runLexicalFacets(s *searcher, c *searchCall, _ bool) (*searchResult, error) {
	fn := c.fn
	c.require(3)
	name := c.text(0, "the name of a lexical index")
	query, _ := c.query(1)
	if c.err == nil && c.args[1].IsNull() {
		c.fail("query is NULL, want text to search for")
	}
	column := c.text(2, "a column of the table")
	n := c.count(3, "n")
	expr, filterArgs, options := c.filterArguments(4)
	if c.err != nil {
		return nil, c.err
	}
	opt, err := s.searchOptions(fn, options, lexicalFacetsOptions)
	if err != nil {
		return nil, err
	}
	t, err := s.lexicalTable(name)
	if err != nil {
		return nil, err
	}
	defer t.leave()
	st, err := s.facetStmt(fn, t, column)
	if err != nil {
		return nil, err
	}
	filter, done, err := s.filter(fn, &t.indexTable, expr, filterArgs)
	defer done()
	if err != nil {
		return nil, err
	}
	leg, err := s.newLexicalLeg(t, query, opt, filter)
	if err != nil {
		return nil, err
	}
	leg.unchecked = true // the values are read from the rows, so that gone ones show
	hits, err := leg.run(s.interrupt(), math.MaxInt32)
	if err != nil {
		return nil, err
	}
	facets, err := countFacets(s.interrupt(), st, hits)
	if err != nil {
		return nil, err
	}
	res := &searchResult{cells: make([][]host.Value, 0, min(n, len(facets)))}
	for _, f := range facets[:min(n, len(facets))] {
		res.cells = append(res.cells, []host.Value{f.value, host.IntValue(f.docs)})
	}
	return res, nil
}

// facetStmt reads the column of one row. A column's plain name may need quotes that
// nobody would think of; anything else is an expression.
func (s *searcher) facetStmt(fn string, t *lexicalTable, column string) (host.Stmt, error) {
	info, err := describeBase(s.cat.conn, t.label(), t.base.schema, t.base.table)
	if err != nil {
		return nil, err
	}
	expr := column
	if col, ok := info.column(column); ok {
		expr = quoteName(col.name)
	}
	st, err := s.expressionStmt(t.base, expr)
	if err != nil {
		return nil, errorf("%s: column %s: %v, want one of %s, or an expression over them", fn, quoteShort(column), err, info.columnNames())
	}
	return st, nil
}

// countFacets counts values, the most frequent first; of equally frequent ones in
// SQLite's order of values.
func countFacets(ctx context.Context, st host.Stmt, hits []lexical.Hit) ([]facet, error) {
	counts := map[string]*facet{}
	for i, h := range hits {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := st.Bind(1, host.IntValue(h.RowID)); err != nil {
			return nil, err
		}
		ok, err := st.Step()
		if err != nil {
			_ = st.Reset()
			return nil, err
		}
		if ok {
			v := st.Value(0)
			key := facetKey(v)
			f := counts[key]
			if f == nil {
				v.Bytes = bytes.Clone(v.Bytes)
				f = &facet{value: v}
				counts[key] = f
			}
			f.docs++
		}
		if err := st.Reset(); err != nil {
			return nil, err
		}
	}
	out := make([]facet, 0, len(counts))
	for _, f := range counts {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b facet) int {
		return cmp.Or(cmp.Compare(b.docs, a.docs), compareValues(a.value, b.value))
	})
	return out, nil
}

// facetKey is the same for values that SQL takes for equal: 2 and 2.0 are.
func facetKey(v host.Value) string {
	switch v.Kind {
	case host.Integer:
		return "n" + strconv.FormatInt(v.Int, 10)
	case host.Float:
		if v.Float == math.Trunc(v.Float) && math.Abs(v.Float) < 1<<53 {
			return "n" + strconv.FormatInt(int64(v.Float), 10)
		}
		return "f" + strconv.FormatFloat(v.Float, 'g', -1, 64)
	case host.Text:
		return "t" + string(v.Bytes)
	case host.BlobKind:
		return "b" + string(v.Bytes)
	}
	return ""
}

// compareValues is SQLite's order: NULL, numbers, text, blobs.
func compareValues(a, b host.Value) int {
	class := func(v host.Value) int {
		switch v.Kind {
		case host.Integer, host.Float:
			return 1
		case host.Text:
			return 2
		case host.BlobKind:
			return 3
		}
		return 0
	}
	if c := cmp.Compare(class(a), class(b)); c != 0 {
		return c
	}
	if a.Kind == host.Integer && b.Kind == host.Integer {
		return cmp.Compare(a.Int, b.Int)
	}
	if x, ok := number(a); ok {
		y, _ := number(b)
		return cmp.Compare(x, y)
	}
	return strings.Compare(string(a.Bytes), string(b.Bytes))
}
