package sqlext_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// libsqlFile is a copy of a file that libSQL 0.5.29 wrote; the program that wrote it
// lies beside it.
func libsqlFile(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "compat", "libsql-0.5.29.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libsql.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const moviesSearch = `SELECT title FROM vector_top_k('movies_idx', vector32('[0.064,0.777,0.661,0.687]'), 3) v JOIN movies ON movies.rowid = v.id`

// TestLibSQLFile opens a file of libSQL's, under which SQLite's own index is empty.
func TestLibSQLFile(t *testing.T) {
	path := libsqlFile(t)
	d := connect(t, "file:"+path)
	defer d.shut()
	d.wants("4", `SELECT count(*) FROM movies`)
	d.wants("1 2 3 4", `SELECT group_concat(id, ' ') FROM (SELECT id FROM movies ORDER BY id)`)
	d.wants("0", `SELECT nearlite_reconcile()`)
	d.wants("Blade Runner\nNapoleon\nBlack Hawk Down", moviesSearch)
	d.exec(`DELETE FROM movies WHERE title = 'Napoleon'`)
	d.exec(`INSERT INTO movies(title, embedding) VALUES('Arrival', '[0.06,0.78,0.66,0.69]')`)
	d.wants("Arrival\nBlade Runner\nBlack Hawk Down", moviesSearch)
	d.check()
	e := openFile(t, "file:"+path)
	e.wants("Arrival\nBlade Runner\nBlack Hawk Down", moviesSearch)

	// The way back: with the index goes what libSQL kept for it, so that CREATE INDEX in
	// libSQL starts from nothing.
	d.exec(`DROP INDEX movies_idx`)
	d.wants("movies\nlibsql_vector_meta_shadow", `SELECT name FROM sqlite_schema`)
	d.wants("0", `SELECT count(*) FROM libsql_vector_meta_shadow`)
	d.exec(`CREATE INDEX movies_idx ON movies(libsql_vector_idx(embedding))`)
	e.wants("Arrival\nBlade Runner\nBlack Hawk Down", moviesSearch)
}

func TestLibSQLFileReindex(t *testing.T) {
	d := openFile(t, "file:"+libsqlFile(t))
	d.exec(`REINDEX movies_idx`)
	d.wants("Blade Runner\nNapoleon\nBlack Hawk Down", moviesSearch)
	d.exec(`DROP TABLE movies`)
	d.wants("libsql_vector_meta_shadow", `SELECT name FROM sqlite_schema`)
}

// TestLibSQLFileLeftovers has metadata that a failed CREATE INDEX of libSQL's left
// behind: libSQL makes an empty index then.
func TestLibSQLFileLeftovers(t *testing.T) {
	d := openFile(t, "file:"+libsqlFile(t))
	d.exec(`REINDEX movies_idx`)
	d.exec(`INSERT INTO libsql_vector_meta_shadow VALUES('later', x'0100')`)
	d.exec(`CREATE INDEX later ON movies(libsql_vector_idx(embedding))`)
	d.wants("4", `SELECT count(*) FROM vector_top_k('later', '[1,2,3,4]', 10)`)
}

// TestReconcileOtherHosts drives a connection without our driver: SQLite's own
// statements change the schema, and the next search notices.
func TestReconcileOtherHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	raw, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := sqlite.Register(raw); err != nil {
		t.Fatal(err)
	}
	exec := func(sql string) {
		t.Helper()
		if err := raw.Exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	const search = `SELECT group_concat(id, ' ') FROM vector_top_k('ix', '[3,1]', 3)`
	text := func(sql string) (got string, err error) {
		st, _, err := raw.Prepare(sql)
		if err != nil {
			return "", err
		}
		defer st.Close()
		if st.Step() {
			got = st.ColumnText(0)
		}
		return got, st.Err()
	}
	wants := func(want, sql string) {
		t.Helper()
		if got, err := text(sql); err != nil || got != want {
			t.Errorf("%s\n got %q, %v\nwant %q", sql, got, err, want)
		}
	}
	fill := `INSERT INTO p SELECT value, vector32('[' || value || ',1]') FROM generate_series(1, 9)`
	exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2)); CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=l2'))`)
	exec(fill)
	wants("3 2 4", search)
	exec(`DELETE FROM p WHERE id = 3`)
	wants("2 4 1", search)
	// Dropped and made again behind our back: the old index must not answer.
	exec(`DROP TABLE p; CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2)); CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=l2'))`)
	exec(`INSERT INTO p VALUES(70, vector32('[2,1]'))`)
	if _, err := text(search); err == nil { // nothing can be dropped while a search reads
		wants("70", search)
	}
	wants("1", `SELECT nearlite_reconcile()`)
	wants("70", search)
	exec(`DROP INDEX ix; CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=cosine'))`)
	wants("1", `SELECT nearlite_reconcile()`)
	wants("70", search)
	// A wrong index is reported by the search for it, and does not keep others from
	// being dropped.
	exec(`CREATE INDEX bad ON p(libsql_vector_idx(e, 'metric=dot'))`)
	if _, err := text(`SELECT id FROM vector_top_k('bad', '[1,1]', 1)`); err == nil {
		t.Error("a search of an index with a wrong parameter succeeds")
	}
	st, _, err := sqlite.Prepare(raw, `DROP INDEX ix`)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Exec(); err != nil {
		t.Error(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	wants("", `SELECT name FROM sqlite_schema WHERE name LIKE '%ix_shadow'`)
	exec(`DROP TABLE p`)
}

func TestLibSQLFileReadOnly(t *testing.T) {
	path := libsqlFile(t)
	db, err := sqlite.Open("file:" + path + "?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM movies`).Scan(&n)
	if err == nil || !strings.Contains(err.Error(), "main.movies_idx is an index of libSQL's own") {
		t.Errorf("read-only: %d rows, %v", n, err)
	}
	// Attached, it is made ours at once.
	d := openFile(t, "file:"+filepath.Join(t.TempDir(), "main.db"))
	d.exec(`ATTACH ?1 AS old`, path)
	d.wants("4", `SELECT count(*) FROM old.movies`)
	d.wants("4", `SELECT id FROM vector_top_k('old.movies_idx', '[0.064,0.777,0.661,0.687]', 1)`)
}

// TestStockSQLiteDropsTheAnchor lets a program without nearlite drop the index.
func TestStockSQLiteDropsTheAnchor(t *testing.T) {
	d, path := openTemp(t)
	d.points(3)
	raw, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []string{`DELETE FROM p WHERE id = 1`, `INSERT INTO p VALUES(9, 1, x'00')`} {
		if err := raw.Exec(write); err == nil {
			t.Errorf("%s succeeds without nearlite", write)
		}
	}
	if err := raw.Exec(`DROP INDEX ix`); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	e := openFile(t, "file:"+path)
	e.wants("p\nlibsql_vector_meta_shadow", `SELECT name FROM sqlite_schema`)
	e.exec(`INSERT INTO p VALUES(9, 1, vector32('[1,2,3]'))`)
	d.fails("failed to parse vector index parameters", `SELECT * FROM vector_top_k('ix', '[1,2]', 1)`)
}

// TestDumpReadBack reads a dump as SQLite's shell writes it.
func TestDumpReadBack(t *testing.T) {
	d, _ := openTemp(t)
	d.points(5)
	d.exec(`CREATE TABLE w(k TEXT PRIMARY KEY, e F32_BLOB(2)) WITHOUT ROWID`)
	d.exec(`CREATE INDEX wx ON w(libsql_vector_idx(e))`)
	d.exec(`INSERT INTO w VALUES('a', vector32('[1,0]')), ('b', vector32('[0,1]'))`)
	dump := "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nPRAGMA writable_schema=ON;\n" +
		d.rows(`SELECT 'INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES(''table'',' || quote(name) || ',' || quote(name) || ',0,' || quote(sql) || ');'
			FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'`) + "\n"
	for _, name := range strings.Fields(d.rows(`SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL TABLE%'`)) {
		cols := d.rows(`SELECT group_concat('quote("' || name || '")', '||'',''||') FROM pragma_table_info(?1)`, name)
		dump += d.rows(`SELECT sql || ';' FROM sqlite_schema WHERE name = ?1`, name) + "\n" +
			d.rows(fmt.Sprintf(`SELECT 'INSERT INTO "%s" VALUES(' || %s || ');' FROM "%s"`, name, cols, name)) + "\n"
	}
	dump += d.rows(`SELECT sql || ';' FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql NOT NULL ORDER BY rowid`) +
		"\nPRAGMA writable_schema=OFF;\nCOMMIT;\n"

	path := filepath.Join(t.TempDir(), "copy.db")
	c := connect(t, "file:"+path)
	err := sqlite.RunScript(t.Context(), c.Conn, dump, func(*sqlite.Statement) error { return nil })
	c.shut()
	if err != nil {
		t.Fatal(err)
	}
	e := openFile(t, "file:"+path)
	if got := e.topK("ix", 3, 2); got != "3 2" {
		t.Errorf("the copy finds %s", got)
	}
	e.wants("b", `SELECT id FROM vector_top_k('wx', '[0,1]', 1)`)
	e.exec(`INSERT INTO p VALUES(30, 0, vector32('[2.9,1]'))`)
	if got := e.topK("ix", 2.9, 1); got != "30" {
		t.Errorf("after a write the copy finds %s", got)
	}
}
