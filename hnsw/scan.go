package hnsw

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
)

var errNoAttrs = errors.New("the index keeps no attributes")

// ScanCodes compares the codes of all rows that pass opt.Verdicts or opt.Attrs (and,
// where these do not know, opt.Filter), and the vectors of the nearest of them. It visits each
// matching node and no other: where few match it is faster than any traversal, and
// nothing that matches is missed for lack of a path. What it can miss is what the
// codes misjudge, against which it compares more vectors than a traversal.
func (ix *Index) ScanCodes(ctx context.Context, q []float32, opt SearchOptions) ([]Hit, SearchStats, error) {
	if err := checkVector(q, ix.g.dims); err != nil {
		return nil, SearchStats{}, err
	}
	if opt.Verdicts == nil && (ix.g.attrColumns == 0 || opt.Attrs == nil) {
		return nil, SearchStats{}, errNoAttrs
	}
	if opt.K < 0 {
		return nil, SearchStats{}, fmt.Errorf("k is %d, want a whole number of at least 0", opt.K)
	}
	if opt.K == 0 {
		opt.K = DefaultK
	}
	v, snap, err := ix.reader()
	if err != nil {
		return nil, SearchStats{}, err
	}
	defer keepAlive(snap)
	w := &walk{ix: ix, t: ix.trav, v: v, snap: snap, ctx: ctx, q: q, opt: opt, loads: v.loaded}
	w.opt.K = int(min(int64(opt.K), max(v.rowCount, 1)))
	w.want = max(opt.Oversample, rescoring(ix.g.quantize, w.opt.K), scanRescored+w.opt.K)
	w.scan = true
	t := w.t
	t.v = v
	t.stats = SearchStats{}
	known := opt.Verdicts.settle(v, ix.tx != nil)
	if !known {
		w.opt.Verdicts = nil
	} else if opt.Verdicts.known == int64(v.nodes) {
		w.opt.Attrs = nil // they add nothing
	}
	matching := int64(v.nodes)
	if known {
		matching -= opt.Verdicts.known - opt.Verdicts.yes
	}
	if f := w.opt.Attrs; f != nil {
		if err := f.sweep(v, ix.tx != nil); err != nil {
			return nil, SearchStats{}, err
		}
		matching = min(matching, f.yes+f.ask)
	} else if !known {
		return nil, SearchStats{}, errNoAttrs
	}
	matching = max(1, matching)
	t.s.setQuery(q)
	for most := w.want + 8; ; most *= 4 {
		t.pool.reset(int(min(int64(most), matching)))
		if err := w.scanAll(); err != nil {
			return nil, w.done(), err
		}
		best := newTop(w.opt.K)
		enough, err := w.rescore(best)
		if err != nil || enough || int64(most) >= matching || len(t.pool.items) < t.pool.most {
			return best.hits, w.done(), err
		}
	}
}

// scanRescored is how many more vectors than k a scan of codes compares at least.
// Among the codes of few rows, unlike a graph's neighborhood, nothing says when the
// rest is far away but the forecast, which ends the comparing when it can.
const scanRescored = 20

// scanBatch is how many codes are compared at a time.
const scanBatch = 64

// scanAll puts the nearest of the matching nodes into the pool.
func (w *walk) scanAll() error {
	t := w.t
	t.ids = t.ids[:0]
	flush := func() error {
		if err := t.measure(); err != nil {
			return err
		}
		for i, id := range t.ids {
			if d := t.dists[i]; d <= t.pool.worst {
				t.pool.add(d, id)
			}
		}
		t.ids = t.ids[:0]
		return w.ctx.Err()
	}
	each := func(base uint32, yes, ask uint64) error {
		for set := yes | ask; set != 0; set &= set - 1 {
			at := bits.TrailingZeros64(set)
			id := base + uint32(at)
			if ask>>at&1 != 0 {
				ok, err := w.asked(NodeID(id))
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
			}
			if t.ids = append(t.ids, id); len(t.ids) == scanBatch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	verdicts := w.opt.Verdicts
	if w.opt.Attrs == nil {
		for i, word := range verdicts.words {
			ask := ^word.known
			if i == len(verdicts.words)-1 && verdicts.nodes%64 != 0 {
				ask &= 1<<(verdicts.nodes%64) - 1
			}
			if err := each(uint32(i*64), word.yes, ask); err != nil {
				return err
			}
		}
		return flush()
	}
	for block := range w.opt.Attrs.masks {
		m := &w.opt.Attrs.masks[block]
		for i := range m.yes {
			yes, ask := m.yes[i], m.ask[i]
			// What the columns do not decide may be known from earlier searches.
			if at := block*len(m.yes) + i; verdicts != nil && at < len(verdicts.words) {
				word := verdicts.words[at]
				yes |= ask & word.yes
				ask &^= word.known
			}
			if err := each(uint32(block*attrNodes+i*64), yes, ask); err != nil {
				return err
			}
		}
	}
	return flush()
}

// asked reports whether a node is in use and has a row that the filter allows.
func (w *walk) asked(id NodeID) (bool, error) {
	rec, err := w.v.record(id)
	if err != nil {
		return false, err
	}
	if metaFlags(rec[recMeta])&flagLive == 0 {
		if w.opt.Verdicts != nil {
			w.opt.Verdicts.learn(id, false)
		}
		return false, nil
	}
	return w.passes(id)
}
