package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/nearlite/nearlite/bench/halves"
	"github.com/nearlite/nearlite/vector"
)

// dataset is one set of vectors with queries and the exact answers.
type dataset struct {
	name    string
	dims    int
	metric  string // cosine or l2
	base    []float32
	queries []float32
	truth   [][]int32 // row numbers of the truthDepth nearest, nearest first
}

// truthDepth is how many exact neighbors are kept for each query.
const truthDepth = 10

func (d *dataset) rows() int { return len(d.base) / d.dims }
func (d *dataset) asks() int { return len(d.queries) / d.dims }

// loadDataset reads a shipped set below dir, or generates a synthetic one.
func loadDataset(dir, name string, maxRows int) (*dataset, error) {
	var d *dataset
	var err error
	switch name {
	case "glove100":
		d, err = readSet(filepath.Join(dir, name), "base.f16.gz", name, 100)
	case "wordnet":
		d, err = readSet(filepath.Join(dir, name), "docs.f16.gz", name, 512)
	case "synth768":
		d = synthetic(name, 100_000, 1_000, 768, 24)
	default:
		return nil, fmt.Errorf("unknown set %q, want glove100, wordnet or synth768", name)
	}
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", name, err)
	}
	if maxRows > 0 && d.rows() > maxRows {
		d.base, d.truth = d.base[:maxRows*d.dims], nil
	}
	if d.truth == nil {
		d.truth = exactNeighbors(d)
	}
	return d, nil
}

func readSet(dir, base, name string, dims int) (*dataset, error) {
	d := &dataset{name: name, dims: dims, metric: "cosine"}
	var err error
	if d.base, err = halves.Read(filepath.Join(dir, base)); err != nil {
		return nil, err
	}
	if d.queries, err = halves.Read(filepath.Join(dir, "queries.f16.gz")); err != nil {
		return nil, err
	}
	raw, err := halves.Unzip(filepath.Join(dir, "gt_cos.i32.gz"))
	if err != nil {
		return nil, err
	}
	depth := len(raw) / 4 / d.asks()
	if depth < truthDepth {
		return nil, fmt.Errorf("ground truth has %d neighbors a query, want %d", depth, truthDepth)
	}
	for i := range d.asks() {
		row := make([]int32, truthDepth)
		for j := range row {
			row[j] = int32(binary.LittleEndian.Uint32(raw[(i*depth+j)*4:]))
		}
		d.truth = append(d.truth, row)
	}
	return d, nil
}

// synthetic generates vectors of low intrinsic dimension in a space of dims:
// each is a smooth, non-linear image of latent Gaussian coordinates around one of
// 200 overlapping centers, with a little noise in every dimension, made unit
// length. Embeddings of text look like this: a curved sheet of some 24 dimensions
// in a space of hundreds. The seed is fixed, so all runs see the same set.
//
//	z = center + N(0, 1)^latent        centers: N(0, 0.6)^latent
//	x = A·z + 0.5·sin(B·z) + N(0, 0.02), then x / |x|
func synthetic(name string, rows, asks, dims, latent int) *dataset {
	rng := rand.New(rand.NewPCG(42, 768))
	gauss := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64() * scale)
		}
		return v
	}
	a := gauss(dims*latent, 1/math.Sqrt(float64(dims)))
	b := gauss(dims*latent, 1/math.Sqrt(float64(latent)))
	centers := gauss(200*latent, 0.6)
	point := func(dst []float32) {
		z := gauss(latent, 1)
		c := rng.IntN(200)
		for i := range z {
			z[i] += centers[c*latent+i]
		}
		for i := range dst {
			s := math.Sin(float64(vector.Dot(b[i*latent:(i+1)*latent], z)))
			dst[i] = vector.Dot(a[i*latent:(i+1)*latent], z) +
				float32(0.5*s/math.Sqrt(float64(dims))+rng.NormFloat64()*0.02/math.Sqrt(float64(dims)))
		}
		norm := float32(1 / math.Sqrt(float64(vector.Dot(dst, dst))))
		for i := range dst {
			dst[i] *= norm
		}
	}
	d := &dataset{name: name, dims: dims, metric: "cosine", base: make([]float32, rows*dims), queries: make([]float32, asks*dims)}
	for i := range rows {
		point(d.base[i*dims : (i+1)*dims])
	}
	for i := range asks {
		point(d.queries[i*dims : (i+1)*dims])
	}
	return d
}

// exactNeighbors computes the ground truth by comparing everything with
// everything, in float32 with the final order in float64.
func exactNeighbors(d *dataset) [][]int32 {
	norm := make([]float64, d.rows())
	for i := range norm {
		row := d.base[i*d.dims : (i+1)*d.dims]
		norm[i] = math.Sqrt(float64(vector.Dot(row, row)))
	}
	truth := make([][]int32, d.asks())
	var wg sync.WaitGroup
	for w := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			type scored struct {
				row   int32
				score float64
			}
			for q := w; q < len(truth); q += runtime.GOMAXPROCS(0) {
				query := d.queries[q*d.dims : (q+1)*d.dims]
				best := make([]scored, 0, truthDepth+1)
				for i := range d.rows() {
					s := float64(vector.Dot(query, d.base[i*d.dims:(i+1)*d.dims])) / norm[i]
					if len(best) == truthDepth && s <= best[truthDepth-1].score {
						continue
					}
					at, _ := slices.BinarySearchFunc(best, s, func(b scored, s float64) int {
						if b.score >= s {
							return -1
						}
						return 1
					})
					best = slices.Insert(best, at, scored{int32(i), s})
					best = best[:min(len(best), truthDepth)]
				}
				for _, b := range best {
					truth[q] = append(truth[q], b.row)
				}
			}
		})
	}
	wg.Wait()
	return truth
}

// writeRaw writes vectors as float32, little-endian, row after row: the form in
// which all contestants read them.
func writeRaw(path string, v []float32) error {
	raw := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(f))
	}
	return os.WriteFile(path, raw, 0o644)
}

func readRaw(path string) ([]float32, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v, nil
}
