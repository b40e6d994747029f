package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// The planned searches are table-valued functions: eponymous modules whose hidden
// columns take the arguments, in the order they are declared.
//
//	vector_top_k(idx, vector, k)                                    search_topk.go
//	vector_search(idx, vector, k, filter, filter_args, options)     search_vector.go
//	lexical_search(idx, query, k, filter, filter_args, options)     search_lexical.go
//	hybrid_search(vector_index, lexical_index, query, vector, k,
//	              filter, filter_args, options)                     search_hybrid.go
//	lexical_terms(idx, prefix, n)                                   search_terms.go
//	lexical_facets(idx, query, column, n, filter, filter_args, options)
//	                                                                search_facets.go

// Output columns of the three functions that are ours; the arguments follow, then
// explain.
const (
	outID = iota
	outScore
	outDistance
	outLexicalScore
	outVectorRank
	outLexicalRank
	outColumns
)

// searchFunction describes one table-valued function.
type searchFunction struct {
	name  string
	out   []string // visible columns; the first is id where rows of a table are searched
	args  []string // hidden columns that take the arguments
	after string   // hidden output column behind the arguments, "" if there is none
	// argsFirst puts the arguments before the output columns, as libSQL has them.
	argsFirst bool
	usage     string
	// run computes the rows. explain says that the record of the search is wanted.
	run func(s *searcher, c *searchCall, explain bool) (*searchResult, error)
}

var searchOut = []string{"id INTEGER", "score REAL", "distance REAL", "lexical_score REAL", "vector_rank INTEGER", "lexical_rank INTEGER"}

func searchFunctions() []*searchFunction {
	return []*searchFunction{
		{
			name: "vector_top_k", out: []string{"id"}, args: []string{"idx", "vector", "k"},
			argsFirst: true, run: runTopK,
		},
		{
			name: "vector_search", out: searchOut, after: "explain TEXT",
			args:  []string{"idx", "vector", "k", "filter", "filter_args", "options"},
			usage: "vector_search(index, vector, k, filter, filter_args, options)", run: runVectorSearch,
		},
		{
			name: "lexical_search", out: searchOut, after: "explain TEXT",
			args:  []string{"idx", "query", "k", "filter", "filter_args", "options"},
			usage: "lexical_search(index, query, k, filter, filter_args, options)", run: runLexicalSearch,
		},
		{
			name: "hybrid_search", out: searchOut, after: "explain TEXT",
			args:  []string{"vector_index", "lexical_index", "query", "vector", "k", "filter", "filter_args", "options"},
			usage: "hybrid_search(vector_index, lexical_index, query, vector, k, filter, filter_args, options)", run: runHybridSearch,
		},
		{
			name: "lexical_terms", out: []string{"term TEXT", "documents INTEGER"}, args: []string{"idx", "prefix", "n"},
			usage: "lexical_terms(index, prefix, n)", run: runLexicalTerms,
		},
		{
			name: "lexical_facets", out: []string{"value", "documents INTEGER"},
			args:  []string{"idx", "query", "column", "n", "filter", "filter_args", "options"},
			usage: "lexical_facets(index, query, column, n, filter, filter_args, options)", run: runLexicalFacets,
		},
	}
}

// registerSearch registers the table-valued functions. vector_top_k is left alone
// where the host brings its own: libSQL's own indexes depend on it.
func (cat *catalog) registerSearch() error {
	modules, err := names(cat.conn, "SELECT name FROM pragma_module_list")
	if err != nil {
		return err
	}
	s := newSearcher(cat)
	for _, f := range searchFunctions() {
		if f.name == "vector_top_k" && modules[f.name] {
			continue
		}
		err := cat.conn.CreateModule(f.name, host.Module{
			Connect: func(c host.Conn, _ host.ModuleArgs) (host.Table, error) {
				if err := c.DeclareVTab(f.declaration()); err != nil {
					return nil, err
				}
				s.users++
				return &searchTable{searcher: s, fn: f}, nil
			},
		})
		if err != nil {
			return err
		}
	}
	return cat.conn.CreateFunction(host.Function{Name: "fusion_tune", NArg: 3, Volatile: true, DirectOnly: true, Call: s.fusionTune})
}

// declaration is the table that the function looks like.
func (f *searchFunction) declaration() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE x(")
	out, args := strings.Join(f.out, ", "), strings.Join(f.args, " HIDDEN, ")+" HIDDEN"
	if f.argsFirst {
		out, args = args, out
	}
	b.WriteString(out + ", " + args)
	if f.after != "" {
		b.WriteString(", " + f.after + " HIDDEN")
	}
	b.WriteString(")")
	return b.String()
}

// searchTable is the table behind a function on one connection.
type searchTable struct {
	searcher *searcher
	fn       *searchFunction
}

var (
	_ host.Table       = (*searchTable)(nil)
	_ host.CursorTable = (*searchTable)(nil)
)

// searchCost makes every scan dearer than any other loop of a statement, so that
// SQLite puts it outermost whenever the arguments allow it.
const searchCost = 1e9

// BestIndex has one plan: Num has bit i set when argument i is given, and the
// arguments come in their order.
//
//	constraint             usable                 not usable
//	argument = x           passed, not re-tested  no plan: SQLite asks again with
//	                                              the tables that x needs outside
//	explain = x            an argument too many: error
//	anything else (id = y) left to SQLite; never makes the scan cheaper
//
// Every scan costs searchCost. A join with the base table could run the search once
// for each of its rows and compare ids, or run it once and look the ids up; with an
// index on a filtered column and a search that grew cheaper by an id, SQLite would
// take the first. Here the number of scans decides, and one scan always wins. Where
// the query vector comes from another table (a correlated call) only plans with
// that table outside are offered, and are taken at any cost.
func (t *searchTable) BestIndex(info *host.IndexInfo) error {
	first := t.fn.firstArg()
	place := make([]int, len(t.fn.args)) // constraint + 1 for each argument
	for i, c := range info.Constraints {
		arg := c.Column - first
		if arg == len(t.fn.args) && c.Op == host.EQ && t.fn.after != "" {
			return t.fn.tooMany()
		}
		if arg < 0 || arg >= len(t.fn.args) || c.Op != host.EQ {
			continue
		}
		if !c.Usable {
			return host.ErrNoPlan
		}
		if place[arg] == 0 {
			place[arg] = i + 1
		}
	}
	argv := 0
	for arg, p := range place {
		if p == 0 {
			continue
		}
		argv++
		info.Num |= 1 << arg
		info.Constraints[p-1].ArgvIndex = argv
		info.Constraints[p-1].Omit = true
	}
	info.Str = t.fn.family(place)
	info.EstimatedCost = searchCost
	info.EstimatedRows = 10
	for arg, name := range t.fn.args {
		if name != "k" || place[arg] == 0 {
			continue
		}
		if v, known := info.RHS(place[arg] - 1); known && v.Kind == host.Integer && v.Int >= 0 {
			info.EstimatedRows = max(v.Int, 1)
		}
	}
	return nil
}

// family names the plans that a call has to choose from, for EXPLAIN QUERY PLAN.
func (f *searchFunction) family(place []int) string {
	filtered := false
	for i, name := range f.args {
		filtered = filtered || name == "filter" && place[i] > 0
	}
	switch {
	case f.name == "vector_top_k", f.name == "vector_search" && !filtered:
		return "vector: traversal or exact scan"
	case f.name == "vector_search":
		return "vector: filtered, by exact scan, code scan or traversal"
	case f.name == "lexical_search" && !filtered:
		return "text: all documents of the query"
	case f.name == "lexical_search":
		return "text: filtered, by exact scan or lexical first"
	case f.name == "hybrid_search" && !filtered:
		return "hybrid: vector and text, fused"
	case f.name == "hybrid_search":
		return "hybrid: vector and text, filtered and fused"
	}
	return f.name
}

// firstArg is the column of the first argument.
func (f *searchFunction) firstArg() int {
	if f.argsFirst {
		return 0
	}
	return len(f.out)
}

// tooMany is the error of a call with one argument more than there are: SQLite
// gives it to the hidden output column, which nobody compares for equality.
func (f *searchFunction) tooMany() error {
	return errorf("%s: too many arguments, want %s", f.name, f.usage)
}

// Search runs the function outside of any cursor.
func (t *searchTable) Search(plan host.Plan, args host.Args) (host.Rows, error) {
	return (&searchCursor{table: t}).Search(plan, args)
}

// OpenCursor makes a cursor, which remembers its last search.
func (t *searchTable) OpenCursor() host.Cursor { return &searchCursor{table: t} }

// Close releases the statements after the last table of the connection.
func (t *searchTable) Close() error {
	t.searcher.users--
	if t.searcher.users == 0 {
		t.searcher.close()
	}
	return nil
}

// searchCursor runs the function. As the inner loop of a join it is started again
// for each outer row; when the arguments are those of the last start, so is the
// result, because a statement sees one state of the database.
type searchCursor struct {
	table  *searchTable
	num    int
	args   []host.Value
	result *searchResult
}

// Search computes the rows.
func (c *searchCursor) Search(plan host.Plan, args host.Args) (host.Rows, error) {
	fn := c.table.fn
	if c.result == nil || plan.Num != c.num || !sameArgs(c.args, args) {
		c.result = nil
		c.num = plan.Num
		c.args = copyArgs(args)
		values := make([]host.Value, len(fn.args))
		given := make([]bool, len(fn.args))
		next := 0
		for i := range fn.args {
			if plan.Num&(1<<i) != 0 {
				values[i], given[i] = c.args[next], true
				next++
			}
		}
		explain := fn.after != "" && plan.ColumnsUsed>>(len(fn.out)+len(fn.args))&1 != 0
		r, err := fn.run(c.table.searcher, &searchCall{fn: fn.name, usage: fn.usage, names: fn.args, args: values, given: given}, explain)
		if err != nil {
			return nil, err
		}
		r.args = values
		c.result = r
	}
	return &searchRows{fn: fn, result: c.result}, nil
}

// Close ends the cursor.
func (c *searchCursor) Close() error {
	c.result, c.args = nil, nil
	return nil
}

func sameArgs(have []host.Value, args host.Args) bool {
	if len(have) != args.Len() {
		return false
	}
	for i, h := range have {
		v := args.Value(i)
		if h.Kind != v.Kind || h.Int != v.Int || h.Float != v.Float || string(h.Bytes) != string(v.Bytes) {
			return false
		}
	}
	return true
}

func copyArgs(args host.Args) []host.Value {
	out := make([]host.Value, args.Len())
	for i := range out {
		v := args.Value(i)
		v.Bytes = append([]byte(nil), v.Bytes...)
		out[i] = v
	}
	return out
}

// searchRow is one row of a result. Floats that are NaN and ranks that are 0 are
// NULL.
type searchRow struct {
	id                      int64
	key                     host.Value // instead of id, of a table WITHOUT ROWID; else NULL
	blank                   bool       // no row: every column but explain is NULL
	score, distance         float64
	lexical                 float64
	vectorRank, lexicalRank int
}

// searchResult is what a function computed.
type searchResult struct {
	rows    []searchRow
	cells   [][]host.Value // instead of rows: the visible columns of functions that have others
	explain []byte         // JSON
	args    []host.Value
}

// searchRows hands a result to SQLite.
type searchRows struct {
	fn     *searchFunction
	result *searchResult
	next   int
}

// searchBatch bounds the memory of a batch of rows.
const searchBatch = 256

// Next fills a batch.
func (r *searchRows) Next(b *host.Batch) error {
	if r.result.cells != nil {
		r.nextCells(b)
		return nil
	}
	n := min(searchBatch, len(r.result.rows)-r.next)
	b.Columns = len(r.fn.out) + len(r.fn.args)
	if r.fn.after != "" {
		b.Columns++
	}
	for _, row := range r.result.rows[r.next : r.next+n] {
		b.RowIDs = append(b.RowIDs, row.id)
		if row.key.IsNull() && !row.blank {
			row.key = host.IntValue(row.id)
		}
		if r.fn.argsFirst {
			b.Values = append(b.Values, r.result.args...)
			b.Values = append(b.Values, row.key)
			continue
		}
		b.Values = append(b.Values, row.key)
		if len(r.fn.out) == outColumns {
			b.Values = append(b.Values,
				floatOrNull(row.score), floatOrNull(row.distance), floatOrNull(row.lexical),
				rankOrNull(row.vectorRank), rankOrNull(row.lexicalRank))
		}
		b.Values = append(b.Values, r.result.args...)
		if r.fn.after != "" {
			b.Values = append(b.Values, host.Value{Kind: explainKind(r.result.explain), Bytes: r.result.explain})
		}
	}
	r.next += n
	return nil
}

// nextCells fills a batch of rows that are no rows of a table: they are numbered.
func (r *searchRows) nextCells(b *host.Batch) {
	n := min(searchBatch, len(r.result.cells)-r.next)
	b.Columns = len(r.fn.out) + len(r.fn.args)
	for _, cells := range r.result.cells[r.next : r.next+n] {
		r.next++
		b.RowIDs = append(b.RowIDs, int64(r.next))
		b.Values = append(b.Values, cells...)
		b.Values = append(b.Values, r.result.args...)
	}
}

// Close ends the scan.
func (r *searchRows) Close() error { return nil }

func explainKind(b []byte) host.Kind {
	if b == nil {
		return host.Null
	}
	return host.Text
}

func floatOrNull(f float64) host.Value {
	if f != f {
		return host.Value{}
	}
	return host.FloatValue(f)
}

func rankOrNull(n int) host.Value {
	if n == 0 {
		return host.Value{}
	}
	return host.IntValue(int64(n))
}
