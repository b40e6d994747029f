package sqlext

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/nearlite/nearlite/hnsw"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// vectorLeg is one planned search of a vector index.
type vectorLeg struct {
	s        *searcher
	t        *vectorTable
	q        []float32
	opt      *searchOptions
	filter   *filterRun    // nil: none
	memory   *filterMemory // what earlier searches found out about the filter; nil: nothing is kept
	recalled bool          // the filter was known from before
	attrs    *attrPlan     // what the included columns decide of the filter; nil: nothing
	rows     int64         // in the index
	dims     int
	record   plans.LegExplain
}

func (s *searcher) newVectorLeg(t *vectorTable, q []float32, opt *searchOptions, filter *filterRun) (*vectorLeg, error) {
	rows, err := t.index.Rows()
	if err != nil {
		return nil, t.wrap(err)
	}
	l := &vectorLeg{s: s, t: t, q: q, opt: opt, filter: filter, rows: rows, dims: t.params.Dims}
	l.record = plans.LegExplain{Leg: "vector", Index: t.label(), IndexRows: rows}
	return l, nil
}

// run returns the k nearest rows that pass the filter, nearest first; fewer only
// when there are no more.
func (l *vectorLeg) run(ctx context.Context, k int) ([]hnsw.Hit, error) {
	start := time.Now()
	hits, err := l.choose(ctx, k)
	if err == nil {
		err = l.memorize()
	}
	if err != nil {
		return nil, err
	}
	if bound := l.opt.maxDistance; !math.IsInf(bound, 1) {
		// Hits are in order, so that the bound cuts a tail: what is beyond it would be
		// beyond it in any larger result too.
		n, _ := slices.BinarySearchFunc(hits, bound, func(h hnsw.Hit, b float64) int {
			if h.Distance <= b {
				return -1
			}
			return 1
		})
		hits = hits[:n]
	}
	l.record.Depth, l.record.Rows = k, len(hits)
	l.record.TimeUS = plans.Microseconds(time.Since(start))
	return hits, nil
}

func (l *vectorLeg) choose(ctx context.Context, k int) ([]hnsw.Hit, error) {
	p := l.t.index.Params()
	k = int(min(int64(k), l.rows))
	ef := l.opt.efSearch
	if ef == 0 {
		var err error
		if ef, err = l.t.index.EfFor(k, l.opt.recall); err != nil {
			return nil, l.t.wrap(err)
		}
	}
	in := plans.Input{
		Rows: l.rows, Dims: l.dims, M: p.M, K: k, EfSearch: max(ef, k),
		Exact: l.opt.exact, Codes: fineCodes(p), Force: l.opt.plan, Costs: l.s.cat.costs(),
	}
	if filtered := l.filter != nil; in.Force == plans.Traversal && filtered || !filtered && (in.Force == plans.FilteredTraversal || in.Force == plans.TraverseThenFilter || in.Force == plans.CodeScan) {
		return nil, errorf("vector_search: option \"plan\" is %q, want exact scan, or %s", in.Force, plansFor(filtered))
	}
	if l.filter != nil && k > 0 {
		if err := l.remember(); err != nil {
			return nil, err
		}
		f, err := l.learn(in)
		if err != nil {
			return nil, err
		}
		in.Filter, in.Costs = f, l.filter.costs(in.Costs)
		in.Filter.ExactSeen = l.filter.history().exactSeen()
		in.Filter.Far = l.filter.history().share()
	}
	if in.Force == plans.CodeScan && l.attrs == nil && l.memory == nil && k > 0 {
		return nil, errorf("vector_search: option \"plan\" is %q, want a filter on columns that %s includes", in.Force, l.t.label())
	}
	d := plans.Choose(in)
	l.record.Plan, l.record.Cost, l.record.Rejected = d.Plan, d.Cost, d.Rejected
	countPlan("vector", d.Plan)
	l.record.EfSearch = d.EfSearch
	switch d.Plan {
	case plans.NoMatches:
		return nil, nil
	case plans.Traversal:
		return l.search(ctx, hnsw.SearchOptions{K: k, EfSearch: in.EfSearch, Oversample: l.opt.oversample})
	case plans.FilteredTraversal:
		return l.filtered(ctx, k, d, in)
	case plans.CodeScan:
		return l.codeScan(ctx, k)
	case plans.TraverseThenFilter:
		return l.thenFilter(ctx, k, d)
	default:
		l.record.EfSearch = 0
		return l.exact(ctx, k)
	}
}

// plansFor names the approximate plans.
func plansFor(filtered bool) string {
	if filtered {
		return "filtered traversal, traverse then filter or code scan with a filter"
	}
	return "traversal without a filter"
}

// search calls the index and counts.
func (l *vectorLeg) search(ctx context.Context, o hnsw.SearchOptions) ([]hnsw.Hit, error) {
	hits, st, err := l.t.index.Search(ctx, l.q, o)
	l.count(st)
	return hits, l.t.wrap(err)
}

func (l *vectorLeg) count(st hnsw.SearchStats) {
	l.record.NodesVisited += int64(st.Visited)
	l.record.Distances += int64(st.Visited + st.Rescored)
	countSearch(st)
}

// exact computes the distance of every row that passes the filter.
func (l *vectorLeg) exact(ctx context.Context, k int) ([]hnsw.Hit, error) {
	if l.filter == nil {
		return l.search(ctx, hnsw.SearchOptions{K: k, Exact: true})
	}
	start := time.Now()
	hits, n, err := l.filter.nearest(ctx, l.t, l.q, k)
	if err == nil {
		l.filter.history().scanned(time.Since(start))
	}
	l.record.Distances += n
	return hits, err
}

// filtered asks the filter inside the traversal. A result that is short proves
// nothing, unless all matching rows are in it: then the exact scan decides.
func (l *vectorLeg) filtered(ctx context.Context, k int, d plans.Decision, in plans.Input) ([]hnsw.Hit, error) {
	if d.List {
		if _, err := l.filter.listUpTo(-1); err != nil {
			return nil, err
		}
		if len(l.filter.rows) <= k {
			return l.exact(ctx, k)
		}
	}
	hits, st, err := l.t.index.Search(ctx, l.q, l.withAttrs(hnsw.SearchOptions{
		K: k, EfSearch: in.EfSearch, Oversample: l.opt.oversample,
		FilterHint: min(1, in.Filter.Matches/float64(l.rows)), MaxVisited: d.Budget,
	}))
	l.count(st)
	if in.Force == "" && err == nil {
		l.filter.history().ended(len(hits) < k || st.Stopped)
	}
	switch {
	case err != nil:
		return nil, l.t.wrap(err)
	case st.Stopped:
		return l.settle(ctx, k, d, "%d nodes led to %d of %d rows", st.Visited, len(hits), k)
	case len(hits) < k:
		return l.settle(ctx, k, d, "the traversal found %d of %d rows", len(hits), k)
	}
	return hits, nil
}

// thenFilter tests the candidates of an unfiltered traversal in order of distance.
// When the filter passes fewer of them than expected, because matching rows are
// rarer than the sample said or lie far from the query, it switches to the exact
// scan as soon as that is the cheaper way to go on.
func (l *vectorLeg) thenFilter(ctx context.Context, k int, d plans.Decision) ([]hnsw.Hit, error) {
	it, err := l.t.index.Iterate(ctx, l.q, hnsw.SearchOptions{
		K: d.Fetch, EfSearch: d.EfSearch, Oversample: l.opt.oversample,
	})
	if err != nil {
		return nil, l.t.wrap(err)
	}
	var hits []hnsw.Hit
	var tested int64
	for len(hits) < k && !d.GiveUp(tested, len(hits)) {
		h, ok, err := it.Next()
		if err != nil {
			return nil, l.t.wrap(err)
		}
		if !ok {
			break
		}
		tested++
		pass, err := l.filter.Allows(h.RowID)
		if err != nil {
			return nil, err
		}
		if pass {
			hits = append(hits, h)
		}
	}
	l.count(it.Stats())
	if l.opt.plan == "" {
		l.filter.history().ended(len(hits) < k)
	}
	if len(hits) < k && tested < l.rows {
		return l.settle(ctx, k, d, "%d of %d rows after %d candidates", len(hits), k, tested)
	}
	slices.SortFunc(hits, compareHits)
	return hits, nil
}

// compareHits orders by distance, then by rowid.
func compareHits(a, b hnsw.Hit) int {
	switch {
	case a.Distance < b.Distance:
		return -1
	case a.Distance > b.Distance:
		return 1
	case a.RowID < b.RowID:
		return -1
	case a.RowID > b.RowID:
		return 1
	}
	return 0
}

// vectorScore turns a distance into a score, for which large is good: the cosine,
// the dot product, and 1/(1+d) for distances that have no similarity of their own.
func vectorScore(m vector.Metric, distance float64) float64 {
	switch m {
	case vector.Cosine:
		return 1 - distance
	case vector.InnerProduct:
		return -distance
	}
	return 1 / (1 + distance)
}

// leastVectorScore is the least value of vectorScore.
func leastVectorScore(m vector.Metric) float64 {
	switch m {
	case vector.Cosine:
		return -1
	case vector.InnerProduct:
		return math.Inf(-1)
	}
	return 0
}

// runVectorSearch is vector_search.
func runVectorSearch(s *searcher, c *searchCall, explain bool) (*searchResult, error) {
	watch := newStopwatch()
	fn := c.fn
	c.require(2)
	name := c.text(0, "the name of a vector index")
	k := c.k(2)
	expr, filterArgs, options := c.filterArguments(3)
	if c.err != nil {
		return nil, c.err
	}
	opt, err := s.searchOptions(fn, options, vectorSearchOptions)
	if err != nil {
		return nil, err
	}
	t, err := s.vectorTable(name)
	if err != nil {
		return nil, err
	}
	defer t.done()
	filter, done, err := s.filter(fn, &t.indexTable, expr, filterArgs)
	defer done()
	if err != nil {
		return nil, err
	}
	times := plans.Times{Prepare: watch.lap()}
	q, err := queryVector(t.label(), c.args[1], t.params.Dims)
	if err != nil {
		return nil, err
	}
	leg, err := s.newVectorLeg(t, q, opt, filter)
	if err != nil {
		return nil, err
	}
	fetch := func(n int) ([]searchRow, bool, error) {
		hits, err := leg.run(s.interrupt(), n)
		return vectorRows(t.params.Metric, hits), len(hits) < n, err
	}
	if after := opt.after; after != nil {
		place := *after
		if err := place.settleOn(t, q); err != nil {
			return nil, err
		}
		all := fetch
		fetch = func(n int) ([]searchRow, bool, error) { return place.page(n, place.notBehind, all) }
	}
	rows, err := s.refine(fn, t.base, opt, k, k, fetch)
	if err != nil {
		return nil, err
	}
	if err := t.addKeys(rows); err != nil {
		return nil, err
	}
	res := &searchResult{rows: rows}
	if opt.explain {
		res.rows = blankRow()
	}
	if explain {
		times.Vector = watch.lap()
		res.explain, err = s.explain("vector", k, len(rows), filter, leg.rows, nil, times, watch, leg.finish())
	}
	return res, err
}

// vectorRows makes result rows of hits.
func vectorRows(m vector.Metric, hits []hnsw.Hit) []searchRow {
	rows := make([]searchRow, len(hits))
	for i, h := range hits {
		rows[i] = searchRow{
			id: h.RowID, score: vectorScore(m, h.Distance), distance: h.Distance,
			lexical: math.NaN(), vectorRank: i + 1,
		}
	}
	return rows
}

// finish completes the leg's record.
func (l *vectorLeg) finish() plans.LegExplain {
	if l.filter != nil {
		l.record.Probes = l.filter.probes
	}
	return l.record
}

// filterArguments are the filter, its arguments and the options, from argument i on.
func (c *searchCall) filterArguments(i int) (expr, args, options string) {
	expr = c.optional(i, "an SQL expression")
	if c.given[i] && c.args[i].Kind == host.Text && expr == "" {
		c.fail("filter is empty, want an SQL expression or NULL")
	}
	args = c.optional(i+1, "a JSON array")
	options = c.optional(i+2, "a JSON object")
	return expr, args, options
}

// vectorTable finds a vector index and marks it as in use until the caller is done
// with it.
func (s *searcher) vectorTable(name string) (*vectorTable, error) {
	t, err := s.cat.vectorIndex(name)
	if err != nil {
		return nil, err
	}
	t.startSearch()
	return t, nil
}

// startSearch marks the table as in use by a search, which asks once only which state of the
// index its transaction sees.
func (t *vectorTable) startSearch() {
	t.enter()
	t.index.Pin()
}

// done ends what startSearch began.
func (t *vectorTable) done() {
	if t.index != nil {
		t.index.Unpin()
	}
	t.leave()
}

// lexicalTable finds a lexical index and marks it as in use; the caller leaves it.
func (s *searcher) lexicalTable(name string) (*lexicalTable, error) {
	t, err := s.cat.lexicalIndex(name)
	if err != nil {
		return nil, err
	}
	t.enter()
	return t, nil
}
