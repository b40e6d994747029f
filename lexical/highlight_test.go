package lexical_test

import (
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

func TestHighlight(t *testing.T) {
	c := corpus(t)
	const body = "A quick cat. Quick cats, quick kittens, and a dog."
	for _, tt := range []struct {
		query  string
		syntax lexical.Syntax
		column int
		text   string
		want   string
	}{
		{"cat", lexical.Match, 1, body, "A quick [cat]. Quick [cats], quick kittens, and a dog."},
		{"CATS a", lexical.Match, 1, body, "A quick [cat]. Quick [cats], quick kittens, and a dog."},
		{"", lexical.Match, 1, body, body},
		{"zebra", lexical.Match, 1, body, body},
		{`"quick cats"`, lexical.QueryString, 1, body, "A [quick] [cat]. [Quick] [cats], quick kittens, and a dog."},
		{`"quick kittens"`, lexical.QueryString, 1, body, "A quick cat. Quick cats, [quick] [kittens], and a dog."},
		{`"cats dog"~4`, lexical.QueryString, 1, body, "A quick cat. Quick [cats], quick kittens, and a [dog]."},
		{"kit*", lexical.QueryString, 1, body, "A quick cat. Quick cats, quick [kittens], and a dog."},
		{"dig~1", lexical.QueryString, 1, body, "A quick cat. Quick cats, quick kittens, and a [dog]."},
		{"/d.g/", lexical.QueryString, 1, body, "A quick cat. Quick cats, quick kittens, and a [dog]."},
		{"+dog -cat", lexical.QueryString, 1, body, "A quick cat. Quick cats, quick kittens, and a [dog]."},
		{"title:dog", lexical.QueryString, 1, body, body},
		{"title:dog", lexical.QueryString, 0, "Dogs", "[Dogs]"},
		{"body:>2000", lexical.QueryString, 1, "from 1999 to 2021", "from 1999 to [2021]"},
		{"naïve", lexical.Match, 1, "A Naïve — naïve view", "A [Naïve] — [naïve] view"},
	} {
		got, err := c.ix.Highlight(tt.query, tt.syntax, tt.column, tt.text, "[", "]")
		if err != nil || got != tt.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", tt.query, got, err, tt.want)
		}
	}
	if _, err := c.ix.Highlight("x", lexical.Match, 2, "", "", ""); err == nil || err.Error() != "column 2, want 0 to 1" {
		t.Errorf("got %v", err)
	}
}

// TestHighlightFiltered has analyzers whose char filters change the text's length.
func TestHighlightFiltered(t *testing.T) {
	c := create(t, lexical.Params{Columns: []lexical.Column{
		{Name: "a", Analyzer: `{"char_filters":["asciifolding"],"token_filters":["to_lower"]}`},
		{Name: "b", Analyzer: "fa"},
	}})
	for _, tt := range []struct {
		column            int
		query, text, want string
	}{
		{0, "naive", "ŒÆß naïve view", "ŒÆß [naïve] view"},
		{0, `"naive view"`, "Æ naïve view", "Æ [naïve] [view]"},
		{1, "کتاب", "می\u200cروم کتاب", "می\u200cروم [کتاب]"},
	} {
		got, err := c.ix.Highlight(tt.query, lexical.QueryString, tt.column, tt.text, "[", "]")
		if err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.query, got, err, tt.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	c := corpus(t)
	const text = "one two three four five six seven eight nine ten eleven twelve"
	for _, tt := range []struct {
		query, text string
		tokens      int
		want        string
	}{
		{"seven", text, 5, "… five six [seven] eight nine …"},
		{"one", text, 3, "[one] two three …"},
		{"twelve", text, 3, "… ten eleven [twelve]"},
		{"two nine ten", text, 4, "… eight [nine] [ten] eleven …"},
		{"zebra", text, 4, "one two three four …"},
		{"five", text, 99, "one two three four [five] six seven eight nine ten eleven twelve"},
		{"five", "", 4, ""},
		{"cat dog", "cat cat cat x x x x cat dog x x", 3, "… x [cat] [dog] …"}, // different words first
	} {
		got, err := c.ix.Snippet(tt.query, lexical.Match, 1, tt.text, "[", "]", "…", tt.tokens)
		// The ellipsis touches the text; spaces here only make the table readable.
		want := squeeze(tt.want)
		if err != nil || squeeze(got) != want {
			t.Errorf("%s of %d:\n got %s, %v\nwant %s", tt.query, tt.tokens, got, err, tt.want)
		}
	}
}

func squeeze(s string) string {
	out := []rune{}
	for _, r := range s {
		if r == '…' && len(out) > 0 && out[len(out)-1] == ' ' {
			out[len(out)-1] = r
			continue
		}
		if r == ' ' && len(out) > 0 && out[len(out)-1] == '…' && len(out) == 1 {
			continue
		}
		out = append(out, r)
	}
	return string(out)
}
