package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/demo"
	"github.com/nearlite/nearlite/examples/data/tiny"
)

// demoDB runs the demonstration in a folder of its own and opens its database.
func demoDB(t *testing.T) (db *sql.DB, path, text string) {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "nearlite", "demo", "--dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path = filepath.Join(dir, demo.FileName)
	return openTest(t, path), path, string(out)
}

func queryIDs(t *testing.T, db *sql.DB, query string, args ...any) (ids []int64) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return ids
}

// expectation is examples/data/tiny/expected.json: exact answers computed
// elsewhere, rows counted from 0.
type expectation struct {
	Queries []struct {
		ID   string  `json:"id"`
		Rows []int64 `json:"cos_rows"`
	} `json:"queries"`
	Filters []struct {
		Where    string    `json:"where"`
		Matching int       `json:"matching_rows"`
		Top5     [][]int64 `json:"top5"`
	} `json:"filters"`
}

// The demo's searches against the exact answers that come with the data.
func TestDemoSearchesAreRight(t *testing.T) {
	db, _, _ := demoDB(t)
	data, err := tiny.FS.ReadFile("expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected expectation
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	searches := map[string]string{
		"exact":     "SELECT id FROM senses ORDER BY vector_distance_cos(embedding, ?1), id LIMIT 10",
		"top_k":     "SELECT id FROM vector_top_k('senses_vec', ?1, 10)",
		"search":    "SELECT id FROM vector_search('senses_vec', ?1, 10)",
		"match":     "SELECT rowid FROM senses_vec WHERE vector MATCH ?1 AND k = 10",
		"traversal": "SELECT id FROM vector_search('senses_vec', ?1, 10, NULL, NULL, '{\"exact\": false}')",
	}
	for name, query := range searches {
		found := 0
		for i, e := range expected.Queries {
			q := embedding(t, db, e.ID)
			got := queryIDs(t, db, query, q)
			if len(got) != 10 {
				t.Errorf("%s: query %d: got %d rows, want 10", name, i, len(got))
			}
			for _, row := range e.Rows[:10] {
				if slices.Contains(got, row+1) {
					found++
				}
			}
		}
		if recall := float64(found) / float64(10*len(expected.Queries)); recall < 0.99 {
			t.Errorf("%s: recall@10 is %.4f, want at least 0.99", name, recall)
		}
	}
	for _, f := range expected.Filters {
		found, all := 0, 0
		for i, e := range expected.Queries {
			q := embedding(t, db, e.ID)
			want := min(5, f.Matching)
			for _, query := range []string{
				"SELECT id FROM vector_search('senses_vec', ?1, 5, ?2)",
				"SELECT rowid FROM senses_vec WHERE vector MATCH ?1 AND k = 5 AND rowid IN (SELECT id FROM senses WHERE " + f.Where + ")",
			} {
				args := []any{q, f.Where}[:strings.Count(query, "?")]
				got := queryIDs(t, db, query, args...)
				if len(got) != want {
					t.Errorf("%s: query %s: got %d rows, want %d (%s)", f.Where, e.ID, len(got), want, query)
				}
				for _, row := range f.Top5[i] {
					if all++; slices.Contains(got, row+1) {
						found++
					}
				}
			}
			// More than match: all that match.
			if got := queryIDs(t, db, "SELECT id FROM vector_search('senses_vec', ?1, 500, ?2)", q, f.Where); i < 3 && len(got) != f.Matching {
				t.Errorf("%s: query %s, k 500: got %d rows, want %d", f.Where, e.ID, len(got), f.Matching)
			}
		}
		if recall := float64(found) / float64(all); recall < 0.99 {
			t.Errorf("%s: recall@5 is %.4f, want at least 0.99", f.Where, recall)
		}
	}
}

func embedding(t *testing.T, db *sql.DB, id string) (blob []byte) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT embedding FROM queries WHERE id = ?", id).Scan(&blob); err != nil {
		t.Fatal(err)
	}
	return blob
}

// Every command that the demo prints works on the file that it leaves.
func TestDemoCommandsWork(t *testing.T) {
	_, path, text := demoDB(t)
	commands := 0
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "nearlite sql --db "+path+` "`)
		if !ok {
			continue
		}
		commands++
		out, err := exec.CommandContext(t.Context(), "nearlite", "sql", "--db", path, strings.TrimSuffix(rest, `"`)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if commands < 4 {
		t.Errorf("found %d commands in the tour's text, want at least 4\n%s", commands, text)
	}
	// A row that one of them inserted is found by its words at once.
	out, err := exec.CommandContext(t.Context(), "nearlite", "sql", "--db", path, "--format", "csv",
		"SELECT title FROM senses_text WHERE senses_text MATCH 'bluebird'").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "bluebird") {
		t.Errorf("got %v, %s; want the row bluebird", err, out)
	}
}

// The tour reports a recall that the test above asks for too.
func TestDemoReportsRecall(t *testing.T) {
	_, _, text := demoDB(t)
	var recall float64
	_, after, ok := strings.Cut(text, "recall@10 of the vector index: ")
	if _, err := fmt.Sscan(after, &recall); !ok || err != nil || recall < 0.99 || recall > 1 {
		t.Errorf("got recall %v (%v), want 0.99 to 1\n%s", recall, err, text)
	}
}
