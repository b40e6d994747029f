package sqlext

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
)

// rowFilter is a compiled filter: an SQL expression over the base table in the
// three forms a search needs. It is kept by the searcher between searches.
type rowFilter struct {
	expr    string
	sql     string // of list
	version int64  // schema version of the compilation
	params  int    // placeholders of the expression

	list   host.Stmt // all matching rowids
	probe  host.Stmt // one row: 1 when it matches, no row when not
	sample host.Stmt // the first row from a rowid on: does it match?
	scan   host.Stmt // all matching rowids with their vectors, once asked for
	like   host.Stmt // how LIKE compares, once asked for
	access string    // how the host lists: index, covering or scan
	nested bool      // reads other virtual tables, perhaps the index itself
	low    int64     // range of rowids, to draw from
	high   int64

	estimates map[string]*estimate // by argument values
	histories map[string]*history  // likewise
	stats     *tableStatistics     // nil: none, or not read yet
	statsRead bool

	memories     map[string]*filterMemory // by index and argument values
	repeats      bool                     // see repeatable
	likes        bool
	repeatsKnown bool

	busy bool // in use by a search further up the stack
}

// estimate remembers what was learned about a filter with certain arguments. It
// decides on plans only, so that its age does no harm; after estimateUses searches
// it is learned again.
type estimate struct {
	share plans.Selectivity
	rows  int64
	uses  int
	probe time.Duration // of one row, at best
	stat  float64       // share as SQLite's statistics have it; 0: it was sampled
	from  string        // table of the statistics
}

const (
	estimateUses = 64
	maxEstimates = 64
	maxFilters   = 32
)

// checkExpression makes sure that text is one expression when put between
// parentheses, whatever it says: nothing in it ends the parentheses or the
// statement. What is left for SQLite to find is whether it parses.
func checkExpression(text string) error {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == 0:
			return errors.New("holds a zero byte")
		case c == '\'' || c == '"' || c == '`' || c == '[':
			end := quotedEnd(text, i)
			if end < 0 {
				return errors.New("has an unterminated " + string(c))
			}
			i = end
			continue
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i+2:], "*/")
			if n < 0 {
				return errors.New("has an unterminated comment")
			}
			i += 2 + n + 2
			continue
		case strings.HasPrefix(text[i:], "--"):
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return unclosed(depth) // we put a line end behind the expression
			}
			i += n
			continue
		case c == ';':
			return errors.New("holds a semicolon, want one expression")
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return errors.New("has a ) without its (")
			}
		}
		i++
	}
	return unclosed(depth)
}

// unclosed is the error of text that ends inside depth parentheses.
func unclosed(depth int) error {
	if depth > 0 {
		return errors.New("has a ( without its )")
	}
	return nil
}

// quotedEnd is the offset behind the quoted token that starts at i; -1 if it does
// not end.
func quotedEnd(s string, i int) int {
	end := s[i]
	if end == '[' {
		if n := strings.IndexByte(s[i:], ']'); n >= 0 {
			return i + n + 1
		}
		return -1
	}
	for i++; i < len(s); i++ {
		if s[i] != end {
			continue
		}
		if i+1 < len(s) && s[i+1] == end {
			i++
			continue
		}
		return i + 1
	}
	return -1
}

// filterSQL builds the three statements. The expression stands first, so that its
// placeholders, numbered or not, keep their numbers; ours follows the highest.
func filterSQL(b *baseTable, expr string, params int) (list, probe, sample string) {
	from, rowid, own := b.qualifiedName(), b.rowid, "?"+itoa(params+1)
	list = "SELECT " + rowid + " FROM " + from + " WHERE (" + expr + "\n)"
	probe = "SELECT 1 FROM " + from + " WHERE (" + expr + "\n) AND " + rowid + " = " + own
	sample = "SELECT (" + expr + "\n) IS TRUE FROM " + from + " WHERE " + rowid + " >= " + own + " ORDER BY " + rowid + " LIMIT 1"
	if b.where != "" {
		list += " AND (" + b.where + ")"
	}
	return list, probe, sample
}

// compileFilter prepares a filter over the base table of an index. label names the
// function in messages.
func compileFilter(c host.Conn, label string, b *baseTable, expr string, version int64) (_ *rowFilter, err error) {
	bad := func(err error) error {
		return errorf("%s: filter %s: %v", label, quoteShort(expr), err)
	}
	if strings.TrimSpace(expr) == "" {
		return nil, bad(errors.New("is empty, want an expression over the columns of " + b.label()))
	}
	if err := checkExpression(expr); err != nil {
		return nil, bad(err)
	}
	f := &rowFilter{expr: expr, version: version, estimates: map[string]*estimate{}, histories: map[string]*history{}}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	list, _, _ := filterSQL(b, expr, 0)
	f.sql = list
	if f.list, err = c.Prepare(list); err != nil {
		return nil, bad(plainMessage(err))
	}
	if !f.list.ReadOnly() {
		return nil, bad(errors.New("writes to the database, want an expression that only reads"))
	}
	f.params = f.list.BindCount()
	_, probe, sample := filterSQL(b, expr, f.params)
	if f.probe, err = c.Prepare(probe); err != nil {
		return nil, bad(plainMessage(err))
	}
	if f.sample, err = c.Prepare(sample); err != nil {
		return nil, bad(plainMessage(err))
	}
	if f.access, f.nested, err = accessPath(c, list); err != nil {
		return nil, bad(plainMessage(err))
	}
	return f, nil
}

// plainMessage drops what the host puts before SQLite's message.
func plainMessage(err error) error {
	var he *host.Error
	if errors.As(err, &he) {
		return errors.New(strings.TrimPrefix(strings.TrimPrefix(he.Message, "sqlite3: "), "SQL logic error: "))
	}
	return err
}

// accessPath says how SQLite would run a statement over one table: through an
// index, over a covering index from end to end, or over the whole table. nested says
// that virtual tables take part, in a subquery or a view, other than those that only
// unfold their arguments.
func accessPath(c host.Conn, sql string) (access string, nested bool, err error) {
	access = "index"
	err = query(c, "EXPLAIN QUERY PLAN "+sql, nil, func(row host.Stmt) error {
		detail := row.Value(3).String()
		if name, _, virtual := strings.Cut(strings.TrimPrefix(detail, "SCAN "), " VIRTUAL TABLE"); virtual && !harmlessTables[name] {
			nested = true
		}
		switch {
		case row.Value(1).Int != 0 || !strings.HasPrefix(detail, "SCAN "):
			// Inside a subquery, or through an index.
		case strings.Contains(detail, "COVERING INDEX"):
			access = "covering"
		default:
			access = "scan"
		}
		return nil
	})
	return access, nested, err
}

// harmlessTables never search an index.
var harmlessTables = map[string]bool{"json_each": true, "json_tree": true, "jsonb_each": true, "jsonb_tree": true, "generate_series": true}

func (f *rowFilter) close() {
	for _, st := range []host.Stmt{f.list, f.probe, f.sample, f.scan, f.like} {
		if st != nil {
			_ = st.Close()
		}
	}
}

// filterRun is a filter with its arguments during one search. Both legs of a
// hybrid search share it.
type filterRun struct {
	conn   host.Conn
	f      *rowFilter
	label  string
	args   []host.Value
	memo   map[int64]bool // rows tested, kept when two legs ask
	rows   []int64        // matching rows, ascending, once listed
	listed bool
	// atLeast is the number of matching rows seen when a listing was cut off.
	atLeast int
	member  *roaring64.Bitmap

	est        *estimate
	remembered int64    // rows whose answer was known from earlier searches
	included   string   // what the included columns decide: "all", "part" or nothing
	share      *float64 // of rows that pass, as the included columns have it
	exact      bool     // share is
	past       *history
	prices     plans.Costs
	base       *baseTable
	probes     int64
	listTime   time.Duration
	learnTime  time.Duration
}

// bind hands the arguments to the three statements.
func (r *filterRun) bind() error {
	if len(r.args) != r.f.params {
		return errorf("%s: filter %s has %s, filter_args has %s", r.label, quoteShort(r.f.expr),
			plural(r.f.params, "placeholder"), plural(len(r.args), "value"))
	}
	for _, st := range []host.Stmt{r.f.list, r.f.probe, r.f.sample} {
		for i, v := range r.args {
			if err := st.Bind(i+1, v); err != nil {
				return r.fail(err)
			}
		}
	}
	return nil
}

// fail names the filter in an error of its evaluation.
func (r *filterRun) fail(err error) error {
	var he *host.Error
	if errors.As(err, &he) && he.Code != host.CodeError {
		return err // busy, interrupted, corrupt: not the filter's fault
	}
	return errorf("%s: filter %s: %v", r.label, quoteShort(r.f.expr), plainMessage(err))
}

// Allows tests one row.
func (r *filterRun) Allows(rowid int64) (bool, error) {
	if r.listed {
		return r.contains(rowid), nil
	}
	if r.memo != nil {
		if pass, ok := r.memo[rowid]; ok {
			return pass, nil
		}
	}
	r.probes++
	st := r.f.probe
	err := st.Bind(r.f.params+1, host.IntValue(rowid))
	if err != nil {
		return false, r.fail(err)
	}
	pass, err := st.Step()
	_ = st.Reset()
	if err != nil {
		return false, r.fail(err)
	}
	if r.memo != nil {
		r.memo[rowid] = pass
	}
	return pass, nil
}

func (r *filterRun) contains(rowid int64) bool {
	if r.member == nil {
		r.member = roaring64.New()
		batch := make([]uint64, len(r.rows))
		for i, id := range r.rows {
			batch[i] = uint64(id)
		}
		r.member.AddMany(batch)
	}
	return r.member.Contains(uint64(rowid))
}

// listUpTo lists matching rows until limit of them were seen (limit < 0: all) and
// reports whether it came to the end.
func (r *filterRun) listUpTo(limit int) (bool, error) {
	if r.listed {
		return true, nil
	}
	start := time.Now()
	defer func() { r.listTime += time.Since(start) }()
	rows := r.rows[:0]
	st := r.f.list
	defer func() { _ = st.Reset() }()
	for {
		if limit >= 0 && len(rows) > limit {
			r.atLeast = len(rows)
			return false, nil
		}
		ok, err := st.Step()
		if err != nil {
			return false, r.fail(err)
		}
		if !ok {
			break
		}
		rows = append(rows, st.Value(0).Int)
	}
	slices.Sort(rows) // the order of the table is the order of its pages
	r.rows = slices.Compact(rows)
	r.listed = true
	return true, nil
}

// learn finds out how many of the index's rows the filter passes, for as little
// time as the answer is worth.
func (r *filterRun) learn(in plans.Input) (*plans.FilterInput, error) {
	rows := in.Rows
	if r.f.nested {
		// A filter that may itself search this index must not run inside its traversal.
		if _, err := r.listUpTo(-1); err != nil {
			return nil, err
		}
	}
	if !r.listed && r.est == nil {
		start := time.Now()
		if err := r.estimate(rows); err != nil {
			return nil, err
		}
		// A filter that may be narrow, with an index behind it, is listed at once: the
		// number is then known, and the rows are at hand for any plan.
		if r.f.access == "index" {
			in.Costs = r.costs(in.Costs)
			if bound := plans.ListBound(in, r.est.selectivity(), r.est.deviation()); bound > 0 {
				if _, err := r.listUpTo(bound); err != nil {
					return nil, err
				}
			}
		}
		r.learnTime = time.Since(start)
	}
	if r.listed {
		return &plans.FilterInput{Matches: float64(len(r.rows)), Counted: true, Listed: true, Indexed: true}, nil
	}
	return &plans.FilterInput{
		Matches: max(r.est.selectivity()*float64(rows), float64(r.atLeast)),
		Indexed: r.f.access == "index",
	}, nil
}

// estimate draws rows at random. The draws are seeded by their number alone, so
// that the same data gives the same plan.
func (r *filterRun) estimate(rows int64) error {
	key := argsKey(r.args)
	if e := r.f.estimates[key]; e != nil && e.uses < estimateUses && e.rows/2 <= rows && rows <= 2*e.rows+100 {
		e.uses++
		r.est = e
		return nil
	}
	e := &estimate{rows: rows, share: plans.Selectivity{Limit: plans.SampleLimit(rows, r.prices)}}
	if r.f.access == "index" {
		e.share.Limit = 4 * plans.FirstSample // an index counts better than a larger sample
	}
	if share, source, err := r.statShare(); err != nil {
		return r.fail(err)
	} else if source != "" {
		e.stat, e.from = share, source
	} else if err := r.draw(e); err != nil {
		return err
	}
	if len(r.f.estimates) >= maxEstimates {
		clear(r.f.estimates)
	}
	r.f.estimates[key] = e
	r.est = e
	return nil
}

// A filter that is slow to evaluate is drawn less often: for no longer than listing
// all rows takes, or minSampleTime. Ordinary filters stay far below, even on a busy
// machine, so that their plans do not depend on the clock.
const (
	minSampleTime = 20 * time.Millisecond
	maxSampleTime = time.Second
	slowProbe     = 5 * time.Microsecond // from here on the measured price counts
)

func (r *filterRun) draw(e *estimate) error {
	if err := r.f.measureRange(r.conn, r.base); err != nil {
		return err
	}
	if r.f.high <= r.f.low {
		return nil
	}
	span := uint64(r.f.high-r.f.low) + 1
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	most := max(minSampleTime, time.Duration(float64(e.rows)*r.prices.ListScan))
	last := time.Duration(0)
	for n := e.share.More(); n > 0; n = e.share.More() {
		for range n {
			from := r.f.low
			if span == 0 {
				from = int64(rng.Uint64()) // the whole range of rowids
			} else {
				from += int64(rng.Uint64N(span))
			}
			if err := r.f.sample.Bind(r.f.params+1, host.IntValue(from)); err != nil {
				return r.fail(err)
			}
			ok, err := r.f.sample.Step()
			if err != nil {
				_ = r.f.sample.Reset()
				return r.fail(err)
			}
			if ok {
				e.share.Add(r.f.sample.Value(0).Int != 0)
			}
			_ = r.f.sample.Reset()
			if !ok {
				return nil // the table shrank
			}
			r.probes++
			spent := time.Since(start)
			if took := spent - last; e.share.Probed == 1 || took < e.probe {
				e.probe = took // the least: an interruption says nothing about the filter
			}
			if last = spent; e.probe*time.Duration(e.share.Probed) > most || spent > maxSampleTime {
				e.uses = estimateUses // a poor sample is not used again
				return nil
			}
		}
	}
	return nil
}

// measureRange reads the range of rowids to draw from.
func (f *rowFilter) measureRange(c host.Conn, b *baseTable) error {
	for _, x := range []struct {
		order string
		to    *int64
	}{{"", &f.low}, {" DESC", &f.high}} {
		sql := "SELECT " + b.rowid + " FROM " + b.qualifiedName() + " ORDER BY " + b.rowid + x.order + " LIMIT 1"
		err := query(c, sql, nil, func(row host.Stmt) error { *x.to = row.Value(0).Int; return nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// costs adapts the prices to this filter: a covering index is cheaper to read than
// the table, and an expression with subqueries may be dear to evaluate.
func (r *filterRun) costs(c plans.Costs) plans.Costs {
	if r.f.access == "covering" {
		c.ListScan *= 0.4
	}
	if r.est != nil && r.est.probe > slowProbe && !pricesPinned.Load() {
		c.Probe = float64(r.est.probe.Nanoseconds())
		c.ListScan += c.Probe // the listing evaluates it for every row
	}
	return c
}
