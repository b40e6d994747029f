package hnsw

import (
	"context"
	"fmt"
	"slices"
)

// Iterator yields rows from near to far, each once, for paging and for filters
// applied afterwards. The order is approximate: a row may come a little after a
// farther one. In the end it has yielded every row. It must not be used after
// the index or the transaction has changed, nor beside another search of the
// same Index.
type Iterator struct {
	w     *walk
	batch []Hit
	seen  map[RowID]bool
	at    int // nodes of the pool that have been looked at
	size  int
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
	return &Iterator{w: w, seen: map[RowID]bool{}, size: w.want}, nil
}

// Next returns the next row; ok is false after the last one.
func (it *Iterator) Next() (hit Hit, ok bool, err error) {
	for len(it.batch) == 0 {
		if err := it.w.ctx.Err(); err != nil {
			return Hit{}, false, err
		}
		if err := it.fill(); err != nil {
			return Hit{}, false, err
		}
		if len(it.batch) > 0 {
			break
		}
		if it.w.dry {
			return Hit{}, false, nil
		}
		if err := it.w.widen(); err != nil {
			return Hit{}, false, err
		}
		it.at = 0
	}
	hit = it.batch[0]
	it.batch = it.batch[1:]
	return hit, true, nil
}

// fill rescores the next rows of the pool.
func (it *Iterator) fill() error {
	w := it.w
	for ; it.at < len(w.t.pool.items) && len(it.batch) < it.size; it.at++ {
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
