package lexical

import (
	"path"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/search"
	"pgregory.net/rapid"
)

// distance is the Levenshtein distance of characters by the plain recurrence.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(d, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// TestFuzzy holds the banded distance and its shortcuts against the plain distance,
// and that, for ASCII, against bleve's, which counts bytes.
func TestFuzzy(t *testing.T) {
	letters := rapid.SampledFrom([]rune("abcdé東"))
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringOfN(letters, 1, 8, -1).Draw(t, "word")
		b := rapid.StringOfN(letters, 0, 8, -1).Draw(t, "term")
		most := rapid.IntRange(1, 2).Draw(t, "most")
		p, err := newFuzzy(a, 0, most)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		d := distance([]rune(a), []rune(b))
		if _, ascii := byteSet(a + b); ascii && d != search.LevenshteinDistance(a, b) {
			t.Fatalf("%s and %s: the reference says %d, bleve %d", a, b, d, search.LevenshteinDistance(a, b))
		}
		if d <= most {
			want = 1 / float64(1+d)
		}
		if got := p.weight([]byte(b)); got != want {
			t.Fatalf("%s~%d and %s: got weight %v, want %v", a, most, b, got, want)
		}
	})
}

// TestWildcard holds the matcher against path.Match, which agrees on patterns and
// words without its other special characters.
func TestWildcard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?é")), 1, 8, -1).Draw(t, "pattern")
		term := rapid.StringOfN(rapid.SampledFrom([]rune("abé")), 0, 8, -1).Draw(t, "term")
		want, err := path.Match(p, term)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newWildcard(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.weight([]byte(term)) > 0; got != want {
			t.Fatalf("%s and %s: got %v, want %v", p, term, got, want)
		}
		if want && !strings.HasPrefix(term, w.prefix()) {
			t.Fatalf("%s matches %s, which does not begin with %q", p, term, w.prefix())
		}
	})
}
