package sqlext_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// A search without k goes on for as long as its rows are read: all of them, each once,
// also when rows come and go meanwhile.
func TestOpenSearch(t *testing.T) {
	d, _ := openTemp(t)
	const n, dims = 1500, 8
	d.fillSphere(n, dims)
	d.exec(createDocsVec)
	q := sphere(-3, dims)
	exact := strings.Fields(d.rows(`SELECT id FROM docs ORDER BY vector_distance_cos(embedding, vector32(?1)), id`, q))
	got := strings.Fields(d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 ORDER BY distance`, q))
	seen := map[string]bool{}
	first := 0
	for i, id := range got {
		if seen[id] {
			t.Errorf("row %s comes twice", id)
		}
		seen[id] = true
		if i < 300 && i < len(exact) && contains(exact[:300], id) {
			first++
		}
	}
	if len(got) != n || first < 290 {
		t.Errorf("%d rows, want %d; %d of the 300 nearest come first", len(got), n, first)
	}
	// distance < x ends it.
	bound := d.rows(`SELECT printf('%.9f', vector_distance_cos(embedding, vector32(?1))) FROM docs WHERE id = ?2`, q, exact[200])
	near := strings.Fields(d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND distance < `+bound+` ORDER BY distance`, q))
	if len(near) < 190 || len(near) > 202 {
		t.Errorf("%d rows are nearer than the 201st, want about 200", len(near))
	}

	// Rows are deleted, updated and inserted while the search is read.
	rows, err := d.QueryContext(context.Background(), `SELECT rowid FROM docs_vec WHERE vector MATCH ?1 ORDER BY distance`, q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen = map[string]bool{}
	gone := 0
	for i := 0; rows.Next(); i++ {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Errorf("row %s comes twice", id)
		}
		seen[id] = true
		switch i {
		case 100:
			d.exec(`BEGIN`)
			d.exec(`DELETE FROM docs WHERE id % 2 = 0 AND id > 700`)
			gone = 400
		case 300:
			d.exec(`COMMIT`)
		case 320:
			d.exec(`INSERT INTO docs VALUES(9000, vector32(?1))`, sphere(9000, dims))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(seen) < n-gone || len(seen) > n+1 || !seen["9000"] {
		t.Errorf("%d rows, want those that stayed, %d, and the new one", len(seen), n-gone)
	}
	for i := 1; i <= n; i++ {
		if id := fmt.Sprint(i); !seen[id] && (i <= 700 || i%2 == 1) {
			t.Errorf("row %s is missing", id)
		}
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}
