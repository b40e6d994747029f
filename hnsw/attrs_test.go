package hnsw_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// attrsOf makes up the attributes of a row: an integer or NULL, and a text or a
// float, or a text that is too long to be kept.
func attrsOf(n int, rowid hnsw.RowID, v []float32) []hnsw.Attr {
	if n == 0 {
		return nil
	}
	h := uint64(math.Float32bits(v[0]))*0x9e3779b97f4a7c15 + uint64(rowid)%5
	out := []hnsw.Attr{{Kind: hnsw.AttrInt, Int: int64(h % 7)}, {Kind: hnsw.AttrText, Bytes: fmt.Sprint("text ", h%3)}}
	if h%7 == 6 {
		out[0] = hnsw.Attr{Kind: hnsw.AttrNull}
	}
	switch h % 11 {
	case 0:
		out[1] = hnsw.Attr{Kind: hnsw.AttrFloat, Float: float64(rowid) / 3}
	case 1:
		out[1] = hnsw.Attr{Kind: hnsw.AttrBlob, Bytes: strings.Repeat("x", hnsw.MaxAttrBytes+1)}
	}
	return out[:n]
}

// attrSource is source with attributes.
func (t table) attrSource(n int) hnsw.AttrSource {
	return func(yield func(hnsw.RowID, []float32, []hnsw.Attr) error) error {
		return t.source(func(r hnsw.RowID, v []float32) error { return yield(r, v, attrsOf(n, r, v)) })
	}
}

func truth(is bool) hnsw.Truth {
	if is {
		return hnsw.True
	}
	return hnsw.False
}

// below is "attribute 0 < bound" and keep the same for a row.
func below(bound int64) (e *hnsw.AttrExpr, keep func(a []hnsw.Attr) bool) {
	e = &hnsw.AttrExpr{Test: func(a hnsw.Attr) hnsw.Truth {
		if a.Kind == hnsw.AttrNull {
			return hnsw.Null
		}
		return truth(a.Int < bound)
	}}
	return e, func(a []hnsw.Attr) bool { return a[0].Kind == hnsw.AttrInt && a[0].Int < bound }
}

// conditions are conditions on the attributes of attrsOf.
func conditions() map[string]struct {
	e    *hnsw.AttrExpr
	keep func(a []hnsw.Attr) bool
} {
	lt2, is2 := below(2)
	lt4, is4 := below(4)
	text := &hnsw.AttrExpr{Col: 1, Test: func(a hnsw.Attr) hnsw.Truth { return truth(a.Kind == hnsw.AttrText && a.Bytes == "text 1") }}
	isText := func(a []hnsw.Attr) bool { return a[1].Kind == hnsw.AttrText && a[1].Bytes == "text 1" }
	isInt := func(a []hnsw.Attr) bool { return a[0].Kind == hnsw.AttrInt }
	op := func(op hnsw.AttrOp, args ...*hnsw.AttrExpr) *hnsw.AttrExpr { return &hnsw.AttrExpr{Op: op, Args: args} }
	opaque := &hnsw.AttrExpr{}
	type c = struct {
		e    *hnsw.AttrExpr
		keep func(a []hnsw.Attr) bool
	}
	return map[string]c{
		"a":                 {lt2, is2},
		"not a":             {op(hnsw.AttrNot, lt2), func(a []hnsw.Attr) bool { return isInt(a) && !is2(a) }},
		"a and t":           {op(hnsw.AttrAnd, lt4, text), func(a []hnsw.Attr) bool { return is4(a) && isText(a) }},
		"a or t":            {op(hnsw.AttrOr, lt2, text), func(a []hnsw.Attr) bool { return is2(a) || isText(a) }},
		"not (a or t)":      {op(hnsw.AttrNot, op(hnsw.AttrOr, lt4, text)), func(a []hnsw.Attr) bool { return isInt(a) && !is4(a) && !isText(a) }},
		"not (a and t)":     {op(hnsw.AttrNot, op(hnsw.AttrAnd, lt4, text)), func(a []hnsw.Attr) bool { return !isText(a) || isInt(a) && !is4(a) }},
		"a and something":   {op(hnsw.AttrAnd, lt4, opaque), func(a []hnsw.Attr) bool { return is4(a) && isText(a) }},
		"a or something":    {op(hnsw.AttrOr, lt4, opaque), func(a []hnsw.Attr) bool { return is4(a) || isText(a) }},
		"something":         {opaque, isText},
		"not not a, thrice": {op(hnsw.AttrAnd, op(hnsw.AttrNot, op(hnsw.AttrNot, lt2)), lt4, lt2), is2},
	}
}

type fataler interface {
	Errorf(string, ...any)
	Fatal(...any)
	Fatalf(string, ...any)
}

// checkAttrs compares the kept attributes with those of the table, and searches under
// conditions on them with the exact answers.
func checkAttrs(t fataler, ix *hnsw.Index, rows table, q []float32) {
	n := ix.Params().Attrs
	if n == 0 {
		return
	}
	of := func(r hnsw.RowID) []hnsw.Attr { return attrsOf(n, r, rows[r]) }
	err := ix.CheckAttrs(func(r hnsw.RowID) ([]hnsw.Attr, error) { return of(r), nil },
		func(_ int, a, b hnsw.Attr) bool { return a == b }, func(f string) { t.Errorf("attributes: %s", f) })
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for name, c := range conditions() {
		keep := func(r hnsw.RowID) bool { return c.keep(of(r)) }
		f := hnsw.NewAttrFilter(c.e)
		opt := hnsw.SearchOptions{
			K: 5, Attrs: f, Oversample: 1000, EfSearch: 1000,
			Filter: hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { return keep(r), nil }),
		}
		want := rows.nearest(ix.Params().Metric, q, 5, keep)
		for turn := range 4 { // the second time with what the first has learned, then with a memory
			if turn == 2 {
				opt.Verdicts = hnsw.NewVerdicts()
			}
			hits, _, err := ix.ScanCodes(ctx, q, opt)
			if err != nil || !sameHits(hits, want, keep) {
				t.Fatalf("%s: scan of codes, turn %d: got %v, %v; want %v", name, turn, hits, err, want)
			}
			hits, _, err = ix.Search(ctx, q, opt)
			if err != nil || !sameHits(hits, want, keep) {
				t.Fatalf("%s: search, turn %d: got %v, %v; want %v", name, turn, hits, err, want)
			}
		}
		count, err := ix.Count(f, 1<<40)
		if err != nil || !count.All {
			t.Fatalf("%s: count %+v, %v", name, count, err)
		}
		fresh := hnsw.NewAttrFilter(c.e)
		if again, err := ix.Count(fresh, 1<<40); err != nil || again != count {
			t.Fatalf("%s: count %+v, %v; looking at all nodes anew %+v", name, count, err, again)
		}
	}
}

// Attributes follow updates of nothing but them, and what rows with one vector have
// in common is known.
func TestAttrUpdates(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 4, Attrs: 1})
	num := func(n int64) []hnsw.Attr { return []hnsw.Attr{{Kind: hnsw.AttrInt, Int: n}} }
	v, other := []float32{1, 2, 3, 4}, []float32{4, 3, 2, 1}
	count := func(bound int64) string {
		expr, _ := below(bound)
		c, err := e.ix.Count(hnsw.NewAttrFilter(expr), 1<<40)
		e.ok(err)
		return fmt.Sprintf("%d yes, %d ask", c.Yes, c.Ask)
	}
	steps := []struct {
		what string
		do   func() error
		want string
	}{
		{"insert", func() error { return e.ix.InsertAttrs(1, v, num(1)) }, "1 yes, 0 ask"},
		{"insert another", func() error { return e.ix.InsertAttrs(2, other, num(9)) }, "1 yes, 0 ask"},
		{"the attribute alone", func() error { return e.ix.InsertAttrs(2, other, num(2)) }, "2 yes, 0 ask"},
		{"back", func() error { return e.ix.InsertAttrs(2, other, num(9)) }, "1 yes, 0 ask"},
		{"a twin, alike", func() error { return e.ix.InsertAttrs(3, v, num(1)) }, "1 yes, 0 ask"},
		{"a twin, not alike", func() error { return e.ix.InsertAttrs(4, v, num(7)) }, "0 yes, 1 ask"},
		{"without attributes", func() error { return e.ix.Insert(5, []float32{1, 0, 0, 0}) }, "0 yes, 2 ask"},
		{"delete", func() error { _, err := e.ix.Delete(2); return err }, "0 yes, 3 ask"},
	}
	e.base[1], e.base[3], e.base[4], e.base[5] = v, v, v, []float32{1, 0, 0, 0}
	for _, s := range steps {
		e.write(func() { e.ok(s.do()) })
		if got := count(5); got != s.want {
			t.Errorf("%s: %s, want %s", s.what, got, s.want)
		}
		e.reopen()
		if got := count(5); got != s.want {
			t.Errorf("%s, read again: %s, want %s", s.what, got, s.want)
		}
	}
	if err := e.ix.InsertAttrs(1, v, nil); err == nil {
		t.Error("a change outside of a transaction succeeded")
	}
	e.conn.Begin()
	e.ok(e.ix.Begin())
	if err := e.ix.InsertAttrs(1, v, append(num(1), num(2)...)); err == nil || !strings.Contains(err.Error(), "got 2 attributes, want 1") {
		t.Errorf("two attributes instead of one: %v", err)
	}
	e.ix.Rollback()
	e.conn.Rollback()
}

// A block whose column has many values over time keeps those in use.
func TestManyAttrValues(t *testing.T) {
	defer hnsw.SetMinFold(hnsw.SetMinFold(2000))
	e := newEnv(t, hnsw.Params{Dims: 3, Attrs: 2, M: 4, EfConstruction: 10})
	vecs := random(5, 200, 3)
	e.fill(vecs)
	for round := range 8 {
		e.write(func() {
			for i, v := range vecs {
				r := hnsw.RowID(i + 1)
				attrs := []hnsw.Attr{{Kind: hnsw.AttrInt, Int: int64(1000*round + i)}, {Kind: hnsw.AttrText, Bytes: fmt.Sprint("row ", i)}}
				e.ok(e.ix.InsertAttrs(r, v, attrs))
			}
		})
		f := hnsw.NewAttrFilter(&hnsw.AttrExpr{Test: func(a hnsw.Attr) hnsw.Truth { return truth(a.Int >= int64(1000*round+100)) }})
		hits, _, err := e.ix.ScanCodes(context.Background(), vecs[0], hnsw.SearchOptions{K: 200, Attrs: f})
		e.ok(err)
		if len(hits) != 100 {
			t.Fatalf("round %d: %d rows, want 100", round, len(hits))
		}
	}
}

// sameHits reports whether hits are as near as those wanted, and pass the filter. A
// query whose length is that of rounding is as far from everything: which of the rows
// at one distance are found says nothing then.
func sameHits(hits, want []hnsw.Hit, keep func(hnsw.RowID) bool) bool {
	return slices.EqualFunc(hits, want, func(a, b hnsw.Hit) bool { return a.Distance == b.Distance && keep(a.RowID) })
}
