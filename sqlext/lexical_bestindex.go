package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// Plans of the lexical table: kinds and costs as for hnsw. The letters of Plan.Str:
//
//	m  index MATCH ?, or column MATCH ?     the query
//	k  k = ?               number of rows wanted
//	i  rowid IN (...)      whole list, filtered inside the search; r, a, b, c, d
//	                       likewise: see takeRowid
//	L  LIMIT ?             O  OFFSET ? (SQLite skips the rows itself)
//	=  rowid = ?
//
// Plan.Num of a search is planSearch + matchColumn*n, n being 1 + the indexed
// column that MATCH is about, 0 for all of them.
const matchColumn = 1 << 8

// BestIndex chooses a plan.
func (o lexicalObject) BestIndex(info *host.IndexInfo) error {
	p := planner{info: info}
	column := 0
	for i, c := range info.Constraints {
		if c.Op != host.Match {
			continue
		}
		switch field := c.Column - lexicalField; {
		case c.Column == o.columnCommand():
		case field >= 0 && field < len(o.fields):
			column = field + 1
		default:
			continue
		}
		if !c.Usable {
			return host.ErrNoPlan
		}
		if p.has('m') {
			return errorf("%s: two MATCH in one query, want one: words of two columns go into one text such as 'title:a body:b'", o.label())
		}
		p.take(i, 'm')
	}
	if !p.has('m') {
		return p.rowPlan()
	}

	info.Num = planSearch + matchColumn*column
	info.EstimatedCost, info.EstimatedRows = costSearch, 1000
	for i, c := range info.Constraints {
		switch {
		case c.Column == o.columnK() && c.Op == host.EQ:
			if !c.Usable || p.has('k') {
				return host.ErrNoPlan
			}
			p.take(i, 'k')
			if v, ok := info.RHS(i); ok {
				if k, err := countArg("", "k", v); err == nil {
					info.EstimatedRows = int64(max(k, 1))
				}
			}
		case c.Column == -1:
			p.takeRowid(i)
		}
	}
	info.OrderByConsumed = len(info.OrderBy) > 0 && info.OrderBy[0].Column == lexicalScore && info.OrderBy[0].Desc &&
		(len(info.OrderBy) == 1 || len(info.OrderBy) == 2 && info.OrderBy[1].Column == -1 && !info.OrderBy[1].Desc)
	p.takeLimit(len(info.OrderBy) == 0 || info.OrderByConsumed)
	info.Str = string(p.letters)
	return nil
}
