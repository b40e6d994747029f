package sqlext

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// namedIndex is the lexical index that the first argument of a function names, in
// use and ready; the caller leaves it.
func (cat *catalog) namedIndex(fn string, v host.Value) (*lexicalTable, error) {
	if v.Kind != host.Text {
		return nil, mismatchf("%s: the index is %s, want its name", fn, v.KindName())
	}
	t, err := cat.lexicalIndex(v.String())
	if err != nil {
		return nil, err
	}
	t.enter()
	if err := t.ready(); err != nil {
		t.leave()
		return nil, err
	}
	return t, nil
}

// lexicalCount is lexical_count(index, query [, options]): how many rows match.
func (cat *catalog) lexicalCount(ctx host.Context, args []host.Value) {
	n, err := cat.countMatches(args)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	ctx.ResultValue(host.IntValue(n))
}

func (cat *catalog) countMatches(args []host.Value) (int64, error) {
	const fn = "lexical_count"
	c := &searchCall{fn: fn, names: []string{"index", "query", "options"}, args: args, given: []bool{true, true, len(args) == 3}}
	query, _ := c.query(1)
	if c.err == nil && args[1].IsNull() {
		c.fail("query is NULL, want text to search for")
	}
	options := ""
	if len(args) == 3 {
		options = c.optional(2, "a JSON object")
	}
	if c.err != nil {
		return 0, c.err
	}
	opt, err := parseSearchOptions(fn, options, lexicalFacetsOptions)
	if err != nil {
		return 0, err
	}
	t, err := cat.namedIndex(fn, args[0])
	if err != nil {
		return 0, err
	}
	defer t.leave()
	// Each row is looked up, as in a search: entries of replaced rows do not count.
	n, err := t.index.Count(cat.context(), lexical.Request{Query: query, Syntax: opt.syntax, Filter: liveRows{t.base, anyRow()}})
	if errors.Is(err, lexical.ErrQuery) {
		return 0, errorf("%s: query %s: %v", t.label(), quoteShort(query), err)
	}
	return n, t.wrap(err)
}

// Limits of did_you_mean.
const (
	maxCorrected = 64 // words of a text that are looked up
	spellingRows = 8  // rows looked at for the spelling of a suggested word
	markOpen     = "\x00"
	markClose    = "\x01"
	suggestions  = 3 // suggestions that are tried before giving up
)

// didYouMean is did_you_mean(index, word): the word of the index that is spelled most
// like it, or NULL when it is in the index itself or nothing is near. Of a text of
// several words each is looked up.
func (cat *catalog) didYouMean(ctx host.Context, args []host.Value) {
	text, changed, err := cat.correct(args)
	switch {
	case err != nil:
		ctx.ResultError(err)
	case changed:
		ctx.ResultValue(host.TextValue(text))
	}
}

func (cat *catalog) correct(args []host.Value) (text string, changed bool, err error) {
	const fn = "did_you_mean"
	if args[1].IsNull() {
		return "", false, nil
	}
	if args[1].Kind == host.BlobKind {
		return "", false, mismatchf("%s: word is %s, want text", fn, describeValue(args[1]))
	}
	t, err := cat.namedIndex(fn, args[0])
	if err != nil {
		return "", false, err
	}
	defer t.leave()
	words := strings.Fields(indexText(args[1]))
	for i, w := range words[:min(len(words), maxCorrected)] {
		better, err := t.spelling(w)
		if err != nil {
			return "", false, err
		}
		if better != "" {
			words[i], changed = better, true
		}
	}
	return strings.Join(words, " "), changed, nil
}

// spelling is the word of the index that is spelled most like word; "" when the index
// has the word, or nothing near it.
func (t *lexicalTable) spelling(word string) (string, error) {
	ctx := t.cat.context()
	known, err := t.index.Count(ctx, lexical.Request{Query: word})
	if err != nil || known > 0 {
		return "", t.wrap(err)
	}
	near, err := t.index.Suggest(ctx, word, suggestions)
	if err != nil {
		return "", t.wrap(err)
	}
	for _, s := range near {
		if written, err := t.written(s.Term); written != "" || err != nil {
			return written, err
		}
	}
	return "", nil
}

// written is how the rows write a word that the index may hold as a stem only: the
// most frequent form in some of the rows that hold it. "": the rows are gone.
func (t *lexicalTable) written(term string) (string, error) {
	query, err := json.Marshal(map[string]string{"term": term})
	if err != nil {
		return "", err
	}
	hits, _, err := t.index.Search(t.cat.context(), lexical.Request{
		Query: string(query), Syntax: lexical.JSON, K: spellingRows, Filter: liveRows{t.base, anyRow()},
	})
	if err != nil {
		return "", t.wrap(err)
	}
	forms := map[string]int{}
	for _, h := range hits {
		for column := range t.fields {
			text, ok, err := t.base.text(h.RowID, column)
			if err != nil {
				return "", err
			}
			if !ok || strings.ContainsAny(text, markOpen+markClose) {
				continue
			}
			marked, err := t.index.Highlight(string(query), lexical.JSON, column, text, markOpen, markClose)
			if err != nil {
				return "", t.wrap(err)
			}
			for _, piece := range strings.Split(marked, markOpen)[1:] {
				form, _, _ := strings.Cut(piece, markClose)
				forms[strings.ToLower(form)]++
			}
		}
	}
	if len(forms) == 0 && len(hits) > 0 {
		return term, nil // not to be found in the text: a synonym, for example
	}
	all := make([]string, 0, len(forms))
	for form := range forms {
		all = append(all, form)
	}
	slices.Sort(all)
	best := ""
	for _, form := range all {
		if forms[form] > forms[best] {
			best = form
		}
	}
	return best, nil
}
