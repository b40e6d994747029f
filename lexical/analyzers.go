package lexical

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	// Registration of the analyzers by name.
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/simple"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/standard"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/web"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/ar"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/cjk"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/ckb"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/da"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/de"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/es"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/fa"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/fi"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/fr"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/hi"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/hr"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/hu"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/it"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/nl"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/no"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/pl"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/pt"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/ro"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/ru"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/sv"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/whitespace"
	"github.com/blevesearch/bleve/v2/registry"
)

// analyzerCache builds each analyzer once for the process; registry.Cache locks.
var analyzerCache = registry.NewCache()

// analyzerNames are the names that newAnalyzer resolves, sorted. The registry can
// list its own names only by building every analyzer, which takes half a second
// (Polish loads a stemming table).
var analyzerNames = []string{
	"ar", "cjk", "ckb", "da", "de", "en", "es", "fa", "fi", "fr", "hi", "hr", "hu", "it", "keyword",
	"nl", "no", NumberAnalyzer, "pl", "pt", "ro", "ru", "simple", "standard", "sv", "tr", "web", "whitespace",
}

// Analyzers lists the analyzer names that Params accepts, sorted.
func Analyzers() []string { return slices.Clone(analyzerNames) }

// analyzerPair is how a column's texts are analyzed, and how queries of it are.
type analyzerPair struct{ index, query analysis.Analyzer }

// newAnalyzer resolves an analyzer: a name, ngram(min, max), edge_ngram(min, max),
// or a definition in JSON. The error lists the names there are.
func newAnalyzer(name string) (analyzerPair, error) {
	switch {
	case strings.HasPrefix(name, "{"):
		return customAnalyzer(name)
	case strings.HasPrefix(name, "ngram"), strings.HasPrefix(name, "edge_ngram"):
		return gramAnalyzer(name)
	}
	if _, ok := slices.BinarySearch(analyzerNames, name); !ok {
		return analyzerPair{}, fmt.Errorf("unknown analyzer %q, want one of %s, ngram(min, max), edge_ngram(min, max) or a JSON definition",
			name, strings.Join(analyzerNames, ", "))
	}
	var a analysis.Analyzer
	var err error
	switch name {
	case "whitespace":
		var t analysis.Tokenizer
		t, err = analyzerCache.TokenizerNamed(whitespace.Name)
		a = &analysis.DefaultAnalyzer{Tokenizer: t}
	case NumberAnalyzer:
		a = newNumberAnalyzer()
	default:
		a, err = analyzerCache.AnalyzerNamed(name)
	}
	return analyzerPair{a, a}, err
}
