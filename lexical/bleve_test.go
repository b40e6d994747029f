package lexical_test

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/upsidedown"
	"github.com/blevesearch/bleve/v2/index/upsidedown/store/gtreap"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/nearlite/nearlite/lexical"
)

// tinySet is the word senses that the repository ships.
const tinySet = "../examples/data/tiny/"

type tinyText struct{ Title, Text string }

func readTiny(t testing.TB, name string) []tinyText {
	t.Helper()
	f, err := os.Open(tinySet + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []tinyText
	s := bufio.NewScanner(f)
	for s.Scan() {
		var d tinyText
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	if s.Err() != nil || len(out) == 0 {
		t.Fatalf("%s: %d lines, %v", name, len(out), s.Err())
	}
	return out
}

// bleveTwin is bleve's own index in memory with the same documents, and the true
// token totals, which it is handed with each search: its own average length comes
// from the number of different words.
type bleveTwin struct {
	index bleve.Index
	stats search.BM25Stats
}

func newTwin(t testing.TB, docs []tinyText, st lexical.Stats) *bleveTwin {
	t.Helper()
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = "en"
	m.ScoringModel = index.BM25Scoring
	ix, err := bleve.NewUsing("", m, upsidedown.Name, gtreap.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	b := ix.NewBatch()
	for i, d := range docs {
		if err := b.Index(strconv.Itoa(i+1), map[string]any{"title": d.Title, "body": d.Text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.Batch(b); err != nil {
		t.Fatal(err)
	}
	return &bleveTwin{ix, search.BM25Stats{DocCount: float64(st.Rows), FieldCardinality: map[string]int{
		"title": int(st.Tokens[0]), "body": int(st.Tokens[1]), "_all": int(st.Tokens[0] + st.Tokens[1]),
	}}}
}

func (b *bleveTwin) search(t testing.TB, q query.Query) []lexical.Hit {
	t.Helper()
	req := bleve.NewSearchRequestOptions(q, 10_000, 0, false)
	req.PreSearchData = map[string]any{search.BM25PreSearchDataKey: &b.stats}
	res, err := b.index.SearchInContext(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	hits := make([]lexical.Hit, len(res.Hits))
	for i, h := range res.Hits {
		rowid, err := strconv.ParseInt(h.ID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		hits[i] = lexical.Hit{RowID: rowid, Score: h.Score}
	}
	return hits
}

// sortHits puts hits in our order: bleve's ties come in the order of its keys.
func sortHits(hits []lexical.Hit) {
	slices.SortStableFunc(hits, func(a, b lexical.Hit) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return int(a.RowID - b.RowID)
	})
}

func tinyIndex(t testing.TB, docs []tinyText, scoring string) *conn {
	t.Helper()
	c := create(t, lexical.Params{
		Columns: []lexical.Column{{Name: "title"}, {Name: "body"}}, Analyzer: "en", Scoring: scoring,
	})
	// Several segments, deleted and rewritten documents: none of it may show.
	for i, d := range docs {
		if i%97 == 0 {
			c.begin()
		}
		c.insert(int64(i+1), "to be replaced", d.Title)
		c.insert(int64(i+1), d.Title, d.Text)
		c.insert(int64(i+10_001), "to be deleted", d.Text)
		if i%97 == 96 || i == len(docs)-1 {
			c.commit()
		}
	}
	c.begin()
	for i := range docs {
		if _, err := c.ix.Delete(int64(i + 10_001)); err != nil {
			t.Fatal(err)
		}
	}
	c.commit()
	return c
}

// TestScoringBleve compares 200 queries with bleve's own index in memory: with
// scoring=bleve, hits, order and scores are the same.
func TestScoringBleve(t *testing.T) {
	docs := readTiny(t, "docs.jsonl")
	c := tinyIndex(t, docs, lexical.ScoringBleve)
	st, err := c.ix.Stats()
	c.must(err)
	twin := newTwin(t, docs, st)
	for _, q := range manyQueries(t, docs) {
		var want []lexical.Hit
		if q.Syntax == lexical.Match {
			want = twin.search(t, query.NewMatchQuery(q.Query))
		} else {
			want = twin.search(t, query.NewQueryStringQuery(q.Query))
		}
		sortHits(want)
		got, _, err := c.ix.Search(context.Background(), q)
		c.must(err)
		if len(got) != len(want) {
			t.Errorf("%v %s: got %d hits, want %d", q.Syntax, q.Query, len(got), len(want))
			continue
		}
		for i := range got {
			if got[i].RowID != want[i].RowID || math.Abs(got[i].Score-want[i].Score) > 1e-9*math.Abs(want[i].Score) {
				t.Errorf("%v %s: hit %d is %v, want %v", q.Syntax, q.Query, i, got[i], want[i])
				break
			}
		}
	}
}

// TestSameMatchesAsBleve compares which documents match, with our own scoring:
// bleve's searchers are the oracle of our evaluation.
func TestSameMatchesAsBleve(t *testing.T) {
	docs := readTiny(t, "docs.jsonl")
	c := tinyIndex(t, docs, lexical.ScoringBM25)
	st, err := c.ix.Stats()
	c.must(err)
	twin := newTwin(t, docs, st)
	matched := 0
	for _, q := range manyQueries(t, docs) {
		var want []lexical.Hit
		if q.Syntax == lexical.Match {
			want = twin.search(t, query.NewMatchQuery(q.Query))
		} else {
			want = twin.search(t, query.NewQueryStringQuery(q.Query))
		}
		wantRows := make([]int64, len(want))
		for i, h := range want {
			wantRows[i] = h.RowID
		}
		got := c.search(q.Query, q.Syntax)
		matched += len(got)
		slices.Sort(got)
		slices.Sort(wantRows)
		if !slices.Equal(got, wantRows) {
			t.Errorf("%v %s: got %d rows, want %d", q.Syntax, q.Query, len(got), len(wantRows))
		}
	}
	if matched < 1000 {
		t.Errorf("all queries together match %d documents: too few to compare", matched)
	}
}

// manyQueries is 200 queries of all kinds, made of words of the documents.
func manyQueries(t testing.TB, docs []tinyText) []lexical.Request {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		f := strings.FieldsFunc(docs[r.IntN(len(docs))].Text, func(c rune) bool { return c < 'a' || c > 'z' })
		if len(f) == 0 {
			return "word"
		}
		return f[r.IntN(len(f))]
	}
	var out []lexical.Request
	for _, q := range readTiny(t, "queries.jsonl") {
		out = append(out, lexical.Request{Query: q.Text, Syntax: lexical.Match})
	}
	for len(out) < 80 {
		out = append(out, lexical.Request{Query: word() + " " + word() + " " + word(), Syntax: lexical.Match})
	}
	forms := []func() string{
		func() string { return word() + " " + word() },
		func() string { return "+" + word() + " " + word() + "^2" },
		func() string { return word() + " -" + word() },
		func() string { return "title:" + word() + " body:" + word() },
		func() string { return word()[:1] + "*" },
		func() string { return "body:" + word() + "~1" },
		func() string {
			f := strings.Fields(docs[r.IntN(len(docs))].Text)
			i := r.IntN(len(f))
			return `"` + strings.Trim(strings.Join(f[i:min(len(f), i+3)], " "), `"'();`) + `"`
		},
		func() string { return "+" + word() + " +" + word() },
		func() string { return "/" + word()[:1] + ".*e/" },
		func() string { return "-" + word() + " -" + word() },
		func() string { return "+the +" + word() },
		func() string { return word() + " 1" },
	}
	for i := 0; len(out) < 200; i++ {
		q := forms[i%len(forms)]()
		if strings.Count(q, `"`)%2 == 1 {
			continue
		}
		out = append(out, lexical.Request{Query: q, Syntax: lexical.QueryString})
	}
	for i := range out {
		out[i].K = -1
	}
	return out
}
