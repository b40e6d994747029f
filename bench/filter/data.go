package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/nearlite/nearlite/bench/halves"
	"github.com/nearlite/nearlite/vector"
)

// set is a collection in memory.
type set struct {
	name    string
	dims    int
	rows    [][]float32
	queries [][]float32
	docs    []doc
	shipped []shipped

	// Columns to filter by, made up so that any share of the rows can be had: u is a
	// random number of the row, c its rank along the direction in which the vectors
	// differ most.
	u, c []int
	side []bool // whether a query lies among the rows of high c
}

type doc struct{ Title, Text, Pos, Lexname string }

// shipped is a filter with exact answers that come with the data.
type shipped struct {
	Where    string    `json:"where"`
	Matching int       `json:"matching_rows"`
	Top10    [][]int64 `json:"top10"`
}

func readSet(dir string) (*set, error) {
	s := &set{name: filepath.Base(dir)}
	var meta struct{ Dims int }
	if err := readJSON(filepath.Join(dir, "meta.json"), &meta); err != nil || meta.Dims < 1 {
		return nil, fmt.Errorf("%s: meta.json: dims is %d, want at least 1 (%w)", dir, meta.Dims, err)
	}
	s.dims = meta.Dims
	var err error
	if s.rows, err = halves.Rows(filepath.Join(dir, "docs.f16.gz"), s.dims); os.IsNotExist(err) {
		s.rows, err = halves.Rows(filepath.Join(dir, "base.f16.gz"), s.dims)
	}
	if err != nil {
		return nil, err
	}
	if s.queries, err = halves.Rows(filepath.Join(dir, "queries.f16.gz"), s.dims); err != nil {
		return nil, err
	}
	s.docs = make([]doc, len(s.rows))
	err = eachLine(filepath.Join(dir, "docs.jsonl.gz"), func(i int, line []byte) error {
		if i >= len(s.docs) {
			return fmt.Errorf("line %d has no vector", i+1)
		}
		return json.Unmarshal(line, &s.docs[i])
	})
	if os.IsNotExist(err) { // words alone
		err = eachLine(filepath.Join(dir, "words.txt.gz"), func(i int, line []byte) error {
			if i < len(s.docs) {
				s.docs[i].Title = string(line)
			}
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	var f struct{ Filters []shipped }
	if err := readJSON(filepath.Join(dir, "filters.json.gz"), &f); err != nil {
		return nil, err
	}
	s.shipped = f.Filters
	slices.SortFunc(s.shipped, func(a, b shipped) int { return a.Matching - b.Matching })
	s.makeColumns()
	return s, nil
}

// makeColumns fills u, c and side.
func (s *set) makeColumns() {
	s.u = rand.New(rand.NewPCG(1, 1)).Perm(len(s.rows))
	mean, axis := s.mainAxis()
	along := func(v []float32) float64 { return float64(vector.Dot(v, axis) - vector.Dot(mean, axis)) }
	order := make([]int, len(s.rows))
	at := make([]float64, len(s.rows))
	for i, v := range s.rows {
		order[i], at[i] = i, along(v)
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case at[a] < at[b]:
			return -1
		case at[a] > at[b]:
			return 1
		}
		return a - b
	})
	s.c = make([]int, len(s.rows))
	for rank, i := range order {
		s.c[i] = rank
	}
	median := at[order[len(order)/2]]
	s.side = make([]bool, len(s.queries))
	for i, q := range s.queries {
		s.side[i] = along(q) > median
	}
}

// mainAxis is the first principal component, by power iteration over a sample.
func (s *set) mainAxis() (mean, axis []float32) {
	step := max(1, len(s.rows)/5000)
	mean, axis = make([]float32, s.dims), make([]float32, s.dims)
	n := float32(0)
	for i := 0; i < len(s.rows); i += step {
		for j, x := range s.rows[i] {
			mean[j] += x
		}
		n++
	}
	for j := range mean {
		mean[j] /= n
		axis[j] = float32(j%7) - 3
	}
	next := make([]float32, s.dims)
	for range 30 {
		clear(next)
		off := vector.Dot(mean, axis)
		for i := 0; i < len(s.rows); i += step {
			a := vector.Dot(s.rows[i], axis) - off
			for j, x := range s.rows[i] {
				next[j] += a * (x - mean[j])
			}
		}
		norm := float32(math.Sqrt(float64(vector.NormSquared(next))))
		for j := range axis {
			axis[j] = next[j] / norm
		}
	}
	return mean, axis
}

// nearest is the exact answer: the rowids of the k nearest rows that match.
func (s *set) nearest(q []float32, k int, match func(i int) bool) []int64 {
	type hit struct {
		d  float64
		id int64
	}
	var best []hit
	for i, v := range s.rows {
		if !match(i) {
			continue
		}
		h := hit{vector.Cosine.Distance(q, v), int64(i + 1)}
		if len(best) == k && h.d >= best[k-1].d {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, h, func(a, b hit) int {
			if a.d < b.d || a.d == b.d && a.id < b.id {
				return -1
			}
			return 1
		})
		if len(best) == k {
			best = best[:k-1]
		}
		best = slices.Insert(best, at, h)
	}
	ids := make([]int64, len(best))
	for i, h := range best {
		ids[i] = h.id
	}
	return ids
}

func blob(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func readJSON(file string, out any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(file) == ".gz" {
		if r, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	return json.NewDecoder(r).Decode(out)
}

func eachLine(file string, fn func(i int, line []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 1<<24)
	for i := 0; sc.Scan(); i++ {
		if err := fn(i, sc.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", filepath.Base(file), i+1, err)
		}
	}
	return sc.Err()
}
