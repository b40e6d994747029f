package lexical

import (
	"math"
	"math/bits"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/search/query"
	"github.com/blevesearch/bleve/v2/search/searcher"
)

// pattern is a set of words.
type pattern interface {
	// prefix is what all words of the set begin with.
	prefix() string
	// weight is above 0 for words of the set: 1, or less for a near miss.
	weight(term []byte) float64
}

type exactPattern string

func (p exactPattern) prefix() string { return string(p) }
func (p exactPattern) weight(term []byte) float64 {
	if string(term) == string(p) {
		return 1
	}
	return 0
}

type prefixPattern string

func (p prefixPattern) prefix() string { return string(p) }
func (p prefixPattern) weight(term []byte) float64 {
	if hasPrefix(term, string(p)) {
		return 1
	}
	return 0
}

func hasPrefix(term []byte, prefix string) bool {
	return len(term) >= len(prefix) && string(term[:len(prefix)]) == prefix
}

// regexpPattern matches whole words. Go's regular expressions take time linear
// in the word, whatever the pattern.
type regexpPattern struct {
	re      *regexp.Regexp
	literal string
}

func (p regexpPattern) prefix() string { return p.literal }
func (p regexpPattern) weight(term []byte) float64 {
	if p.re.Match(term) {
		return 1
	}
	return 0
}

const maxPatternBytes = 1 << 12

func newRegexp(text string) (pattern, error) {
	if len(text) > maxPatternBytes {
		return nil, queryErrorf("regular expression has %d bytes, want at most %d", len(text), maxPatternBytes)
	}
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return nil, queryErrorf("regular expression %s: %v", excerpt(text), err)
	}
	re, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		return nil, queryErrorf("regular expression %s: %v", excerpt(text), err)
	}
	// The anchor hides the literal prefix, so it is asked of the bare pattern.
	bare, err := regexp.Compile(text)
	if err != nil {
		return nil, queryErrorf("regular expression %s: %v", excerpt(text), err)
	}
	literal, _ := bare.LiteralPrefix()
	return regexpPattern{re, literal}, nil
}

// globPattern matches whole words with * for any characters and ? for one.
type globPattern struct {
	text    []rune
	literal string
}

// newWildcard makes a pattern of text with * and ?.
func newWildcard(text string) (pattern, error) {
	if len(text) > maxPatternBytes {
		return nil, queryErrorf("wildcard pattern has %d bytes, want at most %d", len(text), maxPatternBytes)
	}
	i := strings.IndexAny(text, "*?")
	switch {
	case i < 0:
		return exactPattern(text), nil
	case i == len(text)-1 && text[i] == '*':
		return prefixPattern(text[:i]), nil
	}
	return globPattern{[]rune(text), text[:i]}, nil
}

func (p globPattern) prefix() string { return p.literal }

// weight walks word and pattern together; after a mismatch it lets the last star
// take one character more. Earlier stars need no second try.
func (p globPattern) weight(term []byte) float64 {
	at, star, starAt, i := 0, -1, 0, 0
	for i < len(term) {
		r, size := utf8.DecodeRune(term[i:])
		switch {
		case at < len(p.text) && p.text[at] == '*':
			star, starAt = at, i
			at++
		case at < len(p.text) && (p.text[at] == '?' || p.text[at] == r):
			at++
			i += size
		case star >= 0:
			_, skip := utf8.DecodeRune(term[starAt:])
			starAt += skip
			at, i = star+1, starAt
		default:
			return 0
		}
	}
	for at < len(p.text) && p.text[at] == '*' {
		at++
	}
	if at < len(p.text) {
		return 0
	}
	return 1
}

// fuzzyPattern is the set of words within an edit distance (insertion, deletion,
// replacement of a character).
type fuzzyPattern struct {
	word  []rune
	fixed string // the beginning that must agree
	most  int
	ascii bool
	bytes uint64 // set of the word's bytes, if it is ASCII
}

// byteSet is the set of a word's bytes, folded to 64 members, and whether all are
// ASCII. An edit changes at most one member each way, which tells most words apart
// without computing their distance.
func byteSet[T string | []byte](word T) (set uint64, ascii bool) {
	var all byte
	for i := range len(word) {
		set |= 1 << (word[i] & 63)
		all |= word[i]
	}
	return set, all < utf8.RuneSelf
}

// newFuzzy makes a fuzzy pattern; the first prefix characters must agree.
func newFuzzy(term string, prefix, distance int) (pattern, error) {
	if distance == autoFuzziness {
		distance = searcher.GetAutoFuzziness(term)
	}
	if distance < 0 || distance > searcher.MaxFuzziness {
		return nil, queryErrorf("fuzziness is %d, want a whole number from 0 to %d", distance, searcher.MaxFuzziness)
	}
	if distance == 0 {
		return exactPattern(term), nil
	}
	p := fuzzyPattern{word: []rune(term), most: distance}
	p.bytes, p.ascii = byteSet(term)
	if prefix > 0 {
		p.fixed = string(p.word[:min(prefix, len(p.word))])
	}
	return p, nil
}

func (p fuzzyPattern) prefix() string { return p.fixed }

func (p fuzzyPattern) weight(term []byte) float64 {
	if !hasPrefix(term, p.fixed) || len(term) > (len(p.word)+p.most)*utf8.UTFMax {
		return 0
	}
	if p.ascii {
		set, ascii := byteSet(term)
		if ascii && (bits.OnesCount64(set&^p.bytes) > p.most || bits.OnesCount64(p.bytes&^set) > p.most) {
			return 0
		}
	}
	n := utf8.RuneCount(term)
	if n > len(p.word)+p.most || n < len(p.word)-p.most {
		return 0
	}
	d := editDistance(p.word, term, p.most)
	if d > p.most {
		return 0
	}
	return 1 / float64(1+d)
}

// editDistance is the Levenshtein distance of a word and a term, or most+1 when
// it is greater than most. It fills only the band of the matrix within most of
// the diagonal (Ukkonen 1985).
func editDistance(word []rune, term []byte, most int) int {
	const none = 1 << 20
	var rows [2][64]int
	prev, row := rows[0][:], rows[1][:]
	if len(word)+2 > len(prev) {
		prev, row = make([]int, len(word)+2), make([]int, len(word)+2)
	}
	for j := 0; j <= len(word); j++ {
		prev[j] = j
	}
	i := 0
	for _, r := range string(term) { // the conversion does not copy
		i++
		lo, hi := max(1, i-most), min(len(word), i+most)
		row[lo-1] = none
		if lo == 1 {
			row[0] = i
		}
		best := none
		for j := lo; j <= hi; j++ {
			d := prev[j-1]
			if word[j-1] != r {
				d++
			}
			if j < i+most {
				d = min(d, prev[j]+1)
			}
			d = min(d, row[j-1]+1)
			row[j] = d
			best = min(best, d)
		}
		if best > most && row[lo-1] > most {
			return most + 1
		}
		prev, row = row, prev
	}
	if i < len(word)-most || i > len(word)+most {
		return most + 1
	}
	return min(prev[len(word)], most+1)
}

// rangePattern is the set of words between two bounds.
type rangePattern struct {
	from, to               string // to == "": no upper bound
	includeFrom, includeTo bool
}

func newTermRange(q *query.TermRangeQuery) pattern {
	p := rangePattern{from: q.Min, to: q.Max, includeFrom: true}
	if q.InclusiveMin != nil {
		p.includeFrom = *q.InclusiveMin
	}
	if q.InclusiveMax != nil {
		p.includeTo = *q.InclusiveMax
	}
	return p
}

func (p rangePattern) prefix() string {
	if p.to == "" {
		return ""
	}
	return p.from[:commonPrefix(p.from, p.to)]
}

func (p rangePattern) weight(term []byte) float64 {
	if string(term) < p.from || string(term) == p.from && !p.includeFrom ||
		p.to != "" && (string(term) > p.to || string(term) == p.to && !p.includeTo) {
		return 0
	}
	return 1
}

// numberPattern is the set of words that are numbers within bounds. Numbers are
// stored as the words they are written with, so the dictionary is searched by
// value; it holds each number once, however many documents have it.
type numberPattern struct {
	from, to               float64
	includeFrom, includeTo bool
	value                  func(term []byte) (float64, bool)
}

func newNumericRange(q *query.NumericRangeQuery) pattern {
	p := numberPattern{from: math.Inf(-1), to: math.Inf(1), includeFrom: true, value: numberOf}
	if q.Min != nil {
		p.from = *q.Min
	}
	if q.Max != nil {
		p.to = *q.Max
	} else {
		p.includeTo = true
	}
	if q.InclusiveMin != nil {
		p.includeFrom = *q.InclusiveMin
	}
	if q.InclusiveMax != nil {
		p.includeTo = *q.InclusiveMax
	}
	return p
}

func numberOf(term []byte) (float64, bool) {
	if len(term) == 0 || term[0] != '-' && term[0] != '+' && term[0] != '.' && (term[0] < '0' || term[0] > '9') {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(term), 64)
	return v, err == nil && !math.IsNaN(v)
}

func (p numberPattern) prefix() string { return "" }

func (p numberPattern) weight(term []byte) float64 {
	v, ok := p.value(term)
	if !ok || v < p.from || v == p.from && !p.includeFrom || v > p.to || v == p.to && !p.includeTo {
		return 0
	}
	return 1
}

// dateLayouts are the forms of dates that range queries understand, in columns
// (with the keyword analyzer, which keeps them whole) and in bounds.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01"}

func dateOf(term []byte) (float64, bool) {
	if len(term) < 7 || term[0] < '0' || term[0] > '9' {
		return 0, false
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, strings.ToUpper(string(term))); err == nil {
			return float64(t.UnixMicro()), true
		}
	}
	return 0, false
}

func newDateRange(start, end time.Time, includeStart, includeEnd *bool) pattern {
	p := numberPattern{from: math.Inf(-1), to: math.Inf(1), includeFrom: true, value: dateOf}
	if !start.IsZero() {
		p.from = float64(start.UnixMicro())
	}
	if !end.IsZero() {
		p.to = float64(end.UnixMicro())
	} else {
		p.includeTo = true
	}
	if includeStart != nil {
		p.includeFrom = *includeStart
	}
	if includeEnd != nil {
		p.includeTo = *includeEnd
	}
	return p
}

func newDateRangeString(q *query.DateRangeStringQuery) (pattern, error) {
	bound := func(text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		v, ok := dateOf([]byte(text))
		if !ok {
			return time.Time{}, queryErrorf("date %s in the query, want the form 2006-01-02T15:04:05Z or 2006-01-02", excerpt(text))
		}
		return time.UnixMicro(int64(v)), nil
	}
	start, err := bound(q.Start)
	if err != nil {
		return nil, err
	}
	end, err := bound(q.End)
	if err != nil {
		return nil, err
	}
	return newDateRange(start, end, q.InclusiveStart, q.InclusiveEnd), nil
}
