package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/nearlite/nearlite/bench/halves"
	"github.com/nearlite/nearlite/sqlext/sqlite"
	"github.com/nearlite/nearlite/vector"
)

// dataset holds the vectors and the queries, the queries as the blobs that are bound.
type dataset struct {
	name    string
	base    []float32
	queries []byte
}

func (d *dataset) rows() int              { return len(d.base) / dims }
func (d *dataset) asks() int              { return len(d.queries) / (4 * dims) }
func (d *dataset) query(i int) []byte     { return d.queries[4*dims*i : 4*dims*(i+1)] }
func (d *dataset) vector(i int) []float32 { return d.base[dims*i : dims*(i+1)] }

func loadSet(opt options) (*dataset, error) {
	if opt.data == "" {
		return generated(opt.rows, 1000), nil
	}
	d := &dataset{name: "wordnet"}
	base, err := halves.Read(filepath.Join(opt.data, d.name, "docs.f16.gz"))
	if err != nil {
		return nil, err
	}
	queries, err := halves.Read(filepath.Join(opt.data, d.name, "queries.f16.gz"))
	if err != nil {
		return nil, err
	}
	d.base = base[:min(len(base), opt.rows*dims)]
	d.queries = blob(nil, queries)
	return d, nil
}

// generated makes vectors around 200 centers in a space of 24 dimensions, seen through
// a random linear map: like embeddings, they have far fewer degrees of freedom than
// elements. The seed is fixed.
func generated(rows, asks int) *dataset {
	const latent = 24
	rng := rand.New(rand.NewPCG(7, dims))
	gauss := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	seen, centers := gauss(dims*latent), gauss(200*latent)
	point := func(dst []float32) []float32 {
		z := gauss(latent)
		c := rng.IntN(200)
		for i := range z {
			z[i] += centers[c*latent+i]
		}
		for i := range dims {
			dst = append(dst, vector.Dot(seen[i*latent:(i+1)*latent], z))
		}
		return dst
	}
	d := &dataset{name: "generated"}
	for range rows {
		d.base = point(d.base)
	}
	for range asks {
		d.queries = blob(d.queries, point(nil))
	}
	return d
}

// blob appends vectors as F32_BLOB columns hold them.
func blob(dst []byte, v []float32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// build writes the table and its index.
func build(file string, set *dataset) error {
	db, err := sqlite.Open("file:" + file)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("CREATE TABLE v(id INTEGER PRIMARY KEY, e F32_BLOB(%d))", dims)); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare("INSERT INTO v(id, e) VALUES (?, ?)")
	if err != nil {
		return err
	}
	for i := range set.rows() {
		if _, err := insert.Exec(i+1, blob(nil, set.vector(i))); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.Exec("CREATE VIRTUAL TABLE v_idx USING hnsw(v, e, metric=cosine)")
	return err
}

// exact finds the k nearest rows of each query by comparing all.
func exact(set *dataset) [][]int64 {
	norms := make([]float64, set.rows())
	for i := range norms {
		v := set.vector(i)
		norms[i] = math.Sqrt(float64(vector.Dot(v, v)))
	}
	truth := make([][]int64, set.asks())
	var wg sync.WaitGroup
	const workers = 2
	for w := range workers {
		wg.Go(func() {
			type hit struct {
				id    int64
				score float64
			}
			hits := make([]hit, set.rows())
			for q := w; q < len(truth); q += workers {
				query, _ := vector.BytesToFloat32(set.query(q))
				for i := range hits {
					hits[i] = hit{int64(i + 1), float64(vector.Dot(query, set.vector(i))) / norms[i]}
				}
				best := hits[:0:0]
				for _, h := range hits {
					if len(best) == k && h.score <= best[k-1].score {
						continue
					}
					at := slices.IndexFunc(best, func(b hit) bool { return b.score < h.score })
					if at < 0 {
						at = len(best)
					}
					best = slices.Insert(best, at, h)
					best = best[:min(len(best), k)]
				}
				for _, b := range best {
					truth[q] = append(truth[q], b.id)
				}
			}
		})
	}
	wg.Wait()
	return truth
}

func recall(got, truth [][]int64) float64 {
	found, want := 0, 0
	for q := range truth {
		want += len(truth[q])
		for _, id := range got[q] {
			if slices.Contains(truth[q], id) {
				found++
			}
		}
	}
	return float64(found) / float64(want)
}
