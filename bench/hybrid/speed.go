package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en" // the analyzer of that name
)

// timed runs statements and returns their seconds and how many bytes of pages in use
// they added: FTS5 leaves free pages behind.
func (b *bench) timed(db *sql.DB, statements ...string) (seconds float64, bytes int64, err error) {
	size := func() int64 {
		var n int64
		const used = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
		if e := db.QueryRow(used).Scan(&n); e != nil && err == nil {
			err = e
		}
		return n
	}
	before := size()
	start := time.Now()
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", q, err)
		}
	}
	seconds = time.Since(start).Seconds()
	return seconds, size() - before, err
}

// contestant runs a query of some words.
type contestant struct {
	name  string
	rate  float64
	bytes int64
	query func(words []string) error
}

// speed prints what indexing and searching cost.
func (b *bench) speed(rounds int) error {
	n := float64(len(b.c.Docs))
	ours, err := b.ours.Prepare("SELECT rowid FROM docs_text WHERE docs_text MATCH ? ORDER BY score DESC LIMIT 10")
	if err != nil {
		return err
	}
	fts, err := b.fts.Prepare("SELECT rowid FROM docs_fts WHERE docs_fts MATCH ? ORDER BY rank LIMIT 10")
	if err != nil {
		return err
	}
	scorch, err := b.scorch()
	if err != nil {
		return err
	}
	all := []contestant{
		{"nearlite", n / b.lexTime, b.lexBytes, func(words []string) error {
			_, err := ids(ours, strings.Join(words, " "))
			return err
		}},
		{"FTS5, optimized", n / b.ftsTime, b.ftsBytes, func(words []string) error {
			_, err := ids(fts, ftsQuery(strings.Join(words, " ")))
			return err
		}},
		*scorch,
	}
	fmt.Printf("\n%s, %d documents; microseconds p50 / p99, 10 rows\n\n", b.c.Name, len(b.c.Docs))
	fmt.Println("| index | documents/s | bytes | 1 word | 3 words | 10 words |")
	fmt.Println("|---|--:|--:|--:|--:|--:|")
	cells := make([][]string, len(all))
	words := b.words()
	for _, count := range []int{1, 3, 10} {
		rng := rand.New(rand.NewPCG(1, uint64(count)))
		times := make([][]float64, len(all))
		for range 100 {
			q := make([]string, count)
			for i := range q {
				q[i] = words[rng.IntN(len(words))]
			}
			// In turns, so that other work on the machine hits all alike.
			for range rounds {
				for i, c := range all {
					start := time.Now()
					if err := c.query(q); err != nil {
						return fmt.Errorf("%s: %q: %w", c.name, q, err)
					}
					times[i] = append(times[i], micros(start))
				}
			}
		}
		for i := range all {
			cells[i] = append(cells[i], fmt.Sprintf("%.0f / %.0f", quantile(times[i], 0.5), quantile(times[i], 0.99)))
		}
	}
	for i, c := range all {
		fmt.Printf("| %s | %.0f | %d | %s |\n", c.name, c.rate, c.bytes, strings.Join(cells[i], " | "))
	}
	return b.parts()
}

// words are the words of the texts, frequent ones as often as they occur.
func (b *bench) words() []string {
	var out []string
	for _, d := range b.c.Docs {
		for _, w := range word.FindAllString(strings.ToLower(d.Text), -1) {
			if len(w) > 2 {
				out = append(out, w)
			}
		}
	}
	return out
}

// scorch builds bleve's own index of the same texts: batches of 1,000, analyzer en.
func (b *bench) scorch() (*contestant, error) {
	mapping := bleve.NewIndexMapping()
	mapping.DefaultAnalyzer = "en"
	mapping.StoreDynamic, mapping.DocValuesDynamic = false, false
	dir := filepath.Join(b.dir, "scorch")
	start := time.Now()
	ix, err := bleve.New(dir, mapping)
	if err != nil {
		return nil, err
	}
	batch := ix.NewBatch()
	for i, d := range b.c.Docs {
		if err := batch.Index(fmt.Sprint(i+1), map[string]string{"title": d.Title, "text": d.Text}); err != nil {
			return nil, err
		}
		if batch.Size() == 1000 || i == len(b.c.Docs)-1 {
			if err := ix.Batch(batch); err != nil {
				return nil, err
			}
			batch.Reset()
		}
	}
	c := &contestant{name: "bleve, scorch", rate: float64(len(b.c.Docs)) / time.Since(start).Seconds()}
	time.Sleep(2 * time.Second) // it merges in the background
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			c.bytes += info.Size()
		}
		return nil
	})
	c.query = func(words []string) error {
		_, err := ix.Search(bleve.NewSearchRequestOptions(bleve.NewMatchQuery(strings.Join(words, " ")), 10, 0, false))
		return err
	}
	return c, err
}

// parts prints the times of a hybrid search and of its parts, by its own account.
func (b *bench) parts() error {
	fmt.Printf("\nhybrid_search, k = 10, default depth: p50 microseconds of its parts. added: (total - legs) / legs,\n")
	fmt.Printf("by its own account; and, through database/sql, over vector_search and lexical_search of 50 rows each\n\n")
	fmt.Println("| fusion | prepare | vector leg | text leg | fusion | total | added | database/sql | legs by database/sql | added |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	near, err := b.ours.Prepare("SELECT id FROM vector_search('docs_vec', ?, 50)")
	if err != nil {
		return err
	}
	said, err := b.ours.Prepare("SELECT id FROM lexical_search('docs_text', ?, 50)")
	if err != nil {
		return err
	}
	for _, fusion := range []string{"default", "rrf", "convex"} {
		options := "{}"
		if fusion != "default" {
			options = `{"fusion": "` + fusion + `"}`
		}
		st, err := b.ours.Prepare("SELECT id, explain FROM hybrid_search('docs_vec', 'docs_text', ?, ?, 10, NULL, NULL, ?)")
		if err != nil {
			return err
		}
		plain, err := b.ours.Prepare("SELECT id FROM hybrid_search('docs_vec', 'docs_text', ?, ?, 10, NULL, NULL, ?)")
		if err != nil {
			return err
		}
		seen := map[string][]float64{}
		for round := range 2 { // the first warms the caches
			for i := range b.c.Queries[:min(400, len(b.c.Queries))] {
				text, vec := b.c.Queries[i].Text, blob(b.c.QueryVecs[i])
				var start time.Time
				for range 2 { // the first reads pages that all statements after it find
					start = time.Now()
					if _, err := ids(plain, text, vec, options); err != nil {
						return err
					}
				}
				whole := micros(start)
				start = time.Now()
				if _, err := ids(near, vec); err != nil {
					return err
				}
				if _, err := ids(said, text); err != nil {
					return err
				}
				apart := micros(start)
				var id int64
				var explain string
				if err := st.QueryRow(text, vec, options).Scan(&id, &explain); err != nil {
					return err
				}
				var e struct {
					Times map[string]float64 `json:"time_us"`
				}
				if err := json.Unmarshal([]byte(explain), &e); err != nil {
					return err
				}
				if round == 0 {
					continue
				}
				legs := e.Times["vector"] + e.Times["lexical"]
				e.Times["added"] = 100 * (e.Times["total"] - legs) / legs
				e.Times["whole"], e.Times["apart"], e.Times["more"] = whole, apart, 100*(whole-apart)/apart
				for name, t := range e.Times {
					seen[name] = append(seen[name], t)
				}
			}
		}
		fmt.Printf("| %s |", fusion)
		for _, name := range []string{"prepare", "vector", "lexical", "fuse", "total"} {
			fmt.Printf(" %.0f |", quantile(seen[name], 0.5))
		}
		fmt.Printf(" %.0f %% | %.0f | %.0f | %.0f %% |\n", quantile(seen["added"], 0.5), quantile(seen["whole"], 0.5),
			quantile(seen["apart"], 0.5), quantile(seen["more"], 0.5))
	}
	return nil
}

func micros(start time.Time) float64 { return float64(time.Since(start)) / float64(time.Microsecond) }

func quantile(times []float64, q float64) float64 {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}
