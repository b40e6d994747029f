package lexical

import (
	"cmp"
	"context"
	"slices"
)

// Suggestion is a word of the dictionary that is spelled like another.
type Suggestion struct {
	Term     string
	Docs     int64 // live documents that hold it
	Distance int   // edits between it and the word asked about
}

// Suggest returns up to n words spelled like the given one, which it does not
// contain itself: nearest first, then the most frequent. The word goes through the
// default analyzer; where that reduces words to stems, so are the suggestions.
func (ix *Index) Suggest(ctx context.Context, word string, n int) ([]Suggestion, error) {
	a, err := newAnalyzer(ix.schema.params.Analyzer)
	if err != nil {
		return nil, err
	}
	tokens := a.query.Analyze([]byte(word))
	if len(tokens) != 1 || n <= 0 {
		return nil, nil // no word, or more than one
	}
	term := string(cutTerm(tokens[0].Term))
	p, err := newFuzzy(term, 0, autoFuzziness)
	if err != nil {
		return nil, err
	}
	v, err := ix.view()
	if err != nil {
		return nil, err
	}
	e := ix.newEvaluation(v)
	defer e.close()
	terms, err := e.expand(ctx, ix.schema.all(), p)
	if err != nil {
		return nil, err
	}
	var out []Suggestion
	for _, t := range terms {
		if t.term == term {
			continue
		}
		l := &leaf{terms: []weightedTerm{t}, columns: ix.schema.all(), boost: 1}
		if err := e.gather(ctx, l); err != nil {
			return nil, err
		}
		s := Suggestion{Term: t.term, Distance: int(1/t.weight - 0.5)}
		for _, list := range l.lists {
			s.Docs += int64(len(list.docs))
		}
		if s.Docs > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(b.Docs, a.Docs), cmp.Compare(a.Term, b.Term))
	})
	return out[:min(n, len(out))], nil
}
