package sqlext

import (
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// ANALYZE leaves in sqlite_stat1 how many rows of an index have the same value in its
// first column, on average. For a filter that is nothing but equalities (or IN lists)
// of columns with constants, at least one of which has such an index, that is an
// estimate without looking at a row.

// tableStatistics is what sqlite_stat1 says of a table, as of the compilation of a
// filter.
type tableStatistics struct {
	cols []attrColumn
	same map[int]float64 // share of the rows that have one value, by column
	rows float64         // of the table

	samples map[int][]statSample // of sqlite_stat4, ascending, by column; nil: none
}

// readStatistics returns nil when there are none.
func readStatistics(b *baseTable) (*tableStatistics, error) {
	there := false
	err := query(b.conn, "SELECT 1 FROM "+quoteName(b.schema)+".sqlite_schema WHERE name = 'sqlite_stat1'", nil, func(host.Stmt) error { there = true; return nil })
	if err != nil || !there || b.source != "" {
		return nil, err
	}
	s := &tableStatistics{same: map[int]float64{}}
	at := map[string]int{}
	table := []host.Value{host.TextValue(b.table), host.TextValue(b.schema)}
	err = query(b.conn, "SELECT name FROM pragma_table_info(?1, ?2)", table, func(row host.Stmt) error {
		name := row.Value(0).String()
		at[foldName(name)] = len(s.cols)
		s.cols = append(s.cols, attrColumn{name: name, collate: "BINARY"})
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = query(b.conn, `SELECT i.name, s.stat FROM `+quoteName(b.schema)+`.sqlite_stat1 AS s, pragma_index_list(?1, ?2) AS l, pragma_index_info(s.idx, ?2) AS i
		WHERE s.tbl = ?1 COLLATE NOCASE AND l.name = s.idx AND NOT l.partial AND i.seqno = 0 AND i.name IS NOT NULL`, table, func(row host.Stmt) error {
		col, known := at[foldName(row.Value(0).String())]
		f := strings.Fields(row.Value(1).String())
		if !known || len(f) < 2 {
			return nil
		}
		rows, err1 := strconv.ParseFloat(f[0], 64)
		same, err2 := strconv.ParseFloat(f[1], 64)
		if err1 == nil && err2 == nil && rows >= 1 && same > 0 { // as SQLite writes it
			s.same[col] = same / rows
			s.rows = max(s.rows, rows)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.readSamples(b, table, at)
}

// equalities returns the columns that a filter compares for equality with constants,
// with the number of constants; none where it says anything else.
// e is the whole filter as far as it compares columns with constants; nil where it says
// anything else.
func equalities(b *baseTable, cols []attrColumn, expr string, args []host.Value) (equal map[int]int, e *hnsw.AttrExpr) {
	p := &attrParser{base: b, cols: cols, partition: -1, args: args, equal: map[int]int{}}
	var ok bool
	if p.tokens, ok = lexExpr(expr); !ok {
		return nil, nil
	}
	e = p.disjunction(true)
	n := 0
	for _, values := range p.equal {
		n += values
	}
	if p.tokens[p.at].kind != exprEnd || p.opaque {
		return nil, nil
	}
	if n != p.known {
		return nil, e
	}
	return p.equal, e
}

// statShare is the share of rows that pass by the statistics, and the table that tells; ""
// if none does.
func (r *filterRun) statShare() (share float64, source string, err error) {
	f := r.f
	if f.access != "index" {
		return 0, "", nil
	}
	if !f.statsRead {
		if f.stats, err = readStatistics(r.base); err != nil {
			return 0, "", err
		}
		f.statsRead = true
	}
	if f.stats == nil || len(f.stats.same)+len(f.stats.samples) == 0 {
		return 0, "", nil
	}
	equal, e := equalities(r.base, f.stats.cols, f.expr, r.args)
	if e != nil && f.stats.samples != nil && f.stats.rows > 0 {
		if rows, ok := f.stats.histogram(e); ok {
			return min(1, rows/f.stats.rows), "sqlite_stat4", nil
		}
	}
	for col, values := range equal {
		if same, known := f.stats.same[col]; known {
			if s := min(1, same*float64(values)); source == "" || s < share {
				share, source = s, "sqlite_stat1"
			}
		}
	}
	return share, source, nil
}

// selectivity is the share of rows that pass.
func (e *estimate) selectivity() float64 {
	if e.stat > 0 {
		return e.stat
	}
	return e.share.Share()
}

// deviation is how far off the share may well be. An average over all values of a
// column says little about one of them.
func (e *estimate) deviation() float64 {
	if e.stat > 0 {
		return e.stat
	}
	return e.share.Error()
}
