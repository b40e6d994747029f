package sqlext_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// testDB is one connection to a database with nearlite, whose integrity is checked
// when the test ends.
type testDB struct {
	t  testing.TB
	db *sql.DB
	*sql.Conn
}

// openFile opens one more connection to a database file.
func openFile(t testing.TB, dsn string) *testDB {
	t.Helper()
	d := connect(t, dsn)
	t.Cleanup(func() {
		if !t.Failed() {
			d.check()
		}
		d.shut()
	})
	return d
}

// connect opens a connection that the caller shuts.
func connect(t testing.TB, dsn string) *testDB {
	t.Helper()
	db, err := sqlite.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d := &testDB{t, db, c}
	// Nothing here survives a power cut, and the disk is what takes the time.
	d.exec(`PRAGMA synchronous = OFF`)
	return d
}

// shut closes the connection: SQLite refuses while a statement is left open.
func (d *testDB) shut() {
	_ = d.Conn.Close()
	if err := d.db.Close(); err != nil {
		d.t.Errorf("close: %v", err)
	}
}

// openTemp opens a new database file.
func openTemp(t testing.TB) (d *testDB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	return openFile(t, "file:"+path), path
}

// check runs PRAGMA integrity_check.
func (d *testDB) check() {
	d.t.Helper()
	if got := d.rows("PRAGMA integrity_check"); got != "ok" {
		d.t.Errorf("integrity_check: %s", got)
	}
}

func (d *testDB) exec(query string, args ...any) {
	d.t.Helper()
	if _, err := d.ExecContext(context.Background(), query, args...); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
}

// fails runs a statement that must fail with a message that holds want.
func (d *testDB) fails(want, query string, args ...any) {
	d.t.Helper()
	got, err := d.try(query, args...)
	switch {
	case err == nil:
		d.t.Errorf("%s\n got %q\nwant the error %s", query, got, want)
	case !strings.Contains(err.Error(), want):
		d.t.Errorf("%s\n got the error %v\nwant the error %s", query, err, want)
	}
}

// rows runs a query and returns its rows, columns joined by | and rows by newlines.
func (d *testDB) rows(query string, args ...any) string {
	d.t.Helper()
	s, err := d.try(query, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return s
}

// wants runs a query and compares its rows.
func (d *testDB) wants(want, query string, args ...any) {
	d.t.Helper()
	if got := d.rows(query, args...); got != want {
		d.t.Errorf("%s\n got %s\nwant %s", query, strings.ReplaceAll(got, "\n", " / "), strings.ReplaceAll(want, "\n", " / "))
	}
}

func (d *testDB) try(query string, args ...any) (string, error) {
	rows, err := d.QueryContext(context.Background(), query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		vals := make([]any, len(cols))
		ptrs := make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return "", err
		}
		text := make([]string, len(cols))
		for i, v := range vals {
			switch v := v.(type) {
			case nil:
				text[i] = "NULL"
			case []byte:
				text[i] = fmt.Sprintf("%x", v)
			case float64:
				text[i] = fmt.Sprintf("%.4g", v)
			default:
				text[i] = fmt.Sprint(v)
			}
		}
		lines = append(lines, strings.Join(text, "|"))
	}
	return strings.Join(lines, "\n"), rows.Err()
}

// docs makes a table of n rows on a line in the plane, row i at (i, 1), with a
// vector index docs_vec and a lexical index docs_text.
func (d *testDB) docs(n int) {
	d.t.Helper()
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, lang TEXT, embedding F32_BLOB(2))`)
	d.insertDocs(1, n)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body, analyzer=standard)`)
}

// insertDocs inserts rows from to to.
func (d *testDB) insertDocs(from, to int) {
	d.t.Helper()
	d.exec(`WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i < ?2)
		INSERT INTO docs(id, title, body, lang, embedding)
		SELECT i, 'title ' || i, 'words of document ' || i || ' and number' || i, iif(i % 2, 'de', 'en'), vector32('[' || i || ',1]') FROM n WHERE i <= ?2`, from, to)
}

// nearest lists the k rows nearest to (x, 1).
func (d *testDB) nearest(x, k int) string {
	d.t.Helper()
	return strings.ReplaceAll(d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = ?2 ORDER BY distance`, fmt.Sprintf("[%d,1]", x), k), "\n", " ")
}

// found lists the rows that hold a word, by rowid.
func (d *testDB) found(query string) string {
	d.t.Helper()
	return strings.ReplaceAll(d.rows(`SELECT rowid FROM docs_text WHERE docs_text MATCH ?1 ORDER BY rowid`, query), "\n", " ")
}

// schema lists everything in the schema, and the contents of the shadow tables.
func (d *testDB) schema() string {
	d.t.Helper()
	s := d.rows(`SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name`)
	for _, name := range strings.Fields(d.rows(`SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name`)) {
		s += "\n-- " + name + "\n" + d.rows(`SELECT * FROM "`+name+`"`)
	}
	return s
}
