package hnsw_test

import (
	"math/rand/v2"

	"github.com/nearlite/nearlite/hnsw"
)

// random returns n vectors of clusters, the same for the same seed.
func random(seed uint64, n, dims int) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	centers := make([][]float32, 1+n/50)
	for i := range centers {
		centers[i] = make([]float32, dims)
		for j := range centers[i] {
			centers[i][j] = float32(r.NormFloat64())
		}
	}
	out := make([][]float32, n)
	for i := range out {
		c := centers[r.IntN(len(centers))]
		out[i] = make([]float32, dims)
		for j := range out[i] {
			out[i][j] = c[j] + 0.6*float32(r.NormFloat64())
		}
	}
	return out
}

// fill puts vectors into the table, from rowid 1 on.
func (e *env) fill(vecs [][]float32) {
	for i, v := range vecs {
		e.base[hnsw.RowID(i+1)] = v
	}
}

// parts returns all rows of the database, part by part.
func (e *env) parts() map[hnsw.Part]map[int64][]byte {
	out := map[hnsw.Part]map[int64][]byte{}
	for _, p := range hnsw.Parts() {
		out[p] = e.conn.Rows(p)
	}
	return out
}
