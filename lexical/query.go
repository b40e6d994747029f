package lexical

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"
)

// maxClauses bounds the words and clauses of one query, and the words that a
// prefix, pattern or fuzzy word stands for.
const maxClauses = 1 << 16

// parse reads the text of a query with bleve's parsers. Slop is ours, so bleve's
// scoring does without it.
func (ix *Index) parse(text string, syntax Syntax) (query.Query, error) {
	if syntax == QueryString && ix.schema.params.Scoring != ScoringBleve {
		marked, err := parseQuery(markSlop(text), syntax)
		if err != nil {
			return parseQuery(text, syntax) // for an error in the user's own words
		}
		return marked, nil
	}
	return parseQuery(text, syntax)
}

func parseQuery(text string, syntax Syntax) (query.Query, error) {
	switch syntax {
	case Match:
		return query.NewMatchQuery(text), nil
	case QueryString:
		if strings.TrimSpace(text) == "" {
			return query.NewMatchNoneQuery(), nil
		}
		q, err := query.NewQueryStringQuery(text).Parse()
		if err != nil {
			return nil, queryStringError(text, err)
		}
		return q, checkBalance(text)
	case JSON:
		if err := boundJSON(text); err != nil {
			return nil, err
		}
		q, err := query.ParseQuery([]byte(text))
		if err != nil {
			return nil, jsonError(text, err)
		}
		return q, nil
	}
	return nil, queryErrorf("unknown syntax %d", syntax)
}

// slopMark separates a phrase's words from its slop. It is no character, so no
// analyzer's word holds it.
const slopMark = "\ufdd0"

// markSlop rewrites `"a phrase"~2`, which bleve's grammar lacks, into a phrase
// that carries its slop as a suffix.
func markSlop(text string) string {
	if !strings.Contains(text, `"~`) {
		return text
	}
	var b strings.Builder
	inPhrase := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			b.WriteByte(text[i])
			i++
		case text[i] == '"' && inPhrase:
			inPhrase = false
			digits := i + 1
			if digits < len(text) && text[digits] == '~' {
				digits++
				end := digits
				for end < len(text) && text[end] >= '0' && text[end] <= '9' {
					end++
				}
				if end == digits || end < len(text) && text[end] != ' ' && text[end] != '^' {
					break // not a slop: bleve's parser says what is wrong with it
				}
				b.WriteString(slopMark + text[digits:end] + `"`)
				i = end - 1
				continue
			}
		case text[i] == '"':
			inPhrase = true
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// cutSlop undoes markSlop.
func cutSlop(phrase string) (words string, slop int, err error) {
	words, digits, ok := strings.Cut(phrase, slopMark)
	if !ok {
		return phrase, 0, nil
	}
	const most = 1000
	slop, err = strconv.Atoi(digits)
	if err != nil || slop > most {
		return "", 0, queryErrorf("slop of the phrase %s is %s, want a whole number from 0 to %d", excerpt(words), digits, most)
	}
	return words, slop, nil
}

// queryStringError names the place of a mistake, which bleve's parser does not:
// the shortest prefix of words that it rejects ends there.
func queryStringError(text string, err error) error {
	msg := strings.ReplaceAll(strings.ReplaceAll(err.Error(), "\n", "; "), "parse error: ", "")
	at := len(text)
	for i := range text {
		if i == 0 || text[i] != ' ' {
			continue
		}
		if _, e := query.NewQueryStringQuery(text[:i]).Parse(); e != nil {
			at = i
			break
		}
	}
	start := strings.LastIndexByte(text[:at], ' ') + 1
	if at == len(text) {
		// Unfinished quotes and patterns reach back further than a word.
		if q := strings.LastIndexByte(text, '"'); q >= 0 && strings.Count(text, `"`)%2 == 1 {
			start = q
		}
	}
	return queryErrorf("query string: %s near character %d, %s", msg, len([]rune(text[:start]))+1, excerpt(text[start:at]))
}

// excerpt quotes the beginning of a query for an error message.
func excerpt(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	if s == "" {
		return "the end"
	}
	return strconv.Quote(s)
}

// boundJSON limits the depth of a JSON query: bleve parses each level anew, so its
// work is the text's length times its depth.
func boundJSON(text string) error {
	const most = 64
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return queryErrorf("JSON query is nested deeper than %d levels at character %d", most, i+1)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func jsonError(text string, err error) error {
	var syntax *json.SyntaxError
	if e := json.Unmarshal([]byte(text), new(any)); errors.As(e, &syntax) {
		return queryErrorf("JSON query: %v at character %d", syntax, syntax.Offset)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return queryErrorf("JSON query has %s, want an object such as {\"match\": \"word\"}", article(kind.Value))
		}
		return queryErrorf("JSON query: %q is %s, want %s", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:], article(kind.Value), article(kind.Type.Kind().String()))
	}
	var v any
	if err.Error() == "unknown query type" && json.Unmarshal([]byte(text), &v) == nil {
		if members, found := unknownMembers(v); found {
			return queryErrorf("JSON query: an object with %s is no query, want one of %s in it", members, strings.Join(queryMembers, ", "))
		}
	}
	for clause, want := range map[string]string{"must": "conjuncts", "should": "disjuncts", "must not": "disjuncts"} {
		if strings.HasPrefix(err.Error(), clause+" clause must be") {
			return queryErrorf("JSON query: %[1]q is no list of queries, want {%[1]q: {%[2]q: [...]}}", strings.ReplaceAll(clause, " ", "_"), want)
		}
	}
	return queryErrorf("JSON query: %v", err)
}

// queryMembers are the members that tell which query an object is.
var queryMembers = []string{
	"match", "match_phrase", "term", "terms", "prefix", "wildcard", "regexp", "must", "should", "must_not", "filter",
	"conjuncts", "disjuncts", "min", "max", "start", "end", "ids", "match_all", "match_none", "query",
}

// unknownMembers finds the first object in the place of a query that has none of
// queryMembers, and names what it has.
func unknownMembers(v any) (members string, found bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if members, found = unknownMembers(e); found {
				return members, found
			}
		}
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(queryMembers, n) }) {
			if len(names) == 0 {
				return "no member", true
			}
			return strings.Join(names, ", "), true
		}
		for _, n := range []string{"must", "should", "must_not", "filter", "conjuncts", "disjuncts"} {
			if members, found = unknownMembers(v[n]); found {
				return members, found
			}
		}
	}
	return "", false
}

// article is a word of encoding/json's with its article.
func article(kind string) string {
	switch kind {
	case "array", "object", "int":
		return "an " + kind
	case "slice":
		return "an array"
	case "map", "struct":
		return "an object"
	case "float64":
		return "a number"
	case "":
		return "nothing"
	}
	return "a " + kind
}
