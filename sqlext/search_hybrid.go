package sqlext

import (
	"context"
	"math"
	"slices"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
)

// minDepth is how many rows each leg contributes at least: the study in
// docs/hybrid.md was made with it, and twice as many make no better results.
const minDepth = 50

// hybrid is one hybrid search with both legs.
type hybrid struct {
	s       *searcher
	opt     *searchOptions
	vec     *vectorLeg
	lex     *lexicalLeg
	fusion  *plans.FusionExplain
	times   plans.Times
	watch   *stopwatch
	tuned   bool      // fusion_tune chose the fusion
	ghosts  bool      // there may be entries whose rows were replaced
	unknown []int64   // rows that only the text leg found
	buf     []float32 // for a vector
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
	opt, err := parseSearchOptions(fn, options, hybridSearchOptions)
	if err != nil {
		return nil, err
	}
	vt, err := s.vectorTable(vectorName)
	if err != nil {
		return nil, err
	}
	defer vt.leave()
	lt, err := s.lexicalTable(lexicalName)
	if err != nil {
		return nil, err
	}
	defer lt.leave()
	if foldName(vt.base.label()) != foldName(lt.base.label()) {
		return nil, errorf("%s: %s indexes %s and %s indexes %s, want two indexes of one table",
			fn, vt.label(), vt.base.label(), lt.label(), lt.base.label())
	}
	var q []float32
	if hasVector {
		if q, err = queryVector(vt.label(), c.args[3], vt.params.Dims); err != nil {
			return nil, err
		}
	}
	filter, done, err := s.filter(fn, &vt.indexTable, expr, filterArgs)
	defer done()
	if err != nil {
		return nil, err
	}
	if filter != nil {
		filter.memo = map[int64]bool{}
	}
	h := &hybrid{s: s, opt: opt, watch: watch}
	if hasVector {
		if h.vec, err = s.newVectorLeg(vt, q, opt, filter); err != nil {
			return nil, err
		}
	}
	if hasQuery {
		if h.lex, err = s.newLexicalLeg(lt, query, opt, filter); err != nil {
			return nil, err
		}
	}
	if h.lex != nil && h.vec != nil {
		h.lex.unchecked = true
		if h.ghosts, err = s.mayReplace(vt); err != nil {
			return nil, err
		}
	}
	if h.lex != nil && h.vec != nil && !opt.fusionGiven {
		if opt.fuse, h.tuned, err = lt.tunedFusion(vt); err != nil {
			return nil, err
		}
	}
	h.times.Prepare = watch.lap()
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
	if err == nil && h.lex != nil && h.lex.unchecked {
		var gone bool
		if gone, err = anyGone(lt.base, rows); gone {
			h.lex.unchecked = false
			rows, err = s.refine(fn, vt.base, opt, k, start, fused)
		}
	}
	if err != nil {
		return nil, err
	}
	res := &searchResult{rows: rows}
	if explain {
		res.explain, err = h.explain(k, len(rows), filter)
	}
	return res, err
}

// anyGone looks up the rows of a result that only the text leg found and whose vector
// was not read.
func anyGone(b *baseTable, rows []searchRow) (bool, error) {
	for _, r := range rows {
		if r.distance == r.distance {
			continue
		}
		if ok, err := b.exists(r.id); !ok || err != nil {
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
	err := query(s.cat.conn, `SELECT 1 FROM pragma_index_list(?1, ?2) WHERE "unique" LIMIT 1`,
		[]host.Value{host.TextValue(t.base.table), host.TextValue(t.base.schema)}, func(host.Stmt) error { c.unique = true; return nil })
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
	h.watch.lap()
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
	return rows, len(near) < n && len(said) < n, err
}

// fuse joins the legs. gone reports a row of the text leg that is no longer in the
// table.
func (h *hybrid) fuse(ctx context.Context, n int, near []hnsw.Hit, said []lexical.Hit) (rows []searchRow, gone bool, err error) {
	auto := h.opt.fuse.Method == "" || h.opt.fuse.Method == plans.Auto
	lex, vec, distance, gone, err := h.legs(ctx, n, near, said, auto || !math.IsInf(h.opt.maxDistance, 1))
	if gone || err != nil {
		return nil, gone, err
	}
	if !math.IsInf(h.opt.maxDistance, 1) {
		lex.Items = dropFar(lex.Items, distance, h.opt.maxDistance)
	}
	fused, info, err := plans.Fuse(lex, vec, h.opt.fuse)
	if err != nil {
		return nil, false, errorf("hybrid_search: %v", err)
	}
	rows = make([]searchRow, len(fused))
	for i, f := range fused {
		d, known := distance[f.RowID]
		if !known {
			d = math.NaN()
		}
		rows[i] = searchRow{
			id: f.RowID, score: f.Score, distance: d, lexical: f.LexicalScore,
			vectorRank: f.VectorRank, lexicalRank: f.LexicalRank,
		}
	}
	h.fusion = &plans.FusionExplain{
		Method: info.Method, Weight: round3(info.Weight), Support: round3(info.Support), Depth: n, Candidates: len(fused), Tuned: h.tuned,
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
// found get their true distance, which the default fusion uses and which costs one look
// at the row's vector each.
func (h *hybrid) legs(ctx context.Context, n int, near []hnsw.Hit, said []lexical.Hit, complete bool) (
	lex, vec plans.Leg, distance map[int64]float64, gone bool, err error,
) {
	metric := h.vec.t.params.Metric
	distance = make(map[int64]float64, len(near)+len(said))
	vec = plans.Leg{Items: make([]plans.Item, len(near)), Complete: len(near) < n, Least: leastVectorScore(metric)}
	for i, hit := range near {
		vec.Items[i] = plans.Item{RowID: hit.RowID, Score: vectorScore(metric, hit.Distance)}
		distance[hit.RowID] = hit.Distance
	}
	lex = plans.Leg{Items: make([]plans.Item, 0, len(said)), Complete: len(said) < n}
	h.unknown = h.unknown[:0]
	for _, hit := range said {
		lex.Items = append(lex.Items, plans.Item{RowID: hit.RowID, Score: hit.Score})
		if _, known := distance[hit.RowID]; !known {
			h.unknown = append(h.unknown, hit.RowID)
		}
	}
	if complete && len(h.unknown) > 0 {
		if err := h.measure(ctx, distance, &vec); err != nil {
			return lex, vec, nil, false, err
		}
	}
	for _, id := range h.unknown {
		if _, measured := distance[id]; measured || !h.lex.unchecked || !h.ghosts {
			continue // its vector was read, its row was or will be looked up
		}
		if ok, err := h.lex.t.base.exists(id); !ok || err != nil {
			return lex, vec, nil, err == nil, err
		}
	}
	return lex, vec, distance, false, nil
}

// measure computes the distances of the rows that only the text leg found.
func (h *hybrid) measure(ctx context.Context, distance map[int64]float64, vec *plans.Leg) error {
	l := h.vec
	metric := l.t.params.Metric
	vec.Known = make(map[int64]float64, len(h.unknown))
	// The table is asked, not the index: a row's cell is what the index was told, and
	// looking the row up in the index first would double the time. Rows in the order of
	// the table share pages.
	slices.Sort(h.unknown)
	source := baseVectors{l.t}
	for i, id := range h.unknown {
		if i%256 == 0 && ctx.Err() != nil {
			return l.t.wrap(ctx.Err())
		}
		v, ok, err := source.Vector(id, h.buf)
		if err != nil {
			return l.t.wrap(err)
		}
		if !ok || len(v) != len(l.q) {
			continue
		}
		if d := metric.Distance(l.q, v); d == d {
			distance[id] = d
			vec.Known[id] = vectorScore(metric, d)
		}
	}
	l.record.Distances += int64(len(vec.Known))
	return nil
}

// dropFar keeps the rows within max_distance; rows without a vector are not.
func dropFar(items []plans.Item, distance map[int64]float64, bound float64) []plans.Item {
	kept := items[:0]
	for _, it := range items {
		if d, known := distance[it.RowID]; known && d <= bound {
			kept = append(kept, it)
		}
	}
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
