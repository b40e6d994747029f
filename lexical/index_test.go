package lexical_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
)

// conn is one connection: a store and the index's handle on it, with the calls in
// the order in which SQLite makes them.
type conn struct {
	t  testing.TB
	st *lexicaltest.Store
	ix *lexical.Index
}

var twoColumns = lexical.Params{
	Columns:  []lexical.Column{{Name: "title", Boost: 2}, {Name: "body"}},
	Analyzer: "en",
}

func create(t testing.TB, p lexical.Params) *conn {
	t.Helper()
	st := lexicaltest.New()
	st.Begin()
	if err := lexical.Create(st, p); err != nil {
		t.Fatal(err)
	}
	st.Commit()
	return connect(t, st.File(), lexical.NewCache(0))
}

func connect(t testing.TB, f *lexicaltest.File, cache *lexical.Cache) *conn {
	t.Helper()
	c := &conn{t: t, st: f.Open()}
	var err error
	if c.ix, err = lexical.Open(cache, c.st); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.st.FailRead < 0 && c.st.FailWrite < 0 {
			c.check(nil)
		}
	})
	return c
}

func (c *conn) begin() {
	c.t.Helper()
	c.st.Begin()
	c.must(c.ix.Begin())
}

func (c *conn) commit() {
	c.t.Helper()
	c.must(c.ix.Sync())
	c.st.Commit()
	c.ix.Commit()
}

func (c *conn) rollback() {
	c.st.Rollback()
	c.ix.Rollback()
}

func (c *conn) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *conn) insert(rowid int64, texts ...string) {
	c.t.Helper()
	c.must(c.ix.Insert(rowid, texts))
}

func (c *conn) search(query string, syntax lexical.Syntax) []int64 {
	c.t.Helper()
	hits, _, err := c.ix.Search(context.Background(), lexical.Request{Query: query, Syntax: syntax, K: -1})
	if err != nil {
		c.t.Fatalf("search %q: %v", query, err)
	}
	rows := []int64{}
	for i, h := range hits {
		if i > 0 && (h.Score > hits[i-1].Score || h.Score == hits[i-1].Score && h.RowID < hits[i-1].RowID) {
			c.t.Fatalf("search %q: hit %v follows %v", query, h, hits[i-1])
		}
		rows = append(rows, h.RowID)
	}
	return rows
}

func (c *conn) check(src lexical.Source) {
	c.t.Helper()
	err := c.ix.Check(context.Background(), src, func(finding string) { c.t.Error(finding) })
	c.must(err)
}

// corpus fills an index with documents that most tests use.
func corpus(t testing.TB) *conn {
	c := create(t, twoColumns)
	c.begin()
	for i, d := range documents {
		c.insert(int64(i+1), d[0], d[1])
	}
	c.commit()
	return c
}

var documents = [][2]string{
	{"Vector search", "Finding the nearest neighbors of a vector is a search in many dimensions."},
	{"Full text", "An inverted index maps words to documents; searching it is fast."},
	{"SQLite", "A small, fast database in one file. The vector extension adds search."},
	{"Dogs and cats", "The quick brown fox jumps over the lazy dog."},
	{"Cats", "A quick cat. Quick cats, quick kittens, and a dog."},
	{"Empty body", ""},
	{"", "No title, but the quick brown words of a body from 2021."},
}

func TestSearch(t *testing.T) {
	c := corpus(t)
	for _, tt := range []struct {
		query  string
		syntax lexical.Syntax
		want   []int64
	}{
		{"vector", lexical.Match, []int64{1, 3}},
		{"neighbor?", lexical.Match, []int64{1}},
		{"", lexical.Match, []int64{}},
		{"the of a", lexical.Match, []int64{}}, // stop words only
		{`"*~^:+-(){}[]\/'`, lexical.Match, []int64{}},
		{"title: cats AND -body: kittens", lexical.Match, []int64{5, 7, 6, 4}}, // plain words
		{"", lexical.QueryString, []int64{}},
		{"title:cats", lexical.QueryString, []int64{5, 4}},
		{"TITLE:cats", lexical.QueryString, []int64{5, 4}},
		{"+quick -cat", lexical.QueryString, []int64{7}},
		{`"quick brown"`, lexical.QueryString, []int64{7, 4}},
		{`"brown quick"`, lexical.QueryString, []int64{}},
		{`"quick fox"`, lexical.QueryString, []int64{}},
		{`"quick fox"~1`, lexical.QueryString, []int64{4}},
		{`"jumps over the lazy"`, lexical.QueryString, []int64{4}}, // a stop word leaves its gap
		{`"search finding"`, lexical.QueryString, []int64{}},       // not across columns
		{"sqlit~1", lexical.QueryString, []int64{3}},
		{"vectro~2", lexical.QueryString, []int64{1, 3}},
		{"vec*", lexical.QueryString, []int64{1, 3}},
		{"Vec*", lexical.QueryString, []int64{1, 3}},
		{"kit?en", lexical.QueryString, []int64{5}},
		{"*itte*", lexical.QueryString, []int64{5}},
		{"/fo[xz]/", lexical.QueryString, []int64{4}},
		{"-quick", lexical.QueryString, []int64{1, 2, 3, 6}},
		{"+the +quick -dog", lexical.QueryString, []int64{7}}, // a stop word is no condition
		{"+zebra quick", lexical.QueryString, []int64{}},
		{"+zebr* quick", lexical.QueryString, []int64{}},
		{"body:>2020", lexical.QueryString, []int64{7}},
		{"body:<2020", lexical.QueryString, []int64{}},
		{"2021", lexical.QueryString, []int64{7}},
		{`{"match":"quick","field":"title"}`, lexical.JSON, []int64{}},
		{`{"match_all":{}}`, lexical.JSON, []int64{1, 2, 3, 4, 5, 6, 7}},
		{`{"match_none":{}}`, lexical.JSON, []int64{}},
		{`{"match":"quick dog","operator":"and"}`, lexical.JSON, []int64{4, 5}},
		{`{"term":"kitten"}`, lexical.JSON, []int64{5}},
		{`{"term":"kittens"}`, lexical.JSON, []int64{}},
		{`{"prefix":"kit"}`, lexical.JSON, []int64{5}},
		{`{"ids":["6","99","2"]}`, lexical.JSON, []int64{2, 6}},
		{`{"conjuncts":[{"match":"quick"},{"match":"dog"}]}`, lexical.JSON, []int64{4, 5}},
		{`{"disjuncts":[{"match":"quick"},{"match":"dog"},{"match":"fox"}],"min":3}`, lexical.JSON, []int64{4}},
		{`{"must":{"conjuncts":[{"match":"quick"}]},"must_not":{"disjuncts":[{"match":"fox"}]}}`, lexical.JSON, []int64{5, 7}},
		{`{"match_phrase":"qiuck brwn","fuzziness":2}`, lexical.JSON, []int64{7, 4}},
		{`{"min":"fow","max":"foy"}`, lexical.JSON, []int64{4}},
		{`{"query":"+quick +fox"}`, lexical.JSON, []int64{4}},
	} {
		t.Run(fmt.Sprintf("%v %s", tt.syntax, tt.query), func(t *testing.T) {
			if got := c.search(tt.query, tt.syntax); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestPhraseOfRepeats has phrases for which trying all paths would take forever.
func TestPhraseOfRepeats(t *testing.T) {
	c := create(t, lexical.Params{Columns: []lexical.Column{{Name: "text"}}, Analyzer: "simple"})
	c.begin()
	c.insert(1, strings.Repeat("ant ", 2000)+"bee")
	c.insert(2, "ant bee ant")
	c.commit()
	for _, tt := range []struct {
		query string
		want  []int64
	}{
		{`"` + strings.Repeat("ant ", 30) + `cat"~900`, []int64{}},
		{`"` + strings.Repeat("ant ", 30) + `bee"~900`, []int64{1, 2}},
		{`"` + strings.Repeat("ant ", 30) + `bee"`, []int64{1}},
		{`"ant ant"`, []int64{1}},
		{`"bee ant ant"~1`, []int64{}},
		{`"ant ant bee"~3`, []int64{1, 2}},
	} {
		got := c.search(tt.query, lexical.QueryString)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%.40s: got %v, want %v", tt.query, got, tt.want)
		}
	}
	deep := strings.Repeat(`{"must":`, 1000) + `{"match":"a"}` + strings.Repeat("}", 1000)
	_, _, err := c.ix.Search(context.Background(), lexical.Request{Query: deep, Syntax: lexical.JSON, K: 1})
	if err == nil || !strings.Contains(err.Error(), "nested deeper than 64 levels at character 513") {
		t.Errorf("got %v", err)
	}
}

// TestQueryLanguage has the forms that docs/lexical.md lists.
func TestQueryLanguage(t *testing.T) {
	c := create(t, lexical.Params{Columns: []lexical.Column{
		{Name: "title", Analyzer: "en"}, {Name: "year", Analyzer: "keyword"}, {Name: "day", Analyzer: "keyword"},
	}})
	c.begin()
	c.insert(1, "vector search in a database", "1999", "2024-01-30")
	c.insert(2, "a search for the vector of search", "2001", "2024-01-31")
	c.insert(3, "mysql: no vectors", "2020.5", "2024-02-01T10:00:00Z")
	c.insert(4, "C++ (a language)", "x", "")
	c.commit()
	for _, tt := range []struct {
		query string
		want  []int64
	}{
		{"vector search", []int64{1, 2, 3}},
		{"+vector search -mysql", []int64{1, 2}},
		{"title:vector", []int64{1, 2, 3}},
		{`"vector search"`, []int64{1}},
		{`"vector search"~1`, []int64{1, 2}},
		{"vectr~1", []int64{1, 2, 3}},
		{"vectr~", []int64{1, 2, 3}},
		{"vtr~2", []int64{}},
		{"vec*", []int64{1, 2, 3}},
		{"v?ct*r", []int64{1, 2, 3}},
		{"/v[ea]ctor/", []int64{1, 2, 3}},
		{"/vec/", []int64{}},
		{"year:>2000", []int64{2, 3}},
		{"year:<=1999", []int64{1}},
		{"+year:>=1999 +year:<2001", []int64{1}},
		{`day:>="2024-01-31"`, []int64{2, 3}},
		{`day:<"2024-01-31"`, []int64{1}},
		{"mysql^3 database", []int64{1, 3}},
		{`c\+\+`, []int64{4}},
		{`year:2020.5`, []int64{3}},
	} {
		got := c.search(tt.query, lexical.QueryString)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.query, got, tt.want)
		}
	}
	if got := c.search("mysql^9 database", lexical.QueryString); !slices.Equal(got, []int64{3, 1}) {
		t.Errorf("boosted: got %v, want [3 1]", got)
	}
	if got := c.search("mysql database^9", lexical.QueryString); !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("boosted: got %v, want [1 3]", got)
	}
}
