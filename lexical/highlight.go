package lexical

import (
	"maps"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
)

// watcher records what the parts of a query match, by column.
type watcher struct {
	patterns []watchedPattern
	phrases  []watchedPhrase
}

type watchedPattern struct {
	columns uint64
	pattern pattern
}

type watchedPhrase struct {
	columns uint64
	slots   []phraseWatch
	slop    int
}

type phraseWatch struct {
	patterns []pattern
	offset   int
}

func (w *watcher) pattern(columns uint64, p pattern) {
	w.patterns = append(w.patterns, watchedPattern{columns, p})
}

func (w *watcher) phrase(columns uint64, slots []phraseWatch, slop int) {
	w.phrases = append(w.phrases, watchedPhrase{columns, slots, slop})
}

// span is a piece of text, in bytes.
type span struct{ start, end int }

// spans analyzes text and returns the places of the words that the query matches:
// sorted, apart from each other.
func (ix *Index) spans(query string, syntax Syntax, column int, text string) (found []span, err error) {
	if column < 0 || column >= ix.src.columns {
		return nil, queryErrorf("column %d, want 0 to %d", column, ix.src.columns-1)
	}
	q, err := ix.parse(query, syntax)
	if err != nil {
		return nil, err
	}
	w := &watcher{}
	c := compiler{ix: ix, columns: ix.schema.all(), syntax: syntax, watch: w}
	if _, err := c.compile(q, 1, syntax == QueryString); err != nil {
		return nil, err
	}
	tokens := analyzeInPlace(ix.schema.analyzers[column], text)
	tokens = slices.DeleteFunc(tokens, func(t *analysis.Token) bool {
		return t.Start < 0 || t.End > len(text) || t.Start >= t.End
	})
	marked := map[int]bool{}
	memo := map[string]bool{}
	for i, t := range tokens {
		term := cutTerm(t.Term)
		hit, known := memo[string(term)]
		if !known {
			for _, p := range w.patterns {
				if p.columns>>column&1 == 1 && p.pattern.weight(term) > 0 {
					hit = true
					break
				}
			}
			memo[string(term)] = hit
		}
		if hit {
			marked[i] = true
		}
	}
	for _, p := range w.phrases {
		if p.columns>>column&1 == 1 {
			p.mark(tokens, marked)
		}
	}
	for i := range marked {
		found = append(found, span{tokens[i].Start, tokens[i].End})
	}
	slices.SortFunc(found, func(a, b span) int { return a.start - b.start })
	return join(found), nil
}

// analyzeInPlace analyzes text into tokens that say where they stand in it. A char
// filter that changes the length of the text moves the places; then each word is
// analyzed by itself, and its tokens get the word's place.
func analyzeInPlace(a analysis.Analyzer, text string) analysis.TokenStream {
	d, ok := a.(*analysis.DefaultAnalyzer)
	if !ok || len(d.CharFilters) == 0 {
		return a.Analyze([]byte(text))
	}
	filtered := []byte(text)
	for _, f := range d.CharFilters {
		filtered = f.Filter(filtered)
	}
	if len(filtered) == len(text) {
		return a.Analyze([]byte(text))
	}
	var out analysis.TokenStream
	position := 0
	for _, w := range splitWords(text) {
		last := 0
		for _, t := range a.Analyze([]byte(text[w.start:w.end])) {
			last = max(last, t.Position)
			t.Position += position
			t.Start, t.End = w.start, w.end
			out = append(out, t)
		}
		position += last
	}
	return out
}

// join merges spans that overlap, as those of n-grams do.
func join(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.start < out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// mark adds the tokens of all occurrences of a phrase: those on a path whose cost
// from the first slot and to the last one together is within the slop.
func (p watchedPhrase) mark(tokens analysis.TokenStream, marked map[int]bool) {
	n := len(p.slots)
	fits := make([]map[uint64][]int, n) // tokens that fit each slot, by position
	positions := make([][]uint64, n)
	for k, s := range p.slots {
		fits[k] = map[uint64][]int{}
		for i, t := range tokens {
			term := cutTerm(t.Term)
			if t.Position >= 0 && slices.ContainsFunc(s.patterns, func(x pattern) bool { return x.weight(term) > 0 }) {
				at := uint64(t.Position)
				fits[k][at] = append(fits[k][at], i)
			}
		}
		positions[k] = slices.Sorted(maps.Keys(fits[k]))
	}
	forward, backward := make([][]int, n), make([][]int, n)
	for k := range n {
		if k == 0 {
			forward[k] = make([]int, len(positions[k]))
			continue
		}
		step := int64(p.slots[k].offset - p.slots[k-1].offset)
		forward[k], _ = pathCosts(positions[k-1], forward[k-1], positions[k], step, p.slop, nil)
	}
	for k := n - 1; k >= 0; k-- {
		if k == n-1 {
			backward[k] = make([]int, len(positions[k]))
			continue
		}
		step := int64(p.slots[k].offset - p.slots[k+1].offset)
		backward[k], _ = pathCosts(positions[k+1], backward[k+1], positions[k], step, p.slop, nil)
	}
	for k := range n {
		for i, at := range positions[k] {
			if forward[k][i]+backward[k][i] <= p.slop {
				for _, token := range fits[k][at] {
					marked[token] = true
				}
			}
		}
	}
}

// Highlight returns text, the content of the given column, with every word that
// the query matches there between open and close. The error is that of Validate.
func (ix *Index) Highlight(query string, syntax Syntax, column int, text, open, close string) (string, error) {
	found, err := ix.spans(query, syntax, column, text)
	if err != nil {
		return "", err
	}
	return mark(text, 0, len(text), found, open, close), nil
}

// mark copies text from start to end with the spans inside it marked.
func mark(text string, start, end int, spans []span, open, close string) string {
	var b strings.Builder
	for _, s := range spans {
		if s.start < start || s.end > end {
			continue
		}
		b.WriteString(text[start:s.start])
		b.WriteString(open)
		b.WriteString(text[s.start:s.end])
		b.WriteString(close)
		start = s.end
	}
	b.WriteString(text[start:end])
	return b.String()
}

// Snippet returns the piece of text, at most tokens words long, that holds most
// of the query's words, marked as by Highlight; among equal pieces the one with
// more different words, then the first. ellipsis stands where text was cut off.
// tokens below 1 means 16.
func (ix *Index) Snippet(query string, syntax Syntax, column int, text, open, close, ellipsis string, tokens int) (string, error) {
	const defaultTokens = 16
	if tokens < 1 {
		tokens = defaultTokens
	}
	found, err := ix.spans(query, syntax, column, text)
	if err != nil {
		return "", err
	}
	words := splitWords(text)
	if len(words) <= tokens {
		return mark(text, 0, len(text), found, open, close), nil
	}
	first := bestWindow(text, words, found, tokens)
	last := first + tokens - 1
	start, end := words[first].start, words[last].end
	before, after := ellipsis, ellipsis
	if first == 0 {
		start, before = 0, ""
	}
	if last == len(words)-1 {
		end, after = len(text), ""
	}
	return before + mark(text, start, end, found, open, close) + after, nil
}

// splitWords cuts text at white space.
func splitWords(text string) []span {
	var out []span
	start := -1
	for i, r := range text {
		space := r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0' || r == '\u3000'
		if space && start >= 0 {
			out = append(out, span{start, i})
			start = -1
		} else if !space && start < 0 {
			start = i
		}
	}
	if start >= 0 {
		out = append(out, span{start, len(text)})
	}
	return out
}

// bestWindow is the first of n words with the most different matches, then the
// most matches. The matches are put a little inside the window for context.
func bestWindow(text string, words, found []span, n int) int {
	hits := make([][]string, len(words))
	w := 0
	for _, s := range found {
		for w < len(words)-1 && words[w].end <= s.start {
			w++
		}
		hits[w] = append(hits[w], strings.ToLower(text[s.start:s.end]))
	}
	counts := map[string]int{}
	total, best, bestDistinct, bestTotal := 0, 0, -1, -1
	for i := range words {
		for _, h := range hits[i] {
			counts[h]++
			total++
		}
		if i >= n {
			for _, h := range hits[i-n] {
				if counts[h]--; counts[h] == 0 {
					delete(counts, h)
				}
				total--
			}
		}
		if i < n-1 {
			continue
		}
		if len(counts) > bestDistinct || len(counts) == bestDistinct && total > bestTotal {
			best, bestDistinct, bestTotal = i-n+1, len(counts), total
		}
	}
	// The window ends at its last match: move it on so that matches are centered.
	lead := 0
	for lead < n && len(hits[best+lead]) == 0 {
		lead++
	}
	if lead < n && best+lead+n <= len(words) {
		tail := 0
		for tail < n && len(hits[best+n-1-tail]) == 0 {
			tail++
		}
		if shift := (lead - tail) / 2; shift > 0 {
			best += shift
		}
	}
	return min(best, len(words)-n)
}
