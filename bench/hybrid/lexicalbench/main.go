// Command lexicalbench measures package lexical by itself, on a store in memory:
// ranking quality on judged collections, and the time of indexing and searching.
//
//	go run ./bench/hybrid/lexicalbench -data DIR scifact cranfield
//
// DIR has a folder a collection with docs.jsonl.gz (id, title, text), queries.jsonl
// (id, text) and qrels.tsv (query, document, relevance; a header line).
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
)

type text struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func main() {
	log.SetFlags(0)
	data := flag.String("data", "", "folder of the collections")
	analyzer := flag.String("analyzer", "en", "analyzer of both columns")
	scoring := flag.String("scoring", lexical.ScoringBM25, "bm25 or bleve")
	profile := flag.String("cpuprofile", "", "write a CPU profile here")
	rounds := flag.Int("rounds", 3, "times each query is timed")
	throughSQL := flag.Bool("sql", false, "measure through SQL, on a file")
	queriesPath := flag.String("queries", "", "with -sql: write the queries to this JSON file")
	flag.Parse()
	if *data == "" || flag.NArg() == 0 {
		log.Fatal("usage: lexicalbench -data DIR collection ...")
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	if *throughSQL {
		for _, name := range flag.Args() {
			if err := measureSQL(filepath.Join(*data, name), *analyzer, *queriesPath, *rounds); err != nil {
				log.Fatalf("%s: %v", name, err)
			}
		}
		return
	}
	fmt.Println("| collection | documents | documents/s | bytes | nDCG@10 | recall@100 | p50 µs | p99 µs | row by row/s |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, name := range flag.Args() {
		if err := measure(filepath.Join(*data, name), name, *analyzer, *scoring, *rounds); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
	}
}

func measure(dir, name, analyzer, scoring string, rounds int) error {
	docs, err := readTexts(filepath.Join(dir, "docs.jsonl.gz"))
	if err != nil {
		return err
	}
	queries, err := readTexts(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		return err
	}
	relevant, err := readJudgements(filepath.Join(dir, "qrels.tsv"))
	if err != nil {
		return err
	}
	st := lexicaltest.New()
	st.Begin()
	params := lexical.Params{Columns: []lexical.Column{{Name: "title"}, {Name: "text"}}, Analyzer: analyzer, Scoring: scoring}
	if err := lexical.Create(st, params); err != nil {
		return err
	}
	ix, err := lexical.Open(lexical.NewCache(0), st)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := ix.Begin(); err != nil {
		return err
	}
	err = ix.Build(context.Background(), func(yield func(int64, []string) error) error {
		for i, d := range docs {
			if err := yield(int64(i+1), []string{d.Title, d.Text}); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	if err != nil {
		return err
	}
	if err := ix.Sync(); err != nil {
		return err
	}
	st.Commit()
	ix.Commit()
	rate := float64(len(docs)) / time.Since(start).Seconds()

	var ndcg, recall float64
	var times []time.Duration
	n := 0
	for _, q := range queries {
		rel := relevant[q.ID]
		if rel == nil {
			continue
		}
		n++
		var hits []lexical.Hit
		for range rounds {
			t := time.Now()
			if _, _, err = ix.Search(context.Background(), lexical.Request{Query: q.Text, K: 10}); err != nil {
				return err
			}
			times = append(times, time.Since(t))
		}
		if hits, _, err = ix.Search(context.Background(), lexical.Request{Query: q.Text, K: 100}); err != nil {
			return err
		}
		ids := make([]string, len(hits))
		for i, h := range hits {
			ids[i] = docs[h.RowID-1].ID
		}
		ndcg += ndcgAt(ids, rel, 10)
		recall += recallAt(ids, rel, 100)
	}
	slices.Sort(times)

	rowRate, err := rowByRow(params, docs)
	if err != nil {
		return err
	}
	fmt.Printf("| %s | %d | %.0f | %d | %.4f | %.4f | %.0f | %.0f | %.0f |\n", name, len(docs), rate, st.File().Bytes(),
		ndcg/float64(n), recall/float64(n), micros(times[len(times)/2]), micros(times[len(times)*99/100]), rowRate)
	return nil
}

// rowByRow is the rate of inserts, a statement's savepoint around each, in one
// transaction.
func rowByRow(params lexical.Params, docs []text) (float64, error) {
	st := lexicaltest.New()
	st.Begin()
	if err := lexical.Create(st, params); err != nil {
		return 0, err
	}
	ix, err := lexical.Open(lexical.NewCache(0), st)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := ix.Begin(); err != nil {
		return 0, err
	}
	for i, d := range docs {
		if err := ix.Savepoint(0); err != nil {
			return 0, err
		}
		if err := ix.Insert(int64(i+1), []string{d.Title, d.Text}); err != nil {
			return 0, err
		}
		if err := ix.Release(0); err != nil {
			return 0, err
		}
	}
	if err := ix.Sync(); err != nil {
		return 0, err
	}
	st.Commit()
	ix.Commit()
	return float64(len(docs)) / time.Since(start).Seconds(), nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func ndcgAt(ids []string, rel map[string]float64, k int) float64 {
	var dcg, ideal float64
	for i, id := range ids[:min(k, len(ids))] {
		dcg += rel[id] / math.Log2(float64(i+2))
	}
	grades := make([]float64, 0, len(rel))
	for _, g := range rel {
		grades = append(grades, g)
	}
	slices.SortFunc(grades, func(a, b float64) int { return int(math.Copysign(1, b-a)) })
	for i, g := range grades[:min(k, len(grades))] {
		ideal += g / math.Log2(float64(i+2))
	}
	return dcg / ideal
}

func recallAt(ids []string, rel map[string]float64, k int) float64 {
	found := 0
	for _, id := range ids[:min(k, len(ids))] {
		if rel[id] > 0 {
			found++
		}
	}
	return float64(found) / float64(len(rel))
}

func readTexts(path string) ([]text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var out []text
	s := bufio.NewScanner(r)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var t struct {
			text
			ID any `json:"id"` // a number in some collections
		}
		if err := json.Unmarshal(s.Bytes(), &t); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, len(out)+1, err)
		}
		t.text.ID = fmt.Sprint(t.ID)
		out = append(out, t.text)
	}
	return out, s.Err()
}

func readJudgements(path string) (map[string]map[string]float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]float64{}
	for i, line := range strings.Split(string(b), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 || len(f) != 3 {
			continue
		}
		grade, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, i+1, err)
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]float64{}
		}
		out[f[0]][f[1]] = grade
	}
	return out, nil
}
