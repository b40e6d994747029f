package sqlext

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
)

// lexicalLeg is one planned search of a lexical index.
type lexicalLeg struct {
	s      *searcher
	t      *lexicalTable
	query  string
	opt    *searchOptions
	filter *filterRun // nil: none
	rows   int64
	// unchecked leaves it to the caller to find entries whose rows are gone.
	unchecked bool
	record    plans.LegExplain
}

func (s *searcher) newLexicalLeg(t *lexicalTable, query string, opt *searchOptions, filter *filterRun) (*lexicalLeg, error) {
	rows, err := t.index.Rows()
	if err != nil {
		return nil, t.wrap(err)
	}
	l := &lexicalLeg{s: s, t: t, query: query, opt: opt, filter: filter, rows: rows}
	l.record = plans.LegExplain{Leg: "lexical", Index: t.label(), IndexRows: rows}
	return l, nil
}

// candidateShare is the share of documents that a query is assumed to match while
// planning: it is not known before the postings are read, and decides little.
const candidateShare = 0.05

// scoreRowsLimit is up to how many listed rows are scored one by one rather than
// tested while all documents of the query are scored.
const scoreRowsLimit = 256

// run returns the k best documents that pass the filter, best first; fewer only
// when there are no more.
func (l *lexicalLeg) run(ctx context.Context, k int) ([]lexical.Hit, error) {
	start := time.Now()
	in := plans.Input{
		Lexical: true, Rows: l.rows, K: int(min(int64(k), max(l.rows, 0))), Exact: l.opt.exact,
		Candidates: math.Ceil(candidateShare * float64(l.rows)), Costs: l.s.cat.costs(),
	}
	if l.filter != nil && in.K > 0 {
		f, err := l.filter.learn(in)
		if err != nil {
			return nil, err
		}
		in.Filter, in.Costs = f, l.filter.costs(in.Costs)
	}
	d := plans.Choose(in)
	l.record.Plan, l.record.Cost, l.record.Rejected = d.Plan, d.Cost, d.Rejected
	countPlan("lexical", d.Plan)
	req := lexical.Request{Query: l.query, Syntax: l.opt.syntax, K: in.K}
	var hits []lexical.Hit
	var err error
	switch d.Plan {
	case plans.NoMatches:
		// The query is still read: a malformed one is an error whatever matches.
		err = l.t.index.Validate(l.query, l.opt.syntax)
	case plans.ExactScan:
		hits, err = l.listed(ctx, req)
	case plans.LexicalFirst:
		req.Filter = l.filter
		hits, err = l.search(ctx, req)
	default:
		hits, err = l.scan(ctx, req)
	}
	if err != nil {
		return nil, l.fail(err)
	}
	l.record.Depth, l.record.Rows = k, len(hits)
	l.record.TimeUS = plans.Microseconds(time.Since(start))
	return hits, nil
}

// listed searches among the rows that the filter lists.
func (l *lexicalLeg) listed(ctx context.Context, req lexical.Request) ([]lexical.Hit, error) {
	if _, err := l.filter.listUpTo(-1); err != nil {
		return nil, err
	}
	if len(l.filter.rows) == 0 {
		return nil, l.t.index.Validate(l.query, l.opt.syntax)
	}
	if len(l.filter.rows) > scoreRowsLimit {
		req.Filter = l.filter
		return l.search(ctx, req)
	}
	hits, st, err := l.t.index.SearchRows(ctx, req, l.filter.rows)
	l.count(st)
	return hits[:min(len(hits), req.K)], err
}

// scan searches without a filter. An entry whose row has gone without a trigger
// firing is rare, so that hits are looked up afterwards, and everything is done again
// with a look at each candidate if one of them is such.
func (l *lexicalLeg) scan(ctx context.Context, req lexical.Request) ([]lexical.Hit, error) {
	hits, err := l.search(ctx, req)
	if err != nil || l.unchecked {
		return hits, err
	}
	for _, h := range hits {
		ok, err := l.t.base.exists(h.RowID)
		if err != nil {
			return nil, err
		}
		if !ok {
			req.Filter = liveRows{l.t.base, anyRow()}
			return l.search(ctx, req)
		}
	}
	return hits, nil
}

func (l *lexicalLeg) search(ctx context.Context, req lexical.Request) ([]lexical.Hit, error) {
	hits, st, err := l.t.index.Search(ctx, req)
	l.count(st)
	return hits, err
}

func (l *lexicalLeg) count(st lexical.SearchStats) { l.record.NodesVisited += st.Matches }

// fail names what is wrong: the query's text is the caller's, the rest the index's.
func (l *lexicalLeg) fail(err error) error {
	if errors.Is(err, lexical.ErrQuery) {
		return errorf("%s: query %s: %v", l.t.label(), quoteShort(l.query), err)
	}
	return l.t.wrap(err)
}

// finish completes the leg's record.
func (l *lexicalLeg) finish() plans.LegExplain {
	if l.filter != nil {
		l.record.Probes = l.filter.probes
	}
	return l.record
}

// runLexicalSearch is lexical_search.
func runLexicalSearch(s *searcher, c *searchCall, explain bool) (*searchResult, error) {
	watch := newStopwatch()
	fn := c.fn
	c.require(2)
	name := c.text(0, "the name of a lexical index")
	query, _ := c.query(1)
	if c.err == nil && c.args[1].IsNull() {
		c.fail("query is NULL, want text to search for")
	}
	k := c.k(2)
	expr, filterArgs, options := c.filterArguments(3)
	if c.err != nil {
		return nil, c.err
	}
	opt, err := s.searchOptions(fn, options, lexicalSearchOptions)
	if err != nil {
		return nil, err
	}
	t, err := s.lexicalTable(name)
	if err != nil {
		return nil, err
	}
	defer t.leave()
	filter, done, err := s.filter(fn, &t.indexTable, expr, filterArgs)
	defer done()
	if err != nil {
		return nil, err
	}
	times := plans.Times{Prepare: watch.lap()}
	leg, err := s.newLexicalLeg(t, query, opt, filter)
	if err != nil {
		return nil, err
	}
	fetch := func(n int) ([]searchRow, bool, error) {
		hits, err := leg.run(s.interrupt(), n)
		return lexicalRowsOf(hits), len(hits) < n, err
	}
	if after := opt.after; after != nil {
		all := fetch
		fetch = func(n int) ([]searchRow, bool, error) { return after.page(n, after.scoredNotBehind, all) }
	}
	rows, err := s.refine(fn, t.base, opt, k, k, fetch)
	if err != nil {
		return nil, err
	}
	res := &searchResult{rows: rows}
	if opt.explain {
		res.rows = blankRow()
	}
	if explain {
		times.Lexical = watch.lap()
		res.explain, err = s.explain("lexical", k, len(rows), filter, leg.rows, nil, times, watch, leg.finish())
	}
	return res, err
}

// lexicalRowsOf makes result rows of hits.
func lexicalRowsOf(hits []lexical.Hit) []searchRow {
	rows := make([]searchRow, len(hits))
	for i, h := range hits {
		rows[i] = searchRow{
			id: h.RowID, score: h.Score, distance: math.NaN(), lexical: h.Score, lexicalRank: i + 1,
		}
	}
	return rows
}
