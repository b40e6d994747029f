package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		sql  string
		want ddl
	}{
		{"SELECT 1", ddl{}},
		{"EXPLAIN CREATE INDEX i ON t(libsql_vector_idx(e))", ddl{}},
		{"CREATE INDEX i ON t(e)", ddl{}},
		{"CREATE TABLE t(e)", ddl{}},
		{"-- a\n/* b */ create unique index if not exists i ON t(LIBSQL_VECTOR_IDX(e))", ddl{kind: createsIndex}},
		{"CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", ddl{kind: changesSchema}},
		{"Drop Index i", ddl{kind: changesSchema}},
		{"DROP TABLE t", ddl{kind: changesSchema}},
		{"DROP VIEW v", ddl{}},
		{"ALTER TABLE t RENAME TO u", ddl{kind: changesSchema}},
		{"REINDEX", ddl{kind: reindexes}},
		{"REINDEX main.\"my ix\" ;\n", ddl{kind: reindexes, target: "main.\"my ix\""}},
		{"ATTACH 'x' AS y", ddl{kind: attaches}},
		{"", ddl{}},
	} {
		if got := inspect(c.sql); got != c.want {
			t.Errorf("inspect(%q) = %+v, want %+v", c.sql, got, c.want)
		}
		if c.want.kind != notDDL && !mayHoldDDL("SELECT 1; "+c.sql) {
			t.Errorf("mayHoldDDL does not see %q", c.sql)
		}
	}
}

// TestExecScript runs a text of many statements through database/sql, which must not
// cost more for each the longer the text is.
func TestExecScript(t *testing.T) {
	db, err := Open("file:" + filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	b.WriteString("-- DROP nothing\nCREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(2));\n;;BEGIN;\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "INSERT INTO t VALUES(%d, vector32('[%d,%d]')); /* ; */\n", i, i%61, i%53)
	}
	b.WriteString("COMMIT; CREATE INDEX ix ON t(libsql_vector_idx(e, 'metric=l2')); DELETE FROM t WHERE id > 9 -- end")
	res, err := db.ExecContext(t.Context(), b.String())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 2990 {
		t.Errorf("RowsAffected is %d, %v", n, err)
	}
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM vector_top_k('ix', '[1,1]', 100)`).Scan(&n); err != nil || n != 10 {
		t.Errorf("the index holds %d rows, %v", n, err)
	}
	_, err = db.ExecContext(t.Context(), `CREATE TABLE a(x); CREATE INDEX bad ON t(libsql_vector_idx(id)); CREATE TABLE b(x)`)
	if err == nil || !strings.Contains(err.Error(), "vector index: ") {
		t.Errorf("a wrong index: %v", err)
	}
	st, err := db.PrepareContext(t.Context(), `DROP INDEX ix`)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := st.QueryContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("DROP INDEX has rows, or fails: %v", rows.Err())
	}
	_ = rows.Close()
	_ = st.Close()
	var names string
	if err := db.QueryRowContext(t.Context(), `SELECT group_concat(name) FROM sqlite_schema`).Scan(&names); err != nil || names != "t,libsql_vector_meta_shadow,a" {
		t.Errorf("the schema holds %s, %v", names, err)
	}
}
