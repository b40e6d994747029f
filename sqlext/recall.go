package sqlext

import (
	"math"
	"math/rand/v2"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// nearlite_recall(index [, n [, k]]) measures what share of the k nearest rows a
// search finds with the index's own settings: for n random rows of the table it
// searches for the row's vector, and compares with an exact scan of all rows.

const (
	recallSample    = 100
	maxRecallSample = 10_000
	maxRecallK      = 1_000
)

func (cat *catalog) measureRecall(ctx host.Context, args []host.Value) {
	const fn = "nearlite_recall"
	if args[0].Kind != host.Text {
		ctx.ResultError(mismatchf("%s: the index is %s, want its name", fn, args[0].KindName()))
		return
	}
	counts := [2]int{recallSample, defaultK}
	for i, most := range [2]int{maxRecallSample, maxRecallK} {
		if len(args) < i+2 || args[i+1].IsNull() {
			continue
		}
		n, err := countArg(fn, []string{"n", "k"}[i], args[i+1])
		if err == nil && (n < 1 || n > most) {
			err = errorf("%s: %s is %d, want a whole number from 1 to %d", fn, []string{"n", "k"}[i], n, most)
		}
		if err != nil {
			ctx.ResultError(err)
			return
		}
		counts[i] = n
	}
	t, err := cat.vectorIndex(args[0].String())
	if err != nil {
		ctx.ResultError(err)
		return
	}
	t.enter()
	defer t.leave()
	recall, err := t.recall(counts[0], counts[1])
	if err != nil {
		ctx.ResultError(err)
		return
	}
	if math.IsNaN(recall) {
		return // NULL: there is nothing to find
	}
	ctx.ResultValue(host.FloatValue(recall))
}

// probeRow is a row whose vector is searched for.
type probeRow struct {
	rowid int64
	vec   []float32
	best  nearestK
}

// recall is NaN when the index has fewer than two rows.
func (t *vectorTable) recall(n, k int) (float64, error) {
	sample, err := t.sampleRows(n)
	if err != nil {
		return 0, err
	}
	for i := range sample {
		sample[i].best.k = k
	}
	// One pass over the table for all of them.
	ctx, step, metric := t.cat.context(), 0, t.params.Metric
	err = t.eachVector(t.base, func(rowid int64, vec []float32, _ []hnsw.Attr) error {
		if step++; step%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range sample {
			p := &sample[i]
			if d := metric.Distance(p.vec, vec); rowid != p.rowid && d == d {
				p.best.add(hnsw.Hit{RowID: rowid, Distance: d})
			}
		}
		return nil
	})
	if err != nil {
		return 0, t.wrap(err)
	}
	found, wanted := 0, 0
	for i := range sample {
		p := &sample[i]
		exact := p.best.sorted()
		if len(exact) == 0 {
			continue
		}
		hits, _, err := t.index.Search(ctx, p.vec, hnsw.SearchOptions{K: k + 1})
		if err != nil {
			return 0, t.wrap(err)
		}
		got := 0
		for _, h := range hits {
			// As near as the farthest that is wanted: rows at one distance are as good.
			if h.RowID != p.rowid && h.Distance <= exact[len(exact)-1].Distance {
				got++
			}
		}
		found += min(got, len(exact))
		wanted += len(exact)
	}
	return float64(found) / float64(wanted), nil
}

// sampleRows draws n different rows that have a vector, or all if there are no more.
func (t *vectorTable) sampleRows(n int) ([]probeRow, error) {
	// Reservoir sampling over the rows in their order; the draw is the same each time.
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []int64
	seen := 0
	err := t.index.Scan(func(rowid int64) (bool, error) {
		seen++
		if len(rows) < n {
			rows = append(rows, rowid)
		} else if at := rng.IntN(seen); at < n {
			rows[at] = rowid
		}
		return true, nil
	})
	if err != nil {
		return nil, t.wrap(err)
	}
	out := make([]probeRow, 0, len(rows))
	source := baseVectors{t}
	for _, rowid := range rows {
		v, ok, err := source.Vector(rowid, nil)
		if err != nil {
			return nil, t.wrap(err)
		}
		if ok {
			out = append(out, probeRow{rowid: rowid, vec: append([]float32(nil), v...)})
		}
	}
	return out, nil
}
