package lexical

import (
	"regexp"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
)

// NumberAnalyzer is the name of an analyzer for columns of numbers and dates: it keeps
// them whole, with sign, fraction and exponent, and the rest by word.
const NumberAnalyzer = "number"

// numberWord finds a date, with or without time; a number; or a word.
var numberWord = regexp.MustCompile(`\d{4}-\d\d(?:-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[-+]\d\d:\d\d)?)?)?\b` +
	`|[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?\b` +
	`|[\pL\pN_]+`)

// numberTokenizer cuts a text by numberWord.
type numberTokenizer struct{}

// Tokenize implements analysis.Tokenizer.
func (numberTokenizer) Tokenize(text []byte) analysis.TokenStream {
	var out analysis.TokenStream
	for i, at := range numberWord.FindAllIndex(text, -1) {
		out = append(out, &analysis.Token{
			Term: text[at[0]:at[1]:at[1]], Start: at[0], End: at[1], Position: i + 1, Type: analysis.AlphaNumeric,
		})
	}
	return out
}

func newNumberAnalyzer() *analysis.DefaultAnalyzer {
	return &analysis.DefaultAnalyzer{Tokenizer: numberTokenizer{}, TokenFilters: []analysis.TokenFilter{lowercase.NewLowerCaseFilter()}}
}
