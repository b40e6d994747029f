// Command go-quickstart searches a few notes by meaning, by words and by both,
// from a Go program: sqlite.Open gives a *sql.DB whose connections know nearlite.
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

// schema is a table and its two indexes. Vectors have three dimensions here, so
// that they can be read; an embedding model gives a few hundred.
const schema = `
CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, lang TEXT, embedding F32_BLOB(3));
CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding, metric=cosine);
CREATE VIRTUAL TABLE notes_text USING lexical(notes, body, analyzer=en);`

func main() {
	// A file name in place of ":memory:" keeps the notes and both indexes in it.
	if err := run(context.Background(), ":memory:", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dsn string, out io.Writer) error {
	db, err := sqlite.Open(dsn)
	if err != nil {
		return err
	}
	defer db.Close()

	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	// Ordinary SQL writes; triggers keep the indexes in step, transactions hold.
	if _, err := db.ExecContext(ctx, `INSERT INTO notes(body, lang, embedding) VALUES
		('the cat sleeps on the warm stove', 'en', vector32('[0.9, 0.1, 0.0]')),
		('a kitten plays with wool',         'en', vector32('[0.8, 0.3, 0.1]')),
		('stocks fell on Monday',            'en', vector32('[0.0, 0.2, 0.9]')),
		('die Katze schläft',                'de', vector32('[0.8, 0.1, 0.1]'))`); err != nil {
		return err
	}
	q := "[0.9, 0.2, 0.0]" // what a model would say of "sleeping cats"

	for _, search := range []struct {
		title, sql string
		args       []any
	}{
		{"nearest in meaning", `SELECT body FROM vector_search('notes_vec', ?, 2) JOIN notes USING (id)`, []any{q}},
		{"only English notes", `SELECT body FROM vector_search('notes_vec', ?, 2, 'lang = ''en''') JOIN notes USING (id)`, []any{q}},
		{"by words", `SELECT body FROM lexical_search('notes_text', ?, 2) JOIN notes USING (id)`, []any{"a cat sleeping?"}},
		{"by both", `SELECT body FROM hybrid_search('notes_vec', 'notes_text', ?, ?, 2) JOIN notes USING (id)`, []any{"a cat sleeping?", q}},
	} {
		fmt.Fprintln(out, search.title+":")
		if err := printRows(ctx, db, out, search.sql, search.args...); err != nil {
			return fmt.Errorf("%s: %w", search.title, err)
		}
	}
	return nil
}

func printRows(ctx context.Context, db *sql.DB, out io.Writer, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return err
		}
		fmt.Fprintln(out, "  "+body)
	}
	return rows.Err()
}
