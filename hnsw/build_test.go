package hnsw_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// TestBuildDeterministic builds on one, two and five workers, and once more over what
// was there: all rows must be the same.
func TestBuildDeterministic(t *testing.T) {
	vecs := random(1, 3000, 24)
	var want map[hnsw.Part]map[int64][]byte
	for _, workers := range []int{1, 2, 5, -2} {
		e := newEnv(t, hnsw.Params{Dims: 24, M: 6, EfConstruction: 40})
		e.fill(vecs)
		if workers < 0 { // a rebuild, after changes in the log and in the blocks
			workers = -workers
			e.write(func() { e.ok(hnsw.BuildOn(e.ix, table{7: vecs[7], 9: vecs[9]}.source, 1)) })
			e.write(func() { e.ok(e.ix.Insert(1, vecs[1])) })
			e.write(func() { e.ok(e.ix.Optimize(context.Background())) })
			e.write(func() { e.ok(e.ix.Insert(2, vecs[2])) })
		}
		e.write(func() { e.ok(hnsw.BuildOn(e.ix, e.base.source, workers)) })
		got := e.parts()
		if want == nil {
			want = got
			continue
		}
		for p, rows := range want {
			if !maps.EqualFunc(rows, got[p], bytes.Equal) {
				t.Errorf("%d workers: %v differs from one worker's", workers, p)
			}
		}
	}
}

func TestBuildReplacesAndUndoes(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8})
	e.fill(random(2, 300, 8))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	before := e.parts()

	interrupted := errors.New("interrupted")
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	bad := table{1: {1, 2, 3}}
	twice := func(yield func(hnsw.RowID, []float32) error) error {
		return errors.Join(yield(7, make([]float32, 8)), yield(7, make([]float32, 8)))
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		src  hnsw.Source
		want error
	}{
		"SourceFails": {context.Background(), func(func(hnsw.RowID, []float32) error) error { return interrupted }, interrupted},
		"Canceled":    {canceled, e.base.source, context.Canceled},
		"ErrDims":     {context.Background(), bad.source, hnsw.ErrDims},
		"Twice":       {context.Background(), twice, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e.write(func() {
				err := e.ix.Build(c.ctx, c.src, nil)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
			e.check()
			for p, rows := range before {
				if !maps.EqualFunc(rows, e.conn.Rows(p), bytes.Equal) {
					t.Errorf("%v has changed", p)
				}
			}
		})
	}
	// Fewer rows than before: nothing of the old ones may stay.
	for r := range e.base {
		if r > 20 {
			delete(e.base, r)
		}
	}
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	e.check()
	clear(e.base)
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	if hits, _, err := e.ix.Search(context.Background(), make([]float32, 8), hnsw.SearchOptions{}); err != nil || len(hits) > 0 {
		t.Errorf("empty index: got %v, %v", hits, err)
	}
}

// TestRecall asks for a recall on clustered vectors under every metric and
// quantization that belong together.
func TestRecall(t *testing.T) {
	vecs := random(3, 2000, 48)
	queries := random(3, 2100, 48)[2000:]
	for _, c := range []struct {
		metric vector.Metric
		q      hnsw.Quantization
		want   float64
	}{
		{vector.Cosine, hnsw.Int8, 0.97},
		{vector.L2, hnsw.Int8, 0.97},
		{vector.InnerProduct, hnsw.Int8, 0.95},
		{vector.Cosine, hnsw.None, 0.97},
		{vector.L2, hnsw.None, 0.97},
		{vector.InnerProduct, hnsw.None, 0.95},
		{vector.Cosine, hnsw.F16, 0.97},
		{vector.L1, hnsw.F16, 0.97},
		{vector.L1, hnsw.None, 0.97},
		{vector.Cosine, hnsw.Bit, 0.7},
		{vector.L2, hnsw.Bit, 0.6},
		// Hamming distances of 48 bits have many ties: any of the tied rows counts.
		{vector.Hamming, hnsw.Bit, 0.9},
	} {
		t.Run(c.metric.String()+"/"+c.q.String(), func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 48, Metric: c.metric, Quantize: c.q})
			e.fill(vecs)
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
			got := e.recall(queries, 10, hnsw.SearchOptions{EfSearch: 100})
			t.Logf("recall@10 is %.4f", got)
			if got < c.want {
				t.Errorf("recall@10 is %.4f, want at least %.2f", got, c.want)
			}
		})
	}
}

// TestNormsVary searches by inner product among vectors of very different
// lengths, where the nearest are seldom the most similar.
func TestNormsVary(t *testing.T) {
	vecs := random(4, 2000, 32)
	for i, v := range vecs {
		for j := range v {
			v[j] *= 0.01 + float32(i%97)*float32(i%89)/1000
		}
	}
	for _, how := range []string{"Build", "Insert"} {
		t.Run(how, func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 32, Metric: vector.InnerProduct})
			e.fill(vecs)
			e.write(func() {
				if how == "Build" {
					e.ok(e.ix.Build(context.Background(), e.base.source, nil))
					return
				}
				for _, r := range e.base.sorted() {
					e.ok(e.ix.Insert(r, e.base[r]))
				}
			})
			got := e.recall(random(5, 100, 32), 10, hnsw.SearchOptions{EfSearch: 100})
			t.Logf("recall@10 is %.4f", got)
			if got < 0.95 {
				t.Errorf("recall@10 is %.4f, want at least 0.95", got)
			}
		})
	}
}
