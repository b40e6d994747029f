package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"github.com/nearlite/nearlite/bench/judged"
	"github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/vector"
)

// score is a mean over the queries.
type score struct{ ndcg, recall float64 }

func (s *score) add(top10, top100 []int64, relevant map[int64]float64, n int) {
	s.ndcg += planner.NDCG(len(top10), func(i int) int64 { return top10[i] - 1 }, relevant, 10) / float64(n)
	found := 0
	for _, id := range top100[:min(100, len(top100))] {
		if relevant[id-1] > 0 {
			found++
		}
	}
	s.recall += float64(found) / float64(len(relevant)) / float64(n)
}

func (s score) String() string { return fmt.Sprintf("%.4f / %.4f", s.ndcg, s.recall) }

// quality prints the collection's row of the table.
func (b *bench) quality(limit int) error {
	var queries []int
	for i := range b.c.Queries {
		if len(b.c.Relevant[i]) > 0 && len(queries) < limit {
			queries = append(queries, i)
		}
	}
	const (
		lexical = "SELECT id FROM lexical_search('docs_text', ?1, ?3)"
		near    = "SELECT id FROM vector_search('docs_vec', ?2, ?3)"
		hybrid  = "SELECT id FROM hybrid_search('docs_vec', 'docs_text', ?1, ?2, ?3, NULL, NULL, '{\"fusion\": \"%s\"}')"
	)
	runs := []struct {
		name, sql string
	}{
		{"text", lexical},
		{"hnsw", near},
		{"rrf", fmt.Sprintf(hybrid, "rrf")},
		{"convex", fmt.Sprintf(hybrid, "convex")},
		{"auto", fmt.Sprintf(hybrid, "auto")},
	}
	scores := map[string]*score{"fts": {}, "exact": {}}
	for _, r := range runs {
		st, err := b.ours.Prepare(r.sql)
		if err != nil {
			return err
		}
		s := &score{}
		scores[r.name] = s
		for _, i := range queries {
			var tops [2][]int64
			for j, k := range []int{10, 100} {
				if tops[j], err = ids(st, b.c.Queries[i].Text, blob(b.c.QueryVecs[i]), k); err != nil {
					return fmt.Errorf("%s: %w", r.sql, err)
				}
			}
			s.add(tops[0], tops[1], b.c.Relevant[i], len(queries))
		}
		_ = st.Close()
	}
	st, err := b.fts.Prepare("SELECT rowid FROM docs_fts WHERE docs_fts MATCH ?1 ORDER BY rank LIMIT 100")
	if err != nil {
		return err
	}
	units := make([][]float32, len(b.c.DocVecs))
	for i, v := range b.c.DocVecs {
		units[i] = judged.Unit(v)
	}
	for _, i := range queries {
		top, err := ids(st, ftsQuery(b.c.Queries[i].Text))
		if err != nil {
			return err
		}
		scores["fts"].add(top[:min(10, len(top))], top, b.c.Relevant[i], len(queries))
		top = exact(units, judged.Unit(b.c.QueryVecs[i]), 100)
		scores["exact"].add(top[:min(10, len(top))], top, b.c.Relevant[i], len(queries))
	}
	tuned, err := b.tune(queries)
	if err != nil {
		return err
	}
	best := math.Max(scores["text"].ndcg, scores["hnsw"].ndcg)
	fmt.Printf("| %s | %v | %v | %v | %v | %v | %v | %v | %+.4f | %s |\n", b.c.Name, scores["fts"], scores["text"], scores["exact"],
		scores["hnsw"], scores["rrf"], scores["convex"], scores["auto"], scores["auto"].ndcg-best, tuned)
	return nil
}

// exact returns the rowids of the k nearest unit vectors by cosine.
func exact(units [][]float32, q []float32, k int) []int64 {
	type near struct {
		id  int64
		dot float32
	}
	var best []near
	for i, v := range units {
		d := vector.Dot(q, v)
		if len(best) == k && d <= best[k-1].dot {
			continue
		}
		if len(best) < k {
			best = append(best, near{})
		}
		at := len(best) - 1
		for at > 0 && best[at-1].dot < d {
			best[at] = best[at-1]
			at--
		}
		best[at] = near{int64(i + 1), d}
	}
	out := make([]int64, len(best))
	for i, n := range best {
		out[i] = n.id
	}
	return out
}

// tune calls fusion_tune with the judged queries.
func (b *bench) tune(queries []int) (string, error) {
	if _, err := b.ours.Exec(`CREATE TABLE judgements(query TEXT, vector BLOB, "row" INT, grade REAL)`); err != nil {
		return "", err
	}
	tx, err := b.ours.Begin()
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }()
	for _, i := range queries {
		for row, grade := range b.c.Relevant[i] {
			if _, err := tx.Exec("INSERT INTO judgements VALUES(?, ?, ?, ?)", b.c.Queries[i].Text, blob(b.c.QueryVecs[i]), row+1, grade); err != nil {
				return "", err
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return "", err
	}
	var text string
	if err := b.ours.QueryRow("SELECT fusion_tune('docs_vec', 'docs_text', 'judgements')").Scan(&text); err != nil {
		return "", err
	}
	var r struct {
		After struct {
			Fusion, Normalize string
			Weight            *float64
			NDCG              float64 `json:"ndcg_at_10"`
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return "", err
	}
	how := r.After.Fusion
	if r.After.Normalize != "" {
		how += " " + r.After.Normalize
	}
	if r.After.Weight != nil {
		how += fmt.Sprintf(" %g", *r.After.Weight)
	}
	_, err = b.ours.Exec("SELECT fusion_tune('docs_vec', 'docs_text', NULL)")
	return fmt.Sprintf("%.4f (%s)", r.After.NDCG, how), err
}

func ids(st *sql.Stmt, args ...any) ([]int64, error) {
	rows, err := st.Query(args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
