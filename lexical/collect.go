package lexical

import (
	"cmp"
	"container/heap"
	"slices"
)

// topHits keeps the best hits: highest score, then lowest rowid.
type topHits struct {
	limit  int // hits kept; below 0: all
	offset int
	heap   hitHeap // the worst kept hit on top; unordered when limit is below 0
}

func newTopHits(k, offset int) *topHits {
	const most = 1<<31 - 1
	t := &topHits{limit: -1, offset: offset}
	if k >= 0 {
		t.limit = 0
		if k > 0 {
			t.limit = min(k, most) + min(offset, most-min(k, most))
		}
	}
	return t
}

// better orders hits, best first.
func better(a, b Hit) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.RowID, b.RowID)
}

type hitHeap []Hit

func (h hitHeap) Len() int           { return len(h) }
func (h hitHeap) Less(i, j int) bool { return better(h[i], h[j]) > 0 }
func (h hitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *hitHeap) Push(x any)        { *h = append(*h, x.(Hit)) }
func (h *hitHeap) Pop() any          { panic("not used") }

// collect offers a segment's matches. The filter is asked last, and only about
// rows that would be kept.
func (t *topHits) collect(e *evaluation, segment int, m matches, filter Filter) error {
	seg := e.view.segments[segment].seg
	for i, doc := range m.docs {
		score := m.scores[i]
		full := t.limit >= 0 && len(t.heap) >= t.limit
		if full && (t.limit == 0 || score < t.heap[0].Score) {
			continue
		}
		rowid, err := seg.rowid(&e.ix.src, doc)
		if err != nil {
			return err
		}
		h := Hit{rowid, score}
		if full && better(h, t.heap[0]) > 0 {
			continue
		}
		if filter != nil {
			e.stats.Filtered++
			ok, err := filter.Allows(rowid)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		switch {
		case t.limit < 0:
			t.heap = append(t.heap, h)
		case full:
			t.heap[0] = h
			heap.Fix(&t.heap, 0)
		default:
			heap.Push(&t.heap, h)
		}
	}
	return nil
}

// hits returns the kept hits in order, without the first offset.
func (t *topHits) hits() []Hit {
	out := []Hit(t.heap)
	slices.SortFunc(out, better)
	return out[min(t.offset, len(out)):]
}
