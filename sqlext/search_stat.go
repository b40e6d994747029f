package sqlext

import (
	"strconv"
	"strings"

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
		}
		return nil
	})
	return s, err
}

// equalities returns the columns that a filter compares for equality with constants,
// with the number of constants; none where it says anything else.
func equalities(b *baseTable, cols []attrColumn, expr string, args []host.Value) map[int]int {
	p := &attrParser{base: b, cols: cols, partition: -1, args: args, equal: map[int]int{}}
	var ok bool
	if p.tokens, ok = lexExpr(expr); !ok {
		return nil
	}
	p.disjunction(true)
	n := 0
	for _, values := range p.equal {
		n += values
	}
	if p.tokens[p.at].kind != exprEnd || p.opaque || n != p.known {
		return nil
	}
	return p.equal
}

// statShare is the share of rows that pass by the statistics, and whether they tell.
func (r *filterRun) statShare() (share float64, ok bool, err error) {
	f := r.f
	if f.access != "index" {
		return 0, false, nil
	}
	if !f.statsRead {
		if f.stats, err = readStatistics(r.base); err != nil {
			return 0, false, err
		}
		f.statsRead = true
	}
	if f.stats == nil || len(f.stats.same) == 0 {
		return 0, false, nil
	}
	for col, values := range equalities(r.base, f.stats.cols, f.expr, r.args) {
		if same, known := f.stats.same[col]; known {
			if s := min(1, same*float64(values)); !ok || s < share {
				share, ok = s, true
			}
		}
	}
	return share, ok, nil
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
