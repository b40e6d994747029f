package sqlext

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// searcher runs the planned searches of one connection and keeps the filters it
// compiled.
type searcher struct {
	cat        *catalog
	users      int // connected tables
	filters    map[string]*rowFilter
	groups     map[string]host.Stmt // group_by expressions
	types      map[string]columnType
	unique     map[string]uniqueness
	options    map[string]*searchOptions // parsed, by function and text
	remembered int64                     // bytes of what filters remember
	hybrid     *hybridMemory             // nil while a hybrid search uses it
}

func newSearcher(cat *catalog) *searcher {
	return &searcher{
		cat:     cat,
		filters: map[string]*rowFilter{},
		groups:  map[string]host.Stmt{},
		types:   map[string]columnType{},
		unique:  map[string]uniqueness{},
		options: map[string]*searchOptions{},
	}
}

// close releases all statements: SQLite refuses to close a connection that has any.
func (s *searcher) close() {
	s.closeFilters()
	s.closeGroups()
	clear(s.types)
	clear(s.unique)
	s.cat.closeVersions()
}

func (s *searcher) closeFilters() {
	for key, f := range s.filters {
		if !f.busy {
			f.close()
			delete(s.filters, key)
		}
	}
}

func (s *searcher) closeGroups() {
	for key, st := range s.groups {
		_ = st.Close()
		delete(s.groups, key)
	}
}

// filter returns a filter over the base table of an index, with its arguments
// bound. nil: there is no filter. The caller calls done when the search is over.
func (s *searcher) filter(label string, t *indexTable, expr, argsText string) (run *filterRun, done func(), err error) {
	done = func() {}
	args, err := parseFilterArgs(label, argsText)
	if err != nil {
		return nil, done, err
	}
	if expr == "" {
		if len(args) > 0 {
			return nil, done, errorf("%s: filter_args has %s, but there is no filter", label, plural(len(args), "value"))
		}
		return nil, done, nil
	}
	b := t.base
	key := strings.Join([]string{b.qualifiedName(), b.columns[0], b.where, expr}, "\x00")
	f := s.filters[key]
	if f != nil && (f.busy || f.version != t.baseVersion) {
		if !f.busy {
			f.close()
			delete(s.filters, key)
		}
		f = nil
	}
	if f == nil {
		if f, err = compileFilter(s.cat.conn, label, b, expr, t.baseVersion); err != nil {
			return nil, done, err
		}
		// A statement that reads our own tables keeps them connected, and they keep it:
		// neither would be closed with the connection.
		if s.filters[key] == nil && !f.nested {
			if len(s.filters) >= maxFilters {
				s.closeFilters()
			}
			s.filters[key] = f
		}
	}
	f.busy = true
	done = func() {
		f.busy = false
		if s.filters[key] != f {
			f.close()
		}
	}
	run = &filterRun{conn: s.cat.conn, base: b, prices: s.cat.costs(), f: f, label: label, args: args}
	return run, done, run.bind()
}

// interrupt is the context of the running statement.
func (s *searcher) interrupt() context.Context {
	if ctx := s.cat.conn.Interrupt(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// refine applies group_by and mmr to candidates, best first. more fetches at least n
// candidates, and reports whether there are no others; the number wanted grows until
// k rows are left or nothing is new.
func (s *searcher) refine(label string, b *baseTable, o *searchOptions, k, start int,
	more func(n int) (rows []searchRow, all bool, err error),
) ([]searchRow, error) {
	grouped, diverse := o.groupBy != "", !math.IsNaN(o.mmr)
	n := max(start, k)
	if grouped {
		n = max(n, 4*k)
	}
	if diverse {
		n = max(n, 4*k, 50)
	}
	var keys map[int64]string
	if grouped {
		keys = map[int64]string{}
	}
	for {
		rows, all, err := more(n)
		if err != nil {
			return nil, err
		}
		if grouped {
			if rows, err = s.group(label, b, o, rows, keys, max(k, wanted(diverse, n))); err != nil {
				return nil, err
			}
		}
		if len(rows) >= k || all {
			if diverse {
				if rows, err = s.diversify(b, o, k, rows); err != nil {
					return nil, err
				}
			}
			return rows[:min(k, len(rows))], nil
		}
		n *= 4
	}
}

// wanted is how many grouped rows are kept for the diversity that follows.
func wanted(diverse bool, n int) int {
	if diverse {
		return n
	}
	return 0
}

// group keeps the best rows of each group.
func (s *searcher) group(label string, b *baseTable, o *searchOptions, rows []searchRow, keys map[int64]string, k int) ([]searchRow, error) {
	st, err := s.groupStmt(label, b, o.groupBy)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if _, known := keys[r.id]; known {
			continue
		}
		if err := st.Bind(1, host.IntValue(r.id)); err != nil {
			return nil, err
		}
		ok, err := st.Step()
		if err != nil {
			_ = st.Reset()
			return nil, errorf("%s: option \"group_by\" %s: %v", label, quoteShort(o.groupBy), plainMessage(err))
		}
		key := ""
		if ok {
			v := st.Value(0)
			key = v.KindName() + ":" + groupText(v)
			if v.IsNull() {
				key += strconv.FormatInt(r.id, 10) // rows without a group stand alone
			}
		}
		keys[r.id] = key
		_ = st.Reset()
	}
	kept, _ := plans.Group(len(rows), k, o.groupLimit, func(i int) string { return keys[rows[i].id] })
	out := make([]searchRow, len(kept))
	for i, j := range kept {
		out[i] = rows[j]
	}
	return out, nil
}

func groupText(v host.Value) string {
	if v.Kind == host.BlobKind {
		return string(v.Bytes)
	}
	return indexText(v)
}

// groupStmt compiles a group_by expression.
func (s *searcher) groupStmt(label string, b *baseTable, expr string) (host.Stmt, error) {
	st, err := s.expressionStmt(b, expr)
	if err != nil {
		return nil, errorf("%s: option \"group_by\" %s: %v", label, quoteShort(expr), err)
	}
	return st, nil
}

// expressionStmt compiles an expression over the columns of one row, whose rowid is
// its only parameter. Statements are kept.
func (s *searcher) expressionStmt(b *baseTable, expr string) (host.Stmt, error) {
	key := b.qualifiedName() + "\x00" + expr
	if st := s.groups[key]; st != nil {
		return st, nil
	}
	if err := checkExpression(expr); err != nil {
		return nil, err
	}
	sql := "SELECT (" + expr + "\n) FROM " + b.qualifiedName()
	st, err := s.cat.conn.Prepare(sql)
	if err != nil {
		return nil, plainMessage(err)
	}
	params := st.BindCount()
	_ = st.Close()
	if params != 0 {
		return nil, errPlaceholder
	}
	if _, nested, err := accessPath(s.cat.conn, sql); err != nil {
		return nil, plainMessage(err)
	} else if nested {
		return nil, errNested
	}
	if st, err = s.cat.conn.Prepare(sql + " WHERE " + b.rowid + " = ?1"); err != nil {
		return nil, plainMessage(err)
	}
	if len(s.groups) >= maxFilters {
		s.closeGroups()
	}
	s.groups[key] = st
	return st, nil
}

const (
	errPlaceholder = errorText("has placeholders, want an expression over the table's columns")
	errNested      = errorText("reads a virtual table, want an expression over the table's columns")
)

type errorText string

func (e errorText) Error() string { return string(e) }

// diversify applies maximal marginal relevance with the rows' own vectors: cosine
// similarity against the score, which is mapped to 0..1 over the candidates.
func (s *searcher) diversify(b *baseTable, o *searchOptions, k int, rows []searchRow) ([]searchRow, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	vecs := make([][]float32, len(rows))
	for i, r := range rows {
		v, ok, err := b.vector(r.id, nil)
		if err != nil {
			return nil, err
		}
		if ok {
			vecs[i] = v
		}
	}
	best, worst := rows[0].score, rows[len(rows)-1].score
	relevance := func(i int) float64 {
		if best == worst {
			return 1
		}
		return (rows[i].score - worst) / (best - worst)
	}
	similarity := func(i, j int) float64 {
		if vecs[i] == nil || vecs[j] == nil || len(vecs[i]) != len(vecs[j]) {
			return 0
		}
		d := vector.Cosine.Distance(vecs[i], vecs[j])
		if d != d {
			return 0
		}
		return 1 - d
	}
	order := plans.Diversify(len(rows), k, o.mmr, relevance, similarity)
	out := make([]searchRow, len(order))
	for i, j := range order {
		out[i] = rows[j]
	}
	return out, nil
}

// stopwatch measures the stages of a search.
type stopwatch struct{ start, last time.Time }

func newStopwatch() *stopwatch {
	now := time.Now()
	return &stopwatch{now, now}
}

// lap is the time since the last lap, in microseconds.
func (w *stopwatch) lap() float64 {
	now := time.Now()
	d := now.Sub(w.last)
	w.last = now
	return plans.Microseconds(d)
}

// total is the time up to the last lap, in microseconds.
func (w *stopwatch) total() float64 { return plans.Microseconds(w.last.Sub(w.start)) }

func itoa(n int) string { return strconv.Itoa(n) }

// plural is "1 value", "2 values".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return itoa(n) + " " + noun + "s"
}
