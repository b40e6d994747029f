package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// runLexicalTerms is lexical_terms(index, prefix, n): the words of the index that
// begin with prefix, the most frequent first, for completing what a user types.
// Words are as the analyzer stores them.
func runLexicalTerms(s *searcher, c *searchCall, _ bool) (*searchResult, error) {
	c.require(1)
	name := c.text(0, "the name of a lexical index")
	prefix := c.optional(1, "the beginning of a word, or NULL for all words")
	n := c.count(2, "n")
	if c.err != nil {
		return nil, c.err
	}
	t, err := s.lexicalTable(name)
	if err != nil {
		return nil, err
	}
	defer t.leave()
	terms, err := t.index.Terms(prefix, n)
	if err != nil {
		return nil, t.wrap(err)
	}
	res := &searchResult{cells: make([][]host.Value, len(terms))}
	for i, term := range terms {
		res.cells[i] = []host.Value{host.TextValue(term.Term), host.IntValue(term.Docs)}
	}
	return res, nil
}
