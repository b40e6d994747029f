package lexical_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

// filter allows what its function allows, and counts.
type filter struct {
	allows func(rowid int64) (bool, error)
	asked  int
}

func (f *filter) Allows(rowid int64) (bool, error) {
	f.asked++
	return f.allows(rowid)
}

// build fills an index by Build, in rowid order that is not ascending.
func build(t testing.TB, n int) *conn {
	c := create(t, twoColumns)
	c.begin()
	c.insert(1, "to be replaced", "")
	var reports []int64
	err := c.ix.Build(context.Background(), func(yield func(int64, []string) error) error {
		texts := make([]string, 2)
		for i := range n {
			id := (i * 7919) % n // n is no multiple of 7919
			texts[0] = "common"
			texts[1] = fmt.Sprintf("%s word%d", strings.Repeat("filler ", id%5), id)
			if err := yield(int64(id), texts); err != nil {
				return err
			}
		}
		return nil
	}, func(done int64) { reports = append(reports, done) })
	c.must(err)
	c.commit()
	if len(reports) == 0 || reports[len(reports)-1] != int64(n) {
		t.Errorf("progress was told %v, want %d at last", reports, n)
	}
	return c
}

func TestRequest(t *testing.T) {
	c := build(t, 5000)
	ctx := context.Background()
	search := func(req lexical.Request) []int64 {
		t.Helper()
		hits, _, err := c.ix.Search(ctx, req)
		c.must(err)
		rows := []int64{}
		for _, h := range hits {
			rows = append(rows, h.RowID)
		}
		return rows
	}
	all := search(lexical.Request{Query: "common", K: -1})
	if len(all) != 5000 || !slices.Equal(all[:3], []int64{0, 5, 10}) {
		t.Fatalf("got %d hits, first %v", len(all), all[:3])
	}
	for _, tt := range []struct {
		name string
		req  lexical.Request
		want []int64
	}{
		{"K", lexical.Request{Query: "common", K: 4}, all[:4]},
		{"K 0", lexical.Request{Query: "common", K: 0}, []int64{}},
		{"K above all", lexical.Request{Query: "word17", K: 1 << 40}, []int64{17}},
		{"offset", lexical.Request{Query: "common", K: 4, Offset: 1000}, all[1000:1004]},
		{"offset past the end", lexical.Request{Query: "common", K: 4, Offset: 1 << 40}, []int64{}},
		{"all from an offset", lexical.Request{Query: "common", K: -1, Offset: 4999}, all[4999:]},
		{"columns", lexical.Request{Query: "common", K: 4, Columns: []int{1}}, []int64{}},
		{"no columns", lexical.Request{Query: "common", K: 4, Columns: []int{}}, []int64{}},
		{"a column", lexical.Request{Query: "word17 common", K: 1, Columns: []int{1}}, []int64{17}},
	} {
		if got := search(tt.req); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}

	// The filter is asked about few of the rows that match.
	odd := &filter{allows: func(rowid int64) (bool, error) { return rowid%2 == 1, nil }}
	got := search(lexical.Request{Query: "common", K: 5, Filter: odd})
	var want []int64
	for _, rowid := range all {
		if rowid%2 == 1 && len(want) < 5 {
			want = append(want, rowid)
		}
	}
	if !slices.Equal(got, want) || odd.asked > 100 {
		t.Errorf("filter: got %v after asking %d times, want %v", got, odd.asked, want)
	}
	n, err := c.ix.Count(ctx, lexical.Request{Query: "common", Filter: odd})
	if err != nil || n != 2500 {
		t.Errorf("count: got %d, %v, want 2500", n, err)
	}
	if n, err = c.ix.Count(ctx, lexical.Request{Query: "word17 word18 nothing"}); err != nil || n != 2 {
		t.Errorf("count: got %d, %v, want 2", n, err)
	}

	// A filter may search the same index.
	nested := &filter{allows: func(rowid int64) (bool, error) {
		hits, _, err := c.ix.Search(ctx, lexical.Request{Query: fmt.Sprintf("word%d", rowid), K: 1})
		return err == nil && len(hits) == 1 && hits[0].RowID == rowid, err
	}}
	if got := search(lexical.Request{Query: "common", K: 5, Filter: nested}); !slices.Equal(got, all[:5]) {
		t.Errorf("nested: got %v, want %v", got, all[:5])
	}

	failing := &filter{allows: func(int64) (bool, error) { return false, errNo }}
	if _, _, err := c.ix.Search(ctx, lexical.Request{Query: "common", K: 5, Filter: failing}); !errors.Is(err, errNo) {
		t.Errorf("failing filter: got %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := c.ix.Search(canceled, lexical.Request{Query: "common", K: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	for _, req := range []lexical.Request{{Query: "a", Offset: -1}, {Query: "a", Columns: []int{2}}} {
		if _, _, err := c.ix.Search(ctx, req); !errors.Is(err, lexical.ErrQuery) {
			t.Errorf("%+v: got %v", req, err)
		}
	}

	hits, _, err := c.ix.SearchRows(ctx, lexical.Request{Query: "common word17"}, []int64{99, 17, -3, 99, 12345})
	c.must(err)
	if len(hits) != 2 || hits[0].RowID != 17 || hits[1].RowID != 99 {
		t.Errorf("rows: got %v, want 17 and 99", hits)
	}
	if hits, _, err = c.ix.SearchRows(ctx, lexical.Request{Query: "common"}, nil); err != nil || len(hits) != 0 {
		t.Errorf("no rows: got %d hits, %v", len(hits), err)
	}
	terms, err := c.ix.Terms("co", 3)
	if want := []lexical.TermCount{{Term: "common", Docs: 5000}}; err != nil || !slices.Equal(terms, want) {
		t.Errorf("terms: got %v, %v, want %v", terms, err, want)
	}
	if n, err := c.ix.DocFreq(ctx, "filler"); err != nil || n != 4000 {
		t.Errorf("document frequency: got %d, %v, want 4000", n, err)
	}
	if ok, err := c.ix.Contains(4999); err != nil || !ok {
		t.Errorf("contains: got %v, %v", ok, err)
	}
	if ok, err := c.ix.Contains(5000); err != nil || ok {
		t.Errorf("contains: got %v, %v", ok, err)
	}
}

var errNo = errors.New("no")

// TestBuildStops has a source that fails, and a canceled context.
func TestBuildStops(t *testing.T) {
	c := corpus(t)
	before := state(t, c.ix)
	for name, want := range map[string]error{"source": errNo, "context": context.Canceled} {
		ctx, cancel := context.WithCancel(context.Background())
		c.begin()
		err := c.ix.Build(ctx, func(yield func(int64, []string) error) error {
			for i := range 20_000 {
				if i == 6000 {
					if name == "source" {
						return errNo
					}
					cancel()
				}
				if err := yield(int64(i), []string{"a", "b"}); err != nil {
					return err
				}
			}
			return nil
		}, nil)
		cancel()
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		c.rollback()
		if got := state(t, c.ix); got != before {
			t.Errorf("%s: after the rollback\n got %s\nwant %s", name, got, before)
		}
	}
}

// TestDifferentBoosts has the words of one column weigh more.
func TestDifferentBoosts(t *testing.T) {
	for boost, want := range map[float64]int64{0.2: 2, 5: 1} {
		c := create(t, lexical.Params{Columns: []lexical.Column{{Name: "title", Boost: boost}, {Name: "body"}}})
		c.begin()
		c.insert(1, "zebra", "other")
		c.insert(2, "other", "zebra")
		c.commit()
		if got := c.search("zebra", lexical.Match); len(got) != 2 || got[0] != want {
			t.Errorf("boost %v: got %v, want %d first", boost, got, want)
		}
	}
}

// TestJSONErrors says what was given and what is expected.
func TestJSONErrors(t *testing.T) {
	c := corpus(t)
	for query, want := range map[string]string{
		`{"mtch":"a"}`:                `JSON query: an object with mtch is no query, want one of match, match_phrase,`,
		`[]`:                          `JSON query has an array, want an object such as {"match": "word"}`,
		`{"match":7}`:                 `JSON query: "match" is a number, want a string`,
		`{"must":{"match":"a"}}`:      `JSON query: "must" is no list of queries, want {"must": {"conjuncts": [...]}}`,
		`{"must_not":{"match":"a"}}`:  `JSON query: "must_not" is no list of queries, want {"must_not": {"disjuncts": [...]}}`,
		`{"conjuncts":{"match":"a"}}`: `JSON query: "conjuncts" is an object, want an array`,
	} {
		_, _, err := c.ix.Search(context.Background(), lexical.Request{Query: query, Syntax: lexical.JSON, K: 3})
		if !errors.Is(err, lexical.ErrQuery) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", query, err, want)
		}
	}
}
