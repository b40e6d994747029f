package sqlext

import (
	bin "encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// Where SQLite is built with SQLITE_ENABLE_STAT4 (as ours, better-sqlite3 and libSQL are),
// ANALYZE also leaves samples of each index in sqlite_stat4: some two dozen rows, with
// how many rows of the table are equal to each and how many are before it. For a filter
// over one column they are a histogram, for equalities and ranges alike.

// statSample is one row of sqlite_stat4, for the first column of an index.
type statSample struct {
	value         hnsw.Attr
	equal, before float64 // rows
}

// readSamples adds the samples of the table's indexes to the statistics.
func (s *tableStatistics) readSamples(b *baseTable, table []host.Value, at map[string]int) error {
	there := false
	err := query(b.conn, "SELECT 1 FROM "+quoteName(b.schema)+".sqlite_schema WHERE name = 'sqlite_stat4'", nil, func(host.Stmt) error { there = true; return nil })
	if err != nil || !there {
		return err
	}
	s.samples = map[int][]statSample{}
	err = query(b.conn, `SELECT i.name, s.neq, s.nlt, s.sample FROM `+quoteName(b.schema)+`.sqlite_stat4 AS s, pragma_index_list(?1, ?2) AS l, pragma_index_info(s.idx, ?2) AS i
		WHERE s.tbl = ?1 COLLATE NOCASE AND l.name = s.idx AND NOT l.partial AND i.seqno = 0 AND i.name IS NOT NULL`, table, func(row host.Stmt) error {
		col, known := at[foldName(row.Value(0).String())]
		value, ok := firstOfRecord(row.Value(3).Bytes)
		if !known || !ok {
			return nil
		}
		equal, ok1 := firstNumber(row.Value(1).String())
		before, ok2 := firstNumber(row.Value(2).String())
		if ok1 && ok2 {
			s.samples[col] = append(s.samples[col], statSample{value, equal, before})
		}
		return nil
	})
	for _, list := range s.samples {
		slices.SortStableFunc(list, func(a, b statSample) int {
			order, _ := compareAttrs(a.value, b.value, "BINARY")
			return order
		})
	}
	return err
}

func firstNumber(list string) (float64, bool) {
	word, _, _ := strings.Cut(list, " ")
	n, err := strconv.ParseFloat(word, 64)
	return n, err == nil && n >= 0
}

// firstOfRecord returns the first column of a record in SQLite's format (section 2.1 of
// "Database File Format").
func firstOfRecord(b []byte) (hnsw.Attr, bool) {
	header, n := recordVarint(b)
	if n == 0 || header > uint64(len(b)) || header <= uint64(n) {
		return hnsw.Attr{}, false
	}
	kind, m := recordVarint(b[n:header])
	if m == 0 {
		return hnsw.Attr{}, false
	}
	body := b[header:]
	take := func(size uint64) ([]byte, bool) {
		if size > uint64(len(body)) {
			return nil, false
		}
		return body[:size], true
	}
	switch {
	case kind == 0:
		return hnsw.Attr{Kind: hnsw.AttrNull}, true
	case kind <= 6:
		v, ok := take([]uint64{0, 1, 2, 3, 4, 6, 8}[kind])
		if !ok {
			return hnsw.Attr{}, false
		}
		x := int64(int8(v[0]))
		for _, c := range v[1:] {
			x = x<<8 | int64(c)
		}
		return hnsw.Attr{Kind: hnsw.AttrInt, Int: x}, true
	case kind == 7:
		v, ok := take(8)
		if !ok {
			return hnsw.Attr{}, false
		}
		return hnsw.Attr{Kind: hnsw.AttrFloat, Float: math.Float64frombits(bin.BigEndian.Uint64(v))}, true
	case kind == 8, kind == 9:
		return hnsw.Attr{Kind: hnsw.AttrInt, Int: int64(kind - 8)}, true
	case kind >= 12:
		v, ok := take((kind - 12) / 2)
		if kind%2 == 0 {
			return hnsw.Attr{Kind: hnsw.AttrBlob, Bytes: string(v)}, ok
		}
		return hnsw.Attr{Kind: hnsw.AttrText, Bytes: string(v)}, ok
	}
	return hnsw.Attr{}, false
}

// recordVarint reads a variable-length integer of SQLite's; n is 0 if there is none.
func recordVarint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 9 {
		c := b[n]
		n++
		if n == 9 {
			return v<<8 | uint64(c), n
		}
		v = v<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return v, n
		}
	}
	return 0, 0
}

// histogram estimates the rows that pass a condition on one column. ok is false where the
// samples do not tell: there are none of the column, the truth for one of them is not
// known, or none passes.
func (s *tableStatistics) histogram(e *hnsw.AttrExpr) (rows float64, ok bool) {
	col, one := e.Column()
	list := s.samples[col]
	if !one || len(list) == 0 {
		return 0, false
	}
	passed := make([]bool, len(list))
	for i, x := range list {
		t := e.Of(x.value)
		if t == hnsw.Unknown {
			return 0, false
		}
		passed[i] = t == hnsw.True
	}
	for i, x := range list {
		if passed[i] {
			rows += x.equal
		}
		if i == 0 {
			if passed[0] {
				rows += x.before / 2
			}
			continue
		}
		gap := max(0, x.before-list[i-1].before-list[i-1].equal)
		switch {
		case passed[i] && passed[i-1]:
			rows += gap
		case passed[i] != passed[i-1] && !points(e):
			rows += gap / 2
		}
	}
	return rows, rows > 0
}

// points reports whether a condition is nothing but equalities: what lies between two
// samples is then known not to pass but for values that are no samples.
func points(e *hnsw.AttrExpr) bool {
	if e.Op == hnsw.AttrTest {
		return e.Point
	}
	for _, a := range e.Args {
		if !points(a) {
			return false
		}
	}
	return e.Op != hnsw.AttrNot
}
