package lexical_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/registry"

	"github.com/nearlite/nearlite/lexical"
)

// TestAnalyzersListsTheRegistry guards the list against a bleve that has more.
func TestAnalyzersListsTheRegistry(t *testing.T) {
	if testing.Short() {
		t.Skip("builds every analyzer")
	}
	types, instances := registry.AnalyzerTypesAndInstances()
	want := []string{"whitespace", lexical.NumberAnalyzer}
	for _, name := range append(types, instances...) {
		if name != "custom" && !slices.Contains(want, name) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if got := lexical.Analyzers(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAnalyzers(t *testing.T) {
	for _, tt := range []struct {
		analyzer, text string
		hits, misses   []string
	}{
		{"number", "-3 1.5e+20 2020-01-05 Chapter12", []string{"-3", "1.5e+20?", "on 2020-01-05!", "CHAPTER12"}, []string{"3", "1.5", "2020", "12"}},
		{"standard", "Running the Dogs", []string{"RUNNING", "dogs"}, []string{"run", "the"}},
		{"en", "Running the Dogs", []string{"run", "dog's"}, []string{"the", "cat"}},
		{"de", "Die Häuser am Fluss", []string{"haus", "Haeuser"}, []string{"die"}},
		{"fr", "L'éléphant des montagnes", []string{"elephant", "montagne"}, []string{"des"}},
		{"keyword", "New York", []string{"New York"}, []string{"new york", "New"}},
		{"whitespace", "C++ and C#", []string{"C++", "C#"}, []string{"c++", "C"}},
		{"simple", "x-ray", []string{"Ray"}, []string{"xray"}},
		{"cjk", "東京都に住む", []string{"東京", "京都"}, []string{"住都"}},
		{"ngram(2,3)", "Vector", []string{"ecto", "VEC", "or"}, []string{"x", "zq"}},
		{"edge_ngram(1, 5)", "Vector search", []string{"v", "vect", "Vectors", "sea"}, []string{"ector", "x"}},
		{
			`{"token_filters":["to_lower",{"type":"synonyms","groups":[["car","automobile"]]},{"type":"stop","words":["old"]}]}`,
			"An old Automobile",
			[]string{"car", "AUTOMOBILE"},
			[]string{"old", "bus"},
		},
		{
			`{"char_filters":["html",{"type":"regexp","pattern":"ph","replace":"f"}],"tokenizer":"whitespace"}`,
			"<b>photo</b> x",
			[]string{"foto", "photo"},
			[]string{"<b>"},
		},
		{`{"token_filters":["to_lower","stop_de","stemmer_de_snowball"]}`, "Die Häuser", []string{"Häusern"}, []string{"die"}},
		{"ru", "большие города", []string{"город"}, []string{"река"}},
	} {
		t.Run(tt.analyzer, func(t *testing.T) {
			c := create(t, lexical.Params{Columns: []lexical.Column{{Name: "text"}}, Analyzer: tt.analyzer})
			c.begin()
			c.insert(1, tt.text)
			c.commit()
			for _, q := range tt.hits {
				if got := c.search(q, lexical.Match); len(got) != 1 {
					t.Errorf("%q does not match %q", q, tt.text)
				}
			}
			for _, q := range tt.misses {
				if got := c.search(q, lexical.Match); len(got) != 0 {
					t.Errorf("%q matches %q", q, tt.text)
				}
			}
		})
	}
}

// TestColumnAnalyzers has columns that are analyzed differently: each word of a
// query without a field is read by each column's analyzer.
func TestColumnAnalyzers(t *testing.T) {
	c := create(t, lexical.Params{
		Columns: []lexical.Column{{Name: "body", Analyzer: "en"}, {Name: "tag", Analyzer: "keyword"}},
	})
	c.begin()
	c.insert(1, "Running dogs", "New York")
	c.insert(2, "New things happen in York", "running")
	c.commit()
	for _, tt := range []struct {
		query  string
		syntax lexical.Syntax
		want   []int64
	}{
		{"runs", lexical.Match, []int64{1}},
		{"running", lexical.Match, []int64{1, 2}},
		{"New York", lexical.Match, []int64{1, 2}},
		{`tag:"New York"`, lexical.QueryString, []int64{1}},
		{`body:york`, lexical.QueryString, []int64{2}},
		{`+york`, lexical.QueryString, []int64{2}},
	} {
		got := c.search(tt.query, tt.syntax)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v %q: got %v, want %v", tt.syntax, tt.query, got, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	columns := []lexical.Column{{Name: "a"}}
	for _, tt := range []struct {
		params lexical.Params
		want   string
	}{
		{lexical.Params{}, "no columns, want 1 to 64"},
		{lexical.Params{Columns: columns, Analyzer: "klingon"}, `unknown analyzer "klingon", want one of ar, cjk, `},
		{lexical.Params{Columns: columns, Analyzer: "ngram(3,2)"}, "analyzer ngram(3,2), want ngram(min, max) with 1 <= min <= max <= 32"},
		{lexical.Params{Columns: columns, Analyzer: "edge_ngram"}, "analyzer edge_ngram, want edge_ngram(min, max) with"},
		{lexical.Params{Columns: columns, Analyzer: "ngram(1,2,3)"}, "analyzer ngram(1,2,3), want"},
		{lexical.Params{Columns: columns, Analyzer: `{"tokenizer":"x"}`}, `analyzer definition: unknown tokenizer "x", want one of unicode, `},
		{lexical.Params{Columns: columns, Analyzer: `{"token_filters":["x"]}`}, `analyzer definition: token filter 1: unknown token filter "x", want one of `},
		{lexical.Params{Columns: columns, Analyzer: `{"token_filters":["stop_xx"]}`}, `analyzer definition: token filter 1: no token filter with name or type 'stop_xx'`},
		{lexical.Params{Columns: columns, Analyzer: `{"token_filters":[{"type":"ngram","min":1,"max":99}]}`}, `analyzer definition: token filter 1: ngram: min is 1 and max 99, want`},
		{lexical.Params{Columns: columns, Analyzer: `{"token_filters":[{"type":"synonyms","groups":[["a"]]}]}`}, `analyzer definition: token filter 1: synonyms: group 1 has 1 words, want 2 or more`},
		{lexical.Params{Columns: columns, Analyzer: `{"filter":[]}`}, `analyzer definition: json: unknown field "filter"`},
		{lexical.Params{Columns: columns, K1: -1}, "k1 is -1, want a number from 0.01 to 100"},
		{lexical.Params{Columns: columns, B: 2}, "b is 2, want a number from 0 to 1"},
		{lexical.Params{Columns: []lexical.Column{{Name: "a", Boost: -2}}}, `column "a": boost is -2, want a number above 0, at most 1000`},
		{lexical.Params{Columns: []lexical.Column{{Name: "a"}, {Name: "A"}}}, `column "A" appears twice`},
		{lexical.Params{Columns: []lexical.Column{{}}}, "column 1 has no name"},
		{lexical.Params{Columns: make([]lexical.Column, 65)}, "got 65 columns, want 1 to 64"},
	} {
		err := tt.params.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	ok := lexical.Params{Columns: columns, B: -1}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
}

func TestQueryErrors(t *testing.T) {
	c := corpus(t)
	for _, tt := range []struct {
		query  string
		syntax lexical.Syntax
		want   string
	}{
		{`good "unclosed phrase`, lexical.QueryString, `query string: `},
		{`a b +`, lexical.QueryString, `query string: syntax error near character 5, "+"`},
		{`color:red`, lexical.QueryString, `unknown column "color" in the query, want one of title, body`},
		{`/a(/`, lexical.QueryString, `regular expression "a(": `},
		{`word~9`, lexical.QueryString, `fuzziness is 9, want a whole number from 0 to 2`},
		{`"two words"~99999`, lexical.QueryString, `slop of the phrase "two words" is 99999, want a whole number from 0 to 1000`},
		{`{"match":`, lexical.JSON, `JSON query: unexpected end of JSON input at character 9`},
		{`{"nonsense":1}`, lexical.JSON, `JSON query: `},
		{`{"ids":["x"]}`, lexical.JSON, `id "x" of a query is no rowid`},
		{`{"match":"a","analyzer":"klingon"}`, lexical.JSON, `unknown analyzer "klingon"`},
		{`{"disjuncts":[{"match":"a"}],"min":2}`, lexical.JSON, `disjunction asks for 2 of its 1 parts`},
	} {
		_, _, err := c.ix.Search(context.Background(), lexical.Request{Query: tt.query, Syntax: tt.syntax, K: 10})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v %s:\n got %v\nwant %s", tt.syntax, tt.query, err, tt.want)
		} else {
			t.Logf("%v %s: %v", tt.syntax, tt.query, err)
		}
	}
}
