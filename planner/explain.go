package planner

import (
	"bytes"
	"encoding/json"
	"time"
)

// Explain is the record of one search: what was chosen, why, and what it cost.
// docs/planner.md describes each field.
type Explain struct {
	Search string         `json:"search"` // vector, lexical, hybrid
	K      int            `json:"k"`
	Rows   int            `json:"rows"` // returned
	Plan   Plan           `json:"plan"` // of the vector leg, else of the only leg
	Filter *FilterExplain `json:"filter,omitempty"`
	Legs   []LegExplain   `json:"legs"`
	Fusion *FusionExplain `json:"fusion,omitempty"`
	// Prices are the factors by which this machine is slower than the one whose prices
	// the planner has.
	Prices Prices `json:"prices"`
	Times  Times  `json:"time_us"`
}

// Prices are the factors of Costs.Scaled.
type Prices struct {
	Graph float64 `json:"graph"`
	Host  float64 `json:"host"`
}

// FilterExplain says what was learned about the filter.
type FilterExplain struct {
	SQL string `json:"sql"`
	// Access is how the host finds the matching rows: "index" or "scan".
	Access string `json:"access"`
	// Source is where the estimate is from if not from a sample: "sqlite_stat1" or "sqlite_stat4".
	Source string `json:"source,omitempty"`
	// Included says what the columns that the index keeps decide: "all", "part", or
	// nothing.
	Included string `json:"included,omitempty"`
	// Remembered is of how many rows earlier searches have left the answer.
	Remembered  int64 `json:"remembered,omitempty"`
	Selectivity Share `json:"selectivity"`
	// Listed is the number of matching rows listed; -1: they were never listed to
	// the end.
	Listed int64 `json:"listed"`
	// Probes counts rows tested one by one, the sample included.
	Probes  int64 `json:"probes"`
	Sampled int   `json:"sampled"`
}

// Share is the share of rows that pass, as estimated before and as seen
// afterwards; Actual is nil when the search ended without knowing.
type Share struct {
	Estimated float64  `json:"estimated"`
	Actual    *float64 `json:"actual"`
}

// LegExplain is one leg of the search.
type LegExplain struct {
	Leg      string      `json:"leg"` // vector, lexical
	Index    string      `json:"index"`
	Plan     Plan        `json:"plan"`
	Cost     float64     `json:"cost_ns"`
	Rejected []Candidate `json:"rejected"`
	// Switched says why a running plan was given up for the exact one.
	Switched     string  `json:"switched,omitempty"`
	IndexRows    int64   `json:"index_rows"`
	EfSearch     int     `json:"ef_search,omitempty"`
	Depth        int     `json:"depth"`
	Rows         int     `json:"rows"`
	NodesVisited int64   `json:"nodes_visited"`
	Distances    int64   `json:"distances"`
	Probes       int64   `json:"filter_probes"`
	TimeUS       float64 `json:"time_us"`
}

// FusionExplain says how the legs were joined.
type FusionExplain struct {
	Method       Method        `json:"method"`
	Weight       float64       `json:"weight"`
	Support      float64       `json:"support,omitempty"`
	RankConstant float64       `json:"rank_constant,omitempty"`
	Normalize    Normalization `json:"normalize,omitempty"`
	Tuned        bool          `json:"tuned,omitempty"` // fusion_tune chose it
	Depth        int           `json:"depth"`
	Candidates   int           `json:"candidates"`
}

// Times are microseconds for each stage. A leg's time is from reading its query and
// finding the state of its index to its rows, also in a search that has that leg alone.
type Times struct {
	Prepare float64 `json:"prepare"` // arguments, options, names, the filter's compilation
	Filter  float64 `json:"filter"`  // sampling and listing, within the legs
	Vector  float64 `json:"vector"`
	Lexical float64 `json:"lexical"`
	Fuse    float64 `json:"fuse"` // fusion, grouping, diversity
	Total   float64 `json:"total"`
}

// Microseconds converts a duration for Times, to a tenth.
func Microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()/100) / 10 }

// JSON returns the record as one line of JSON.
func (e *Explain) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // filters are full of < and >
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
