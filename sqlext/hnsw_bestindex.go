package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// Plans of the hnsw table. Plan.Num is the kind; Plan.Str has one letter for each
// argument of Search, in order:
//
//	v  vector MATCH ?      the query
//	k  k = ?               number of rows wanted
//	e  ef_search = ?       candidates kept by the traversal
//	R  recall = ?          or the recall to aim at
//	i  rowid IN (...)      whole list, filtered inside the search; r, a, b, c, d
//	                       likewise: see takeRowid
//	<  distance < ?        l  distance <= ?
//	L  LIMIT ?             O  OFFSET ? (SQLite skips the rows itself)
//	=  rowid = ?
//
//	kind        cost      rows
//	planLookup  10        1      rowid = ?
//	planSearch  1e6       k      vector MATCH ?
//	planScan    1e7       1e6    everything, by rowid
//
// A search is made to look dear, so that the planner runs it once, in the
// outermost loop, and looks the other tables up by its rows: a search inside the
// loop over another table's rows would be repeated for each of them. A search for
// rowid = other.id is dearer still: it would turn "k nearest" into "each row".
const (
	planScan = iota
	planLookup
	planSearch
)

const (
	costLookup = 10
	costSearch = 1e6
	costScan   = 1e7
	rowsScan   = 1_000_000
)

// BestIndex chooses a plan; see planScan.
func (o hnswObject) BestIndex(info *host.IndexInfo) error {
	p := planner{info: info}
	for i, c := range info.Constraints {
		if c.Column == hnswVector && c.Op == host.Match {
			if !c.Usable || p.has('v') {
				return host.ErrNoPlan
			}
			p.take(i, 'v')
		}
	}
	if !p.has('v') {
		return p.rowPlan()
	}

	info.Num = planSearch
	info.EstimatedCost, info.EstimatedRows = costSearch, 100
	for i, c := range info.Constraints {
		switch {
		case c.Column == hnswK && c.Op == host.EQ:
			if !c.Usable || p.has('k') {
				return host.ErrNoPlan
			}
			p.take(i, 'k')
			if v, ok := info.RHS(i); ok {
				if k, err := countArg("", "k", v); err == nil {
					info.EstimatedRows = int64(max(k, 1))
				}
			}
		case c.Column == hnswEfSearch && c.Op == host.EQ:
			if !c.Usable || p.has('e') {
				return host.ErrNoPlan
			}
			p.take(i, 'e')
		case c.Column == hnswRecall && c.Op == host.EQ:
			if !c.Usable || p.has('R') {
				return host.ErrNoPlan
			}
			p.take(i, 'R')
		case c.Column == -1:
			p.takeRowid(i)
		case c.Column == hnswDistance && (c.Op == host.LT || c.Op == host.LE) && c.Usable && !p.has('<') && !p.has('l'):
			if c.Op == host.LT {
				p.take(i, '<')
			} else {
				p.take(i, 'l')
			}
		}
	}
	info.OrderByConsumed = len(info.OrderBy) > 0 && info.OrderBy[0].Column == hnswDistance && !info.OrderBy[0].Desc &&
		(len(info.OrderBy) == 1 || len(info.OrderBy) == 2 && info.OrderBy[1].Column == -1 && !info.OrderBy[1].Desc)
	p.takeLimit(len(info.OrderBy) == 0 || info.OrderByConsumed)
	info.Str = string(p.letters) + " " + p.family()
	return nil
}

// planner collects the arguments of a plan.
type planner struct {
	info    *host.IndexInfo
	letters []byte
}

func (p *planner) has(letter byte) bool {
	for _, l := range p.letters {
		if l == letter {
			return true
		}
	}
	return false
}

func (p *planner) take(i int, letter byte) {
	p.letters = append(p.letters, letter)
	p.info.Constraints[i].ArgvIndex = len(p.letters)
	p.info.Constraints[i].Omit = true
}

// family names what a search has to choose from, behind the letters, for EXPLAIN
// QUERY PLAN.
func (p *planner) family() string {
	switch {
	case p.has('i'), p.has('r'):
		return "exact scan of listed rows or filtered traversal"
	case p.has('a'), p.has('b'), p.has('c'), p.has('d'):
		return "filtered traversal"
	}
	return "traversal"
}

// takeLimit takes LIMIT when SQLite will drop no row afterwards: every other
// constraint is ours, and the order is.
func (p *planner) takeLimit(ordered bool) {
	if !ordered {
		return
	}
	limit, offset := -1, -1
	for i, c := range p.info.Constraints {
		switch {
		case c.Op == host.Limit:
			limit = i
		case c.Op == host.Offset:
			offset = i
		case c.ArgvIndex == 0:
			return
		}
	}
	if limit < 0 || !p.info.Constraints[limit].Usable || offset >= 0 && !p.info.Constraints[offset].Usable {
		return
	}
	p.take(limit, 'L')
	p.info.Constraints[limit].Omit = false
	if offset >= 0 {
		p.take(offset, 'O')
		p.info.Constraints[offset].Omit = false
	}
}

// rowPlan is the plan without a search: one row, or all rows in order of rowid.
func (p *planner) rowPlan() error {
	info := p.info
	for i, c := range info.Constraints {
		if c.Column == -1 && c.Op == host.EQ && c.Usable {
			p.take(i, '=')
			info.Num, info.Str, info.Unique = planLookup, string(p.letters), true
			info.EstimatedCost, info.EstimatedRows = costLookup, 1
			return nil
		}
	}
	info.Num = planScan
	info.EstimatedCost, info.EstimatedRows = costScan, rowsScan
	info.OrderByConsumed = len(info.OrderBy) == 1 && info.OrderBy[0].Column == -1 && !info.OrderBy[0].Desc
	return nil
}
