package sqlext_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/examples/data/tiny"
	"github.com/nearlite/nearlite/planner"
)

// tunable loads the tiny set with its judgements.
func tunable(t *testing.T) (d *testDB, path string) {
	t.Helper()
	d, path = openTemp(t)
	queries := d.senses(1)
	answers, err := tiny.Answers()
	if err != nil {
		t.Fatal(err)
	}
	docs, err := tiny.Docs()
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]int{}
	for i, doc := range docs {
		row[doc.ID] = i + 1
	}
	d.exec(`CREATE TABLE judgements(query TEXT, vector BLOB, "row" INT, grade REAL)`)
	for _, q := range queries {
		if row[answers[q.ID]]%97 == 0 {
			continue // its vector was taken away
		}
		d.exec(`INSERT INTO judgements VALUES(?,?,?,?)`, q.Text, floats(q.Embedding), row[answers[q.ID]], 1)
		d.exec(`INSERT INTO judgements VALUES(?,?,?,?)`, q.Text, floats(q.Embedding), row[answers[q.ID]]%500+1, 0)
	}
	return d, path
}

type tuneReport struct {
	Queries, Judgements, Folds, Tried int
	Before, After                     struct {
		Fusion    string
		Weight    *float64
		Normalize string
		NDCG      float64 `json:"ndcg_at_10"`
	}
	Fitted float64 `json:"fitted_ndcg_at_10"`
}

func (d *testDB) tune() (r tuneReport) {
	d.t.Helper()
	text := d.rows(`SELECT fusion_tune('senses_vec', 'senses_text', 'judgements')`)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
	return r
}

// measured is the mean nDCG@10 of hybrid_search on the judgements.
func (d *testDB) measured(options string) float64 {
	d.t.Helper()
	sum, n := 0.0, 0
	for _, line := range strings.Split(d.rows(`SELECT rowid, "row" FROM judgements WHERE grade > 0`), "\n") {
		judgement, want, _ := strings.Cut(line, "|")
		got := strings.Fields(d.line(`SELECT h.id FROM judgements j, hybrid_search('senses_vec', 'senses_text', j.query, j.vector, 10, NULL, NULL, ?2) h WHERE j.rowid = ?1`, judgement, options))
		for i, id := range got {
			if id == want {
				sum += 1 / math.Log2(float64(i)+2) // the ideal is 1: one right row
			}
		}
		n++
	}
	return sum / float64(n)
}

func TestFusionTune(t *testing.T) {
	d, path := tunable(t)
	explain := func(d *testDB, options string) planner.FusionExplain {
		return *d.explain(`hybrid_search('senses_vec', 'senses_text', (SELECT query FROM judgements), (SELECT vector FROM judgements), 5, NULL, NULL, ?)`, options).Fusion
	}
	if f := explain(d, `{}`); f.Tuned || f.Method != planner.Auto {
		t.Errorf("before: %+v", f)
	}
	auto := d.measured(`{"fusion": "auto"}`)
	r := d.tune()
	if r.Queries < 35 || r.Judgements != 2*r.Queries || r.Folds != 5 || r.Before.Fusion != "auto" || r.Before.Weight != nil {
		t.Errorf("report: %+v", r)
	}
	if diff := r.Before.NDCG - auto; diff > 1e-3 || diff < -1e-3 {
		t.Errorf("before: reported %v, measured %v", r.Before.NDCG, auto)
	}
	if r.After.NDCG < r.Before.NDCG || r.Fitted < r.Before.NDCG {
		t.Errorf("worse than before: %+v", r)
	}
	// From now on hybrid_search uses it, on every connection, unless told otherwise.
	if got := d.measured(`{}`); got-r.Fitted > 1e-3 || r.Fitted-got > 1e-3 {
		t.Errorf("after: reported %v fitted, measured %v", r.Fitted, got)
	}
	other := openFile(t, "file:"+path)
	for _, c := range []*testDB{d, other} {
		f := explain(c, `{}`)
		if !f.Tuned || string(f.Method) != r.After.Fusion || r.After.Weight != nil && f.Weight != *r.After.Weight {
			t.Errorf("explain says %+v, want %+v", f, r.After)
		}
		for _, options := range []string{`{"fusion": "auto"}`, `{"fusion": "rrf"}`, `{"weight": 0.4}`} {
			if f := explain(c, options); f.Tuned {
				t.Errorf("options %s: %+v, want the options obeyed", options, f)
			}
		}
	}
	again := d.tune()
	if again.Before.Fusion != r.After.Fusion || again.Before.NDCG != r.Fitted {
		t.Errorf("tuned again: before is %+v, want %+v with %v", again.Before, r.After, r.Fitted)
	}
	// It is part of the transaction, and can be forgotten.
	d.exec(`BEGIN`)
	d.wants("NULL", `SELECT fusion_tune('senses_vec', 'senses_text', NULL)`)
	if f := explain(d, `{}`); f.Tuned {
		t.Errorf("forgotten: %+v", f)
	}
	d.exec(`ROLLBACK`)
	if f := explain(d, `{}`); !f.Tuned {
		t.Errorf("rolled back: %+v", f)
	}
	d.wants("NULL", `SELECT fusion_tune('senses_vec', 'senses_text', NULL)`)
	if f := explain(other, `{}`); f.Tuned {
		t.Errorf("forgotten, other connection: %+v", f)
	}
	d.exec(`INSERT INTO senses_text(senses_text) VALUES('optimize')`)
	d.check()
}

func TestFusionTuneErrors(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(9)
	d.exec(`CREATE TABLE j(query, vector, "row", grade)`)
	d.exec(`CREATE TABLE other(id INTEGER PRIMARY KEY, body TEXT)`)
	d.exec(`CREATE VIRTUAL TABLE other_text USING lexical(other, body)`)
	call := `SELECT fusion_tune('docs_vec', 'docs_text', 'j')`
	d.fails(`fusion_tune: j has 0 distinct queries with a row of a grade above 0, want at least 5`, call)
	d.fails(`judgements table nope: no such table: nope, want a table with the columns query, vector, row, grade`, `SELECT fusion_tune('docs_vec', 'docs_text', 'nope')`)
	d.fails(`judgements table docs: no such column: j.query`, `SELECT fusion_tune('docs_vec', 'docs_text', 'docs')`)
	d.fails(`main.docs_vec indexes main.docs and main.other_text indexes main.other, want two indexes of one table`, `SELECT fusion_tune('docs_vec', 'other_text', 'j')`)
	d.fails(`no such index: nope`, `SELECT fusion_tune('nope', 'docs_text', 'j')`)
	d.fails(`fusion_tune: judgements_table is 5, want the name of a table`, `SELECT fusion_tune('docs_vec', 'docs_text', 5)`)
	for _, c := range []struct{ row, want string }{
		{`NULL, '[1,1]', 1, 1`, `fusion_tune: j, row 1: query is NULL, want text to search for`},
		{`'a', '[1,1,1]', 1, 1`, `fusion_tune: j, row 1: main.docs_vec: query vector: got 3 dimensions, want 2`},
		{`'a', NULL, 1, 1`, `fusion_tune: j, row 1: main.docs_vec: query vector: `},
		{`'a', '[1,1]', 'x', 1`, `fusion_tune: j, row 1: row is the text "x", want a rowid of main.docs`},
		{`'a', '[1,1]', 1, -1`, `fusion_tune: j, row 1: grade is -1, want a number from 0 up`},
	} {
		d.exec(`DELETE FROM j`)
		d.exec(`INSERT INTO j VALUES(` + c.row + `)`)
		d.fails(c.want, call)
	}
	d.exec(`DELETE FROM j`)
	d.exec(`INSERT INTO j SELECT 'number' || id, embedding, id, 1 FROM docs WHERE id < 5`)
	d.fails(`fusion_tune: j has 4 distinct queries with a row of a grade above 0, want at least 5`, call)
	d.exec(`INSERT INTO j SELECT 'number' || id, embedding, id, 1 FROM docs WHERE id >= 5`)
	d.wants("9|auto|1", `SELECT json_extract(r, '$.queries'), json_extract(r, '$.after.fusion'), json_extract(r, '$.after.ndcg_at_10') FROM (SELECT fusion_tune('main.docs_vec', 'docs_text', 'main.j') r)`)
	// Damaged bytes are found by a search, and by nothing worse than an error.
	d.exec(`UPDATE docs_text_config SET data = x'00112233' WHERE id = 3`)
	d.fails(`main.docs_text`, `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'number3', '[1,1]')`)
	d.wants("1", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'number3', '[1,1]', 1, NULL, NULL, '{"fusion": "rrf"}')`)
	d.wants("NULL", `SELECT fusion_tune('docs_vec', 'docs_text', NULL)`)
	d.wants("3", `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'number3', '[3,1]', 1)`)
}
