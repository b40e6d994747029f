package lexical

import (
	"reflect"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
)

// Text repeats its words, so stemming each again is most of what analysis costs.
// Where an analyzer treats every token by itself, what becomes of a word is
// computed once a batch.

const blevePackages = "github.com/blevesearch/bleve/v2/analysis/"

// tokenPackages are bleve's packages, beside those of languages, whose filters
// look at one token at a time and turn it into one token or none.
var tokenPackages = []string{
	"token/apostrophe", "token/elision", "token/length", "token/lowercase", "token/porter", "token/reverse",
	"token/snowball", "token/stop", "token/truncate", "token/unicodenorm",
}

// wordwise returns the analyzer's parts if it treats tokens one at a time, else nil.
func wordwise(a analysis.Analyzer) *analysis.DefaultAnalyzer {
	d, ok := a.(*analysis.DefaultAnalyzer)
	if !ok || len(d.CharFilters) > 0 || len(d.TokenFilters) == 0 {
		return nil
	}
	for _, f := range d.TokenFilters {
		t := reflect.TypeOf(f)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t == reflect.TypeFor[synonyms]() {
			continue
		}
		path, ours := strings.CutPrefix(t.PkgPath(), blevePackages)
		language := strings.HasPrefix(path, "lang/") && path != "lang/cjk"
		if !ours || !language && !slices.Contains(tokenPackages, path) {
			return nil
		}
	}
	return d
}

// dropWord is the number of a word that the filters drop.
const dropWord = ^uint32(0)

// filterWord runs the filters on one token and returns its term, nil if none.
func filterWord(d *analysis.DefaultAnalyzer, t *analysis.Token) []byte {
	tokens := analysis.TokenStream{t}
	for _, f := range d.TokenFilters {
		tokens = f.Filter(tokens)
	}
	if len(tokens) == 0 {
		return nil
	}
	return cutTerm(tokens[0].Term)
}
