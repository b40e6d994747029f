package lexical

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/search/query"
)

// compiler turns a bleve query into nodes. It resolves fields, analyzes text and
// looks up the words that patterns stand for.
type compiler struct {
	ix      *Index
	columns uint64 // where words without a field are looked for
	syntax  Syntax
	// expand lists the dictionary's words for a pattern; it is nil when a query
	// is only validated.
	expand  func(columns uint64, p pattern) ([]weightedTerm, error)
	leaves  []*leaf
	clauses int
	// watch, if set, sees what each part of the query matches; for highlighting.
	watch *watcher
}

func (c *compiler) leaf(terms []weightedTerm, columns uint64, boost float64, positions bool) *leaf {
	l := &leaf{terms: terms, columns: columns, boost: boost, positions: positions}
	c.leaves = append(c.leaves, l)
	return l
}

// boostOf is the boost of a query part; it is 1 when none is given. Bounds keep
// scores finite.
func boostOf(b *query.Boost) float64 {
	const most = 1e9
	if b == nil || math.IsNaN(float64(*b)) {
		return 1
	}
	return max(-most, min(most, float64(*b)))
}

// target is a set of columns with one analyzer.
type target struct {
	columns  uint64
	analyzer analysis.Analyzer
}

// targets resolves a field name: a column, or, when it is empty, the columns of
// the request grouped by analyzer.
func (c *compiler) targets(field string) ([]target, error) {
	sc := c.ix.schema
	if field != "" && field != "_all" {
		i := sc.column(field)
		if i < 0 {
			return nil, queryErrorf("unknown column %q in the query, want one of %s", field, sc.columnNames())
		}
		return []target{{1 << i, sc.queries[i]}}, nil
	}
	var out []target
	for _, g := range sc.groups {
		if m := g.columns & c.columns; m != 0 {
			out = append(out, target{m, g.analyzer})
		}
	}
	return out, nil
}

// each compiles a part for all targets of a field and joins the results by OR.
func (c *compiler) each(field string, part func(t target) (node, error)) (node, error) {
	targets, err := c.targets(field)
	if err != nil {
		return nil, err
	}
	var nodes []node
	for _, t := range targets {
		if c.clauses++; c.clauses > maxClauses {
			return nil, queryErrorf("query has more than %d parts", maxClauses)
		}
		n, err := part(t)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return anyOf(nodes, 1), nil
}

// anyOf joins nodes by OR, without those that match nothing.
func anyOf(nodes []node, least int) node {
	var kept []node
	for _, n := range nodes {
		if _, none := n.(noneNode); !none {
			kept = append(kept, n)
		}
	}
	switch {
	case len(kept) == 0 || least > len(kept):
		return noneNode{}
	case len(kept) == 1 && least <= 1:
		return kept[0]
	}
	return anyNode{kept, max(least, 1)}
}

// compile builds the node of a query whose enclosing parts have the given boost.
// inString says that the query stood in a query string, where a clause without
// words (a stop word) counts as absent instead of as unmatched.
func (c *compiler) compile(q query.Query, boost float64, inString bool) (node, error) {
	if c.clauses++; c.clauses > maxClauses {
		return nil, queryErrorf("query has more than %d parts", maxClauses)
	}
	switch q := q.(type) {
	case nil, *query.MatchNoneQuery:
		return noneNode{}, nil
	case *query.MatchAllQuery:
		return allNode{boost * boostOf(q.BoostVal)}, nil
	case *query.MatchQuery:
		return c.match(q, boost*boostOf(q.BoostVal))
	case *query.MatchPhraseQuery:
		return c.matchPhrase(q, boost*boostOf(q.BoostVal))
	case *query.PhraseQuery:
		terms := make([][]string, len(q.Terms))
		for i, t := range q.Terms {
			if t != "" {
				terms[i] = []string{t}
			}
		}
		return c.phrase(q.FieldVal, terms, fuzziness(q.Fuzziness, q), boost*boostOf(q.BoostVal))
	case *query.MultiPhraseQuery:
		return c.phrase(q.FieldVal, q.Terms, fuzziness(q.Fuzziness, q), boost*boostOf(q.BoostVal))
	case *query.TermQuery:
		return c.each(q.FieldVal, func(t target) (node, error) {
			return c.word(t, q.Term, boost*boostOf(q.BoostVal)), nil
		})
	case *query.FuzzyQuery:
		f := fuzziness(q.Fuzziness, q)
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newFuzzy(q.Term, q.Prefix, f)
		})
	case *query.PrefixQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return prefixPattern(t.fold(q.Prefix)), nil
		})
	case *query.WildcardQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newWildcard(t.fold(q.Wildcard))
		})
	case *query.RegexpQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newRegexp(q.Regexp)
		})
	case *query.TermRangeQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newTermRange(q), nil
		})
	case *query.NumericRangeQuery:
		if q.FieldVal == "" {
			// A bare number in a query string asks for the word and, in bleve, for
			// numeric fields of that value; all our columns are text.
			return noneNode{}, nil
		}
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newNumericRange(q), nil
		})
	case *query.DateRangeQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newDateRange(q.Start.Time, q.End.Time, q.InclusiveStart, q.InclusiveEnd), nil
		})
	case *query.DateRangeStringQuery:
		return c.pattern(q.FieldVal, boost*boostOf(q.BoostVal), func(t target) (pattern, error) {
			return newDateRangeString(q)
		})
	case *query.DocIDQuery:
		return compileRows(q, boost*boostOf(q.BoostVal))
	case *query.QueryStringQuery:
		inner, err := parseQuery(q.Query, QueryString)
		if err != nil {
			return nil, err
		}
		return c.compile(inner, boost*boostOf(q.BoostVal), true)
	case *query.ConjunctionQuery:
		return c.conjunction(q, boost, inString)
	case *query.DisjunctionQuery:
		return c.disjunction(q, boost, inString)
	case *query.BooleanQuery:
		return c.boolean(q, boost, inString)
	}
	return nil, queryErrorf("queries of type %s are not supported", strings.TrimPrefix(fmt.Sprintf("%T", q), "*query."))
}

// fuzziness is the edit distance a query asks for; autoFuzziness where bleve's
// "auto" was given, which is visible in the JSON form only.
func fuzziness(given int, q any) int {
	if b, err := json.Marshal(q); err == nil && bytes.Contains(b, []byte(`"fuzziness":"auto"`)) {
		return autoFuzziness
	}
	return given
}

const autoFuzziness = -1

// word is the node of one word as it stands in the dictionary.
func (c *compiler) word(t target, term string, boost float64) node {
	term = string(cutTerm([]byte(term)))
	if c.watch != nil {
		c.watch.pattern(t.columns, exactPattern(term))
	}
	return leafNode{c.leaf([]weightedTerm{{term, 1}}, t.columns, boost, false)}
}

// match compiles text whose words are joined by OR or AND. A word that occurs
// twice counts twice.
func (c *compiler) match(q *query.MatchQuery, boost float64) (node, error) {
	f := fuzziness(q.Fuzziness, q)
	return c.each(q.FieldVal, func(t target) (node, error) {
		if q.Analyzer != "" {
			a, err := newAnalyzer(q.Analyzer)
			if err != nil {
				return nil, queryErrorf("%v", err)
			}
			t.analyzer = a.query
		}
		var nodes []node
		at := map[string]*leaf{}
		for _, token := range t.analyzer.Analyze([]byte(q.Match)) {
			term := string(cutTerm(token.Term))
			if term == "" {
				continue
			}
			if c.clauses++; c.clauses > maxClauses {
				return nil, queryErrorf("query has more than %d words", maxClauses)
			}
			if f != 0 {
				p, err := newFuzzy(term, q.Prefix, f)
				if err != nil {
					return nil, err
				}
				n, err := c.expanded(t, p, boost)
				if err != nil {
					return nil, err
				}
				nodes = append(nodes, n)
				continue
			}
			if l := at[term]; l != nil {
				l.boost += boost
				continue
			}
			n := c.word(t, term, boost)
			at[term] = n.(leafNode).leaf
			nodes = append(nodes, n)
		}
		if q.Operator == query.MatchQueryOperatorAnd && len(nodes) > 1 {
			return bothNode{nodes}, nil
		}
		return anyOf(nodes, 1), nil
	})
}

// matchPhrase compiles text whose words must follow each other, up to the slop.
// Fuzziness is bleve's: the edit distance of the words.
func (c *compiler) matchPhrase(q *query.MatchPhraseQuery, boost float64) (node, error) {
	f := fuzziness(q.Fuzziness, q)
	words, slop, err := cutSlop(q.MatchPhrase)
	if err != nil {
		return nil, err
	}
	return c.each(q.FieldVal, func(t target) (node, error) {
		if q.Analyzer != "" {
			a, err := newAnalyzer(q.Analyzer)
			if err != nil {
				return nil, queryErrorf("%v", err)
			}
			t.analyzer = a.query
		}
		var slots [][]string
		var offsets []int
		for _, token := range t.analyzer.Analyze([]byte(words)) {
			term := string(cutTerm(token.Term))
			if term == "" {
				continue
			}
			if n := len(offsets); n > 0 && offsets[n-1] == token.Position {
				slots[n-1] = append(slots[n-1], term)
				continue
			}
			slots, offsets = append(slots, []string{term}), append(offsets, token.Position)
		}
		return c.slots(t, slots, offsets, slop, f, boost)
	})
}

// phrase compiles ready-made terms; an empty position matches any word.
func (c *compiler) phrase(field string, terms [][]string, f int, boost float64) (node, error) {
	return c.each(field, func(t target) (node, error) {
		var slots [][]string
		var offsets []int
		for i, alternatives := range terms {
			alternatives = slices.DeleteFunc(slices.Clone(alternatives), func(s string) bool { return s == "" })
			if len(alternatives) > 0 {
				slots, offsets = append(slots, alternatives), append(offsets, i)
			}
		}
		return c.slots(t, slots, offsets, 0, f, boost)
	})
}

func (c *compiler) slots(t target, slots [][]string, offsets []int, slop, f int, boost float64) (node, error) {
	if len(slots) == 0 {
		return noneNode{}, nil
	}
	n := phraseNode{slop: slop}
	var watched []phraseWatch
	for i, alternatives := range slots {
		if c.clauses++; c.clauses > maxClauses {
			return nil, queryErrorf("query has more than %d words", maxClauses)
		}
		var terms []weightedTerm
		var patterns []pattern
		for _, term := range alternatives {
			if f == 0 {
				terms = append(terms, weightedTerm{term, 1})
				patterns = append(patterns, exactPattern(term))
				continue
			}
			p, err := newFuzzy(term, 0, f)
			if err != nil {
				return nil, err
			}
			patterns = append(patterns, p)
			if c.expand != nil {
				found, err := c.expand(t.columns, p)
				if err != nil {
					return nil, err
				}
				terms = append(terms, found...)
			}
		}
		offset := offsets[i] - offsets[0]
		n.slots = append(n.slots, phraseSlot{c.leaf(terms, t.columns, boost, len(slots) > 1), offset})
		watched = append(watched, phraseWatch{patterns, offset})
	}
	if c.watch != nil {
		c.watch.phrase(t.columns, watched, slop)
	}
	if len(n.slots) == 1 {
		return leafNode{n.slots[0].leaf}, nil
	}
	return n, nil
}

// pattern compiles a set of words given by a pattern.
func (c *compiler) pattern(field string, boost float64, make func(t target) (pattern, error)) (node, error) {
	return c.each(field, func(t target) (node, error) {
		p, err := make(t)
		if err != nil {
			return nil, err
		}
		return c.expanded(t, p, boost)
	})
}

func (c *compiler) expanded(t target, p pattern, boost float64) (node, error) {
	if c.watch != nil {
		c.watch.pattern(t.columns, p)
	}
	if c.expand == nil {
		return noneNode{}, nil
	}
	terms, err := c.expand(t.columns, p)
	if err != nil {
		return nil, err
	}
	if len(terms) == 0 {
		return noneNode{}, nil
	}
	return leafNode{c.leaf(terms, t.columns, boost, false)}, nil
}

// fold lower-cases a pattern when the target's analyzer lower-cases words:
// otherwise a pattern with a capital could match nothing.
func (t target) fold(s string) string {
	if tokens := t.analyzer.Analyze([]byte("Q")); len(tokens) == 1 && string(tokens[0].Term) == "q" {
		return strings.ToLower(s)
	}
	return s
}

func compileRows(q *query.DocIDQuery, boost float64) (node, error) {
	n := rowsNode{boost: boost}
	for _, id := range q.IDs {
		rowid, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, queryErrorf("id %q of a query is no rowid", id)
		}
		n.rowids = append(n.rowids, rowid)
	}
	slices.Sort(n.rowids)
	n.rowids = slices.Compact(n.rowids)
	return n, nil
}

func (c *compiler) conjunction(q *query.ConjunctionQuery, boost float64, inString bool) (node, error) {
	boost *= boostOf(q.BoostVal)
	var nodes []node
	for _, part := range q.Conjuncts {
		n, err := c.compile(part, boost, inString)
		if err != nil {
			return nil, err
		}
		if _, none := n.(noneNode); none {
			if inString && !c.looksUp(part) {
				continue
			}
			nodes = []node{n}
			break
		}
		nodes = append(nodes, n)
	}
	switch len(nodes) {
	case 0:
		return noneNode{}, nil
	case 1:
		return nodes[0], nil
	}
	return bothNode{nodes}, nil
}

// looksUp reports whether a query part without matches has words all the same: a
// pattern that no word fits, as opposed to text without a word.
func (c *compiler) looksUp(q query.Query) bool {
	switch q := q.(type) {
	case *query.MatchQuery:
		if targets, err := c.targets(q.FieldVal); err == nil {
			for _, t := range targets {
				if len(t.analyzer.Analyze([]byte(q.Match))) > 0 {
					return true
				}
			}
		}
		return false
	case *query.MatchPhraseQuery:
		return false
	}
	return true
}

func (c *compiler) disjunction(q *query.DisjunctionQuery, boost float64, inString bool) (node, error) {
	boost *= boostOf(q.BoostVal)
	var nodes []node
	for _, part := range q.Disjuncts {
		n, err := c.compile(part, boost, inString)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	if q.Min > float64(len(q.Disjuncts)) {
		return nil, queryErrorf("disjunction asks for %v of its %d parts", q.Min, len(q.Disjuncts))
	}
	return anyOf(nodes, int(q.Min)), nil
}

func (c *compiler) boolean(q *query.BooleanQuery, boost float64, inString bool) (node, error) {
	boost *= boostOf(q.BoostVal)
	var n boolNode
	var err error
	part := func(q query.Query, boost float64) node {
		if q == nil || err != nil {
			return nil
		}
		var p node
		p, err = c.compile(q, boost, inString)
		return p
	}
	n.must = part(q.Must, boost)
	n.should = part(q.Should, boost)
	watch := c.watch
	c.watch = nil // what is excluded, or only filters, is not highlighted
	n.mustNot = part(q.MustNot, boost)
	n.filter = part(q.Filter, boost)
	c.watch = watch
	if err != nil {
		return nil, err
	}
	if d, ok := q.Should.(*query.DisjunctionQuery); ok {
		n.shouldNeeded = d.Min >= 1
	}
	if _, none := n.mustNot.(noneNode); none {
		n.mustNot = nil
	}
	if inString {
		// Clauses that have no words at all count as absent.
		if _, none := n.must.(noneNode); none && !c.anyLooksUp(q.Must) {
			n.must = nil
		}
		if _, none := n.should.(noneNode); none && (n.must != nil || !c.anyLooksUp(q.Should)) {
			n.should = nil
		}
	}
	if n.must == nil && n.should == nil && n.mustNot == nil && n.filter == nil {
		return noneNode{}, nil
	}
	if n.should != nil && n.must == nil && n.mustNot == nil && n.filter == nil {
		return n.should, nil
	}
	if n.must != nil && n.should == nil && n.mustNot == nil && n.filter == nil {
		return n.must, nil
	}
	return n, nil
}

func (c *compiler) anyLooksUp(q query.Query) bool {
	switch q := q.(type) {
	case *query.ConjunctionQuery:
		return slices.ContainsFunc(q.Conjuncts, c.looksUp)
	case *query.DisjunctionQuery:
		return slices.ContainsFunc(q.Disjuncts, c.looksUp)
	}
	return c.looksUp(q)
}
