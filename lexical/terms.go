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
			if s.del != nil || s.patched > 0 {
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
	err = e.patchTerms(prefix, func(term string) (ok, stop bool) {
		return hasPrefix([]byte(term), prefix), !hasPrefix([]byte(term), prefix)
	},
		func(term string) error {
			docs, err := e.docFreq(context.Background(), term, ix.schema.all())
			if counts[term] = docs; docs == 0 {
				delete(counts, term)
			}
			return err
		})
	if err != nil {
		return nil, err
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
	return e.docFreq(ctx, term, ix.schema.all())
}

// docFreq is the number of live documents that hold a word in some columns.
func (e *evaluation) docFreq(ctx context.Context, term string, columns uint64) (int64, error) {
	l := &leaf{terms: []weightedTerm{{term, 1}}, columns: columns, boost: 1}
	if err := e.gather(ctx, l); err != nil {
		return 0, err
	}
	var n int64
	for _, list := range l.lists {
		n += int64(len(list.docs))
	}
	return n, nil
}

// patchTerms calls fn for each word of the patches from one on that want accepts. Their
// documents may have the word elsewhere, too, so that counts do not add up.
func (e *evaluation) patchTerms(from string, want func(term string) (ok, stop bool), fn func(term string) error) error {
	seen := map[string]bool{}
	for _, s := range e.view.patches {
		it := s.seg.seek(&e.ix.src, []byte(from))
		for it.next() {
			ok, stop := want(string(it.term))
			if stop {
				break
			}
			if !ok || seen[string(it.term)] {
				continue
			}
			seen[string(it.term)] = true
			if err := fn(string(it.term)); err != nil {
				return err
			}
		}
		if it.err != nil {
			return it.err
		}
	}
	return nil
}
