package main

import (
	"math"
	"slices"

	"github.com/nearlite/nearlite/vector"
)

// exactScan compares the query with every row, through the batch kernel: the
// fastest answer that needs no index.
type exactScan struct {
	job
	base, queries []float32
	rows          []*float32
}

func newExactScan(j job) (*exactScan, int, error) {
	c := &exactScan{job: j}
	var err error
	if c.base, err = readRaw(j.base); err != nil {
		return nil, 0, err
	}
	if c.queries, err = readRaw(j.queries); err != nil {
		return nil, 0, err
	}
	return c, len(c.queries) / j.dims, nil
}

func (c *exactScan) build(int) (answer, error) {
	c.rows = nil
	for i := 0; i < len(c.base); i += c.dims {
		row := c.base[i : i+c.dims]
		if c.metric == "cosine" {
			scale := float32(1 / math.Sqrt(float64(vector.Dot(row, row))))
			for j := range row {
				row[j] *= scale
			}
		}
		c.rows = append(c.rows, &row[0])
	}
	return answer{Bytes: int64(4 * len(c.base))}, nil
}

func (c *exactScan) searcher(int) (func(int, []int32) error, func(), error) {
	dist := make([]float32, len(c.rows))
	best := make([]int32, 0, c.k+1)
	return func(q int, dst []int32) error {
		query := c.queries[q*c.dims : (q+1)*c.dims]
		if c.metric == "cosine" {
			vector.DotBatch(query, c.rows, dist)
			for i := range dist {
				dist[i] = -dist[i]
			}
		} else {
			vector.SquaredL2Batch(query, c.rows, dist)
		}
		best = best[:0]
		for i, d := range dist {
			if len(best) == c.k && d >= dist[best[c.k-1]] {
				continue
			}
			at, _ := slices.BinarySearchFunc(best, d, func(b int32, d float32) int {
				if dist[b] <= d {
					return -1
				}
				return 1
			})
			best = slices.Insert(best, at, int32(i))
			best = best[:min(len(best), c.k)]
		}
		copy(dst, best)
		return nil
	}, func() {}, nil
}
