package hnsw

import (
	"math"
	"time"
)

// SearchOptions are the knobs of one search. The zero value asks for ten hits
// with the index's own settings.
type SearchOptions struct {
	K        int // hits wanted; 0 means 10
	EfSearch int // candidates kept; 0 means the index's setting. Raised to K

	// Recall, unless 0, is aimed at by choosing EfSearch where that is 0.
	Recall float64

	// Oversample is how many candidates are rescored with the vectors of the
	// table, at least K. 0 means a default that suits the quantization.
	Oversample int

	// Filter, when set, is asked about rows while the graph is traversed, at most
	// once per row. Hits are rows that it allows.
	Filter Filter

	// Attrs, when set, decides about rows by their attributes; Filter is asked where
	// it does not know, and must be set, too, if that can happen. A row passes if one
	// of them says so: Filter stands for the whole condition.
	Attrs *AttrFilter

	// Verdicts, when set, are what Filter is known to say, and take down what it says
	// now. They count before Attrs.
	Verdicts *Verdicts

	// FilterHint estimates the share of rows that Filter allows, from 0 to 1.
	// 0 means unknown: the search then learns it as it goes.
	FilterHint float64

	// MaxVisited ends a traversal that has visited as many nodes and has not found its
	// hits: those it has are returned, and SearchStats.Stopped is set. 0 means no bound.
	MaxVisited int

	// MaxDistance drops hits farther than this. 0, NaN and +Inf mean no bound.
	MaxDistance float64

	// resumable says that the search will go on beyond its first rows.
	resumable bool

	// Exact compares the query with every row of the table instead of traversing.
	Exact bool
}

// filtered reports whether a condition restricts the search.
func (o *SearchOptions) filtered() bool { return o.Filter != nil || o.Attrs != nil }

// bounded reports whether MaxDistance bounds the search.
func (o *SearchOptions) bounded() bool {
	return o.MaxDistance != 0 && !math.IsNaN(o.MaxDistance) && !math.IsInf(o.MaxDistance, 1)
}

// Filter decides which rows a search may return.
type Filter interface {
	Allows(rowid RowID) (bool, error)
}

// FilterFunc makes a Filter of a function.
type FilterFunc func(rowid RowID) (bool, error)

// Allows calls f.
func (f FilterFunc) Allows(rowid RowID) (bool, error) { return f(rowid) }

// Hit is a row that a search found.
type Hit struct {
	RowID    RowID
	Distance float64 // as vector.Metric.Distance reports it: small is near
}

// SearchStats says what a search did.
type SearchStats struct {
	Visited   int // nodes whose code was compared with the query
	Expanded  int // nodes whose links were followed
	Rescored  int // vectors of the table that were compared
	Filtered  int // rows the filter was asked about
	Allowed   int // rows the filter allowed
	Attrs     int // rows looked at through their attributes
	Loaded    int // blocks read from the store
	Kept      int // of those, found in memory (KeepVectors)
	StaleRows int // entries without a vector in the table, skipped
	Exact     bool
	Stopped   bool // MaxVisited ended the search
}

// Stats describes an index.
type Stats struct {
	Rows       int64 // rows indexed
	Nodes      int64 // nodes of the graph; fewer than Rows when rows share vectors
	FreeNodes  int64 // node ids to be used again
	MaxLevel   int   // highest layer, -1 when empty
	LevelNodes []int64
	Bytes      map[Part]int64 // bytes of data by part
	EfSearch   int            // candidates kept by a search for 10 that names none
	Recall     float64        // that it aims at, 0 if it has a fixed EfSearch
	LogRows    int64
	LogBytes   int64
	CacheBytes int64 // bytes of this index in the process's cache

	// Built is how long the last Build took, 0 if this process did none. It is not
	// stored: equal rows would not give equal files.
	Built time.Duration

	// EstimatedRecall is the recall of a search for 10 with EfSearch, measured now with
	// the probes that are left; NaN where there are too few.
	EstimatedRecall float64
	Probes          int   // rows that serve as queries to measure recall
	Churn           int64 // rows inserted or deleted since those were chosen
}
