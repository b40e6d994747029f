package sqlext

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
)

// minDepth is how many rows each leg contributes at least: the study in
// docs/hybrid.md was made with it, and twice as many make no better results.
const minDepth = 50

// hybrid is one hybrid search with both legs.
type hybrid struct {
	s      *searcher
	opt    *searchOptions
	vec    *vectorLeg
	lex    *lexicalLeg
	fusion *plans.FusionExplain
	times  plans.Times
	watch  *stopwatch
	tuned  bool // fusion_tune chose the fusion
	ghosts bool // there may be entries whose rows were replaced
	open   bool // a row of neither list could be among the best

	estimated bool // the distances of rows that only the text leg found are those of codes
	*hybridMemory
}

// hybridMemory is what a hybrid search uses again. A search takes the searcher's and
// gives it back; a search inside another one (in a filter) makes its own.
type hybridMemory struct {
	fuser    plans.Fuser
	lexItems []plans.Item
	vecItems []plans.Item
	known    []plans.Item
	byText   []float64
	rows     []searchRow
	buf      []float32 // for a vector

	// Of the rows that only the text leg found, in the order of its list: their places
	// there, their rowids and, NaN if unknown, their distances.
	alone     []int
	unknown   []int64
	distances []float64
}

func (s *searcher) takeHybridMemory() (m *hybridMemory, done func()) {
	if m = s.hybrid; m == nil {
		m = &hybridMemory{}
	}
	s.hybrid = nil
	return m, func() {
		if cap(m.rows) <= 1<<14 && cap(m.lexItems) <= 1<<14 { // what is kept stays small
			s.hybrid = m
		}
	}
}

// indexPair finds a vector and a lexical index of one table, and marks them as in use
// until leave.
func (s *searcher) indexPair(fn, vectorName, lexicalName string) (vt *vectorTable, lt *lexicalTable, leave func(), err error) {
	if vt, err = s.vectorTable(vectorName); err != nil {
		return nil, nil, nil, err
	}
	if lt, err = s.lexicalTable(lexicalName); err != nil {
		vt.done()
		return nil, nil, nil, err
	}
	if foldName(vt.base.label()) != foldName(lt.base.label()) {
		err = errorf("%s: %s indexes %s and %s indexes %s, want two indexes of one table",
			fn, vt.label(), vt.base.label(), lt.label(), lt.base.label())
		lt.leave()
		vt.done()
		return nil, nil, nil, err
	}
	return vt, lt, func() { lt.leave(); vt.done() }, nil
}

// runHybridSearch is hybrid_search.
func runHybridSearch(s *searcher, c *searchCall, explain bool) (*searchResult, error) {
	watch := newStopwatch()
	fn := c.fn
	c.require(4)
	vectorName := c.text(0, "the name of a vector index")
	lexicalName := c.text(1, "the name of a lexical index")
	query, hasQuery := c.query(2)
	hasVector := !c.args[3].IsNull()
	if c.err == nil && !hasQuery && !hasVector {
		c.fail("query is empty and vector is NULL, want at least one of them")
	}
	k := c.k(4)
	expr, filterArgs, options := c.filterArguments(5)
	if c.err != nil {
		return nil, c.err
	}
	opt, err := s.searchOptions(fn, options, hybridSearchOptions)
	if err != nil {
		return nil, err
	}
	vt, lt, leave, err := s.indexPair(fn, vectorName, lexicalName)
	if err != nil {
		return nil, err
	}
	defer leave()
	filter, done, err := s.filter(fn, &vt.indexTable, expr, filterArgs)
	defer done()
	if err != nil {
		return nil, err
	}
	if filter != nil {
		filter.memo = map[int64]bool{}
	}
	memory, give := s.takeHybridMemory()
	defer give()
	h := &hybrid{s: s, opt: opt, watch: watch, hybridMemory: memory}
	h.fuser.Keep = k
	if opt.groupBy != "" || !math.IsNaN(opt.mmr) {
		h.fuser.Keep = 0 // they choose among all
	}
	if hasVector && hasQuery {
		if h.ghosts, err = s.mayReplace(vt); err != nil {
			return nil, err
		}
		if !opt.fusionGiven {
			if opt.fuse, h.tuned, err = lt.tunedFusion(vt); err != nil {
				return nil, err
			}
		}
	}
	h.times.Prepare = watch.lap()
	// What a leg's own search would do first is a part of the leg.
	if hasVector {
		q, err := queryVector(vt.label(), c.args[3], vt.params.Dims)
		if err != nil {
			return nil, err
		}
		if h.vec, err = s.newVectorLeg(vt, q, opt, filter); err != nil {
			return nil, err
		}
		h.times.Vector = watch.lap()
	}
	if hasQuery {
		if h.lex, err = s.newLexicalLeg(lt, query, opt, filter); err != nil {
			return nil, err
		}
		h.lex.unchecked = hasVector
		h.times.Lexical = watch.lap()
	}
	start := k
	if hasVector && hasQuery {
		start = max(2*k, minDepth)
		if opt.depth > 0 {
			start = max(opt.depth, k)
		}
	}
	fused := func(n int) ([]searchRow, bool, error) {
		if k == 0 {
			n = 0
		}
		return h.run(s.interrupt(), n)
	}
	rows, err := s.refine(fn, vt.base, opt, k, start, fused)
	if err == nil && h.lex != nil && h.vec != nil {
		var gone bool
		if gone, err = h.settle(rows); gone {
			h.lex.unchecked = false
			if rows, err = s.refine(fn, vt.base, opt, k, start, fused); err == nil {
				_, err = h.settle(rows)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	res := &searchResult{rows: slices.Clone(rows)}
	if opt.explain {
		res.rows = blankRow()
	}
	if explain {
		h.times.Fuse += watch.lap()
		res.explain, err = h.explain(k, len(rows), filter)
	}
	return res, err
}

// settle reads the vectors of a result's rows that only the text leg found: the
// distance that is shown is the vector's. gone reports a row that is no longer in the
// table, while nobody has looked.
func (h *hybrid) settle(rows []searchRow) (gone bool, err error) {
	open := func(r *searchRow) bool { return r.vectorRank == 0 && (r.distance != r.distance || h.estimated) }
	h.unknown = h.unknown[:0]
	for i := range rows {
		if open(&rows[i]) {
			h.unknown = append(h.unknown, rows[i].id)
		}
	}
	if len(h.unknown) == 0 {
		return false, nil
	}
	t := h.vec.t
	if h.distances, err = t.index.Distances(h.vec.q, h.unknown, h.distances[:0]); err != nil {
		return false, t.wrap(err)
	}
	h.vec.record.Distances += int64(len(h.unknown))
	next := 0
	for i := range rows {
		r := &rows[i]
		if !open(r) {
			continue
		}
		d := h.distances[next]
		next++
		r.distance = math.NaN()
		if d <= h.opt.maxDistance {
			r.distance = d
		}
		if d == d || !h.lex.unchecked {
			continue
		}
		if ok, err := h.lex.t.base.exists(r.id); !ok || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// mayReplace reports whether INSERT OR REPLACE can take rows away without a trigger:
// only a UNIQUE constraint besides the rowid makes it so (ghosts.go). Without one, a
// text leg's rows are looked up when they are in the result, and not all of them.
func (s *searcher) mayReplace(t *vectorTable) (bool, error) {
	key := t.base.label()
	if c, ok := s.unique[key]; ok && c.version == t.baseVersion {
		return c.unique, nil
	}
	c := uniqueness{version: t.baseVersion}
	var err error
	c.unique, err = hasUnique(s.cat.conn, t.base.schema, t.base.table)
	if err == nil {
		s.unique[key] = c
	}
	return c.unique, err
}

// uniqueness remembers the answer of mayReplace for a state of the schema.
type uniqueness struct {
	version int64
	unique  bool
}

// run fuses n rows of each leg. all: neither leg has more.
func (h *hybrid) run(ctx context.Context, n int) (rows []searchRow, all bool, err error) {
	var near []hnsw.Hit
	var said []lexical.Hit
	h.times.Fuse += h.watch.lap() // grouping, when this is not the first time
	if h.vec != nil {
		if near, err = h.vec.run(ctx, n); err != nil {
			return nil, false, err
		}
		h.times.Vector += h.watch.lap()
	}
	if h.lex != nil {
		if said, err = h.lex.run(ctx, n); err != nil {
			return nil, false, err
		}
		h.times.Lexical += h.watch.lap()
	}
	switch {
	case h.lex == nil:
		return vectorRows(h.vec.t.params.Metric, near), len(near) < n, nil
	case h.vec == nil:
		return lexicalRowsOf(said), len(said) < n, nil
	}
	rows, gone, err := h.fuse(ctx, n, near, said)
	if gone {
		// An entry of the text index whose row has gone: search again, looking.
		h.lex.unchecked = false
		if said, err = h.lex.run(ctx, n); err == nil {
			rows, _, err = h.fuse(ctx, n, near, said)
		}
	}
	h.times.Fuse += h.watch.lap()
	if err == nil && h.open && h.opt.depth == 0 && n < deepest*max(2*h.fuser.Keep, minDepth) {
		return h.run(ctx, 2*n)
	}
	return rows, len(near) < n && len(said) < n, err
}

// deepest bounds the depth of legs whose rows beyond it could still be among the best,
// as a multiple of the first depth.
const deepest = 4

// fuse joins the legs. gone reports a row of the text leg that is no longer in the
// table.
func (h *hybrid) fuse(ctx context.Context, n int, near []hnsw.Hit, said []lexical.Hit) (rows []searchRow, gone bool, err error) {
	auto := h.opt.fuse.Method == "" || h.opt.fuse.Method == plans.Auto
	bounded := !math.IsInf(h.opt.maxDistance, 1)
	lex, vec, gone, err := h.legs(ctx, n, near, said, auto || bounded, bounded)
	if gone || err != nil {
		return nil, gone, err
	}
	if bounded {
		lex.Items = h.dropFar(lex.Items)
		h.alone = h.fuser.Join(lex.Items, vec.Items)
	}
	fused, info, err := h.fuser.Joined(lex, vec, h.opt.fuse)
	if err != nil {
		return nil, false, errorf("hybrid_search: %v", err)
	}
	h.open = info.Open
	h.byText = slices.Grow(h.byText[:0], len(lex.Items))[:len(lex.Items)]
	for i, at := range h.alone {
		h.byText[at] = h.distances[i]
	}
	h.rows = slices.Grow(h.rows[:0], len(fused))[:len(fused)]
	rows = h.rows
	for i := range fused {
		f := &fused[i]
		rows[i] = searchRow{id: f.RowID, score: f.Score, lexical: f.LexicalScore, vectorRank: f.VectorRank, lexicalRank: f.LexicalRank}
		if f.VectorRank > 0 {
			rows[i].distance = near[f.VectorRank-1].Distance
		} else {
			rows[i].distance = h.byText[f.LexicalRank-1]
		}
	}
	h.fusion = &plans.FusionExplain{
		Method: info.Method, Weight: round3(info.Weight), Support: round3(info.Support), Depth: n, Candidates: h.fuser.Count(), Tuned: h.tuned,
	}
	switch info.Method {
	case plans.RRF:
		h.fusion.RankConstant = h.opt.fuse.RankConstant
		if h.fusion.RankConstant == 0 {
			h.fusion.RankConstant = plans.DefaultRankConstant
		}
	case plans.Convex:
		if h.fusion.Normalize = h.opt.fuse.Normalize; h.fusion.Normalize == "" {
			h.fusion.Normalize = plans.MinMax
		}
	}
	return rows, false, nil
}

// legs turns hits into what fusion takes. With complete, rows that only the text leg
// found get a distance, which the default fusion uses: as the index's codes have it,
// or, with exact, as their vectors have it.
func (h *hybrid) legs(ctx context.Context, n int, near []hnsw.Hit, said []lexical.Hit, complete, exact bool) (
	lex, vec plans.Leg, gone bool, err error,
) {
	metric := h.vec.t.params.Metric
	h.vecItems, h.lexItems = h.vecItems[:0], h.lexItems[:0]
	for _, hit := range near {
		h.vecItems = append(h.vecItems, plans.Item{RowID: hit.RowID, Score: vectorScore(metric, hit.Distance)})
	}
	for _, hit := range said {
		h.lexItems = append(h.lexItems, plans.Item{RowID: hit.RowID, Score: hit.Score})
	}
	vec = plans.Leg{Items: h.vecItems, Complete: len(near) < n, Least: leastVectorScore(metric)}
	lex = plans.Leg{Items: h.lexItems, Complete: len(said) < n}
	h.alone = h.fuser.Join(lex.Items, vec.Items)
	h.unknown, h.distances, h.estimated = h.unknown[:0], h.distances[:0], false
	for _, at := range h.alone {
		h.unknown = append(h.unknown, said[at].RowID)
	}
	// A vector that is read shows that its row is there. Where rows can go without a
	// trigger (ghosts.go), that is worth more than the time.
	if complete && !exact && !h.ghosts && len(h.unknown) > 0 {
		h.distances, h.estimated, err = h.vec.t.index.Estimate(h.vec.q, h.unknown, h.distances)
		if err != nil {
			return lex, vec, false, h.vec.t.wrap(err)
		}
	}
	switch {
	case h.estimated:
	case complete:
		if err := h.measure(ctx); err != nil {
			return lex, vec, false, err
		}
	default:
		for range h.unknown {
			h.distances = append(h.distances, math.NaN())
		}
	}
	h.known = h.known[:0]
	for i, id := range h.unknown {
		d := h.distances[i]
		if d == d {
			h.known = append(h.known, plans.Item{RowID: id, Score: vectorScore(metric, d)})
			continue
		}
		if !h.lex.unchecked || !h.ghosts {
			continue // its row was or will be looked up
		}
		if ok, err := h.lex.t.base.exists(id); !ok || err != nil {
			return lex, vec, err == nil, err
		}
	}
	vec.Known = h.known
	h.vec.record.Distances += int64(len(vec.Known))
	return lex, vec, false, nil
}

// measure reads the vectors of the rows that only the text leg found.
func (h *hybrid) measure(ctx context.Context) error {
	l := h.vec
	// The table is asked, not the index: a row's cell is what the index was told, and
	// looking the row up in the index first would double the time. Rows in the order of
	// the table share pages.
	order := make([]int, len(h.unknown))
	for i := range order {
		order[i] = i
		h.distances = append(h.distances, math.NaN())
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(h.unknown[a], h.unknown[b]) })
	source := baseVectors{l.t}
	for n, i := range order {
		if n%256 == 0 && ctx.Err() != nil {
			return l.t.wrap(ctx.Err())
		}
		v, ok, err := source.Vector(h.unknown[i], h.buf)
		if err != nil {
			return l.t.wrap(err)
		}
		if ok && len(v) == len(l.q) {
			h.distances[i] = l.t.params.Metric.Distance(l.q, v)
		}
	}
	return nil
}

// dropFar keeps the rows of the text leg within max_distance, the vector leg's being
// so already; rows without a vector are not.
func (h *hybrid) dropFar(items []plans.Item) []plans.Item {
	kept, distances := items[:0], h.distances[:0]
	next := 0
	for at, it := range items {
		if next < len(h.alone) && h.alone[next] == at {
			d := h.distances[next]
			if next++; !(d <= h.opt.maxDistance) {
				continue
			}
			distances = append(distances, d)
		}
		kept = append(kept, it)
	}
	h.distances = distances
	return kept
}

// explain is the record of the search.
func (h *hybrid) explain(k, rows int, filter *filterRun) ([]byte, error) {
	var legs []plans.LegExplain
	var indexed int64
	if h.vec != nil {
		legs = append(legs, h.vec.finish())
		indexed = h.vec.rows
	}
	if h.lex != nil {
		legs = append(legs, h.lex.finish())
		indexed = max(indexed, h.lex.rows)
	}
	return h.s.explain("hybrid", k, rows, filter, indexed, h.fusion, h.times, h.watch, legs...)
}

func round3(f float64) float64 { return math.Round(f*1000) / 1000 }
