package sqlext

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
	plans "github.com/nearlite/nearlite/planner"
)

// Counters are what all connections of the process have done since it started. They
// are for metrics: nothing depends on them.
type Counters struct {
	// Plans counts searches by leg, "vector" or "lexical", and plan.
	Plans map[[2]string]int64
	// Vectors of a table that searches compared: found in memory, and read.
	VectorHits, VectorMisses int64
	// Blocks of vector indexes that searches used, and those that had to be read.
	BlockHits, BlockMisses int64
	// Bytes held in memory.
	BlockBytes, VectorBytes, LexicalBytes int64
}

// IndexSize is the size of an index at its last use.
type IndexSize struct {
	File  string // of the database
	Index string // schema.name
	Kind  string // hnsw or lexical
	Rows  int64
	Bytes int64
}

var (
	vectorHits, vectorMisses, blockHits, blockMisses atomic.Int64

	countersMu sync.Mutex
	planCounts = map[[2]string]int64{}
	indexSizes = map[[2]string]IndexSize{} // by file and index
)

// mostSizes bounds the indexes remembered; those of files that nobody has open are
// of no interest.
const mostSizes = 10_000

// ReadCounters returns the counters.
func ReadCounters() Counters {
	countersMu.Lock()
	p := maps.Clone(planCounts)
	countersMu.Unlock()
	return Counters{
		Plans: p, VectorHits: vectorHits.Load(), VectorMisses: vectorMisses.Load(),
		BlockHits: blockHits.Load(), BlockMisses: blockMisses.Load(),
		BlockBytes: hnsw.SharedCache().Bytes(), VectorBytes: hnsw.SharedCache().VectorBytes(), LexicalBytes: lexical.SharedCache().Bytes(),
	}
}

// IndexSizes lists the indexes used so far, by file and name.
func IndexSizes() []IndexSize {
	countersMu.Lock()
	out := slices.Collect(maps.Values(indexSizes))
	countersMu.Unlock()
	slices.SortFunc(out, func(a, b IndexSize) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Index, b.Index))
	})
	return out
}

func countPlan(leg string, plan plans.Plan) {
	countersMu.Lock()
	planCounts[[2]string{leg, string(plan)}]++
	countersMu.Unlock()
}

// countSearch adds what a search of a vector index did.
func countSearch(st hnsw.SearchStats) {
	vectorHits.Add(int64(st.Kept))
	vectorMisses.Add(int64(st.Rescored - st.Kept))
	blockHits.Add(int64(max(0, st.Visited+st.Expanded-st.Loaded)))
	blockMisses.Add(int64(st.Loaded))
}

// noteSize remembers the size of an index, at its opening and after a commit.
func (t *indexTable) noteSize() {
	file := t.cat.conn.Filename(t.schema)
	if file == "" || t.engine == nil {
		return
	}
	rows, bytes, err := t.engine.Size()
	if err != nil {
		return // a search says so
	}
	countersMu.Lock()
	defer countersMu.Unlock()
	if len(indexSizes) >= mostSizes {
		clear(indexSizes)
	}
	indexSizes[[2]string{file, t.label()}] = IndexSize{file, t.label(), t.module, rows, bytes}
}

// forgetSize drops an index that is gone.
func (t *indexTable) forgetSize() {
	countersMu.Lock()
	defer countersMu.Unlock()
	delete(indexSizes, [2]string{t.cat.conn.Filename(t.schema), t.label()})
}
