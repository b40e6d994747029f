package hnsw

import (
	"context"
	"fmt"
	"slices"
)

// Iterator yields rows from near to far, each once, for paging and for filters
// applied afterwards. It goes on where it stopped: no node is visited twice. The order
// is approximate: a row may come a little after a farther one. In the end it has
// yielded every row. It must not be used after the index or the transaction has
// changed, see Stale.
type Iterator struct {
	w       *walk
	batch   []Hit // compared and not yielded yet, sorted
	seen    map[RowID]bool
	at      int // nodes of the pool that have been looked at
	size    int // rows compared at a time
	version uint64
	ended   bool // all rows have been compared
}

// Iterate starts an iterator. opt.K is the number of rows found at a time, not a
// bound.
func (ix *Index) Iterate(ctx context.Context, q []float32, opt SearchOptions) (*Iterator, error) {
	if err := checkVector(q, ix.g.dims); err != nil {
		return nil, err
	}
	if opt.K < 0 {
		return nil, fmt.Errorf("k is %d, want a whole number of at least 0", opt.K)
	}
	if opt.K == 0 {
		opt.K = DefaultK
	}
	opt.resumable, opt.MaxVisited = true, 0
	private := *ix // its own buffers, so that searches between calls do no harm
	private.trav = newTraverser(ix.g)
	private.vec = make([]float32, ix.g.dims)
	w, err := private.newWalk(ctx, slices.Clone(q), opt)
	if err != nil {
		return nil, err
	}
	if w.v == &ix.v || w.v == &private.v {
		v := *w.v
		v.buf = nil
		w.v, w.t.v = &v, &v
	}
	it := &Iterator{w: w, seen: map[RowID]bool{}, size: w.want}
	if ix.tx != nil {
		it.version = ix.tx.version
	}
	return it, nil
}

// Stale reports whether the index, as its connection sees it, is another one by now:
// the iterator cannot go on then.
func (it *Iterator) Stale(ix *Index) (bool, error) {
	if ix.tx != nil {
		return ix.tx != it.w.ix.tx || ix.tx.version != it.version, nil
	}
	if it.w.ix.tx != nil {
		return true, nil // its transaction has ended
	}
	s, err := ix.snapshot()
	return err == nil && s.token != it.w.snap.token, err
}

// Next returns the next row; ok is false after the last one.
func (it *Iterator) Next() (hit Hit, ok bool, err error) {
	// Codes order rows almost as vectors do: the last of the rows compared stay until
	// more have been.
	for !it.ended && len(it.batch) <= it.size/2 {
		if err := it.w.ctx.Err(); err != nil {
			return Hit{}, false, err
		}
		if it.at < it.usable() {
			if err := it.fill(); err != nil {
				return Hit{}, false, err
			}
			continue
		}
		if it.ended = it.w.dry; it.ended {
			break
		}
		if err := it.w.widen(); err != nil {
			return Hit{}, false, err
		}
		it.at = 0
	}
	if len(it.batch) == 0 {
		return Hit{}, false, nil
	}
	hit = it.batch[0]
	it.batch = it.batch[1:]
	return hit, true, nil
}

// usable is how many nodes of the pool are compared before it is made wider. The
// farther half of those that have been expanded is full of gaps: what belongs there is
// behind nodes that have not been.
func (it *Iterator) usable() int {
	items := it.w.t.pool.items
	if it.w.dry {
		return len(items)
	}
	expanded := 0
	for _, c := range items {
		if c.id&expandedBit != 0 {
			expanded++
		}
	}
	return min(max(expanded/2, it.w.opt.K), len(items))
}

// fill rescores the next rows of the pool.
func (it *Iterator) fill() error {
	w := it.w
	it.batch = slices.Clone(it.batch)
	usable := it.usable()
	for most := len(it.batch) + it.size; it.at < usable && len(it.batch) < most; it.at++ {
		id := w.t.pool.items[it.at].node()
		rec, err := w.v.record(id)
		if err != nil {
			return err
		}
		isShared := metaFlags(rec[recMeta])&flagShared != 0
		err = w.v.rowIDs(rec, func(rowid RowID) (bool, error) {
			if it.seen[rowid] {
				return true, nil
			}
			it.seen[rowid] = true
			if w.opt.filtered() {
				ok, err := w.allows(id, isShared, rowid)
				if err != nil || !ok {
					return true, err
				}
			}
			d, ok, err := w.exact(id, isShared, rowid)
			if err != nil {
				return false, err
			}
			w.t.stats.Rescored++
			if !ok {
				w.t.stats.StaleRows++
				return true, nil
			}
			if !w.opt.bounded() || d <= w.opt.MaxDistance {
				it.batch = append(it.batch, Hit{rowid, d})
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(it.batch, compareHits)
	return nil
}

// Stats returns what the iterator has done so far.
func (it *Iterator) Stats() SearchStats { return it.w.done() }
