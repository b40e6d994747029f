package lexical

import (
	"maps"
	"runtime"
	"slices"
	"sort"
	"sync"

	"github.com/blevesearch/bleve/v2/analysis"
)

// document is a text waiting to be indexed.
type document struct {
	rowid int64
	texts []string
	// changed are the columns that texts has, where the others stay as they are
	// indexed; 0: all of them.
	changed uint64
}

// occurrence is one token: document and column packed, and the position.
type occurrence struct {
	at  uint32 // document << 6 | column
	pos uint32
}

// Bounds that keep a batch's numbers within an occurrence and its memory small.
const columnBits = 6

var (
	maxBatchDocs = 1 << 16
	maxBatchText = 8 << 20
)

// inverter turns a run of documents into occurrences by word. One goroutine each.
type inverter struct {
	words   map[string]uint32
	names   []string
	tokens  []token32
	lengths []uint32
}

// token32 is an occurrence with the inverter's number of its word.
type token32 struct {
	word uint32
	occurrence
}

func (v *inverter) run(sc *schema, docs []document, base int) {
	v.words = make(map[string]uint32)
	columns := len(sc.analyzers)
	v.lengths = make([]uint32, len(docs)*columns)
	memos := make([]map[string]uint32, columns)
	for i, doc := range docs {
		for c, text := range doc.texts {
			if text == "" {
				continue
			}
			at := uint32(base+i)<<columnBits | uint32(c)
			before := len(v.tokens)
			if d := sc.wordwise[c]; d != nil {
				if memos[c] == nil {
					memos[c] = map[string]uint32{}
				}
				v.addWords(d, memos[c], text, at)
			} else {
				for _, t := range sc.analyzers[c].Analyze([]byte(text)) {
					if term := cutTerm(t.Term); len(term) > 0 {
						v.add(v.word(term), at, t.Position)
					}
				}
			}
			v.lengths[i*columns+c] = uint32(len(v.tokens) - before)
		}
	}
}

// word returns the number of a word.
func (v *inverter) word(term []byte) uint32 {
	w, ok := v.words[string(term)]
	if !ok {
		w = uint32(len(v.names))
		name := string(term)
		v.words[name] = w
		v.names = append(v.names, name)
	}
	return w
}

func (v *inverter) add(word, at uint32, position int) {
	v.tokens = append(v.tokens, token32{word, occurrence{at, uint32(max(position, 0))}})
}

// addWords analyzes text with an analyzer that treats words one at a time, and
// remembers in memo what becomes of them.
func (v *inverter) addWords(d *analysis.DefaultAnalyzer, memo map[string]uint32, text string, at uint32) {
	for _, t := range d.Tokenizer.Tokenize([]byte(text)) {
		w, known := memo[string(t.Term)]
		if !known {
			raw := string(t.Term) // filters may write into the token
			w = dropWord
			if term := filterWord(d, t); len(term) > 0 {
				w = v.word(term)
			}
			memo[raw] = w
		}
		if w != dropWord {
			v.add(w, at, t.Position)
		}
	}
}

// invert indexes documents, which have ascending rowids and number at most
// maxBatchDocs, into a segment in memory. The texts are analyzed on several
// goroutines, which have ended when it returns; the result does not depend on
// their number. With heads, one a document, it is a patch.
func invert(sc *schema, docs []document, heads []patchHead) (*segment, error) {
	uid, err := randomUint64()
	if err != nil {
		return nil, err
	}
	columns := len(sc.analyzers)
	parts := make([]inverter, workers(len(docs)))
	var wg sync.WaitGroup
	for i := range parts {
		lo, hi := len(docs)*i/len(parts), len(docs)*(i+1)/len(parts)
		if i == len(parts)-1 {
			parts[i].run(sc, docs[lo:hi], lo)
			break
		}
		wg.Go(func() { parts[i].run(sc, docs[lo:hi], lo) })
	}
	wg.Wait()

	// One numbering of all words, in byte order.
	vocabulary := parts[0].words
	if len(parts) > 1 {
		vocabulary = maps.Clone(vocabulary)
		for i := range parts[1:] {
			for _, name := range parts[i+1].names {
				vocabulary[name] = 0
			}
		}
	}
	names := slices.Sorted(maps.Keys(vocabulary))
	for i, name := range names {
		vocabulary[name] = uint32(i)
	}

	// A counting sort by word keeps documents, columns and positions in order.
	starts := make([]int, len(names)+1)
	rank := make([][]uint32, len(parts))
	for i := range parts {
		rank[i] = make([]uint32, len(parts[i].names))
		for j, name := range parts[i].names {
			rank[i][j] = vocabulary[name]
		}
		for _, t := range parts[i].tokens {
			starts[rank[i][t.word]+1]++
		}
	}
	for i := range names {
		starts[i+1] += starts[i]
	}
	sorted := make([]occurrence, starts[len(names)])
	next := slices.Clone(starts)
	for i := range parts {
		for _, t := range parts[i].tokens {
			w := rank[i][t.word]
			sorted[next[w]] = t.occurrence
			next[w]++
		}
	}

	w := newSegmentWriter(columns, uid)
	w.seg.isPatch = heads != nil
	var list postingList
	for i, name := range names {
		list.reset()
		list.fill(sorted[starts[i]:starts[i+1]])
		w.add([]byte(name), &list)
	}
	for i := range parts {
		lo := len(docs) * i / len(parts)
		for j := 0; j*columns < len(parts[i].lengths); j++ {
			var head *patchHead
			if heads != nil {
				head = &heads[lo+j]
			}
			w.document(docs[lo+j].rowid, parts[i].lengths[j*columns:(j+1)*columns], head)
		}
	}
	return w.finish()
}

// workers is the number of goroutines worth starting for n documents.
func workers(n int) int {
	const enough = 256 // documents for one goroutine
	return max(1, min(runtime.GOMAXPROCS(0), n/enough, 8))
}

// fill makes the posting list of one word from its occurrences.
func (l *postingList) fill(occ []occurrence) {
	for i := 0; i < len(occ); {
		at := occ[i].at
		j := i
		ascending := true
		for j < len(occ) && occ[j].at == at {
			ascending = ascending && (j == i || occ[j].pos >= occ[j-1].pos)
			j++
		}
		doc := at >> columnBits
		if n := len(l.docs); n == 0 || l.docs[n-1] != doc {
			l.docs = append(l.docs, doc)
			l.entries = append(l.entries, 0)
		}
		l.entries[len(l.entries)-1]++
		l.columns = append(l.columns, uint8(at&(1<<columnBits-1)))
		l.freqs = append(l.freqs, uint32(j-i))
		start := len(l.pos)
		for _, o := range occ[i:j] {
			l.pos = append(l.pos, o.pos)
		}
		if !ascending {
			tail := l.pos[start:]
			sort.Slice(tail, func(a, b int) bool { return tail[a] < tail[b] })
		}
		i = j
	}
}
