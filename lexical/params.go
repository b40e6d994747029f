package lexical

import (
	"fmt"
	"math"
	"strings"
)

// Limits and defaults of Params.
const (
	DefaultAnalyzer = "standard"
	DefaultK1       = 1.2
	DefaultB        = 0.75
	MaxColumns      = 64
	MaxBoost        = 1000
)

// Params are the options of an index, fixed when it is created.
type Params struct {
	// Columns are the indexed columns in the order of the texts handed to Insert.
	Columns []Column
	// Analyzer names the analyzer of columns that name none; "" is "standard".
	// Analyzers lists the names; ngram(min, max), edge_ngram(min, max) and
	// definitions in JSON are analyzers too:
	//
	//	{"char_filters": ["html"], "tokenizer": "unicode", "token_filters": ["to_lower",
	//	 {"type": "stop", "words": ["the"]}, {"type": "synonyms", "groups": [["car", "automobile"]]}]}
	Analyzer string
	// K1 is BM25's term frequency saturation; 0 means 1.2. Range 0.01 to 100.
	K1 float64
	// B is BM25's length normalization, 0 to 1; 0 means 0.75, and a negative
	// value means none at all (b = 0).
	B float64
	// Scoring chooses the formula; "" is ScoringBM25.
	Scoring string
}

// The values of Params.Scoring.
const (
	// ScoringBM25 is BM25 as in the literature and in FTS5, summed over the words
	// of the query.
	ScoringBM25 = "bm25"
	// ScoringBleve runs queries through bleve's own searchers, whose BM25 takes
	// the square root of the frequency, squares the idf and multiplies by the share
	// of the query's words found. It finds less on long documents (see
	// docs/format-lexical.md). It has no boosts of columns, and k1 and b are fixed.
	ScoringBleve = "bleve"
)

// Column is one indexed column.
type Column struct {
	// Name is the field name in queries: `name:word`.
	Name string
	// Analyzer of this column; "" means that of Params.
	Analyzer string
	// Boost multiplies the weight of the column's words; 0 means 1. Range above 0
	// to 1000.
	Boost float64
}

// Normalize returns p with the documented defaults filled in.
func (p Params) Normalize() Params {
	if p.Analyzer == "" {
		p.Analyzer = DefaultAnalyzer
	}
	if p.Scoring == "" {
		p.Scoring = ScoringBM25
	}
	if p.K1 == 0 {
		p.K1 = DefaultK1
	}
	switch {
	case p.B == 0:
		p.B = DefaultB
	case p.B < 0 && p.B >= -1:
		p.B = -1
	}
	columns := make([]Column, len(p.Columns))
	for i, c := range p.Columns {
		if c.Analyzer == "" {
			c.Analyzer = p.Analyzer
		}
		if c.Boost == 0 {
			c.Boost = 1
		}
		columns[i] = c
	}
	p.Columns = columns
	return p
}

// Validate reports the first option that is out of range. It names the option,
// what was given and what is allowed.
func (p Params) Validate() error {
	p = p.Normalize()
	if len(p.Columns) == 0 {
		return fmt.Errorf("no columns, want 1 to %d", MaxColumns)
	}
	if len(p.Columns) > MaxColumns {
		return fmt.Errorf("got %d columns, want 1 to %d", len(p.Columns), MaxColumns)
	}
	if _, err := newAnalyzer(p.Analyzer); err != nil {
		return err
	}
	if !(p.K1 >= 0.01 && p.K1 <= 100) {
		return fmt.Errorf("k1 is %v, want a number from 0.01 to 100", p.K1)
	}
	if !(p.B == -1 || p.B >= 0 && p.B <= 1) {
		return fmt.Errorf("b is %v, want a number from 0 to 1", p.B)
	}
	if p.Scoring != ScoringBM25 && p.Scoring != ScoringBleve {
		return fmt.Errorf("unknown scoring %q, want %s or %s", p.Scoring, ScoringBM25, ScoringBleve)
	}
	if p.Scoring == ScoringBleve && (p.K1 != DefaultK1 || p.B != DefaultB) {
		return fmt.Errorf("k1 is %v and b is %v, want %v and %v with scoring %s", p.K1, p.B, DefaultK1, DefaultB, ScoringBleve)
	}
	seen := make(map[string]bool, len(p.Columns))
	for i, c := range p.Columns {
		if c.Name == "" {
			return fmt.Errorf("column %d has no name", i+1)
		}
		if seen[strings.ToLower(c.Name)] {
			return fmt.Errorf("column %q appears twice", c.Name)
		}
		seen[strings.ToLower(c.Name)] = true
		if _, err := newAnalyzer(c.Analyzer); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
		if !(c.Boost > 0 && c.Boost <= MaxBoost) || math.IsNaN(c.Boost) {
			return fmt.Errorf("column %q: boost is %v, want a number above 0, at most %d", c.Name, c.Boost, MaxBoost)
		}
		if p.Scoring == ScoringBleve && c.Boost != 1 {
			return fmt.Errorf("column %q: boost is %v, want 1 with scoring %s", c.Name, c.Boost, ScoringBleve)
		}
	}
	return nil
}

// b is the length normalization with the marker for "none" resolved.
func (p Params) b() float64 {
	if p.B < 0 {
		return 0
	}
	return p.B
}
