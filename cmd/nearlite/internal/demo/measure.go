package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

const k = 10

// The searches that are measured. ?1 is the query's text, ?2 its embedding, ?3 k.
const (
	exactSQL   = `SELECT id FROM senses ORDER BY vector_distance_cos(embedding, ?2), id LIMIT ?3`
	vectorSQL  = `SELECT id FROM vector_top_k('senses_vec', ?2, ?3)`
	lexicalSQL = `SELECT id FROM lexical_search('senses_text', ?1, ?3)`
	hybridSQL  = `SELECT id FROM hybrid_search('senses_vec', 'senses_text', ?1, ?2, ?3)`
)

// query is a row of the table queries.
type query struct {
	text      string
	embedding []byte
	answer    int64 // id of the judged sense
}

// measure compares the searches over all queries: the vector index with the exact
// scan, and each kind of search with the judged answers.
func (t *tour) measure(ctx context.Context) error {
	t.head("How good is it?")
	queries, err := t.queries(ctx)
	if err != nil {
		return err
	}
	results := map[string][][]int64{}
	times := map[string]time.Duration{}
	for _, text := range []string{exactSQL, vectorSQL, lexicalSQL, hybridSQL} {
		begin := time.Now()
		for _, q := range queries {
			ids, err := t.ids(ctx, text, q)
			if err != nil {
				return fmt.Errorf("%s: %s", text, sqlite.ErrorText(err))
			}
			results[text] = append(results[text], ids)
		}
		times[text] = time.Since(begin) / time.Duration(max(len(queries), 1))
	}
	t.say("An index for vectors is fast because it does not look at every row; it may miss some. All")
	t.say("%d queries, compared with an exact scan (ORDER BY vector_distance_cos):\n", len(queries))
	t.say("    recall@%d of the vector index: %.4f", k, recall(results[vectorSQL], results[exactSQL]))
	t.say("    time a query: index %s, exact scan %s (500 rows are few; the scan grows with the table)\n",
		times[vectorSQL].Round(time.Microsecond), times[exactSQL].Round(time.Microsecond))
	t.say("Each query is an example for one sense. How often is that sense among the first %d?\n", k)
	for _, line := range []struct{ name, text string }{
		{"by meaning", vectorSQL}, {"by words", lexicalSQL}, {"by both", hybridSQL},
	} {
		found := 0
		for i, q := range queries {
			if contains(results[line.text][i], q.answer) {
				found++
			}
		}
		t.say("    %-10s  %2d of %d", line.name, found, len(queries))
	}
	t.say("\n(The embeddings come from a small, old model; with those of a current one meaning does better.)")
	return nil
}

func (t *tour) queries(ctx context.Context) (all []query, err error) {
	rows, err := t.conn.QueryContext(ctx,
		"SELECT q.text, q.embedding, s.id FROM queries AS q JOIN senses AS s ON s.sense = q.answer ORDER BY q.rowid")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var q query
		if err := rows.Scan(&q.text, &q.embedding, &q.answer); err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, rows.Err()
}

func (t *tour) ids(ctx context.Context, text string, q query) (ids []int64, err error) {
	rows, err := t.conn.QueryContext(ctx, text, q.text, q.embedding, k)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// recall is the share of the exact answers that were found, over all queries.
func recall(got, exact [][]int64) float64 {
	found, all := 0, 0
	for i, want := range exact {
		all += len(want)
		for _, id := range want {
			if contains(got[i], id) {
				found++
			}
		}
	}
	return float64(found) / float64(max(all, 1))
}

func contains(ids []int64, id int64) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}
