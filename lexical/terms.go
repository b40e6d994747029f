package lexical

import (
	"cmp"
	"context"
	"slices"
)

// TermCount is a word of the dictionary and the number of documents that hold it.
type TermCount struct {
	Term string
	Docs int64
}

// Terms returns up to n words that begin with prefix and occur in live documents,
// the most frequent first; words of equal frequency in byte order. n below 0 means
// all.
func (ix *Index) Terms(prefix string, n int) ([]TermCount, error) {
	v, err := ix.view()
	if err != nil {
		return nil, err
	}
	e := ix.newEvaluation(v)
	defer e.close()
	counts := map[string]int64{}
	for _, s := range v.segments {
		it := s.seg.seek(&ix.src, []byte(prefix))
		for it.next() {
			if !hasPrefix(it.term, prefix) {
				break
			}
			docs := int64(it.post.docs)
			if s.del != nil {
				if docs, err = e.liveDocs(s, it.term, it.post); err != nil {
					return nil, err
				}
			}
			if docs > 0 {
				counts[string(it.term)] += docs
			}
		}
		if it.err != nil {
			return nil, it.err
		}
	}
	out := make([]TermCount, 0, len(counts))
	for term, docs := range counts {
		out = append(out, TermCount{term, docs})
	}
	slices.SortFunc(out, func(a, b TermCount) int {
		if c := cmp.Compare(b.Docs, a.Docs); c != 0 {
			return c
		}
		return cmp.Compare(a.Term, b.Term)
	})
	if n >= 0 && len(out) > n {
		out = out[:n]
	}
	return out, nil
}

// liveDocs counts the documents of a posting list that are not deleted.
func (e *evaluation) liveDocs(s *segmentState, term []byte, p posting) (int64, error) {
	data, scratch, err := s.seg.read(&e.ix.src, p.offset, p.bytes, e.scratch)
	if err != nil {
		return 0, err
	}
	e.scratch = scratch
	var list leafList
	if !e.decode(&list, data, p.docs, s, &leaf{columns: e.ix.schema.all()}, 1) {
		return 0, corruptf("segment %d: postings of %q do not decode", s.seg.number, term)
	}
	return int64(len(list.docs)), nil
}

// DocFreq is the number of live documents that hold a word, in any column, as it
// stands in the dictionary.
func (ix *Index) DocFreq(ctx context.Context, term string) (int64, error) {
	v, err := ix.view()
	if err != nil {
		return 0, err
	}
	e := ix.newEvaluation(v)
	defer e.close()
	l := &leaf{terms: []weightedTerm{{term, 1}}, columns: ix.schema.all(), boost: 1}
	if err := e.gather(ctx, l); err != nil {
		return 0, err
	}
	var n int64
	for _, list := range l.lists {
		n += int64(len(list.docs))
	}
	return n, nil
}
