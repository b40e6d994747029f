package lexical_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

func TestSuggest(t *testing.T) {
	c := create(t, lexical.Params{Columns: []lexical.Column{{Name: "text"}}})
	c.begin()
	for i, s := range []string{"vector vectors", "vector sector", "victor", "hector", "unrelated", "gone: vectir"} {
		c.insert(int64(i), s)
	}
	_, err := c.ix.Delete(5)
	c.must(err)
	c.commit()
	for _, tt := range []struct {
		word string
		n    int
		want []lexical.Suggestion
	}{
		{"Vectr", 3, []lexical.Suggestion{{Term: "vector", Docs: 2, Distance: 1}}},
		{"vector", 9, []lexical.Suggestion{
			{Term: "hector", Docs: 1, Distance: 1},
			{Term: "sector", Docs: 1, Distance: 1},
			{Term: "vectors", Docs: 1, Distance: 1},
			{Term: "victor", Docs: 1, Distance: 1},
		}},
		{"vectir", 1, []lexical.Suggestion{{Term: "vector", Docs: 2, Distance: 1}}},
		{"", 3, nil},
		{"two words", 3, nil},
		{"xyzzyxyzzy", 3, nil},
	} {
		got, err := c.ix.Suggest(context.Background(), tt.word, tt.n)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.word, got, err, tt.want)
		}
	}
}
