package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// alterSteps runs statements one after the other. What follows " -> " is the first
// column of the rows, joined by commas, or "error: " and a part of the message.
func alterSteps(t *testing.T, db *sql.DB, steps ...string) {
	t.Helper()
	for _, step := range steps {
		text, want, _ := strings.Cut(step, " -> ")
		rows, err := db.QueryContext(t.Context(), text)
		var got []string
		if err == nil {
			cols, _ := rows.Columns()
			for rows.Next() {
				values := make([]any, len(cols))
				var first sql.NullString
				values[0] = &first
				for i := range values[1:] {
					values[i+1] = new(any)
				}
				if err := rows.Scan(values...); err != nil {
					t.Fatal(err)
				}
				got = append(got, first.String)
			}
			err = rows.Err()
			_ = rows.Close()
		}
		if message, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: %v, want %s", text, err, message)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s := strings.Join(got, ","); s != want {
			t.Errorf("%s: got %s, want %s", text, s, want)
		}
	}
}

func openAlter(t *testing.T) *sql.DB {
	t.Helper()
	db, err := Open("file:" + filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// What libSQL answers in the same place is checked against libSQL 0.5.29.
func TestAlterColumn(t *testing.T) {
	const table = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT DEFAULT 5, c)"
	const text = "SELECT sql FROM sqlite_schema WHERE name = 't' -> "
	const sound = "PRAGMA integrity_check -> ok"
	for name, steps := range map[string][]string{
		"NotNull": {
			table, "INSERT INTO t(a) VALUES (NULL)", "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT NULL",
			"INSERT INTO t(a) VALUES (NULL) -> error: NOT NULL constraint failed: t.a", "SELECT count(*) FROM t -> 1", "UPDATE t SET b = 3",
			text + "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT DEFAULT 5, c)",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT", "INSERT INTO t(a) VALUES (NULL)", sound,
		},
		"Check": {
			table, "INSERT INTO t(a) VALUES ('x')", "alter table t alter column a to a TEXT CHECK(length(a) > 3)",
			"INSERT INTO t(a) VALUES ('y') -> error: CHECK constraint failed: length(a) > 3", "INSERT INTO t(a) VALUES ('yyyy')", "SELECT a FROM t -> x,yyyy",
			"ALTER TABLE t ALTER COLUMN a TO a CHECK(zz > 1) -> error: no such column: zz",
			"ALTER TABLE t ALTER COLUMN a TO a CHECK((SELECT 1)) -> error: subqueries prohibited in CHECK constraints",
		},
		"References": {
			table, "CREATE TABLE p(id INTEGER PRIMARY KEY)", "PRAGMA foreign_keys = on", "INSERT INTO t(c) VALUES (7)",
			"ALTER TABLE t ALTER COLUMN c TO c INTEGER REFERENCES p(id)", "INSERT INTO t(c) VALUES (8) -> error: FOREIGN KEY constraint failed",
			"INSERT INTO p VALUES (8)", "INSERT INTO t(c) VALUES (8)", "SELECT c FROM t -> 7,8",
		},
		"Default": {
			table, "ALTER TABLE t ALTER COLUMN b TO b INT DEFAULT 9", "INSERT INTO t(a) VALUES ('x')", "SELECT b FROM t -> 9",
			"ALTER TABLE t ALTER COLUMN b TO b DEFAULT (a) -> error: default value of column [b] is not constant",
			"ALTER TABLE t ALTER COLUMN b TO b", "INSERT INTO t(a) VALUES ('y')", "SELECT b IS NULL FROM t -> 0,1",
		},
		"Type": {
			table, "INSERT INTO t(a) VALUES ('12')", "ALTER TABLE t ALTER COLUMN a TO a INT", "INSERT INTO t(a) VALUES ('13')", "SELECT typeof(a) FROM t -> text,integer",
		},
		"AnIndexIsSortedAnew": {
			table, "CREATE INDEX i ON t(a)", "CREATE INDEX j ON t(b, a) WHERE a > ''", "INSERT INTO t(a) VALUES ('A'), ('b'), ('B')",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT COLLATE NOCASE", sound, "SELECT count(*) FROM t INDEXED BY i WHERE a = 'b' -> 2",
			"DROP INDEX j", "DROP INDEX i", "CREATE TABLE u(a, b, UNIQUE(a, b))", "INSERT INTO u VALUES ('x', 1), ('X', 1)",
			"ALTER TABLE u ALTER COLUMN a TO a COLLATE NOCASE -> error: UNIQUE constraint failed: u.a, u.b", sound,
			"SELECT count(*) FROM u WHERE a = 'x' -> 1", "ALTER TABLE u ALTER COLUMN a TO a COLLATE nope -> error: no such collation sequence: NOPE",
		},
		"Rename": {
			table, `ALTER TABLE t ALTER COLUMN a TO z TEXT -> error: UPDATE cannot also rename column: "a" to "z". Use ALTER TABLE RENAME instead`,
			text + table,
		},
		"Keys": {
			table, "ALTER TABLE t ALTER COLUMN id TO id INTEGER -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE t ALTER COLUMN id TO id INT PRIMARY KEY -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE t ALTER COLUMN id TO id INTEGER PRIMARY KEY DESC -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT PRIMARY KEY -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT UNIQUE -> error: error in adding a TEXT UNIQUE to t: UNIQUE constraint cannot be altered",
			"ALTER TABLE t ALTER COLUMN c TO c AS (b + 1) -> error: GENERATED constraint cannot be altered",
			"CREATE TABLE u(a TEXT UNIQUE, b AS (a || 1), k, l, PRIMARY KEY(k, l)) WITHOUT ROWID",
			"ALTER TABLE u ALTER COLUMN a TO a TEXT -> error: UNIQUE constraint cannot be altered",
			"ALTER TABLE u ALTER COLUMN b TO b TEXT -> error: GENERATED constraint cannot be altered",
			"ALTER TABLE u ALTER COLUMN k TO k TEXT -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE u ALTER COLUMN k TO k COLLATE NOCASE -> error: PRIMARY KEY constraint cannot be altered",
			"ALTER TABLE u ALTER COLUMN a TO a TEXT UNIQUE NOT NULL", "ALTER TABLE u ALTER COLUMN k TO k CHECK (k > 0)",
			"CREATE TABLE s(id INTEGER, PRIMARY KEY(id))", "ALTER TABLE s ALTER COLUMN id TO id INT -> error: PRIMARY KEY constraint cannot be altered", sound,
		},
		"Autoincrement": {
			table, "INSERT INTO t(a) VALUES ('x')", "ALTER TABLE t ALTER COLUMN id TO id INTEGER PRIMARY KEY AUTOINCREMENT",
			"INSERT INTO t(a) VALUES ('y')", "DELETE FROM t WHERE a = 'y'", "INSERT INTO t(a) VALUES ('z')", "SELECT id FROM t -> 1,3", sound,
			"SELECT name FROM sqlite_schema -> t,sqlite_sequence",
		},
		"Strict": {
			"CREATE TABLE t(a INT, b TEXT, c ANY) STRICT", "INSERT INTO t VALUES (1, 'x', 2), (NULL, NULL, NULL)",
			"ALTER TABLE t ALTER COLUMN b TO b INT -> error: error in adding b INT to t: a row of the STRICT table holds TEXT",
			`ALTER TABLE t ALTER COLUMN b TO b FOO -> error: unknown datatype for t.b: "FOO"`, "ALTER TABLE t ALTER COLUMN a TO a INTEGER NOT NULL",
			"ALTER TABLE t ALTER COLUMN c TO c INT", "ALTER TABLE t ALTER COLUMN b TO b ANY", "INSERT INTO t VALUES (3, 4, 'x') -> error: cannot store TEXT value in INT column t.c",
		},
		"Quoted": {
			"CREATE TABLE \"my t\" (\"a \"\"b\" TEXT /* , ) */ , -- hm, x\n [c d] INT, `e` TEXT)",
			`ALTER TABLE "my t" ALTER COLUMN "a ""b" TO "a ""b" INT NOT NULL -- the end`, `/* ) */ ALTER TABLE main."my t" ALTER COLUMN [c d] TO [c d] TEXT /* last */;`,
			`ALTER TABLE "my t" ALTER COLUMN "E" TO E DECIMAL(10, 2) CHECK (e <> 'a, b)')`,
			"SELECT sql FROM sqlite_schema -> CREATE TABLE \"my t\" (\"a \"\"b\" INT NOT NULL /* , ) */ , -- hm, x\n \"c d\" TEXT, E DECIMAL(10, 2) CHECK (E <> 'a, b)'))",
			`INSERT INTO "my t" VALUES (1, 2, 'a, b)') -> error: CHECK constraint failed`,
		},
		"OtherNamesStay": {
			table, "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT new.a; END", "CREATE VIEW v AS SELECT a FROM t", "CREATE INDEX i ON t(lower(a))",
			`ALTER TABLE t ALTER COLUMN "a" TO "a" TEXT NOT NULL`, text + `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT DEFAULT 5, c)`,
			"SELECT group_concat(sql) FROM sqlite_schema WHERE name <> 't' -> CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT new.a; END,CREATE VIEW v AS SELECT a FROM t,CREATE INDEX i ON t(lower(a))",
		},
		"Wrong": {
			table, "CREATE VIEW v AS SELECT * FROM t", `ALTER TABLE t ALTER COLUMN nope TO nope TEXT -> error: no such column: "nope"`,
			"ALTER TABLE nope ALTER COLUMN a TO a TEXT -> error: no such table: nope", "ALTER TABLE v ALTER COLUMN a TO a TEXT -> error: of view",
			"ALTER TABLE sqlite_master ALTER COLUMN name TO name TEXT -> error: table sqlite_master may not be altered",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT, x INT -> error: near \",\": syntax error", "ALTER TABLE t ALTER COLUMN a TO a TEXT) STRICT; -- -> error: near \")\": syntax error",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT CHECK( -> error: incomplete input", "ALTER TABLE t ALTER COLUMN a TO -> error: syntax error",
			"ALTER TABLE t ALTER COLUMN a TO a TEXT 'unended -> error: ", "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT -> error: syntax error",
			"ALTER TABLE t ALTER a TO a TEXT -> error: syntax error", text + table, sound,
			"UPDATE sqlite_schema SET sql = '' -> error: may not be modified",
		},
		"Rollback": {
			table, "BEGIN", "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT NULL", "ROLLBACK", "INSERT INTO t(a) VALUES (NULL)",
			"SAVEPOINT s", "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT NULL", "INSERT INTO t(a) VALUES (NULL) -> error: NOT NULL", "ROLLBACK TO s", "RELEASE s",
			"INSERT INTO t(a) VALUES (NULL)", text + table,
		},
		"OtherSchemas": {
			"CREATE TEMP TABLE x(a)", "CREATE TABLE main.x(a, b)", "ALTER TABLE x ALTER COLUMN a TO a INT", "SELECT sql FROM temp.sqlite_schema -> CREATE TABLE x(a INT)",
			"ATTACH ':memory:' AS m", "CREATE TABLE m.y(a, b)", "ALTER TABLE y ALTER COLUMN b TO b INT NOT NULL", "SELECT sql FROM m.sqlite_schema -> CREATE TABLE y(a, b INT NOT NULL)",
			"ALTER TABLE main.x ALTER COLUMN b TO b TEXT", "SELECT sql FROM sqlite_schema -> CREATE TABLE x(a, b TEXT)",
		},
		"VectorIndex": {
			"CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(2))", "CREATE INDEX i ON t(libsql_vector_idx(e))", "INSERT INTO t(e) VALUES (vector32('[1,2]')), (vector32('[2,1]'))",
			"ALTER TABLE t ALTER COLUMN e TO e F32_BLOB(3) -> error: vector index(insert): dimensions are different: 2 != 3",
			"ALTER TABLE t ALTER COLUMN e TO e TEXT -> error: vector index: unexpected vector column type: TEXT",
			"ALTER TABLE t ALTER COLUMN e TO e FLOAT32(2) NOT NULL", "INSERT INTO t(e) VALUES (NULL) -> error: NOT NULL constraint failed: t.e",
			"INSERT INTO t(e) VALUES (vector32('[3,3]'))", "SELECT id FROM vector_top_k('i', '[1,2]', 5) -> 1,3,2", sound,
			"BEGIN", "INSERT INTO t(e) VALUES (vector32('[1,2]'))", "ALTER TABLE t ALTER COLUMN e TO e F32_BLOB(2)", "SELECT id FROM vector_top_k('i', '[1,2]', 5) -> 1,4,3,2", "COMMIT",
			"SELECT id FROM vector_top_k('i', '[1,2]', 5) -> 1,4,3,2", sound, "DELETE FROM t",
			"ALTER TABLE t ALTER COLUMN e TO e F32_BLOB(3)", "INSERT INTO t(e) VALUES (vector32('[1,2,3]'))", "SELECT id FROM vector_top_k('i', '[1,2,2]', 5) -> 1",
			"INSERT INTO t(e) VALUES (vector32('[1,2]')) -> error: dimensions are different: 2 != 3", sound,
		},
		"IncludedColumn": {
			"CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(2), lang TEXT COLLATE NOCASE, note TEXT)", "CREATE VIRTUAL TABLE h USING hnsw(t, e, include=(lang))", "CREATE VIRTUAL TABLE x USING lexical(t, note)",
			"INSERT INTO t(e, lang, note) VALUES (vector32('[1,2]'), 'EN', 'red apple')", "UPDATE t SET lang = 'en'", "ALTER TABLE t ALTER COLUMN lang TO lang TEXT NOT NULL",
			"SELECT id FROM vector_search('h', '[1,2]', 5, 'lang = ''EN''') -> ", "SELECT id FROM vector_search('h', '[1,2]', 5, 'lang = ''en''') -> 1", sound,
			"ALTER TABLE t ALTER COLUMN note TO note TEXT DEFAULT 'pear'", "INSERT INTO t(e, lang) VALUES (vector32('[2,2]'), 'de')", "SELECT id FROM lexical_search('x', 'pear', 5) -> 2", sound,
		},
	} {
		t.Run(name, func(t *testing.T) { alterSteps(t, openAlter(t), steps...) })
	}
}

// A prepared statement, a script and other connections.
func TestAlterColumnElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	alterSteps(t, db, "CREATE TABLE t(a TEXT)")
	insert, err := other.PrepareContext(t.Context(), "INSERT INTO t VALUES (NULL)")
	if err != nil {
		t.Fatal(err)
	}
	defer insert.Close()
	if _, err := insert.ExecContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := db.PrepareContext(t.Context(), "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT NULL; -- nothing follows")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.ExecContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := insert.ExecContext(t.Context()); err == nil || !strings.Contains(err.Error(), "NOT NULL constraint failed: t.a") {
		t.Errorf("the other connection: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE t ALTER COLUMN a TO a TEXT; INSERT INTO t VALUES (NULL); ALTER TABLE t ALTER COLUMN a TO a INT DEFAULT 3; INSERT INTO t DEFAULT VALUES"); err != nil {
		t.Fatal(err)
	}
	alterSteps(t, other, "SELECT a IS NULL FROM t -> 1,1,0", "PRAGMA integrity_check -> ok")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := RunScript(t.Context(), conn, "ALTER TABLE t ALTER COLUMN a TO a INT DEFAULT 4;\nINSERT INTO t DEFAULT VALUES;", func(*Statement) error { return nil }); err != nil {
		t.Fatal(err)
	}
	alterSteps(t, other, "SELECT max(a) FROM t -> 4")
}

// Strangers can alter columns, but neither write the schema themselves nor read-only
// databases.
func TestAlterColumnSession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	open := func(readOnly bool) *Session {
		s, err := OpenSession(context.Background(), path, SessionConfig{ReadOnly: readOnly, BusyTimeout: time.Second, Pragmas: []string{"journal_mode=wal"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	run := func(s *Session, text string) error {
		p, err := s.Prepare(text)
		if err != nil {
			return err
		}
		defer p.Release()
		_, err = p.Step()
		return err
	}
	s := open(false)
	for _, text := range []string{"CREATE TABLE t(a TEXT)", "ALTER TABLE t ALTER COLUMN a TO a TEXT NOT NULL"} {
		if err := run(s, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if s.Lasting() {
		t.Error("the session is not for the next user")
	}
	for text, want := range map[string]string{
		"INSERT INTO t VALUES (NULL)":            "NOT NULL constraint failed: t.a",
		"UPDATE sqlite_schema SET sql = ''":      "table sqlite_master may not be modified",
		"PRAGMA writable_schema = on":            "PRAGMA writable_schema with a value is not allowed on this server",
		"ALTER TABLE t ALTER COLUMN a TO b TEXT": "cannot also rename column",
	} {
		if err := run(s, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	r := open(true)
	err := run(r, "ALTER TABLE t ALTER COLUMN a TO a TEXT")
	if e, ok := err.(*SQLError); !ok || e.Name != "SQLITE_READONLY" { //nolint:errorlint // that very type
		t.Errorf("read-only: %v", err)
	}
	if err := run(s, "INSERT INTO t VALUES (NULL)"); err == nil {
		t.Error("the read-only session altered the column")
	}
}

// Whatever follows TO a, the table is as before or has the same columns, keys and
// indexes, and SQLite can read it.
func FuzzAlterColumn(f *testing.F) {
	for _, s := range []string{
		"", " TEXT NOT NULL", " INT CHECK (a > ')')", ` "x" DEFAULT (1) -- c`, " TEXT) STRICT; --", " REFERENCES u(a) ON DELETE CASCADE", " /* ", " 'x", " [a", " (1,2)",
		" CONSTRAINT u UNIQUE", " UNIQUE ON CONFLICT IGNORE", " TEXT, b", " GENERATED ALWAYS AS (1)", " COLLATE nocase", " INTEGER PRIMARY KEY", "; SELECT 1", " \x00", " TEXT COLLATE \"rtrim\" NULL", " \"\"\"\" DEFAULT -1",
	} {
		f.Add(s)
	}
	db, err := sqlite3.Open(":memory:")
	if err != nil {
		f.Fatal(err)
	}
	if err := Register(db); err != nil {
		f.Fatal(err)
	}
	const shape = "SELECT group_concat(name || pk || hidden) FROM (SELECT name, pk, hidden FROM pragma_table_xinfo('t') ORDER BY cid) UNION ALL SELECT group_concat(name || \"unique\" || origin) FROM pragma_index_list('t')"
	f.Fuzz(func(t *testing.T, definition string) {
		if strings.IndexByte(definition, 0) >= 0 {
			t.Skip("SQLite's own texts end at a zero byte")
		}
		if err := db.Exec("DROP TABLE IF EXISTS t; CREATE TABLE t(k, a TEXT, b UNIQUE, PRIMARY KEY(k, b)); CREATE INDEX i ON t(a, b); INSERT INTO t VALUES (1, 'x', 2), (2, 'Y', 3)"); err != nil {
			t.Fatal(err)
		}
		before, err := column(db, shape)
		if err != nil {
			t.Fatal(err)
		}
		st, _, err := Prepare(db, "ALTER TABLE t ALTER COLUMN a TO a"+definition)
		if err == nil && st != nil {
			err = st.Exec()
			_ = st.Close()
		}
		after, e := column(db, shape)
		if e != nil || strings.Join(before, " ") != strings.Join(after, " ") {
			t.Fatalf("%q (%v): %v, %v; before %v", definition, err, after, e, before)
		}
		if rows, e := column(db, "SELECT count(*) FROM t NOT INDEXED UNION ALL SELECT count(*) FROM t INDEXED BY i WHERE a >= '' OR a < '' OR a IS NULL"); e != nil || strings.Join(rows, "") != "22" {
			t.Fatalf("%q (%v): %v rows, %v", definition, err, rows, e)
		}
		if !db.GetAutocommit() {
			t.Fatalf("%q (%v): a transaction is open", definition, err)
		}
	})
}
