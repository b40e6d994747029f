// Command filters searches the notes of one tenant among many: the index keeps the
// columns that searches filter by, so that a filter is decided where the vectors are.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// schema: 200 tenants share one table and one index. partition_by is the column that
// (nearly) every search asks for, include those that some do.
const schema = `
CREATE TABLE notes(id INTEGER PRIMARY KEY, tenant INT, lang TEXT, year INT, body TEXT, embedding F32_BLOB(3));
INSERT INTO notes(tenant, lang, year, body, embedding)
  SELECT value % 200, iif(value % 3, 'en', 'de'), 2000 + value % 25, 'note ' || value,
         vector32('[' || cos(value) || ',' || sin(value) || ',' || (value % 7 / 7.0) || ']')
  FROM generate_series(1, 20000);
CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding, metric=cosine, partition_by=tenant, include=(lang, year));`

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	db, err := sqlite.Open(":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	for _, search := range []struct{ filter, args string }{
		{`tenant = ?1`, `[42]`},
		{`tenant = ?1 AND lang = ?2`, `[42, "de"]`},
		{`lang = 'de' AND year BETWEEN 2010 AND 2012`, `[]`},
		{`year > 2001`, `[]`},
		{`tenant = ?1 AND length(body) < 8`, `[42]`}, // the index does not keep body: SQLite is asked about a tenant's rows
		{`tenant = 1000`, `[]`},
	} {
		if err := show(ctx, db, out, search.filter, search.args); err != nil {
			return fmt.Errorf("%s: %w", search.filter, err)
		}
	}
	return nil
}

// show prints the nearest rows and what decided about the filter. Values always go
// into filter_args, never into the text.
func show(ctx context.Context, db *sql.DB, out io.Writer, filter, args string) error {
	var bodies, included sql.NullString
	err := db.QueryRowContext(ctx, `SELECT group_concat(body, ', '), max(json_extract(explain, '$.filter.included'))
		FROM vector_search('notes_vec', '[0.5, 0.8, 0.3]', 3, ?, ?) JOIN notes USING (id)`, filter, args).Scan(&bodies, &included)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s\n  nearest: %s\n  decided by included columns: %s\n", filter, args, or(bodies, "none"), or(included, "nothing to decide"))
	return err
}

func or(s sql.NullString, other string) string {
	if s.Valid {
		return s.String
	}
	return other
}
