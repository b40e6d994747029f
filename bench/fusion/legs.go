package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"sync"

	"github.com/nearlite/nearlite/bench/judged"
	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
	"github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/vector"
)

// setting is a collection searched in a certain way.
type setting struct {
	name    string
	depth   int
	queries []query
}

// query holds both legs of one query, and the distances of the text leg's rows.
type query struct {
	text, vec []planner.Item
	known     []planner.Item
	relevant  map[int64]float64
}

// textLeg says how the text side is searched.
type textLeg struct {
	name     string
	analyzer string
	texts    func(d judged.Document) []string
	columns  []string
}

var textLegs = []textLeg{
	{"en", "en", func(d judged.Document) []string { return []string{d.Title + " " + d.Text} }, []string{"body"}},
	{"standard", "standard", func(d judged.Document) []string { return []string{d.Title + " " + d.Text} }, []string{"body"}},
	{"titles only", "en", func(d judged.Document) []string { return []string{d.Title} }, []string{"title"}},
}

// settings searches a collection in one way, or in all.
func settings(dir string, depth int, all bool) ([]*setting, error) {
	c, err := judged.Load(dir)
	if err != nil {
		return nil, err
	}
	views := []string{""}
	legs := textLegs[:1]
	if all {
		legs = textLegs
		for name := range c.Blocks {
			views = append(views, name)
		}
		sort.Strings(views)
	}
	var out []*setting
	texts := map[string][][]planner.Item{}
	for _, l := range legs {
		if texts[l.name], err = searchTexts(c, l, depth); err != nil {
			return nil, err
		}
	}
	for _, view := range views {
		from, to := 0, c.Dims
		if view != "" {
			from, to = c.Blocks[view][0], c.Blocks[view][1]
		}
		vectors := newVectorLeg(c, from, to)
		for _, l := range legs {
			if view != "" && l.name != "en" {
				continue
			}
			s := vectors.join(c, texts[l.name], depth)
			s.name = c.Name
			if l.name != "en" {
				s.name += ", " + l.name
			}
			if view != "" {
				s.name += ", " + view
			}
			out = append(out, s)
			fmt.Fprintln(os.Stderr, s.name, "done")
		}
	}
	return out, nil
}

func searchTexts(c *judged.Collection, l textLeg, depth int) ([][]planner.Item, error) {
	st := lexicaltest.New()
	st.Begin()
	p := lexical.Params{Analyzer: l.analyzer}
	for _, name := range l.columns {
		p.Columns = append(p.Columns, lexical.Column{Name: name})
	}
	if err := lexical.Create(st, p); err != nil {
		return nil, err
	}
	ix, err := lexical.Open(lexical.SharedCache(), st)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if err := ix.Begin(); err != nil {
		return nil, err
	}
	err = ix.Build(ctx, func(yield func(int64, []string) error) error {
		for i, d := range c.Docs {
			if err := yield(int64(i), l.texts(d)); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	if err := ix.Sync(); err != nil {
		return nil, err
	}
	out := make([][]planner.Item, len(c.Queries))
	for i, q := range c.Queries {
		hits, _, err := ix.Search(ctx, lexical.Request{Query: q.Text, K: depth})
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", q.ID, err)
		}
		for _, h := range hits {
			out[i] = append(out[i], planner.Item{RowID: h.RowID, Score: h.Score})
		}
	}
	return out, nil
}

// vectorLeg searches a block of the vectors exactly.
type vectorLeg struct {
	docs [][]float32
	qs   [][]float32
}

func newVectorLeg(c *judged.Collection, from, to int) *vectorLeg {
	l := &vectorLeg{}
	for _, v := range c.DocVecs {
		l.docs = append(l.docs, judged.Unit(v[from:to]))
	}
	for _, v := range c.QueryVecs {
		l.qs = append(l.qs, judged.Unit(v[from:to]))
	}
	return l
}

// join searches the vectors for every judged query and puts both legs together.
func (l *vectorLeg) join(c *judged.Collection, texts [][]planner.Item, depth int) *setting {
	s := &setting{depth: depth, queries: make([]query, len(c.Queries))}
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sims := make([]float64, len(l.docs))
			for i := w; i < len(c.Queries); i += workers {
				if len(c.Relevant[i]) == 0 {
					continue
				}
				for j, d := range l.docs {
					sims[j] = float64(vector.Dot(l.qs[i], d))
				}
				q := query{text: texts[i], vec: best(sims, depth), relevant: c.Relevant[i]}
				in := map[int64]bool{}
				for _, it := range q.vec {
					in[it.RowID] = true
				}
				for _, it := range q.text {
					if !in[it.RowID] {
						q.known = append(q.known, planner.Item{RowID: it.RowID, Score: sims[it.RowID]})
					}
				}
				s.queries[i] = q
			}
		}()
	}
	wg.Wait()
	judged := s.queries[:0]
	for _, q := range s.queries {
		if len(q.relevant) > 0 {
			judged = append(judged, q)
		}
	}
	s.queries = judged
	return s
}

// best returns the n greatest values with their places, greatest first.
func best(values []float64, n int) []planner.Item {
	items := make([]planner.Item, len(values))
	for i, v := range values {
		items[i] = planner.Item{RowID: int64(i), Score: v}
	}
	sort.Slice(items, func(a, b int) bool {
		if items[a].Score != items[b].Score {
			return items[a].Score > items[b].Score
		}
		return items[a].RowID < items[b].RowID
	})
	return items[:min(n, len(items))]
}

func (q *query) leg(name string) []int64 {
	items := q.text
	if name == "vector" {
		items = q.vec
	}
	out := make([]int64, len(items))
	for i, it := range items {
		out[i] = it.RowID
	}
	return out
}

func (q *query) fuse(m method, depth int) []int64 {
	text := planner.Leg{Items: q.text, Complete: len(q.text) < depth}
	vec := planner.Leg{Items: q.vec, Complete: len(q.vec) < depth, Least: -1}
	if m.known {
		vec.Known = q.known
	}
	rows, _, err := planner.Fuse(text, vec, m.opt)
	if err != nil {
		panic(err) // the methods are ours
	}
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.RowID
	}
	return out
}

// mean is the mean nDCG@10 over the queries, with the grade as gain.
func (s *setting) mean(rank func(q *query) []int64) float64 {
	var sum float64
	for i := range s.queries {
		q := &s.queries[i]
		sum += ndcg(rank(q), q.relevant)
	}
	return sum / float64(len(s.queries))
}

func ndcg(rows []int64, relevant map[int64]float64) float64 {
	var got, ideal float64
	for i, r := range rows[:min(10, len(rows))] {
		got += relevant[r] / math.Log2(float64(i+2))
	}
	var grades []float64
	for _, g := range relevant {
		grades = append(grades, g)
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(grades)))
	for i, g := range grades[:min(10, len(grades))] {
		ideal += g / math.Log2(float64(i+2))
	}
	return got / ideal
}
