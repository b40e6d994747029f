package hnsw

import (
	"cmp"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

// Probes are queries made of the index's own rows: for each, the nearest rows are found
// exactly, and what share of them a search finds tells the recall at an ef. They are
// chosen by a hash of the seed, measured by Build and Optimize, and again when many rows
// have changed since; all by counting, so that the same rows give the same probes,
// answers and curve.
//
// The vector of a row would be too easy a query, even with the row itself out of sight:
// what people search for is not one of the rows. A probe is between two rows, blend of
// the way from the first, which stays out of sight, to another one. With this blend,
// real queries for WordNet's senses (sentences, where the rows are definitions) get the
// recall they ask for, and held-out words among GloVe's more than that.
const (
	maxProbes  = 200
	minProbes  = 20 // fewer tell nothing
	minProbed  = 500
	bitProbes  = 48 // where codes do not lead to the nearest rows, every vector is read
	probeK     = 10
	deepK      = 100
	deepEvery  = 4 // one probe in so many has answers for deepK
	spareK     = 5
	curveID    = configID + 1
	firstProbe = curveID + 1

	// Probes are measured anew when more than 1/churnShare of the rows was inserted or
	// deleted since. A commit does it with as many probes as churnWork comparisons
	// allow: some tenths of a second, once in many commits. Build and Optimize, which
	// take their time anyway, have them all.
	churnShare = 4
	churnWork  = 1 << 25
	mustProbe  = math.MaxUint32

	// curveShare bounds the nodes visited for the curves, by row: some 1,500 are when a
	// row is linked.
	curveShare = 60
)

const blend = 0.35

// curveKs are the k whose recall is measured.
var curveKs = []int{probeK, deepK}

// curveEfs are the ef at which it is, as far as needed.
var curveEfs = []int{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048}

// fullRecall ends a curve.
const fullRecall = 0.998

// probe is one of them.
type probe struct {
	node   NodeID // out of sight
	source [2]RowID
	vec    []float32
	k      int
	s      *scorer
	near   pool     // nearest by code
	answer []NodeID // nearest by vector, in order; ties with the k-th included
	rowids []RowID  // the first row of each
	done   bool     // found in full
}

// churned counts rows inserted or deleted.
func (h *header) churned() {
	if h.churn < mustProbe-1 {
		h.churn++
	}
}

// probesDue reports whether probes are to be measured with the next commit, which then
// writes blocks.
func (t *tx) probesDue() bool {
	return t.churn == mustProbe || t.live >= minProbed && uint64(t.churn)*churnShare > uint64(t.live)
}

// prober measures.
type prober struct {
	ix     *Index
	t      *tx
	probes []*probe
	ws     []*worker
}

// refreshProbes measures the probes anew if that is due, writes them, and makes them
// part of the chain of tokens.
func (ix *Index) refreshProbes(t *tx) error {
	if !t.probesDue() {
		return nil
	}
	p := &prober{ix: ix, t: t}
	rows, err := p.rows()
	if errors.Is(err, ErrCorrupt) {
		return nil // a commit must not fail over a damaged block that it does not need
	} else if err != nil {
		return err
	}
	hash := newChain(chainProbes, t.origin)
	for i, data := range rows {
		id := int64(curveID + i)
		hash.row(PartConfig, id, data)
		if err := t.st.Put(PartConfig, id, data); err != nil {
			return err
		}
	}
	var old []int64
	err = t.st.Scan(PartConfig, int64(curveID+len(rows)), func(id int64, _ []byte) (bool, error) {
		old = append(old, id)
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, id := range old {
		if err := t.st.Delete(PartConfig, id); err != nil {
			return err
		}
	}
	t.churn = 0
	t.origin = hash.sum()
	return nil
}

// rows returns the rows that are written, from curveID on; none for an index that is
// too small.
func (p *prober) rows() ([][]byte, error) {
	if p.t.live < minProbed {
		return nil, nil
	}
	if err := p.choose(); err != nil {
		return nil, err
	}
	if err := p.nearest(); err != nil {
		return nil, err
	}
	if len(p.probes) < minProbes {
		return nil, nil
	}
	c := &curves{probes: len(p.probes), live: p.t.live}
	for _, k := range curveKs {
		m, err := p.measure(k)
		if err != nil {
			return nil, err
		}
		c.byK = append(c.byK, m)
	}
	rows := p.encode()
	c.probeRows = len(rows)
	return append([][]byte{c.encode()}, rows...), nil
}

// choose takes nodes of layer 0 whose vectors are there.
func (p *prober) choose() error {
	t := p.t
	n := maxProbes
	if t.churn != mustProbe {
		n = max(minProbes+12, min(n, churnWork/int(t.live)))
	}
	if p.byVectors() {
		n = min(n, bitProbes)
	}
	taken := map[uint32]bool{}
	for i := range uint64(20 * n) {
		if len(p.probes) == n {
			break
		}
		id := uint32(mix(p.ix.p.Seed^mix(i+0x70726f6265)) % uint64(t.nodes))
		if taken[id] || id+1 == t.entry {
			continue
		}
		taken[id] = true
		rec, err := t.record(NodeID(id))
		if err != nil {
			return err
		}
		if metaFlags(rec[recMeta])&flagLive == 0 || metaLevel(rec[recMeta]) > 0 {
			continue
		}
		vec, rowid, ok, err := p.vector(NodeID(id))
		if err != nil {
			return err
		}
		vec = slices.Clone(vec)
		other := NodeID(mix(p.ix.p.Seed^mix(i+0x6f74686572)) % uint64(t.nodes))
		if live, err := p.live(other); err != nil {
			return err
		} else if !ok || !live {
			continue
		}
		second, to, ok, err := p.vector(other)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		p.ix.g.blendInto(vec, second)
		k := probeK
		if len(p.probes)%deepEvery == 0 {
			k = deepK
		}
		q := &probe{node: NodeID(id), source: [2]RowID{rowid, to}, vec: vec, k: k, s: newScorer(p.ix.g)}
		q.s.setQuery(q.vec)
		p.probes = append(p.probes, q)
	}
	workers := runtime.GOMAXPROCS(0)
	if !t.resident(p.ix.g) { // a block may have to be read, which workers must not do
		workers = 1
	}
	for range workers {
		p.ws = append(p.ws, &worker{v: t.view, trav: newTraverser(p.ix.g)})
	}
	return nil
}

// blendInto moves a vector towards another one; under cosine, where lengths mean
// nothing, as if both were as long as the first.
func (g *geometry) blendInto(vec, other []float32) {
	w := float32(blend)
	if g.metric == vector.Cosine {
		a, b := vector.NormSquared(vec), vector.NormSquared(other)
		if r := float32(math.Sqrt(float64(a / b))); finite(r) {
			w *= r
		}
	}
	for i := range vec {
		vec[i] = float32((1-blend)*vec[i]) + float32(w*other[i])
	}
}

// vector returns the vector of a node's first row.
func (p *prober) vector(id NodeID) (vec []float32, rowid RowID, ok bool, err error) {
	rec, err := p.t.record(id)
	if err != nil {
		return nil, 0, false, err
	}
	err = p.t.rowIDs(rec, func(r RowID) (bool, error) { rowid = r; return false, nil })
	if err != nil {
		return nil, 0, false, err
	}
	ix := p.ix
	vec, ok, err = ix.base.Vector(rowid, ix.vec)
	if err != nil || !ok || len(vec) != ix.g.dims || checkVector(vec, ix.g.dims) != nil {
		return nil, 0, false, err
	}
	if cap(vec) >= cap(ix.vec) {
		ix.vec = vec
	}
	return vec, rowid, true, nil
}

// byVectors reports whether the nearest rows are found by their vectors alone.
func (p *prober) byVectors() bool {
	return p.ix.g.quantize == Bit && p.ix.g.metric != vector.Hamming
}

// nearest finds the answers.
func (p *prober) nearest() error {
	if p.byVectors() {
		return p.nearestVectors()
	}
	for _, q := range p.probes {
		spare := q.k/2 + 20
		if p.ix.g.quantize == None {
			spare = spareK
		}
		q.near.reset(q.k + spare)
	}
	if err := p.scan(); err != nil {
		return err
	}
	for _, q := range p.probes {
		found := make([]exactRow, 0, len(q.near.items))
		for _, c := range q.near.items {
			vec, rowid, ok, err := p.vector(c.node())
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if d := p.ix.g.metric.Distance(q.vec, vec); d == d {
				found = append(found, exactRow{c.node(), rowid, d})
			}
		}
		q.settle(found)
	}
	return nil
}

type exactRow struct {
	node  NodeID
	rowid RowID
	dist  float64
}

func compareExact(a, b exactRow) int {
	return cmp.Or(cmp.Compare(a.dist, b.dist), cmp.Compare(a.node, b.node))
}

// settle keeps the k nearest, and those as near as the last of them.
func (q *probe) settle(found []exactRow) {
	slices.SortFunc(found, compareExact)
	for i, f := range found {
		if i >= q.k && f.dist > found[q.k-1].dist {
			break
		}
		q.answer = append(q.answer, f.node)
		q.rowids = append(q.rowids, f.rowid)
	}
	q.near = pool{}
}

// nearestVectors reads every vector.
func (p *prober) nearestVectors() error {
	found := make([][]exactRow, len(p.probes))
	for id := range p.t.nodes {
		live, err := p.live(NodeID(id))
		if err != nil {
			return err
		}
		if !live {
			continue
		}
		vec, rowid, ok, err := p.vector(NodeID(id))
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for i, q := range p.probes {
			if q.node == NodeID(id) {
				continue
			}
			d := p.ix.g.metric.Distance(q.vec, vec)
			if d != d {
				continue
			}
			if most := q.k + spareK; len(found[i]) == 2*most { // cut seldom
				slices.SortFunc(found[i], compareExact)
				found[i] = found[i][:most]
			}
			found[i] = append(found[i], exactRow{NodeID(id), rowid, d})
		}
	}
	for i, q := range p.probes {
		q.settle(found[i])
	}
	return nil
}

func (p *prober) live(id NodeID) (bool, error) {
	if p.t.live == p.t.nodes {
		return true, nil
	}
	rec, err := p.t.record(id)
	return err == nil && metaFlags(rec[recMeta])&flagLive != 0, err
}

// tileRows is how many codes are compared with all probes before the next ones: they
// stay near the processor.
const tileRows = 512

// scan compares every code with every probe.
func (p *prober) scan() error {
	t, g := p.t, p.ix.g
	ids, rows := make([]uint32, 0, tileRows), make([]*byte, 0, tileRows)
	flush := func() error {
		var next atomic.Int64
		return runEach(len(p.ws), func() error {
			dists := make([]float32, len(rows))
			for {
				i := int(next.Add(1)) - 1
				if i >= len(p.probes) {
					return nil
				}
				q := p.probes[i]
				q.s.batch(rows, dists)
				for j, d := range dists {
					if d <= q.near.worst && ids[j] != uint32(q.node) {
						q.near.add(d, ids[j])
					}
				}
			}
		})
	}
	for block := range uint32(g.codes.blocks(t.nodes)) {
		ptr, err := t.peek(dirCodes, block)
		if err != nil {
			return err
		}
		for i := range uint32(t.records(g, dirCodes, block)) {
			id := block*g.codes.d + i
			live, err := p.live(NodeID(id))
			if err != nil {
				return err
			}
			if !live {
				continue
			}
			ids = append(ids, id)
			rows = append(rows, (*byte)(unsafe.Add(ptr, int(i)*g.rowStride)))
		}
		if len(ids) >= tileRows || block+1 == uint32(g.codes.blocks(t.nodes)) {
			if err := flush(); err != nil {
				return err
			}
			ids, rows = ids[:0], rows[:0]
		}
	}
	return nil
}

// runEach runs fn on n goroutines and returns an error of one of them.
func runEach(n int, fn func() error) error {
	if n == 1 {
		return fn()
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn() })
	}
	wg.Wait()
	return cmp.Or(errs...)
}
