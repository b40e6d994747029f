package sqlext

import (
	bin "encoding/binary"
	"math"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
)

// What searches learn about a filter, row by row or by listing all that match, holds
// as long as the database does not change. It is kept, so that a filter that is asked
// again and again (a tenant's, a language's) costs what an included column does: its
// rows are known, by node, in two bits each. All is forgotten
//
//   - with any commit to the database, by whom ever (host.DataVersion), and nothing is
//     used or kept while this connection writes;
//   - with a change of the schema, with which the filter is compiled anew.
//
// A filter is remembered if it asks for nothing that can change without those: no
// function that is not deterministic or tells the time, no virtual table, no second
// database.

// filterMemory is what is known of a filter with certain arguments, by the nodes of one
// index.
type filterMemory struct {
	verdicts *hnsw.Verdicts
	table    *vectorTable // another one where another database took the place of the first
	version  uint32       // of the database
	folds    bool         // LIKE did not tell cases apart
}

const (
	// rememberBytes bounds what the filters of a connection remember.
	rememberBytes = 16 << 20
	// rememberWorth is how much work a search must have made of a filter for the next one
	// to remember it, in nanoseconds: so much, and so much for each row of the index.
	rememberWorth    = 5_000
	rememberWorthRow = 0.4
)

// remember finds what is remembered of the leg's filter. nil: nothing, and nothing is to
// be kept.
func (l *vectorLeg) remember() error {
	r, conn := l.filter, l.s.cat.conn
	w, ok := conn.(host.WriteState)
	d, ok2 := conn.(host.DataVersion)
	if !ok || !ok2 || r.f.nested || w.Writing() {
		return nil
	}
	key := l.t.label() + "\x00" + argsKey(r.args)
	m, past := r.f.memories[key], r.history()
	if m == nil && past.work < rememberWorth+rememberWorthRow*float64(l.rows) {
		return nil
	}
	if !r.f.repeatsKnown {
		var err error
		if r.f.repeats, r.f.likes, err = repeatable(conn, r.f.sql); err != nil {
			return r.fail(err)
		}
		r.f.repeatsKnown = true
	}
	version, ok := d.DataVersion(l.t.base.schema)
	if !r.f.repeats || !ok {
		return nil
	}
	if past.version != version || m != nil && m.table != l.t {
		// Something has changed since the last search. Where that is so each time, nothing
		// is worth remembering.
		past.version = version
		if m != nil {
			m.verdicts.Forget()
			m.table = l.t
		}
		return nil
	}
	folds := false
	if r.f.likes {
		var err error
		if folds, err = r.f.likeFolds(conn); err != nil {
			return r.fail(err)
		}
	}
	if m == nil {
		size := hnsw.VerdictBytes(l.rows)
		if size > rememberBytes {
			return nil
		}
		if l.s.remembered += size; l.s.remembered > rememberBytes {
			l.s.forgetAll()
			l.s.remembered = size
		}
		m = &filterMemory{verdicts: hnsw.NewVerdicts(), table: l.t, version: version, folds: folds}
		if r.f.memories == nil {
			r.f.memories = map[string]*filterMemory{}
		}
		r.f.memories[key] = m
	}
	if m.version != version || m.folds != folds {
		m.verdicts.Forget()
		m.version, m.folds = version, folds
	}
	l.memory = m
	return nil
}

// memorize keeps what the search found out, unless the database has changed under it.
func (l *vectorLeg) memorize() error {
	if l.filter == nil {
		return nil
	}
	l.filter.history().worked(l.work())
	m := l.memory
	if m == nil {
		return nil
	}
	d := l.s.cat.conn.(host.DataVersion)
	if version, ok := d.DataVersion(l.t.base.schema); !ok || version != m.version {
		m.verdicts.Forget()
		return nil
	}
	if l.filter.listed && !l.recalled {
		return l.t.wrap(l.t.index.Learn(m.verdicts, l.filter.rows))
	}
	return nil
}

// work is what the filter cost a search, by the prices written down: the clock does
// not decide what is remembered.
func (l *vectorLeg) work() float64 {
	c, r := plans.DefaultCosts(), l.filter
	work := float64(r.probes) * c.Probe
	if r.listed {
		if r.f.access == "index" {
			work += float64(len(r.rows)) * c.List
		} else {
			work += float64(l.rows) * c.ListScan
		}
	}
	if l.record.Plan == plans.ExactScan || l.record.Switched != "" {
		work += float64(len(r.rows)) * (c.Read + c.ReadDim*float64(l.dims))
	}
	return work
}

// known is what is remembered, as the planner takes it: complete, or with nodes that
// have to be asked about. nil: nothing is.
func (l *vectorLeg) known() (*plans.IncludedInput, error) {
	if l.memory == nil {
		return nil, nil
	}
	c, err := l.t.index.Known(l.memory.verdicts)
	if err != nil {
		return nil, l.t.wrap(err)
	}
	if c.Ask == c.Nodes {
		return nil, nil
	}
	return &plans.IncludedInput{Yes: float64(c.Yes), Ask: float64(c.Ask), Swept: true}, nil
}

// forgetAll drops what the filters remember.
func (s *searcher) forgetAll() {
	for _, f := range s.filters {
		f.memories = nil
	}
	s.remembered = 0
}

// clockFunctions tell the time for some arguments; SQLite calls them deterministic.
var clockFunctions = map[string]bool{
	"date": true, "time": true, "datetime": true, "julianday": true, "strftime": true, "unixepoch": true, "timediff": true,
	"current_date": true, "current_time": true, "current_timestamp": true,
}

// knownAggregates are those of SQLite, which it does not call deterministic. Their only freedom
// is the order in which rows come, and that is the same in the same database.
var knownAggregates = map[string]bool{
	"count": true, "sum": true, "total": true, "avg": true, "min": true, "max": true, "group_concat": true, "string_agg": true,
	"json_group_array": true, "json_group_object": true,
}

// repeatable reports whether a statement gives the same answer as long as its database
// is the same, and whether it uses LIKE, which a PRAGMA changes. Its program shows all
// functions and databases, also those behind views.
func repeatable(c host.Conn, sql string) (repeats, likes bool, err error) {
	functions, databases := map[string]bool{}, map[int64]bool{}
	err = query(c, "EXPLAIN "+sql, nil, func(row host.Stmt) error {
		switch op := row.Value(1).String(); op {
		case "Transaction":
			databases[row.Value(2).Int] = true
		case "Function", "PureFunc", "AggStep", "AggStep1", "AggInverse", "AggValue", "AggFinal":
			name, _, ok := strings.Cut(row.Value(5).String(), "(")
			if !ok {
				name = "?" // not shown: it may be any
			}
			functions[foldName(name)] = true
		}
		return nil
	})
	if err != nil || len(databases) != 1 {
		return false, false, err
	}
	for name := range functions {
		if clockFunctions[name] {
			return false, false, nil
		}
		if knownAggregates[name] {
			continue
		}
		likes = likes || name == "like"
		var all, deterministic int64
		err = query(c, "SELECT count(*), count(*) FILTER (WHERE flags & 0x800) FROM pragma_function_list WHERE name = ?1 COLLATE NOCASE",
			[]host.Value{host.TextValue(name)}, func(row host.Stmt) error {
				all, deterministic = row.Value(0).Int, row.Value(1).Int
				return nil
			})
		if err != nil || all == 0 || deterministic != all {
			return false, false, err
		}
	}
	return true, likes, nil
}

// likeFolds reports whether LIKE takes upper and lower case for the same.
func (f *rowFilter) likeFolds(c host.Conn) (folds bool, err error) {
	if f.like == nil {
		if f.like, err = c.Prepare("SELECT 'a' LIKE 'A'"); err != nil {
			return false, err
		}
	}
	ok, err := f.like.Step()
	folds = ok && f.like.Value(0).Int != 0
	_ = f.like.Reset()
	return folds, err
}

// argsKey tells values apart, also those that are shown alike.
func argsKey(args []host.Value) string {
	var b []byte
	for _, v := range args {
		b = append(b, '0'+byte(v.Kind))
		switch v.Kind {
		case host.Integer:
			b = bin.BigEndian.AppendUint64(b, uint64(v.Int))
		case host.Float:
			b = bin.BigEndian.AppendUint64(b, math.Float64bits(v.Float))
		case host.Text, host.BlobKind:
			b = bin.AppendUvarint(b, uint64(len(v.Bytes)))
			b = append(b, v.Bytes...)
		}
	}
	return string(b)
}
