package hnsw_test

import (
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// senses reads testdata/wordnet: rows, and queries that are none of them.
func senses(t testing.TB) (rows, queries [][]float32) {
	t.Helper()
	f, err := os.Open("testdata/wordnet/senses.i8.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	const dims, n = 64, 5000
	for ; len(b) >= dims; b = b[dims:] {
		v := make([]float32, dims)
		for i := range v {
			v[i] = float32(int8(b[i]))
		}
		rows = append(rows, v)
	}
	return rows[:n], rows[n : n+200]
}

// truth returns the distance of the k-th nearest row to each query.
func (t table) truth(m vector.Metric, queries [][]float32, k int) []float64 {
	out := make([]float64, len(queries))
	for i, q := range queries {
		near := t.nearest(m, q, k, nil)
		out[i] = near[len(near)-1].Distance
	}
	return out
}

// recall searches for all queries and returns the share of the k nearest that it finds.
func (e *env) recallOf(queries [][]float32, truth []float64, opt hnsw.SearchOptions) float64 {
	e.t.Helper()
	found := 0
	for i, q := range queries {
		hits, _, err := e.ix.Search(context.Background(), q, opt)
		e.ok(err)
		for _, h := range hits {
			if h.Distance <= truth[i] {
				found++
			}
		}
	}
	return float64(found) / float64(opt.K*len(queries))
}

// TestRecallAskedFor asks for recalls and measures them with queries that are not
// among the rows, on a fresh index and after many of its rows have changed.
func TestRecallAskedFor(t *testing.T) {
	rows, queries := senses(t)
	for _, c := range []struct {
		name string
		p    hnsw.Params
	}{
		{"int8", hnsw.Params{Dims: 64, M: 6, EfConstruction: 40}},
		{"none", hnsw.Params{Dims: 64, M: 6, EfConstruction: 40, Quantize: hnsw.None}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEnv(t, c.p)
			e.fill(rows[:4000])
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
			verify := func(when string) {
				t.Helper()
				for _, k := range []int{10, 40} {
					truth := e.base.truth(c.p.Metric, queries, k)
					last := 0
					for _, asked := range []float64{0.8, 0.9, 0.95, 0.99} {
						ef, err := e.ix.EfFor(k, asked)
						e.ok(err)
						got := e.recallOf(queries, truth, hnsw.SearchOptions{K: k, Recall: asked})
						t.Logf("%s: k %d, recall %v asked for: ef %d, recall %.4f", when, k, asked, ef, got)
						// The queries are sentences, and most of the senses they are for are not
						// among the rows: they are harder than the probes, by a little.
						if got < asked-0.05 {
							t.Errorf("%s: k %d: recall is %.4f at ef %d, want %v", when, k, got, ef, asked)
						}
						if ef < last || ef > 600 {
							t.Errorf("%s: k %d: ef is %d for a recall of %v, %d for the one before", when, k, ef, asked, last)
						}
						last = ef
					}
				}
			}
			verify("fresh")
			st, err := e.ix.Stats()
			e.ok(err)
			truth := e.base.truth(c.p.Metric, queries, 10)
			got := e.recallOf(queries, truth, hnsw.SearchOptions{K: 10})
			if d := st.EstimatedRecall - got; st.Probes < 150 || math.Abs(d) > 0.04 {
				t.Errorf("estimated recall at ef %d is %.4f with %d probes, measured %.4f", st.EfSearch, st.EstimatedRecall, st.Probes, got)
			}
			// A fifth of the rows goes and as many come, probes and answers among them.
			for from := 0; from < 800; from += 100 {
				e.write(func() {
					for i := from; i < from+100; i++ {
						delete(e.base, hnsw.RowID(5*i+1))
						_, err := e.ix.Delete(hnsw.RowID(5*i + 1))
						e.ok(err)
						r := hnsw.RowID(4001 + i)
						e.base[r] = rows[r-1]
						e.ok(e.ix.Insert(r, rows[r-1]))
					}
				})
			}
			verify("after changes")
			st, err = e.ix.Stats()
			e.ok(err)
			truth = e.base.truth(c.p.Metric, queries, 10)
			got = e.recallOf(queries, truth, hnsw.SearchOptions{K: 10})
			if math.Abs(st.EstimatedRecall-got) > 0.04 {
				t.Errorf("estimated recall at ef %d is %.4f with %d probes, measured %.4f", st.EfSearch, st.EstimatedRecall, st.Probes, got)
			}
			if st.Churn > 4000/4 || st.Probes < 100 {
				t.Errorf("%d rows have changed since the %d probes were chosen", st.Churn, st.Probes)
			}
		})
	}
}

// TestRecallGrows measures recall of an index that was never built: its commits do.
func TestRecallGrows(t *testing.T) {
	rows, queries := senses(t)
	e := newEnv(t, hnsw.Params{Dims: 64, M: 6, EfConstruction: 40, Recall: 0.97})
	add := func(from, to int) {
		e.write(func() {
			for i := from; i < to; i++ {
				e.base[hnsw.RowID(i+1)] = rows[i]
				e.ok(e.ix.Insert(hnsw.RowID(i+1), rows[i]))
			}
		})
	}
	add(0, 400)
	st, err := e.ix.Stats()
	e.ok(err)
	if st.Probes != 0 || !math.IsNaN(st.EstimatedRecall) || st.Recall != 0.97 {
		t.Errorf("400 rows: %d probes, estimated recall %v, recall %v", st.Probes, st.EstimatedRecall, st.Recall)
	}
	for n := 400; n < 4000; n += 200 {
		add(n, n+200)
	}
	st, err = e.ix.Stats()
	e.ok(err)
	if st.Probes < 100 || st.Churn > 1000 {
		t.Errorf("4000 rows: %d probes, %d rows changed since", st.Probes, st.Churn)
	}
	truth := e.base.truth(vector.Cosine, queries, 10)
	if got := e.recallOf(queries, truth, hnsw.SearchOptions{K: 10}); got < 0.94 {
		t.Errorf("recall is %.4f at ef %d, want 0.97", got, st.EfSearch)
	}
	// A fixed ef takes its place, and gives it back.
	e.write(func() { e.ok(e.ix.SetEfSearch(33)) })
	if ef, err := e.ix.EfSearch(); err != nil || ef != 33 {
		t.Errorf("ef_search is %d, %v, want 33", ef, err)
	}
	e.write(func() { e.ok(e.ix.SetRecall(0.9)) })
	e.reopen()
	low, err := e.ix.EfSearch()
	e.ok(err)
	if low < 10 || low >= st.EfSearch {
		t.Errorf("ef is %d for a recall of 0.9, %d for 0.97", low, st.EfSearch)
	}
	// Nothing is left of the probes when nothing is left of the rows.
	e.write(func() {
		for r := range e.base {
			_, err := e.ix.Delete(r)
			e.ok(err)
		}
		clear(e.base)
		e.ok(e.ix.Optimize(context.Background()))
	})
	if n := len(e.conn.Rows(hnsw.PartConfig)); n != 1 {
		t.Errorf("an empty index has %d rows in config, want 1", n)
	}
}

func TestRecallOutOfRange(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 2})
	for _, r := range []float64{-0.1, 1, 1.5, math.NaN(), math.Inf(1)} {
		if _, err := e.ix.EfFor(10, r); err == nil {
			t.Errorf("a recall of %v was accepted", r)
		}
		if err := hnsw.Create(e.conn, hnsw.Params{Dims: 2, Recall: r}); err == nil {
			t.Errorf("an index was created with a recall of %v", r)
		}
	}
}
