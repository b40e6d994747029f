package lexical

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/char/html"
	"github.com/blevesearch/bleve/v2/analysis/token/edgengram"
	"github.com/blevesearch/bleve/v2/analysis/token/length"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/token/ngram"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
	"github.com/blevesearch/bleve/v2/analysis/token/reverse"
	"github.com/blevesearch/bleve/v2/analysis/token/shingle"
	"github.com/blevesearch/bleve/v2/analysis/token/stop"
	"github.com/blevesearch/bleve/v2/analysis/token/truncate"
	"github.com/blevesearch/bleve/v2/analysis/token/unicodenorm"
	"github.com/blevesearch/bleve/v2/analysis/token/unique"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/letter"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/single"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/web"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/whitespace"
)

// maxGram bounds the n-grams of an analyzer: a word of w letters becomes up to
// w·maxGram words.
const maxGram = 32

// maxDefinition bounds the text that defines an analyzer.
const maxDefinition = 1 << 20

// namedTokenFilters are the filters of bleve that need no settings. The filters
// of a language go by bleve's names: stop_en, stemmer_de_snowball, normalize_ar and so on.
var namedTokenFilters = []string{
	lowercase.Name, porter.Name, reverse.Name, unique.Name, "apostrophe", "possessive_en", "cjk_bigram", "cjk_width",
}

var namedTokenizers = []string{unicode.Name, letter.Name, single.Name, web.Name, whitespace.Name}

var namedCharFilters = []string{asciifolding.Name, html.Name}

// languageFilter matches bleve's names of the filters of one language.
var languageFilter = regexp.MustCompile(`^(stop|stemmer|normalize|elision|articles|possessive|apostrophe)_[a-z]{2,3}(_[a-z]+)?$`)

// gramAnalyzer makes the analyzer of ngram(min, max) and edge_ngram(min, max). A
// query in an edge_ngram column is not cut into grams again: a word finds what
// begins with it.
func gramAnalyzer(name string) (analyzerPair, error) {
	kind, args, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	parts := strings.Split(args, ",")
	var sizes [2]int
	for i := range sizes {
		text := strings.TrimSpace(parts[min(i, len(parts)-1)])
		n, err := strconv.Atoi(text)
		if err != nil || len(parts) > 2 || n < 1 || n > maxGram || i == 1 && n < sizes[0] {
			return analyzerPair{}, fmt.Errorf("analyzer %s, want %s(min, max) with 1 <= min <= max <= %d", name, kind, maxGram)
		}
		sizes[i] = n
	}
	tokenizer, err := analyzerCache.TokenizerNamed(unicode.Name)
	if err != nil {
		return analyzerPair{}, err
	}
	lower := lowercase.NewLowerCaseFilter()
	if kind == "ngram" {
		a := &analysis.DefaultAnalyzer{Tokenizer: tokenizer, TokenFilters: []analysis.TokenFilter{
			lower, ngram.NewNgramFilter(sizes[0], sizes[1]),
		}}
		return analyzerPair{a, a}, nil
	}
	return analyzerPair{
		&analysis.DefaultAnalyzer{Tokenizer: tokenizer, TokenFilters: []analysis.TokenFilter{
			lower, edgengram.NewEdgeNgramFilter(edgengram.FRONT, sizes[0], sizes[1]),
		}},
		&analysis.DefaultAnalyzer{Tokenizer: tokenizer, TokenFilters: []analysis.TokenFilter{
			lower, truncate.NewTruncateTokenFilter(sizes[1]),
		}},
	}, nil
}

// definition is an analyzer written as JSON:
//
//	{"char_filters": ["html"], "tokenizer": "unicode",
//	 "token_filters": ["to_lower", {"type": "stop", "words": ["the"]}, "stemmer_porter"]}
type definition struct {
	CharFilters  []json.RawMessage `json:"char_filters"`
	Tokenizer    string            `json:"tokenizer"`
	TokenFilters []json.RawMessage `json:"token_filters"`
}

// step is one filter with settings.
type step struct {
	Type    string     `json:"type"`
	Min     int        `json:"min"`
	Max     int        `json:"max"`
	Length  int        `json:"length"`
	Form    string     `json:"form"`
	Words   []string   `json:"words"`
	Groups  [][]string `json:"groups"`
	Pattern string     `json:"pattern"`
	Replace string     `json:"replace"`
}

// customAnalyzer makes an analyzer from its definition.
func customAnalyzer(text string) (analyzerPair, error) {
	if len(text) > maxDefinition {
		return analyzerPair{}, fmt.Errorf("analyzer definition has %d bytes, want at most %d", len(text), maxDefinition)
	}
	var def definition
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&def); err != nil {
		return analyzerPair{}, fmt.Errorf("analyzer definition: %w", err)
	}
	if def.Tokenizer == "" {
		def.Tokenizer = unicode.Name
	}
	if !slices.Contains(namedTokenizers, def.Tokenizer) {
		return analyzerPair{}, fmt.Errorf("analyzer definition: unknown tokenizer %q, want one of %s",
			def.Tokenizer, strings.Join(namedTokenizers, ", "))
	}
	tokenizer, err := analyzerCache.TokenizerNamed(def.Tokenizer)
	if err != nil {
		return analyzerPair{}, err
	}
	a := &analysis.DefaultAnalyzer{Tokenizer: tokenizer}
	for i, raw := range def.CharFilters {
		f, err := charFilter(raw)
		if err != nil {
			return analyzerPair{}, fmt.Errorf("analyzer definition: char filter %d: %w", i+1, err)
		}
		a.CharFilters = append(a.CharFilters, f)
	}
	for i, raw := range def.TokenFilters {
		f, err := tokenFilter(raw)
		if err != nil {
			return analyzerPair{}, fmt.Errorf("analyzer definition: token filter %d: %w", i+1, err)
		}
		a.TokenFilters = append(a.TokenFilters, f)
	}
	return analyzerPair{a, a}, nil
}

// readStep reads a filter: a name, or an object with settings.
func readStep(raw json.RawMessage) (name string, s step, err error) {
	if json.Unmarshal(raw, &name) == nil {
		return name, s, nil
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	return "", s, d.Decode(&s)
}

func charFilter(raw json.RawMessage) (analysis.CharFilter, error) {
	name, s, err := readStep(raw)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(namedCharFilters, name):
		return analyzerCache.CharFilterNamed(name)
	case s.Type == "regexp":
		re, err := regexp.Compile(s.Pattern)
		if err != nil {
			return nil, err
		}
		return replaceFilter{re, []byte(s.Replace)}, nil
	}
	return nil, fmt.Errorf("unknown char filter %q, want one of %s, or an object of type regexp",
		name+s.Type, strings.Join(namedCharFilters, ", "))
}

// replaceFilter replaces what a pattern matches.
type replaceFilter struct {
	re *regexp.Regexp
	by []byte
}

// Filter implements analysis.CharFilter.
func (f replaceFilter) Filter(text []byte) []byte { return f.re.ReplaceAll(text, f.by) }

func tokenFilter(raw json.RawMessage) (analysis.TokenFilter, error) {
	name, s, err := readStep(raw)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if !slices.Contains(namedTokenFilters, name) && !languageFilter.MatchString(name) {
			return nil, fmt.Errorf("unknown token filter %q, want one of %s, or a language's such as stop_en", name, strings.Join(namedTokenFilters, ", "))
		}
		return analyzerCache.TokenFilterNamed(name)
	}
	sizes := func(most int) error {
		if s.Min < 1 || s.Max < s.Min || s.Max > most {
			return fmt.Errorf("%s: min is %d and max %d, want 1 <= min <= max <= %d", s.Type, s.Min, s.Max, most)
		}
		return nil
	}
	switch s.Type {
	case "ngram":
		return ngram.NewNgramFilter(s.Min, s.Max), sizes(maxGram)
	case "edge_ngram":
		return edgengram.NewEdgeNgramFilter(edgengram.FRONT, s.Min, s.Max), sizes(maxGram)
	case "shingle":
		if err := sizes(5); err != nil {
			return nil, err
		}
		return shingle.NewShingleFilter(s.Min, s.Max, true, " ", "_"), nil
	case "length":
		return length.NewLengthFilter(s.Min, s.Max), sizes(maxTermBytes)
	case "truncate":
		if s.Length < 1 || s.Length > maxTermBytes {
			return nil, fmt.Errorf("truncate: length is %d, want 1 to %d", s.Length, maxTermBytes)
		}
		return truncate.NewTruncateTokenFilter(s.Length), nil
	case "normalize":
		return unicodenorm.NewUnicodeNormalizeFilter(s.Form)
	case "stop":
		if len(s.Words) == 0 {
			return nil, errors.New("stop: no words, want a list of them")
		}
		words := analysis.NewTokenMap()
		for _, w := range s.Words {
			words.AddToken(w)
		}
		return stop.NewStopTokensFilter(words), nil
	case "synonyms":
		return newSynonyms(s.Groups)
	}
	return nil, fmt.Errorf("unknown token filter type %q, want one of edge_ngram, length, ngram, normalize, shingle, stop, synonyms, truncate", s.Type)
}

// synonyms replaces each word of a group by the group's first: documents and
// queries are treated alike, so all words of a group find each other, with the
// statistics of one word.
type synonyms map[string][]byte

func newSynonyms(groups [][]string) (analysis.TokenFilter, error) {
	if len(groups) == 0 {
		return nil, errors.New("synonyms: no groups, want [[\"car\", \"automobile\"], ...]")
	}
	f := synonyms{}
	for i, g := range groups {
		if len(g) < 2 {
			return nil, fmt.Errorf("synonyms: group %d has %d words, want 2 or more", i+1, len(g))
		}
		for _, w := range g {
			if other, ok := f[w]; ok && string(other) != g[0] {
				return nil, fmt.Errorf("synonyms: %q is in two groups", w)
			}
			f[w] = []byte(g[0])
		}
	}
	return f, nil
}

// Filter implements analysis.TokenFilter.
func (f synonyms) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	for _, t := range tokens {
		if to, ok := f[string(t.Term)]; ok {
			t.Term = to
		}
	}
	return tokens
}
