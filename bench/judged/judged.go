// Package judged reads judged collections: texts, queries, their vectors and which
// texts answer which query.
package judged

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/nearlite/nearlite/bench/halves"
)

// Collection is a judged collection in memory.
type Collection struct {
	Name      string
	Dims      int
	Blocks    map[string][2]int
	Docs      []Document
	Queries   []Document
	DocVecs   [][]float32
	QueryVecs [][]float32
	Relevant  []map[int64]float64 // by query: grade of each relevant row
}

// Document is a text, or a query.
type Document struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Load reads the directory of a collection: docs.jsonl.gz, queries.jsonl, qrels.tsv,
// docs.f16.gz, queries.f16.gz and meta.json.
func Load(dir string) (*Collection, error) {
	c := &Collection{Name: filepath.Base(dir)}
	var meta struct {
		Dims   int               `json:"dims"`
		Blocks map[string][2]int `json:"blocks"`
	}
	b, err := readFile(dir, "meta.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return nil, fmt.Errorf("meta.json: %w", err)
	}
	if meta.Dims < 1 {
		return nil, fmt.Errorf("meta.json: dims is %d, want at least 1", meta.Dims)
	}
	c.Dims, c.Blocks = meta.Dims, meta.Blocks
	if c.Docs, err = readDocuments(dir, "docs.jsonl.gz"); err != nil {
		return nil, err
	}
	if c.Queries, err = readDocuments(dir, "queries.jsonl"); err != nil {
		return nil, err
	}
	if c.DocVecs, err = readVectors(dir, "docs.f16.gz", c.Dims, len(c.Docs)); err != nil {
		return nil, err
	}
	if c.QueryVecs, err = readVectors(dir, "queries.f16.gz", c.Dims, len(c.Queries)); err != nil {
		return nil, err
	}
	return c, c.readJudgments(dir)
}

func (c *Collection) readJudgments(dir string) error {
	b, err := readFile(dir, "qrels.tsv")
	if err != nil {
		return err
	}
	row := map[string]int64{}
	for i, d := range c.Docs {
		row[d.ID] = int64(i)
	}
	byQuery := map[string]map[int64]float64{}
	for i, line := range strings.Split(string(b), "\n") {
		if i == 0 || line == "" {
			continue
		}
		var q, d string
		var grade float64
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, "\t", " "), "%s %s %g", &q, &d, &grade); err != nil {
			return fmt.Errorf("qrels.tsv, line %d: %w", i+1, err)
		}
		if byQuery[q] == nil {
			byQuery[q] = map[int64]float64{}
		}
		if r, ok := row[d]; ok {
			byQuery[q][r] = grade
		}
	}
	for _, q := range c.Queries {
		c.Relevant = append(c.Relevant, byQuery[q.ID])
	}
	return nil
}

func readFile(dir, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return b, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return io.ReadAll(z)
}

func readDocuments(dir, name string) ([]Document, error) {
	b, err := readFile(dir, name)
	if err != nil {
		return nil, err
	}
	var out []Document
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var d Document
		if err := json.Unmarshal(sc.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, len(out)+1, err)
		}
		out = append(out, d)
	}
	return out, sc.Err()
}

func readVectors(dir, name string, dims, rows int) ([][]float32, error) {
	out, err := halves.Rows(filepath.Join(dir, name), dims)
	if err == nil && len(out) != rows {
		err = fmt.Errorf("%s: got %d vectors, want %d", name, len(out), rows)
	}
	return out, err
}

// Unit returns v[from:to] scaled to length 1; a zero vector stays zero.
func Unit(v []float32) []float32 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	out := make([]float32, len(v))
	if s == 0 {
		return out
	}
	n := float32(1 / math.Sqrt(s))
	for i, x := range v {
		out[i] = x * n
	}
	return out
}
