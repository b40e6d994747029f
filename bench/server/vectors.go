package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/nearlite/nearlite/bench/halves"
)

// vectors are the rows and queries of the load, as blobs.
type vectors struct {
	dims    int
	centers [][]float32 // without a set: rows and queries lie around these
	rows    [][]float32 // of a set
	queries [][]float32
}

func newVectors(o *options) (*vectors, error) {
	v := &vectors{dims: o.dims}
	if o.data == "" {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 256 {
			c := make([]float32, o.dims)
			for i := range c {
				c[i] = float32(rng.NormFloat64())
			}
			v.centers = append(v.centers, c)
		}
		return v, nil
	}
	var err error
	if v.rows, err = halves.Rows(filepath.Join(o.data, "docs.f16.gz"), o.dims); err != nil {
		return nil, err
	}
	if v.queries, err = halves.Rows(filepath.Join(o.data, "queries.f16.gz"), o.dims); err != nil {
		return nil, err
	}
	if len(v.rows) < o.rows || len(v.queries) == 0 {
		return nil, fmt.Errorf("%s has %d rows and %d queries, want %d rows", o.data, len(v.rows), len(v.queries), o.rows)
	}
	return v, nil
}

// row is the i-th row of the table.
func (v *vectors) row(i int, rng *rand.Rand) []byte {
	if v.rows != nil {
		return v.blob(func(j int) float64 { return float64(v.rows[i][j]) })
	}
	return v.around(rng)
}

// added is a row that the writer inserts: of a set, between two of its rows.
func (v *vectors) added(rng *rand.Rand) []byte {
	if v.rows == nil {
		return v.around(rng)
	}
	a, b := v.rows[rng.IntN(len(v.rows))], v.rows[rng.IntN(len(v.rows))]
	return v.blob(func(j int) float64 { return 0.8*float64(a[j]) + 0.2*float64(b[j]) })
}

func (v *vectors) query(rng *rand.Rand) []byte {
	if v.rows == nil {
		return v.around(rng)
	}
	q := v.queries[rng.IntN(len(v.queries))]
	return v.blob(func(j int) float64 { return float64(q[j]) })
}

func (v *vectors) around(rng *rand.Rand) []byte {
	center := v.centers[rng.IntN(len(v.centers))]
	return v.blob(func(j int) float64 { return float64(center[j]) + rng.NormFloat64() })
}

// blob makes a vector of length one.
func (v *vectors) blob(element func(j int) float64) []byte {
	x := make([]float64, v.dims)
	var norm float64
	for i := range x {
		x[i] = element(i)
		norm += x[i] * x[i]
	}
	norm = math.Sqrt(norm)
	b := make([]byte, 0, 4*v.dims)
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f/norm)))
	}
	return b
}
