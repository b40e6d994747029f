package hnsw_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// Verdicts answer as the filter did, ask nothing twice, and know nothing any more when
// the index has changed.
func TestVerdicts(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8, Metric: vector.L2})
	rows := random(7, 700, 8)
	for i := 100; i < 160; i++ { // rows that share nodes: all of 40 pass, others' rows differ
		rows[i] = rows[i-60-i%2*30]
	}
	e.write(func() {
		for i, v := range rows {
			e.insert(hnsw.RowID(i+1), v)
		}
	})
	q := rows[3]
	asked := 0
	passes := func(r hnsw.RowID) bool { return r%7 == 3 || r > 100 && r < 161 }
	filter := hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { asked++; return passes(r), nil })
	var passing []hnsw.RowID
	for r := range hnsw.RowID(701) {
		if passes(r) {
			passing = append(passing, r)
		}
	}
	want := e.base.nearest(vector.L2, q, 20, passes)
	search := func(f *hnsw.Verdicts, scan bool) []hnsw.Hit {
		t.Helper()
		opt := hnsw.SearchOptions{K: 20, EfSearch: 500, Filter: filter, Verdicts: f}
		find := e.ix.Search
		if scan {
			find = e.ix.ScanCodes
		}
		hits, _, err := find(context.Background(), q, opt)
		e.ok(err)
		return hits
	}
	count := func(f *hnsw.Verdicts) hnsw.AttrCount {
		t.Helper()
		c, err := e.ix.Known(f)
		e.ok(err)
		return c
	}
	for _, list := range [][]hnsw.RowID{nil, passing, passing[:3]} {
		f := hnsw.NewVerdicts()
		if c := count(f); c.Ask != c.Nodes || c.Yes != 0 {
			t.Errorf("new verdicts know something: %+v", c)
		}
		if list != nil {
			e.ok(e.ix.Learn(f, list))
			if c := count(f); c.Yes+c.Ask > int64(len(list)) || c.Yes == 0 {
				t.Errorf("%d rows learned: %+v", len(list), c)
			}
		}
		if len(list) == 3 {
			if got := search(f, true); len(got) != 3 {
				t.Errorf("three rows learned, found %v", got)
			}
			continue
		}
		asked = 0
		for turn := range 3 {
			for _, scan := range []bool{false, true} {
				if got := search(f, scan); !slices.Equal(got, want) {
					t.Errorf("turn %d, scan %v: %v, want %v", turn, scan, got, want)
				}
			}
		}
		// Only nodes whose rows differ are asked about again and again.
		if most := 6 * 120; list != nil && asked > most || list == nil && asked > 700+most {
			t.Errorf("the filter was asked %d times", asked)
		}
	}
	f := hnsw.NewVerdicts()
	e.ok(e.ix.Learn(f, passing))
	e.write(func() {
		e.insert(3000, q)
		if got := search(f, false); !slices.Equal(got, want) {
			t.Errorf("in a transaction: %v, want %v", got, want)
		}
		if c := count(f); c.Ask != c.Nodes {
			t.Errorf("in a transaction: %+v", c)
		}
	})
	if c := count(f); c.Ask != c.Nodes {
		t.Errorf("after a change: %+v", c)
	}
}

// A scan of codes looks at single nodes only where neither the columns nor the memory
// decide, however little the memory knows.
func TestScanCodesAsksWhatIsOpen(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8, Metric: vector.L2, Attrs: 1})
	rows := random(8, 600, 8)
	e.write(func() {
		for i, v := range rows {
			r := hnsw.RowID(i + 1)
			e.base[r] = v
			var attrs []hnsw.Attr
			if i%10 > 0 { // nothing is known of each tenth row
				attrs = []hnsw.Attr{{Kind: hnsw.AttrInt, Int: int64(i % 7)}}
			}
			e.ok(e.ix.InsertAttrs(r, v, attrs))
		}
	})
	passes := func(r hnsw.RowID) bool { return (r-1)%7 < 2 }
	expr, _ := below(2)
	asked := 0
	opt := hnsw.SearchOptions{
		K: 20, Attrs: hnsw.NewAttrFilter(expr), Verdicts: hnsw.NewVerdicts(),
		Filter: hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { asked++; return passes(r), nil }),
	}
	want := e.base.nearest(vector.L2, rows[5], 20, passes)
	for turn, most := range []int{60, 0, 0} {
		asked = 0
		hits, st, err := e.ix.ScanCodes(context.Background(), rows[5], opt)
		e.ok(err)
		if !slices.Equal(hits, want) {
			t.Errorf("turn %d: %v, want %v", turn, hits, want)
		}
		if asked != most || st.Attrs > 120 {
			t.Errorf("turn %d: %d rows were asked about, want %d; %d nodes were looked at one by one", turn, asked, most, st.Attrs)
		}
	}
}
