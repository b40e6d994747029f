package sqlext

import (
	"math"
	"slices"

	"github.com/nearlite/nearlite/sqlext/host"
)

// rowidFilter is what the WHERE clause says about rowids, for use inside a search.
type rowidFilter struct {
	set    *rowSet // nil: any
	lo, hi int64   // both included
}

func anyRow() rowidFilter { return rowidFilter{lo: math.MinInt64, hi: math.MaxInt64} }

// restricts reports whether f excludes any rowid.
func (f *rowidFilter) restricts() bool {
	return f.set != nil || f.lo != math.MinInt64 || f.hi != math.MaxInt64
}

// Allows implements the filters of hnsw and lexical.
func (f *rowidFilter) Allows(rowid int64) (bool, error) {
	if rowid < f.lo || rowid > f.hi {
		return false, nil
	}
	if f.set == nil {
		return true, nil
	}
	return f.set.Allows(rowid)
}

// costJoined is the cost of a search for one given rowid. Where that is a column of
// another table, SQLite is offered the plan without it, too, which is cheaper: k
// counts before the join, as it does with any other condition on the other table.
const costJoined = 1e12

// takeRowid takes a constraint on the rowid into a search. The letters in Plan.Str:
//
//	i  rowid IN (...)    r  rowid = ?
//	a  rowid > ?         b  rowid >= ?
//	c  rowid < ?         d  rowid <= ?
func (p *planner) takeRowid(i int) {
	c := &p.info.Constraints[i]
	if !c.Usable {
		return
	}
	var letter byte
	switch c.Op {
	case host.EQ:
		if p.has('i') || p.has('r') {
			return
		}
		if p.info.CanIn(i) {
			p.info.UseIn(i)
			p.take(i, 'i')
			return
		}
		if _, known := p.info.RHS(i); !known {
			p.info.EstimatedCost = costJoined
		}
		p.info.EstimatedRows = 1
		letter = 'r'
	case host.GT:
		letter = 'a'
	case host.GE:
		letter = 'b'
	case host.LT:
		letter = 'c'
	case host.LE:
		letter = 'd'
	default:
		return
	}
	if p.has(letter) {
		return
	}
	p.take(i, letter)
	c.Omit = false // SQLite decides about values that are no numbers
}

// read takes the argument of a constraint that takeRowid took.
func (f *rowidFilter) read(letter byte, args host.Args, i int) error {
	v := args.Value(i)
	switch letter {
	case 'i':
		set, err := readRowSet(args, i)
		f.set = set
		return err
	case 'r':
		f.set = newRowSet(nil)
		if rowid, ok := asRowID(v); ok {
			f.set = newRowSet([]int64{rowid})
		}
		return nil
	}
	x, ok := number(v)
	if !ok || math.IsNaN(x) {
		return nil
	}
	// The smallest and the largest integer that the bound allows; f.lo > f.hi: none.
	switch letter {
	case 'a', 'b':
		f.lo = max(f.lo, ceilBound(v, letter == 'a'))
	case 'c', 'd':
		f.hi = min(f.hi, floorBound(v, letter == 'c'))
	}
	return nil
}

func ceilBound(v host.Value, open bool) int64 {
	n, whole := v.Int, true
	if v.Kind == host.Float {
		c := math.Ceil(v.Float)
		switch {
		case c >= 0x1p63:
			return math.MaxInt64
		case c < -0x1p63:
			return math.MinInt64
		}
		n, whole = int64(c), c == v.Float
	}
	if open && whole && n < math.MaxInt64 {
		n++
	}
	return n
}

func floorBound(v host.Value, open bool) int64 {
	n, whole := v.Int, true
	if v.Kind == host.Float {
		c := math.Floor(v.Float)
		switch {
		case c >= 0x1p63:
			return math.MaxInt64
		case c < -0x1p63:
			return math.MinInt64
		}
		n, whole = int64(c), c == v.Float
	}
	if open && whole && n > math.MinInt64 {
		n--
	}
	return n
}

// settle joins the list with the range.
func (f *rowidFilter) settle() {
	if f.set == nil {
		return
	}
	rows := slices.DeleteFunc(f.set.rows, func(r int64) bool { return r < f.lo || r > f.hi })
	if len(rows) < len(f.set.rows) || len(rows) == 0 {
		f.set = newRowSet(rows)
	}
	f.lo, f.hi = math.MinInt64, math.MaxInt64
}
