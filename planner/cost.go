package planner

import "math"

// Costs are the prices of the elementary steps of a search, in nanoseconds.
// DefaultCosts are those measured on a 2-core x86-64 machine with SQLite compiled to
// WebAssembly; docs/planner.md says how.
type Costs struct {
	// Node is the fixed part of visiting a graph node: finding its block, testing
	// the visited set, keeping the candidate list.
	Node float64
	// Dim is the price of one dimension of a distance on the index's codes.
	Dim float64
	// Place is what each place of the candidate list adds to each visit: the list is
	// kept sorted.
	Place float64
	// Rescore is reading one base vector by rowid and computing its true distance,
	// without the dimensions; RescoreDim is the price of one dimension of that.
	Rescore    float64
	RescoreDim float64
	// Read is the same for a row that a running statement delivers.
	Read    float64
	ReadDim float64
	// Probe is testing the filter on one row by rowid.
	Probe float64
	// Member is testing one row against a list of matching rows.
	Member float64
	// Sweep is a look at one row's included columns while all are looked at, Attr while
	// a traversal asks about a single one.
	Sweep float64
	Attr  float64
	// Code is the fixed part of comparing one code while they come one after the other.
	Code float64
	// List is one row of a listing that the host finds through an index.
	List float64
	// ListScan is one row of the table when the host has to read all of it to list
	// the matching ones.
	ListScan float64
	// Posting is scoring one document for one query.
	Posting float64
	// Resume is making a traversal that can be resumed: memory of its own.
	Resume float64
	// Start is what any search pays: opening cursors, copying the query.
	Start float64
}

// DefaultCosts returns the measured prices.
func DefaultCosts() Costs {
	return Costs{
		Node:       30,
		Dim:        0.07,
		Place:      0.04,
		Rescore:    1_500,
		RescoreDim: 0.9,
		Read:       500,
		ReadDim:    0.5,
		Probe:      1_200,
		Member:     80,
		Sweep:      2,
		Attr:       40,
		Code:       8,
		List:       250,
		ListScan:   450,
		Posting:    60,
		Start:      4_000,
		Resume:     20_000,
	}
}

// Scaled returns the prices on a machine that compares codes graph times as slowly, and
// whose host runs statements host times as slowly, as where the prices were measured.
func (c Costs) Scaled(graph, host float64) Costs {
	for _, p := range []*float64{&c.Node, &c.Dim, &c.Place, &c.Member, &c.Sweep, &c.Attr, &c.Code, &c.Posting} {
		*p *= graph
	}
	for _, p := range []*float64{&c.Rescore, &c.RescoreDim, &c.Read, &c.ReadDim, &c.Probe, &c.List, &c.ListScan, &c.Start, &c.Resume} {
		*p *= host
	}
	return c
}

// visit is the price of visiting one node with a candidate list of ef places.
func (c Costs) visit(dims, ef int) float64 {
	return c.Node + c.Dim*float64(dims) + c.Place*float64(ef)
}

// rescore is the price of one true distance by rowid.
func (c Costs) rescore(dims int) float64 { return c.Rescore + c.RescoreDim*float64(dims) }

// read is the price of one true distance of a delivered row.
func (c Costs) read(dims int) float64 { return c.Read + c.ReadDim*float64(dims) }

// visitedPerCandidate is how many nodes a traversal visits for each place of its
// candidate list. Every expansion looks at up to 2M neighbors on the ground layer,
// of which about two thirds were seen before; the rest are new. Measured on real
// embeddings it is close to 0.7 M, whatever the list's size.
func visitedPerCandidate(in Input) float64 {
	m := in.M
	if m == 0 {
		m = 16
	}
	return 0.7 * float64(m)
}

// visited is the number of nodes an unfiltered traversal with candidate list ef
// visits: the ground layer as above, and the descent, M neighbors for each of the
// log_M(rows) layers. No more than there are.
func visited(in Input, ef int) float64 {
	m := math.Max(float64(in.M), 2)
	if in.M == 0 {
		m = 16
	}
	rows := float64(in.Rows)
	descent := m * math.Log(math.Max(rows, 2)) / math.Log(m)
	return math.Min(rows, float64(max(ef, in.K))*visitedPerCandidate(in)+descent)
}

// rescored is how many candidates get their true distance after a traversal on
// codes: three for each row wanted, at least 30.
func rescored(in Input) float64 { return math.Max(30, 3*float64(in.K)) }

// selectivity is the share of rows that pass the filter.
func selectivity(in Input) float64 {
	if in.Filter == nil {
		return 1
	}
	return math.Min(1, math.Max(in.Filter.Matches, 0)/math.Max(float64(in.Rows), 1))
}

// listing is the price of getting all matching rows from the host: nothing when it
// was done already, one index entry for each match where an index serves the
// filter, and the whole table otherwise.
func (c Costs) listing(in Input) float64 {
	switch f := in.Filter; {
	case f.Listed:
		return 0
	case f.Indexed:
		return f.Matches * c.List
	default:
		return float64(in.Rows) * c.ListScan
	}
}

// ExactAll is the price of an exact scan without a filter: one true distance for
// each row.
func (c Costs) ExactAll(in Input) float64 {
	return c.Start + float64(in.Rows)*c.rescore(in.Dims)
}

// Exact is the price of an exact scan of the matching rows: one statement that
// finds them, as a listing would, and delivers their vectors. That they may have
// been listed before does not help: the statement finds them again. What such a scan
// took before is known better than any price.
func (c Costs) Exact(in Input) float64 {
	if in.Filter.ExactSeen > 0 {
		return in.Filter.ExactSeen
	}
	find := float64(in.Rows) * c.ListScan
	if in.Filter.Indexed {
		find = in.Filter.Matches * c.List
	}
	return c.Start + find + in.Filter.Matches*c.read(in.Dims)
}

// Traverse is the price of an unfiltered traversal: the nodes it visits, and the
// true distances of its best candidates.
func (c Costs) Traverse(in Input, ef int) float64 {
	return c.Start + visited(in, ef)*c.visit(in.Dims, ef) + rescored(in)*c.rescore(in.Dims)
}

// FilteredTraversal is the price of a traversal with the filter inside: its list is
// wide enough to hold the rows wanted among those that do not pass, and its rows are
// tested in order of distance until k of them passed and a few more.
//
// listed: the matching rows are listed first and a test is a look at the list;
// otherwise a test is a look at the included columns, or a probe of the base row.
func (c Costs) FilteredTraversal(in Input, listed bool) float64 {
	w := width(in)
	tested := math.Min(float64(w), (float64(in.K)+8)/math.Max(selectivity(in), 1e-6))
	cost := c.Start + visited(in, w)*c.visit(in.Dims, w) + rescored(in)*c.rescore(in.Dims)
	switch inc := in.Filter.Included; {
	case listed:
		return cost + c.listing(in) + tested*c.Member
	case inc != nil:
		ask := math.Min(1, inc.Ask/math.Max(float64(in.Rows), 1))
		return cost + tested*(c.Attr+ask*c.Probe)
	}
	return cost + tested*c.Probe
}

// CodeScan is the price of comparing the codes of all rows that pass by their
// included columns: a look at all rows, unless that was done for an earlier search,
// a probe of each row about which the columns do not decide, one code for each row
// that is left, and the true distances of the nearest.
func (c Costs) CodeScan(in Input) float64 {
	inc := in.Filter.Included
	cost := c.Start + (inc.Yes+inc.Ask)*(c.Code+c.Dim*float64(in.Dims)) + inc.Ask*c.Probe +
		math.Min(rescored(in), in.Filter.Matches)*c.rescore(in.Dims)
	if !inc.Swept {
		cost += float64(in.Rows) * c.Sweep
	}
	return cost
}

// TraverseThenFilter is the price of a traversal that knows nothing of the filter
// and a probe for each of its candidates, in order of distance, until k passed. To
// be as good as an unfiltered one with EfSearch its list has to be wider by
// 1/selectivity. The probes stop earlier: after about k/selectivity, a quarter
// more for luck; the candidates fetched for them are rescored.
func (c Costs) TraverseThenFilter(in Input, widened int) float64 {
	s := math.Max(selectivity(in), 1/math.Max(float64(in.Rows), 1))
	probes := math.Min(float64(in.Rows), 1.25*float64(in.K)/s)
	return c.Start + c.Resume + visited(in, widened)*c.visit(in.Dims, widened) +
		float64(fetch(in, widened))*c.rescore(in.Dims) + probes*c.Probe
}

// fetch is how many candidates TraverseThenFilter takes at a time: a few times what
// it expects to need, because they come in the order of the codes and are put into
// their true order within one fetch.
func fetch(in Input, widened int) int {
	s := math.Max(selectivity(in), 1e-6)
	return int(math.Min(math.Max(30, 2.5*float64(in.K)/s), float64(widened)))
}

// candidate is the price of one more candidate of TraverseThenFilter.
func (c Costs) candidate(in Input, widened int) float64 {
	return visitedPerCandidate(in)*c.visit(in.Dims, widened) + c.rescore(in.Dims) + c.Probe
}

// LexicalScan is the price of scoring every document that holds a query term.
func (c Costs) LexicalScan(in Input) float64 {
	return c.Start + in.Candidates*c.Posting
}

// LexicalListed is the price of listing the matching rows and scoring only those
// documents that are on the list.
func (c Costs) LexicalListed(in Input) float64 {
	return c.LexicalScan(in) + c.listing(in) + in.Candidates*c.Member
}

// LexicalFirst is the price of scoring all documents and probing those that would
// be hits. Documents come in the order of their rows, so that a probe is due
// whenever one beats the k best that passed so far: k/selectivity times one more
// for each time that the number of passing candidates doubles (a record process).
func (c Costs) LexicalFirst(in Input) float64 {
	s := math.Max(selectivity(in), 1e-6)
	k := math.Max(float64(in.K), 1)
	probes := math.Min(math.Max(in.Candidates, 1), k/s*(1+math.Log(math.Max(1, in.Candidates*s/k))))
	return c.LexicalScan(in) + probes*c.Probe
}
