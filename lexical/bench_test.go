package lexical_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

// benchWords has the skew of real text: word i stands for rank i of 20,000.
func benchText(r *rand.Rand, z *rand.Zipf, n int) string {
	s := ""
	for range n {
		s += fmt.Sprintf("w%04xz ", z.Uint64()*2654435761%65536)
	}
	return s
}

func benchIndex(b *testing.B, docs int) *conn {
	c := create(b, lexical.Params{Columns: []lexical.Column{{Name: "title"}, {Name: "body"}}, Analyzer: "standard"})
	r := rand.New(rand.NewPCG(3, 3))
	z := rand.NewZipf(r, 1.1, 4, 20_000)
	c.begin()
	for i := range docs {
		c.insert(int64(i), benchText(r, z, 3), benchText(r, z, 12))
	}
	c.commit()
	return c
}

func BenchmarkSearch(b *testing.B) {
	c := benchIndex(b, 50_000)
	r := rand.New(rand.NewPCG(4, 4))
	z := rand.NewZipf(r, 1.1, 4, 20_000)
	var texts []string
	for range 256 {
		texts = append(texts, benchText(r, z, 3))
	}
	for _, bb := range []struct {
		name, query string
		syntax      lexical.Syntax
	}{
		{"words=3", "", lexical.Match},
		{"phrase", `"%s"`, lexical.QueryString},
		{"prefix", "w1*", lexical.QueryString},
		{"wildcard", "w*12z", lexical.QueryString},
		{"fuzzy=1", "w1234y~1", lexical.QueryString},
		{"fuzzy=2", "w1234y~2", lexical.QueryString},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			hits := 0
			for i := range b.N {
				q := bb.query
				switch bb.syntax {
				case lexical.Match:
					q = texts[i%len(texts)]
				default:
					if bb.name == "phrase" {
						q = fmt.Sprintf(q, texts[i%len(texts)][:13])
					}
				}
				h, _, err := c.ix.Search(context.Background(), lexical.Request{Query: q, Syntax: bb.syntax, K: 10})
				if err != nil {
					b.Fatal(err)
				}
				hits += len(h)
			}
			b.ReportMetric(float64(hits)/float64(b.N), "hits")
		})
	}
}

func BenchmarkInsert(b *testing.B) {
	for _, analyzer := range []string{"standard", "en"} {
		b.Run("analyzer="+analyzer, func(b *testing.B) {
			docs := readTiny(b, "docs.jsonl")
			c := create(b, lexical.Params{Columns: []lexical.Column{{Name: "title"}, {Name: "body"}}, Analyzer: analyzer})
			b.ReportAllocs()
			c.begin()
			for i := range b.N {
				d := docs[i%len(docs)]
				c.insert(int64(i), d.Title, d.Text)
			}
			c.commit()
		})
	}
}

// BenchmarkMerge merges eight segments; MB/s is of the stored bytes read.
func BenchmarkMerge(b *testing.B) {
	docs := readTiny(b, "docs.jsonl")
	for range b.N {
		b.StopTimer()
		c := create(b, lexical.Params{Columns: []lexical.Column{{Name: "title"}, {Name: "body"}}, Analyzer: "en"})
		for s := range 7 {
			c.begin()
			for i := range 4000 {
				d := docs[(i+s)%len(docs)]
				c.insert(int64(i*8+s), d.Title, d.Text)
			}
			c.commit()
		}
		st, err := c.ix.Stats()
		c.must(err)
		b.SetBytes(st.Bytes)
		c.begin()
		b.StartTimer()
		c.must(c.ix.Optimize(context.Background()))
		b.StopTimer()
		c.commit()
	}
}
