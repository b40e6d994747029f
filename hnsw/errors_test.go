package hnsw_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
	"github.com/nearlite/nearlite/vector"
)

func TestParamsErrors(t *testing.T) {
	for name, c := range map[string]struct {
		p    hnsw.Params
		want string
	}{
		"NoDims":       {hnsw.Params{}, "dims is 0, want a whole number from 1 to 65536"},
		"M":            {hnsw.Params{Dims: 3, M: 1}, "m is 1, want a whole number from 2 to 100"},
		"EfBelowM":     {hnsw.Params{Dims: 3, M: 50, EfConstruction: 20}, "ef_construction is 20, want a whole number from 50 to 10000"},
		"EfSearch":     {hnsw.Params{Dims: 3, EfSearch: -1}, "ef_search is -1, want a whole number from 1 to 100000"},
		"L1Int8":       {hnsw.Params{Dims: 3, Metric: vector.L1, Quantize: hnsw.Int8}, "quantize is int8, want none or f16 with metric=l1"},
		"HammingFloat": {hnsw.Params{Dims: 3, Metric: vector.Hamming, Quantize: hnsw.None}, "quantize is none, want bit with metric=hamming"},
	} {
		t.Run(name, func(t *testing.T) {
			err := hnsw.Create(memstore.New().Conn(), c.p)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestBadVectors(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 3})
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	e.write(func() {
		e.insert(1, []float32{1, 2, 3})
		for _, c := range []struct {
			vec  []float32
			is   error
			want string
		}{
			{[]float32{1, 2}, hnsw.ErrDims, "got 2 dimensions, want 3"},
			{nil, hnsw.ErrDims, "got 0 dimensions, want 3"},
			{[]float32{1, nan, 3}, hnsw.ErrVector, "element 1 is NaN; vectors must be finite"},
			{[]float32{1, 2, inf}, hnsw.ErrVector, "element 2 is -Inf; vectors must be finite"},
		} {
			for _, call := range []func() error{
				func() error { return e.ix.Insert(1, c.vec) },
				func() error { _, _, err := e.ix.Search(context.Background(), c.vec, hnsw.SearchOptions{}); return err },
				func() error { _, err := e.ix.Iterate(context.Background(), c.vec, hnsw.SearchOptions{}); return err },
			} {
				if err := call(); err == nil || err.Error() != c.want || !errors.Is(err, c.is) {
					t.Errorf("%v: got %v, want %s", c.vec, err, c.want)
				}
			}
		}
	})
	// Nothing has changed, and the transaction could go on.
	if hits, _, err := e.ix.Search(context.Background(), []float32{1, 2, 3}, hnsw.SearchOptions{}); err != nil || len(hits) != 1 {
		t.Errorf("got %v, %v", hits, err)
	}
}

func TestNoTransaction(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 1})
	if err := e.ix.Insert(1, []float32{1}); !errors.Is(err, hnsw.ErrNoTransaction) {
		t.Errorf("insert: got %v", err)
	}
	if _, err := e.ix.Delete(1); !errors.Is(err, hnsw.ErrNoTransaction) {
		t.Errorf("delete: got %v", err)
	}
	// xCreate is followed by xSync and xCommit without xBegin.
	if err := e.ix.Sync(); err != nil {
		t.Errorf("sync: got %v", err)
	}
	e.ix.Commit()
	e.ix.Rollback()
}

// TestHugeElements indexes vectors whose sums of squares overflow float32.
func TestHugeElements(t *testing.T) {
	for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
		t.Run(m.String(), func(t *testing.T) {
			e := newEnv(t, hnsw.Params{Dims: 2, Metric: m})
			e.write(func() {
				for i := range 40 {
					e.insert(hnsw.RowID(i), []float32{1.5e38 * float32(i%5-2), 3e38})
				}
				for i := range 40 {
					e.insert(hnsw.RowID(100+i), []float32{1e-38 * float32(i), 1e-40})
				}
			})
			if _, _, err := e.ix.Search(context.Background(), []float32{3e38, -3e38}, hnsw.SearchOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCanceled(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8})
	e.fill(random(7, 2000, 8))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := e.ix.Search(ctx, e.base[1], hnsw.SearchOptions{EfSearch: 1000})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("search: got %v", err)
	}
	_, _, err = e.ix.Search(ctx, e.base[1], hnsw.SearchOptions{Exact: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("exact search: got %v", err)
	}
}

// TestAnyK asks for none, few and absurdly many rows.
func TestAnyK(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 4})
	e.fill(random(16, 500, 4))
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	for _, k := range []int{1, 499, 500, 501, 1 << 30, math.MaxInt} {
		for _, filter := range []hnsw.Filter{nil, hnsw.FilterFunc(func(r hnsw.RowID) (bool, error) { return r%4 == 0, nil })} {
			want := 500
			if filter != nil {
				want = 125
			}
			hits, _, err := e.ix.Search(context.Background(), e.base[1], hnsw.SearchOptions{K: k, EfSearch: 20, Filter: filter})
			if err != nil || len(hits) != min(k, want) {
				t.Errorf("k = %d: got %d hits, %v; want %d", k, len(hits), err, min(k, want))
			}
		}
	}
	if _, _, err := e.ix.Search(context.Background(), e.base[1], hnsw.SearchOptions{K: -1}); err == nil || err.Error() != "k is -1, want a whole number of at least 0" {
		t.Errorf("k = -1: got %v", err)
	}
}
