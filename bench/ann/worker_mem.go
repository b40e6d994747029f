package main

import (
	"context"
	"runtime"
	"time"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
	"github.com/nearlite/nearlite/vector"
)

// inMemory is package hnsw without SQL: its rows in a store of maps, the table's
// vectors in one slice.
type inMemory struct {
	job
	base, queries []float32
	db            *memstore.DB
	cache         *hnsw.Cache
}

func newInMemory(j job) (*inMemory, int, error) {
	c := &inMemory{job: j, cache: hnsw.NewCache(0)}
	var err error
	if c.base, err = readRaw(j.base); err != nil {
		return nil, 0, err
	}
	if c.queries, err = readRaw(j.queries); err != nil {
		return nil, 0, err
	}
	return c, len(c.queries) / j.dims, nil
}

// Vector implements hnsw.Vectors.
func (c *inMemory) Vector(rowid hnsw.RowID, _ []float32) ([]float32, bool, error) {
	return c.base[int(rowid)*c.dims : (int(rowid)+1)*c.dims], true, nil
}

func (c *inMemory) open() (*hnsw.Index, error) { return hnsw.Open(c.cache, c.db.Conn(), c) }

func (c *inMemory) build(threads int) (answer, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	metric, err := vector.ParseMetric(c.metric)
	if err != nil {
		return answer{}, err
	}
	quantize, err := hnsw.ParseQuantization(c.quantize)
	if err != nil {
		return answer{}, err
	}
	start := time.Now()
	c.db = memstore.New()
	conn := c.db.Conn()
	conn.Begin()
	if err := hnsw.Create(conn, hnsw.Params{
		Dims: c.dims, Metric: metric, M: c.m, EfConstruction: c.efc, Quantize: quantize,
	}); err != nil {
		return answer{}, err
	}
	ix, err := hnsw.Open(c.cache, conn, c)
	if err != nil {
		return answer{}, err
	}
	if err := ix.Begin(); err != nil {
		return answer{}, err
	}
	err = ix.Build(context.Background(), func(yield func(hnsw.RowID, []float32) error) error {
		for i := 0; i < len(c.base); i += c.dims {
			if err := yield(hnsw.RowID(i/c.dims), c.base[i:i+c.dims]); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	if err != nil {
		return answer{}, err
	}
	if err := ix.Sync(); err != nil {
		return answer{}, err
	}
	if err := conn.Commit(); err != nil {
		return answer{}, err
	}
	ix.Commit()
	a := answer{Seconds: time.Since(start).Seconds()}
	stats, err := ix.Stats()
	for _, n := range stats.Bytes {
		a.Bytes += n
	}
	return a, err
}

func (c *inMemory) searcher(ef int) (func(int, []int32) error, func(), error) {
	ix, err := c.open()
	if err != nil {
		return nil, nil, err
	}
	opt := hnsw.SearchOptions{K: c.k, EfSearch: ef}
	return func(q int, dst []int32) error {
		hits, _, err := ix.Search(context.Background(), c.queries[q*c.dims:(q+1)*c.dims], opt)
		for i, h := range hits {
			dst[i] = int32(h.RowID)
		}
		return err
	}, func() {}, nil
}
