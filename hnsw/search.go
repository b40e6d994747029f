package hnsw

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"

	"github.com/nearlite/nearlite/vector"
)

func keepAlive(s *snapshot) { runtime.KeepAlive(s) }

// DefaultK is the number of hits of a search that names none.
const DefaultK = 10

// rescoring returns how many rows are compared exactly by default. Codes order
// near candidates almost as the vectors do; signs alone do much worse.
func rescoring(q Quantization, k int) int {
	switch q {
	case Int8, F16:
		return max(k+10, k*3/2, 20)
	case Bit:
		return max(10*k, 100)
	}
	return k
}

// Search returns the rows nearest to q, nearest first; equal distances are
// ordered by rowid, so that repeated searches agree. It returns fewer than K
// hits only if the index, or the filter, has no more, or MaxDistance forbids
// more.
//
// q holds Params.Dims float32 values and is not kept. Distances are those of
// the table's vectors; an entry whose row is gone or has no vector is skipped.
// Cost: about ef·2M comparisons of codes, and the rescoring of some vectors.
// Errors: ErrDims, ErrVector, ErrCorrupt, those of the store, and ctx.Err().
// Malkov and Yashunin 2016, algorithm 5; filters and rescoring are ours.
func (ix *Index) Search(ctx context.Context, q []float32, opt SearchOptions) ([]Hit, SearchStats, error) {
	if err := checkVector(q, ix.g.dims); err != nil {
		return nil, SearchStats{}, err
	}
	if opt.K < 0 {
		return nil, SearchStats{}, fmt.Errorf("k is %d, want a whole number of at least 0", opt.K)
	}
	if opt.K == 0 {
		opt.K = DefaultK
	}
	if opt.Exact {
		return ix.searchAll(ctx, q, opt)
	}
	w, err := ix.newWalk(ctx, q, opt)
	if err != nil {
		return nil, SearchStats{}, err
	}
	defer keepAlive(w.snap)
	hits, err := w.nearest(opt.K)
	return hits, w.done(), err
}

// walk is a search under way, which can go on to farther rows.
type walk struct {
	ix   *Index
	t    *traverser
	v    *view
	snap *snapshot
	ctx  context.Context
	q    []float32
	opt  SearchOptions

	ef      int            // nodes kept by a pool that nothing restricts
	want    int            // rows rescored at least
	judging bool           // t.judged and t.allowed are this walk's
	verdict map[RowID]bool // of rows that share a node
	loads   int
	dry     bool // every node has been expanded
	keeping bool // nothing seen is lost: see resume.go
	scan    bool // the pool is the result of ScanCodes
	kept    *vectorTable
	near    passing
	passed  int // nodes of the pool that pass the filter
	kth     int // place in the pool of the last one needed, 0: not found
}

// newWalk prepares a search and puts the nodes near the query into the pool.
func (ix *Index) newWalk(ctx context.Context, q []float32, opt SearchOptions) (*walk, error) {
	v, snap, err := ix.reader()
	if err != nil {
		return nil, err
	}
	w := &walk{ix: ix, t: ix.trav, v: v, snap: snap, ctx: ctx, q: q, opt: opt, loads: v.loaded}
	w.opt.K = int(min(int64(opt.K), max(v.rowCount, 1))) // k has no bound, memory has
	opt = w.opt
	if w.ef, err = ix.efFor(v, snap, opt.K, opt.EfSearch, opt.Recall); err != nil {
		return nil, err
	}
	w.want = opt.Oversample
	if w.want <= 0 {
		w.want = rescoring(ix.g.quantize, opt.K)
	}
	// want counts rows, of which a node may have many; ef counts nodes.
	w.ef = max(w.ef, opt.K)
	w.want = max(min(w.want, w.ef), min(opt.K, 1<<30))
	w.ef = min(w.ef, max(int(v.live), 1))
	t := w.t
	t.v = v
	t.stats = SearchStats{}
	if v.entry == 0 {
		w.dry = true
		t.pool.reset(0)
		return w, nil
	}
	t.s.setQuery(q)
	near, err := t.descend(0)
	if err != nil {
		return nil, err
	}
	most := w.ef
	if !w.opt.Verdicts.settle(v, ix.tx != nil) {
		w.opt.Verdicts = nil
	}
	if opt.Attrs != nil {
		if err := opt.Attrs.walked(v, ix.tx != nil); err != nil {
			return nil, err
		}
	}
	if opt.filtered() {
		if opt.FilterHint > 0 {
			share := min(opt.FilterHint, 1)
			most = int(min(filterWidth*float64(opt.K)/share+float64(w.ef)*(1+share/2), float64(v.live)))
		}
	}
	t.spilled = t.spilled[:0]
	w.keeping = opt.resumable || opt.filtered()
	if opt.filtered() {
		if (w.opt.Verdicts != nil || opt.Attrs != nil) && v.growth.near > 0 {
			w.near.k = opt.K
			w.near.dists = make([]float32, 0, min(opt.K, 1024))
		}
		t.begin(max(most, 1))
	} else {
		t.beginNear(opt.K, w.ef)
	}
	t.start(near)
	return w, w.run()
}

// beginNear prepares an unfiltered search of layer 0 for the k nearest.
func (t *traverser) beginNear(k, ef int) {
	x := t.v.growth
	if x.near == 0 {
		t.begin(max(ef, 1))
		return
	}
	rank := min(max(k, nearRank), ef)
	t.begin(int(min(patience*int64(ef), int64(max(t.v.live, 1)))))
	t.pool.follow(rank, x.nearAt(rank), x.slack(rank, ef))
}

// run expands candidates until the pool has none left.
func (w *walk) run() error {
	t := w.t
	for n := 1; ; n++ {
		if n%64 == 0 {
			if err := w.ctx.Err(); err != nil {
				return err
			}
		}
		var more bool
		var err error
		switch {
		case w.follows():
			more, err = w.expandPassing()
		case w.keeping:
			more, err = t.expandKeeping()
		default:
			more, err = t.expand(0)
		}
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if w.opt.MaxVisited > 0 && t.stats.Visited > w.opt.MaxVisited {
			t.stats.Stopped = true
			return nil
		}
	}
	w.dry = !t.pool.cut
	if w.keeping {
		w.dry = t.exhausted()
	}
	return nil
}

// nearest returns the k nearest rows.
func (w *walk) nearest(k int) ([]Hit, error) {
	best := newTop(k)
	for {
		enough, err := w.rescore(best)
		if err != nil {
			return nil, err
		}
		if enough || w.dry || w.t.stats.Stopped {
			w.t.stats.Stopped = !enough && w.t.stats.Stopped
			return best.hits, nil
		}
		need := 4 * w.t.pool.most
		if w.opt.filtered() {
			// What the filter let pass so far tells how far it is to the rest.
			n := len(w.t.pool.items)
			need = w.enough(w.kth)
			if w.kth == 0 {
				need = w.enough(int(float64(n) * (float64(k) + 0.5) / (float64(w.passed) + 0.5)))
			}
			need = max(need+need/8, n+n/2)
			most := max(widestPool, int(w.v.live)/8)
			if w.opt.MaxVisited > 0 && need > most && 4*n <= most {
				need = 4 * n // so few rows say little about how far it is: look a little further
			}
			ahead := int(float64(w.t.stats.Visited) * min(float64(need), float64(w.v.live)) / float64(max(n, 1)))
			ahead = min(ahead, int(w.v.live))
			if w.opt.MaxVisited > 0 && (ahead > w.opt.MaxVisited || need > most) {
				w.t.stats.Stopped = true
				return best.hits, nil
			}
			need = min(need, 16*w.t.pool.most)
		}
		best.hits = best.hits[:0]
		if err := w.widenTo(need); err != nil {
			return nil, err
		}
	}
}

// filterWidth says how far a search goes under a filter that passes the share p of the
// rows: filterWidth·k/p nodes, and ef or a little more. The k nearest rows that pass are
// among about k/p nodes, and in a pool as wide as that few of them are missed. Going to
// the nodes behind rejected ones without comparing those (ACORN) was slower at equal
// recall: asking the filter needs a node's record, which is about as far away in memory
// as its code.
const filterWidth = 1.4

// widestPool is how many nodes a pool may keep in order before whoever set MaxVisited
// is asked for another way: keeping order costs more and more.
const widestPool = 4096

// enough is how many nodes a pool has to hold when the last one needed is in a
// place of it: the far end is where nodes are missed. A search starts with a pool that
// most likely is as wide.
func (w *walk) enough(place int) int {
	return int(1.15*float64(place) + float64(w.ef)*(0.7+0.5*float64(w.opt.K)/float64(max(place, w.opt.K))))
}

// wide reports whether the pool is wide enough under the filter.
func (w *walk) wide() bool {
	p := &w.t.pool
	if w.follows() && len(w.near.dists) == w.near.k && (len(p.items) < p.most || p.items[p.most-1].dist >= p.limit) {
		return true // it ended by distance
	}
	return w.kth > 0 && len(p.items) >= w.enough(w.kth) || w.passed >= w.ef
}

// rescore compares the vectors of the nearest rows and reports whether they
// suffice: want rows were compared, or all there are, and k of them are hits.
// With a filter, the pool must also have been wide enough.
func (w *walk) rescore(best *top) (enough bool, err error) {
	compared, found := 0, 0
	w.passed, w.kth = 0, 0
	pass := func(n int) {
		if w.passed++; w.passed == best.k {
			w.kth = n + 1
		}
	}
	settled := false
	guess := forecast{g: w.ix.g}
	w.prefetchKept()
	for n, c := range w.t.pool.items {
		settled = settled || found >= best.k && len(best.hits) == best.k &&
			guess.atLeast(c.dist) > best.hits[best.k-1].Distance
		if (compared >= w.want || settled) && found >= best.k {
			if !w.opt.filtered() || w.scan || w.wide() {
				return true, nil
			}
			// Only the count of nodes that pass is still open.
			ok, err := w.passes(c.node())
			if err != nil {
				return false, err
			}
			if ok {
				pass(n)
			}
			continue
		}
		rec, err := w.v.record(c.node())
		if err != nil {
			return false, err
		}
		before := compared
		isShared := metaFlags(rec[recMeta])&flagShared != 0
		ofNode := 0
		err = w.v.rowIDs(rec, func(rowid RowID) (bool, error) {
			if w.opt.filtered() {
				ok, err := w.allows(c.node(), isShared, rowid)
				if err != nil || !ok {
					return true, err
				}
			}
			d, ok, err := w.exact(c.node(), isShared, rowid)
			if err != nil {
				return false, err
			}
			w.t.stats.Rescored++
			if !ok {
				w.t.stats.StaleRows++
				return true, nil
			}
			compared++
			guess.learn(c.dist, d)
			if !w.opt.bounded() || d <= w.opt.MaxDistance {
				best.add(Hit{rowid, d})
			}
			found++
			ofNode++
			return ofNode < max(best.k, w.want, sharedRows), nil // all are about as near
		})
		if err != nil {
			return false, err
		}
		if compared > before {
			pass(n)
		}
	}
	// A pool that follows a distance holds what is near enough, also when that is little.
	settled = settled || w.t.pool.rank > 0 && w.t.stats.StaleRows == 0
	return (compared >= w.want || settled) && found >= best.k && (!w.opt.filtered() || w.scan || w.wide()), nil
}

// forecast bounds the distances of vectors by those of their codes. It learns how
// far the two were apart for the rows compared so far: the codes of one query
// err alike. Where the bound of the next row is beyond the k nearest so far, no
// farther row needs to be read.
type forecast struct {
	g      *geometry
	n      int
	lo, hi float64 // of vector's distance - code's distance
}

// forecastAfter is how many rows teach enough.
const forecastAfter = 10

// coded returns a code's distance on the scale of the vectors'.
func (f *forecast) coded(dist float32) float64 {
	if f.g.metric == vector.L2 {
		return math.Sqrt(float64(max(dist, 0)))
	}
	return float64(dist)
}

func (f *forecast) learn(dist float32, exact float64) {
	e := exact - f.coded(dist)
	if f.n == 0 {
		f.lo, f.hi = e, e
	}
	f.lo, f.hi = min(f.lo, e), max(f.hi, e)
	f.n++
}

// atLeast returns what the vector's distance hardly ever falls below.
func (f *forecast) atLeast(dist float32) float64 {
	if f.n < forecastAfter || f.g.quantize == Bit && f.g.metric != vector.Hamming {
		return math.Inf(-1)
	}
	return f.coded(dist) + f.lo - (f.hi - f.lo)
}

// sharedRows bounds the rows of one node that are rescored: they have one code,
// so their vectors differ by rounding at most. The first by rowid are taken.
const sharedRows = 256

// passes reports whether a node has a row that the filter allows.
func (w *walk) passes(id NodeID) (ok bool, err error) {
	rec, err := w.v.record(id)
	if err != nil {
		return false, err
	}
	isShared := metaFlags(rec[recMeta])&flagShared != 0
	err = w.v.rowIDs(rec, func(rowid RowID) (bool, error) {
		ok, err = w.allows(id, isShared, rowid)
		return !ok, err
	})
	return ok, err
}

// allows asks the filter, once per row.
func (w *walk) allows(id NodeID, isShared bool, rowid RowID) (ok bool, err error) {
	kept := w.opt.Verdicts
	if kept != nil {
		if yes, ask := kept.node(id); !ask {
			w.t.stats.Attrs++
			return yes, nil
		}
	}
	if w.opt.Attrs != nil {
		yes, ask, err := w.opt.Attrs.node(w.v, id)
		w.t.stats.Attrs++
		if err != nil || !ask || w.opt.Filter == nil {
			return yes, err
		}
	}
	if isShared {
		ok, known := w.verdict[rowid]
		if known {
			return ok, nil
		}
	} else if w.judging && w.t.judged.has(uint32(id)) {
		return w.t.allowed.has(uint32(id)), nil
	}
	if ok, err = w.opt.Filter.Allows(rowid); err != nil {
		return false, err
	}
	w.t.stats.Filtered++
	if ok {
		w.t.stats.Allowed++
	}
	if isShared {
		if w.verdict == nil {
			w.verdict = map[RowID]bool{}
		}
		w.verdict[rowid] = ok
		return ok, nil
	}
	if kept != nil {
		kept.learn(id, ok)
		return ok, nil
	}
	if !w.judging {
		w.judging = true
		w.t.judged.reset(w.v.nodes)
		w.t.allowed.reset(w.v.nodes)
	}
	w.t.judged.add(uint32(id))
	if ok {
		w.t.allowed.add(uint32(id))
	}
	return ok, nil
}

func (w *walk) done() SearchStats {
	s := w.t.stats
	s.Loaded = w.v.loaded - w.loads
	return s
}

// exact returns the distance of a row's vector; ok is false if there is none,
// or one that is not comparable.
func (ix *Index) exact(q []float32, rowid RowID) (d float64, ok bool, err error) {
	vec, ok, err := ix.vector(rowid)
	if err != nil || !ok {
		return 0, false, err
	}
	d = ix.g.metric.Distance(q, vec)
	return d, d == d, nil
}

// vector reads the vector of a row, which is good until the next one is read.
func (ix *Index) vector(rowid RowID) (vec []float32, ok bool, err error) {
	vec, ok, err = ix.base.Vector(rowid, ix.vec)
	if err != nil || !ok || len(vec) != ix.g.dims {
		return nil, false, err
	}
	if cap(vec) >= cap(ix.vec) {
		ix.vec = vec
	}
	return vec, true, nil
}

// top keeps the k nearest hits, sorted.
type top struct {
	k    int
	hits []Hit
}

func newTop(k int) *top { return &top{k: k, hits: make([]Hit, 0, min(k, 1024))} }

func compareHits(a, b Hit) int {
	if c := cmp.Compare(a.Distance, b.Distance); c != 0 {
		return c
	}
	return cmp.Compare(a.RowID, b.RowID)
}

func (t *top) add(h Hit) {
	n := len(t.hits)
	if n == t.k {
		if n == 0 || compareHits(h, t.hits[n-1]) >= 0 {
			return
		}
		t.hits = t.hits[:n-1]
	}
	at, _ := slices.BinarySearchFunc(t.hits, h, compareHits)
	t.hits = slices.Insert(t.hits, at, h)
}

// SearchRows compares q with the vectors of the given rows, exactly, and returns
// the k nearest ones; k = 0 means all. Rows that are not indexed or have no
// vector are skipped.
func (ix *Index) SearchRows(ctx context.Context, q []float32, k int, rows iter.Seq[RowID]) ([]Hit, SearchStats, error) {
	stats := SearchStats{Exact: true}
	if err := checkVector(q, ix.g.dims); err != nil {
		return nil, stats, err
	}
	if k < 0 {
		return nil, stats, fmt.Errorf("k is %d, want a whole number of at least 0", k)
	}
	v, snap, err := ix.reader()
	if err != nil {
		return nil, stats, err
	}
	defer keepAlive(snap)
	if k == 0 {
		k = int(v.rowCount)
	}
	best := newTop(k)
	n := 0
	for rowid := range rows {
		if n++; n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, stats, err
			}
		}
		_, found, err := ix.node(v, rowid)
		if err != nil {
			return nil, stats, err
		}
		if !found {
			continue
		}
		d, ok, err := ix.exact(q, rowid)
		if err != nil {
			return nil, stats, err
		}
		stats.Rescored++
		if !ok {
			stats.StaleRows++
			continue
		}
		best.add(Hit{rowid, d})
	}
	return best.hits, stats, nil
}

// searchAll compares q with every row.
func (ix *Index) searchAll(ctx context.Context, q []float32, opt SearchOptions) ([]Hit, SearchStats, error) {
	stats := SearchStats{Exact: true}
	best := newTop(opt.K)
	n := 0
	err := ix.Scan(func(rowid RowID) (bool, error) {
		if n++; n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return false, err
			}
		}
		if opt.Filter != nil {
			ok, err := opt.Filter.Allows(rowid)
			stats.Filtered++
			if err != nil || !ok {
				return true, err
			}
			stats.Allowed++
		}
		d, ok, err := ix.exact(q, rowid)
		if err != nil {
			return false, err
		}
		stats.Rescored++
		if !ok {
			stats.StaleRows++
			return true, nil
		}
		if !opt.bounded() || d <= opt.MaxDistance {
			best.add(Hit{rowid, d})
		}
		return true, nil
	})
	if err != nil {
		return nil, stats, err
	}
	return best.hits, stats, nil
}
