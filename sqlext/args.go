package sqlext

import (
	"math"
	"slices"

	"github.com/nearlite/nearlite/sqlext/host"
)

// countArg reads a number of rows such as k. JavaScript clients send every number
// as REAL, so a whole REAL is fine.
func countArg(label, name string, v host.Value) (int, error) {
	switch v.Kind {
	case host.Integer:
		if v.Int >= 0 {
			return int(min(v.Int, math.MaxInt32)), nil
		}
		return 0, mismatchf("%s: %s is %d, want a whole number of at least 0", label, name, v.Int)
	case host.Float:
		if v.Float >= 0 && v.Float == math.Trunc(v.Float) {
			return int(min(v.Float, math.MaxInt32)), nil
		}
		return 0, mismatchf("%s: %s is %v, want a whole number of at least 0", label, name, v.Float)
	}
	return 0, mismatchf("%s: %s is %s, want a whole number of at least 0", label, name, v.KindName())
}

// rangeArg is countArg with limits.
func rangeArg(label, name string, v host.Value, lo, hi int) (int, error) {
	n, err := countArg(label, name, v)
	if err == nil && (n < lo || n > hi) {
		err = mismatchf("%s: %s is %d, want a whole number from %d to %d", label, name, n, lo, hi)
	}
	return n, err
}

// rowSet is a set of rowids, for filters inside a search.
type rowSet struct {
	rows []int64 // ascending, without duplicates
	bits []uint64
	base int64 // rowid of bit 0
}

// newRowSet takes over rows.
func newRowSet(rows []int64) *rowSet {
	slices.Sort(rows)
	s := &rowSet{rows: slices.Compact(rows)}
	if n := len(s.rows); n > 0 {
		s.base = s.rows[0]
		// A bitmap when it costs no more than the list: one test instead of a search.
		if span := uint64(s.rows[n-1]) - uint64(s.base); span < 64*uint64(n) {
			s.bits = make([]uint64, span/64+1)
			for _, r := range s.rows {
				i := uint64(r) - uint64(s.base)
				s.bits[i/64] |= 1 << (i % 64)
			}
		}
	}
	return s
}

// Allows implements the filters of hnsw and lexical.
func (s *rowSet) Allows(rowid int64) (bool, error) {
	if s.bits != nil {
		i := uint64(rowid) - uint64(s.base)
		return i/64 < uint64(len(s.bits)) && s.bits[i/64]>>(i%64)&1 != 0, nil
	}
	_, ok := slices.BinarySearch(s.rows, rowid)
	return ok, nil
}

// readRowSet reads the list of rowid IN (...). Values that are no rowid match
// nothing, as in SQLite.
func readRowSet(args host.Args, i int) (*rowSet, error) {
	var rows []int64
	for v, err := range args.In(i) {
		if err != nil {
			return nil, err
		}
		if rowid, ok := asRowID(v); ok {
			rows = append(rows, rowid)
		}
	}
	return newRowSet(rows), nil
}

// asRowID is the rowid that a value compares equal to.
func asRowID(v host.Value) (int64, bool) {
	switch v.Kind {
	case host.Integer:
		return v.Int, true
	case host.Float:
		if v.Float == math.Trunc(v.Float) && v.Float >= -0x1p63 && v.Float < 0x1p63 {
			return int64(v.Float), true
		}
	}
	return 0, false
}

// number is a numeric value as float64.
func number(v host.Value) (float64, bool) {
	switch v.Kind {
	case host.Integer:
		return float64(v.Int), true
	case host.Float:
		return v.Float, true
	}
	return 0, false
}
