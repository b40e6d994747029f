package planner

import (
	"math"
	"slices"
)

// Plan is the name of a way to run a search. The names appear in explain records
// and are part of the documented surface.
type Plan string

// The plans.
const (
	// NoMatches ends the search before any index is touched: the filter is known
	// to match nothing, or k is 0.
	NoMatches Plan = "no matches"
	// ExactScan computes the true distance of every row that passes the filter.
	ExactScan Plan = "exact scan"
	// Traversal walks the graph; there is no filter.
	Traversal Plan = "traversal"
	// FilteredTraversal walks the graph with the filter evaluated inside.
	FilteredTraversal Plan = "filtered traversal"
	// TraverseThenFilter walks the graph without the filter and tests candidates
	// in order of distance until k of them passed.
	TraverseThenFilter Plan = "traverse then filter"
	// CodeScan compares the codes of all rows that pass by the columns that the index
	// keeps, and computes the true distance of the nearest.
	CodeScan Plan = "code scan"
	// LexicalFirst takes documents in order of their text score and tests them
	// until k of them passed.
	LexicalFirst Plan = "lexical first"
	// LexicalScan scores all documents of the query that pass the filter; without
	// a filter it is the only way a lexical leg runs.
	LexicalScan Plan = "lexical scan"
)

// FilterInput is what is known about a filter before the search starts.
type FilterInput struct {
	// Matches is the number of rows that pass, estimated unless Counted.
	Matches float64
	// Counted says that Matches is exact, because the rows were listed.
	Counted bool
	// Listed says that the matching rows are at hand: listing them is free.
	Listed bool
	// Indexed says that the host can list the matching rows without reading the
	// whole table.
	Indexed bool
	// ExactSeen is what an exact scan under this filter took, in nanoseconds; 0: unknown.
	ExactSeen float64
	// Far is the share of earlier searches under this filter that had to give up a
	// traversal, because matching rows lie far from the queries.
	Far float64
	// Included says that the index keeps columns that decide about the filter, or
	// about parts of it; nil if not.
	Included *IncludedInput
}

// IncludedInput is what the columns that the index keeps say about a filter.
type IncludedInput struct {
	// Yes is the number of rows that pass for certain, Ask of those that may pass and
	// have to be probed. Both are estimated unless Swept.
	Yes, Ask float64
	// Swept says that all rows have been looked at.
	Swept bool
}

// Input is the question for one leg of a search. The zero value of a number means
// none or unknown.
type Input struct {
	Rows     int64 // rows in the index
	Dims     int   // of the vectors
	M        int   // links of a node
	K        int   // rows wanted
	EfSearch int   // candidate list of the traversal
	Filter   *FilterInput
	// Exact forbids approximate plans.
	Exact bool
	// Codes says that the index's codes are fine enough for an order of all rows.
	Codes bool
	// Force, when set, forbids all other plans of the vector leg; it is for
	// measurements.
	Force Plan
	// Lexical asks about the lexical leg; Candidates is then the number of
	// documents that hold a term of the query.
	Lexical    bool
	Candidates float64
	Costs      Costs
}

// Candidate is a plan with its estimated cost. Reason says why a plan was not
// considered; its cost is then meaningless and left 0.
type Candidate struct {
	Plan   Plan    `json:"plan"`
	Cost   float64 `json:"cost_ns"`
	Reason string  `json:"reason,omitempty"`
}

// Decision is the answer of Choose.
type Decision struct {
	Plan Plan
	Cost float64 // nanoseconds, estimated
	// List says that the matching rows are to be listed before the search starts;
	// otherwise the filter is probed row by row.
	List bool
	// EfSearch is the candidate list to use: for TraverseThenFilter it is widened
	// by what the filter is expected to take away.
	EfSearch int
	// Fetch is how many candidates TraverseThenFilter takes at a time.
	Fetch int
	// Budget is how many nodes a FilteredTraversal may visit before the Fallback is the
	// better way: matching rows may be rarer than estimated, or lie far from the query.
	Budget int
	// Fallback is the plan that misses no row, for when an approximate one comes back
	// with too few.
	Fallback Plan
	// k, unit and exact let GiveUp compare: rows wanted, price of one more candidate,
	// price of the exact scan.
	k           int
	unit, exact float64
	// Rejected holds the other plans, cheapest first, then the impossible ones.
	Rejected []Candidate
}

// option is a plan under consideration.
type option struct {
	plan   Plan
	cost   float64
	own    float64 // cost without that of giving up
	list   bool
	ef     int
	reason string // not empty: impossible
}

// Choose returns the cheapest plan for in.
//
// Equal costs go to the plan that is exact. A filter that is known to match
// nothing, and k = 0, end in NoMatches at once.
func Choose(in Input) Decision {
	if in.K <= 0 || in.Rows <= 0 && !in.Lexical {
		return Decision{Plan: NoMatches, EfSearch: in.EfSearch}
	}
	if f := in.Filter; f != nil && f.Counted && f.Matches == 0 {
		return Decision{Plan: NoMatches, EfSearch: in.EfSearch}
	}
	if in.Lexical {
		return pick(in, lexicalOptions(in))
	}
	return pick(in, vectorOptions(in))
}

func vectorOptions(in Input) []option {
	c, f := in.Costs, in.Filter
	if f == nil {
		opts := []option{
			{plan: ExactScan, cost: c.ExactAll(in)},
			{plan: Traversal, cost: c.Traverse(in, in.EfSearch), ef: in.EfSearch},
		}
		if in.Exact {
			opts[1].reason = "an exact search was asked for"
		}
		force(in, opts)
		return opts
	}
	widened := width(in)
	probe, listed := c.FilteredTraversal(in, false), c.FilteredTraversal(in, true)
	opts := []option{
		{plan: ExactScan, cost: c.Exact(in), list: true},
		{plan: FilteredTraversal, cost: min(probe, listed), list: listed < probe, ef: in.EfSearch},
		{plan: TraverseThenFilter, cost: c.TraverseThenFilter(in, widened), ef: widened},
	}
	if f.Included != nil {
		opts = append(opts, option{plan: CodeScan, cost: c.CodeScan(in)})
	}
	for i := range opts[1:] {
		o := &opts[i+1]
		switch {
		case in.Exact:
			o.reason = "an exact search was asked for"
		case o.plan == CodeScan:
			// It meets all rows that pass: none is too few.
			if !in.Codes {
				o.reason = "the index's codes are too coarse"
			}
		case f.Counted && f.Matches <= float64(in.K):
			// The graph cannot do better than return them all, and may miss some.
			o.reason = "no more rows match than are wanted"
		case f.Counted && f.Matches <= ScanAlways(in):
			o.reason = "too few matching rows for a graph to find"
		}
	}
	for i := range opts {
		opts[i].own = opts[i].cost
	}
	if f.Far > 0 {
		// A traversal that gives up has the other plan to pay as well.
		_, other := fallback(in, opts)
		for i := range opts {
			if o := &opts[i]; o.plan == FilteredTraversal || o.plan == TraverseThenFilter {
				o.cost += f.Far * other
			}
		}
	}
	force(in, opts)
	return opts
}

// force leaves only the plan that was asked for.
func force(in Input, opts []option) {
	if in.Force == "" {
		return
	}
	for i := range opts {
		if opts[i].plan == in.Force {
			opts[i].reason = ""
		} else {
			opts[i].reason = "another plan was asked for"
		}
	}
}

// ScanAlways is the number of matching rows below which a graph is not trusted to
// reach them: filtered traversals lose recall when matching nodes are so sparse
// that they are no longer connected with each other, and a scan of so few rows is
// cheap in any case. 0.3 % of the rows, at least 1,000 and at most 20,000.
func ScanAlways(in Input) float64 {
	return math.Min(20_000, math.Max(1_000, 0.003*float64(in.Rows)))
}

// width returns the candidate list that a filter calls for: one that holds the k
// nearest matching rows with room to spare. They are among about k/selectivity rows,
// and the list's far end is where rows are missed.
func width(in Input) int {
	s := math.Max(selectivity(in), 1e-6)
	ef := float64(in.EfSearch)
	want := 1.4*float64(in.K)/s + ef*(1+s/2)
	return int(math.Max(1, math.Min(want, float64(in.Rows))))
}

func lexicalOptions(in Input) []option {
	c, f := in.Costs, in.Filter
	if f == nil {
		return []option{{plan: LexicalScan, cost: c.LexicalScan(in)}}
	}
	return []option{
		{plan: ExactScan, cost: c.LexicalListed(in), list: true},
		{plan: LexicalFirst, cost: c.LexicalFirst(in)},
	}
}

// pick orders the possible options by cost.
func pick(in Input, opts []option) Decision {
	slices.SortStableFunc(opts, func(a, b option) int {
		switch {
		case (a.reason == "") != (b.reason == ""):
			if a.reason == "" {
				return -1
			}
			return 1
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return 0
	})
	best := opts[0]
	d := Decision{Plan: best.plan, Cost: math.Round(best.cost), List: best.list, EfSearch: max(best.ef, in.EfSearch)}
	for _, o := range opts[1:] {
		r := Candidate{Plan: o.plan, Reason: o.reason}
		if o.reason == "" {
			r.Cost = math.Round(o.cost)
		}
		d.Rejected = append(d.Rejected, r)
	}
	d.Fallback, d.exact = fallback(in, opts)
	if best.plan == FilteredTraversal {
		n := visited(in, width(in))
		d.Budget = int(math.Max(1.5*n, n*d.exact/math.Max(best.own, 1)))
	}
	if best.plan == TraverseThenFilter {
		d.Fetch = fetch(in, d.EfSearch)
		d.k, d.unit = in.K, in.Costs.candidate(in, d.EfSearch)
	}
	return d
}

// fallback is the cheaper one of the plans that meet all matching rows.
func fallback(in Input, opts []option) (Plan, float64) {
	plan, cost := ExactScan, math.Inf(1)
	for _, o := range opts {
		if (o.plan == ExactScan || o.plan == CodeScan && in.Codes && !in.Exact) && o.cost < cost {
			plan, cost = o.plan, o.cost
		}
	}
	return plan, cost
}

// GiveUp reports whether a running TraverseThenFilter that tested so many candidates
// and found so many of its rows should switch to the exact scan. The rate at which
// candidates pass so far tells what the rest will cost: matching rows may be rarer
// than estimated, or lie far from the query. The exact scan is cheaper then; and it
// is due in any case when as much was spent as it would have cost, so that a wrong
// estimate at most doubles the time of a search.
func (d *Decision) GiveUp(tested int64, found int) bool {
	spent := float64(tested) * d.unit
	if spent < d.exact/8 && tested < int64(d.Fetch) || tested < 4*int64(d.k) {
		return false // too early to tell
	}
	rate := (float64(found) + 0.5) / float64(tested)
	rest := float64(d.k-found) / rate * d.unit
	return spent > d.exact || rest > d.exact
}

// ListBound is how many matching rows are worth listing to learn their number, for a
// filter with an index behind it and an estimated share p: as many as the best plan
// without the list costs, if the filter may well be so narrow that the exact scan
// is the best plan; else 0.
func ListBound(in Input, p, stdErr float64) int {
	var inc *IncludedInput
	if in.Filter != nil {
		inc = in.Filter.Included
	}
	at := func(share float64) Decision {
		in.Filter = &FilterInput{Matches: share * float64(in.Rows), Indexed: true, Included: inc}
		return Choose(in)
	}
	if at(math.Max(0, p-1.5*stdErr)).Plan != ExactScan {
		return 0
	}
	cost := at(p).Cost
	return int(math.Max(ScanAlways(in), cost/(in.Costs.List+in.Costs.read(in.Dims))))
}
