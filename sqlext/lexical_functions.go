package sqlext

import (
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// lexicalFunctions are the functions about rows of a lexical search and about
// lexical indexes. FTS5 tables keep their own highlight and snippet: those belong to
// the table and come before functions of the same name.
func (cat *catalog) lexicalFunctions() []host.Function {
	return []host.Function{
		{Name: "highlight", NArg: 4, Volatile: true, Call: cat.highlight},
		{Name: "snippet", NArg: 6, Volatile: true, Call: cat.snippet},
		{Name: "match", NArg: 2, Volatile: true, Call: misusedMatch},
		{Name: "lexical_stats", NArg: 1, Volatile: true, Call: cat.lexicalStats},
		{Name: "lexical_count", NArg: 2, Volatile: true, Call: cat.lexicalCount},
		{Name: "lexical_count", NArg: 3, Volatile: true, Call: cat.lexicalCount},
		{Name: "did_you_mean", NArg: 2, Volatile: true, Call: cat.didYouMean},
	}
}

// misusedMatch is the function behind the operator MATCH, which runs only where no
// index takes the operator over. SQLite's own does the same, but is not innocuous: a
// view over a search would be refused where the schema is not trusted.
func misusedMatch(ctx host.Context, _ []host.Value) {
	ctx.ResultError(host.Errorf(host.CodeError, "unable to use function MATCH in the requested context"))
}

// highlight is highlight(index, column, open, close).
func (cat *catalog) highlight(ctx host.Context, args []host.Value) {
	row, err := cat.searchedRow("highlight", args[0])
	if err == nil {
		var column int
		if column, err = row.column("highlight", args[1]); err == nil {
			err = row.result(ctx, column, func(query, text string, column int) (string, error) {
				return row.t.index.Highlight(query, lexical.QueryString, column, text, args[2].String(), args[3].String())
			})
		}
	}
	if err != nil {
		ctx.ResultError(err)
	}
}

// snippet is snippet(index, column, open, close, ellipsis, tokens). Column -1 is the
// one with the most marked words.
func (cat *catalog) snippet(ctx host.Context, args []host.Value) {
	row, err := cat.searchedRow("snippet", args[0])
	if err == nil {
		err = row.snippet(ctx, args)
	}
	if err != nil {
		ctx.ResultError(err)
	}
}

func (row *searchedRow) snippet(ctx host.Context, args []host.Value) error {
	const maxTokens = 10_000
	tokens, err := rangeArg("snippet", "the number of words", args[5], 1, maxTokens)
	if err != nil {
		return err
	}
	open, closing, ellipsis := args[2].String(), args[3].String(), args[4].String()
	cut := func(query, text string, column int) (string, error) {
		return row.t.index.Snippet(query, lexical.QueryString, column, text, open, closing, ellipsis, tokens)
	}
	if args[1].Kind != host.Integer || args[1].Int != -1 {
		column, err := row.column("snippet", args[1])
		if err != nil {
			return err
		}
		return row.result(ctx, column, cut)
	}
	best, most := 0, -1
	for c := range row.t.fields {
		text, ok, err := row.t.base.text(row.rowid, c)
		if err != nil || !ok {
			return err
		}
		// Count marks that the text cannot hold.
		marked, err := row.t.index.Snippet(row.query, lexical.QueryString, c, text, "\x00", "", ellipsis, tokens)
		if err != nil {
			return row.t.wrap(err)
		}
		if n := strings.Count(marked, "\x00"); n > most {
			best, most = c, n
		}
	}
	return row.result(ctx, best, cut)
}

// searchedRow is a row of a running search.
type searchedRow struct {
	t     *lexicalTable
	query string
	rowid int64
}

func (cat *catalog) searchedRow(function string, v host.Value) (*searchedRow, error) {
	r, rowid, ok := cat.readToken(v)
	if !ok {
		return nil, errorf("%s: the first argument is no row of a lexical search, want the name of the index, unquoted, in a SELECT from it", function)
	}
	return &searchedRow{r.t, r.query, rowid}, nil
}

// column is an indexed column by name or by position from 0.
func (row *searchedRow) column(function string, v host.Value) (int, error) {
	given := v.KindName()
	switch v.Kind {
	case host.Integer:
		if v.Int >= 0 && v.Int < int64(len(row.t.fields)) {
			return int(v.Int), nil
		}
		given = fmt.Sprint(v.Int)
	case host.Text:
		for i, f := range row.t.fields {
			if strings.EqualFold(f, v.String()) || strings.EqualFold(row.t.baseCols[i], v.String()) {
				return i, nil
			}
		}
		given = fmt.Sprintf("%q", v.String())
	}
	return 0, errorf("%s: %s: column is %s, want one of %s, or 0 to %d", row.t.label(), function, given,
		strings.Join(row.t.fields, ", "), len(row.t.fields)-1)
}

// result hands the row's text through fn. A row that is gone gives NULL.
func (row *searchedRow) result(ctx host.Context, column int, fn func(query, text string, column int) (string, error)) error {
	text, ok, err := row.t.base.text(row.rowid, column)
	if err != nil || !ok {
		return err
	}
	if row.query != "" {
		if text, err = fn(row.query, text, column); err != nil {
			return row.t.wrap(err)
		}
	}
	ctx.ResultValue(host.TextValue(text))
	return nil
}

// lexicalStatsText is what lexical_stats returns, as JSON.
type lexicalStatsText struct {
	Index    string               `json:"index"`
	Table    string               `json:"table"`
	Rows     int64                `json:"rows"`
	Deleted  int64                `json:"deleted"`
	Patched  int64                `json:"patched"` // rows of which a part is in a patch
	Segments int                  `json:"segments"`
	Pending  int                  `json:"pending"`
	Terms    int64                `json:"terms"`
	Bytes    int64                `json:"bytes"`
	Columns  []lexicalColumnStats `json:"columns"`
	Analyzer string               `json:"analyzer"`
	Where    string               `json:"where,omitempty"`
	Scoring  string               `json:"scoring"`
	K1       float64              `json:"k1"`
	B        float64              `json:"b"`
}

type lexicalColumnStats struct {
	Name      string  `json:"name"`
	Analyzer  string  `json:"analyzer"`
	Boost     float64 `json:"boost"`
	Tokens    int64   `json:"tokens"`
	AvgLength float64 `json:"average_length"`
}

// lexicalStats is lexical_stats(index).
func (cat *catalog) lexicalStats(ctx host.Context, args []host.Value) {
	statsJSON(ctx, "lexical_stats", args[0], cat.lexicalIndex, func(t *lexicalTable) (any, error) {
		s, err := t.index.Stats()
		if err != nil {
			return nil, t.wrap(err)
		}
		return t.describe(s), nil
	})
}

func (t *lexicalTable) describe(s lexical.Stats) lexicalStatsText {
	p := t.index.Params().Normalize()
	out := lexicalStatsText{
		Index: t.label(), Table: t.base.label(), Rows: s.Rows, Deleted: s.Deleted, Patched: s.Patched, Segments: s.Segments,
		Terms: s.Terms, Bytes: s.Bytes, Analyzer: p.Analyzer, Where: t.base.where,
		Scoring: p.Scoring, K1: p.K1, B: max(p.B, 0),
	}
	for i, c := range p.Columns {
		col := lexicalColumnStats{Name: c.Name, Analyzer: c.Analyzer, Boost: c.Boost}
		if i < len(s.Tokens) {
			col.Tokens = s.Tokens[i]
		}
		if i < len(s.AvgLength) {
			col.AvgLength = s.AvgLength[i]
		}
		out.Columns = append(out.Columns, col)
	}
	return out
}
