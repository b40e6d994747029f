package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// The example prints what a scan of the table finds.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, c := range []struct{ title, where, included string }{
		{`tenant = ?1 [42]`, `tenant = 42`, "all"},
		{`tenant = ?1 AND lang = ?2 [42, "de"]`, `tenant = 42 AND lang = 'de'`, "all"},
		{`lang = 'de' AND year BETWEEN 2010 AND 2012 []`, `lang = 'de' AND year BETWEEN 2010 AND 2012`, "all"},
		{`year > 2001 []`, `year > 2001`, "all"},
		{`tenant = ?1 AND length(body) < 8 [42]`, `tenant = 42 AND length(body) < 8`, "part"},
		{`tenant = 1000 []`, `tenant = 1000`, "nothing to decide"},
	} {
		var bodies string
		if err := db.QueryRowContext(t.Context(), `SELECT ifnull(group_concat(body, ', '), 'none') FROM
			(SELECT body FROM notes WHERE `+c.where+` ORDER BY vector_distance_cos(embedding, '[0.5, 0.8, 0.3]'), id LIMIT 3)`).Scan(&bodies); err != nil {
			t.Fatal(err)
		}
		want.WriteString(c.title + "\n  nearest: " + bodies + "\n  decided by included columns: " + c.included + "\n")
	}
	if diff := cmp.Diff(want.String(), out.String()); diff != "" {
		t.Errorf("-scan +example\n%s", diff)
	}
}
