package sqlext_test

import (
	"testing"

	"github.com/ncruces/go-sqlite3/driver"
)

// Without a write-ahead log a commit waits for the readers. DDL that gives up waiting
// is undone like any other statement: no transaction is left open, in which all that
// follows would be, and which would keep everybody else from writing.
func TestBusyDDL(t *testing.T) {
	for name, ddl := range map[string]string{
		"alter":  `ALTER TABLE docs ADD COLUMN more`,
		"create": `CREATE INDEX anchored ON docs(libsql_vector_idx(embedding))`,
		"drop":   `DROP TABLE docs_text`,
		"libsql": `ALTER TABLE docs ALTER COLUMN title TO title VARCHAR`,
	} {
		t.Run(name, func(t *testing.T) {
			d, path := openTemp(t)
			d.docs(20)
			d.exec(`PRAGMA busy_timeout = 0`)
			reader := openFile(t, "file:"+path)
			reader.exec(`BEGIN`)
			reader.wants("20", `SELECT count(*) FROM docs`)
			before := reader.rows(`SELECT name, sql FROM sqlite_schema`)

			d.fails("database is locked", ddl)
			reader.exec(`COMMIT`)
			d.fails("no transaction is active", `ROLLBACK`)
			d.wants(before, `SELECT name, sql FROM sqlite_schema`)
			reader.exec(`PRAGMA busy_timeout = 0`)
			reader.insertDocs(21, 22)
			d.exec(ddl)
			d.wants("22", `SELECT count(*) FROM docs`)
		})
	}
}

// What a program without nearlite has left is cleared away when the file is opened, or
// left for later if somebody reads: the new connection is not in a transaction.
func TestBusyOpen(t *testing.T) {
	d, path := openTemp(t)
	d.docs(20)
	d.exec(`CREATE INDEX anchored ON docs(libsql_vector_idx(embedding))`)
	plain, err := driver.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.ExecContext(t.Context(), `DROP INDEX anchored`); err != nil {
		t.Fatal(err)
	}
	d.exec(`BEGIN`)
	d.wants("20", `SELECT count(*) FROM docs`)

	late := connect(t, "file:"+path+"?_pragma=busy_timeout(0)")
	d.exec(`COMMIT`)
	late.fails("no transaction is active", `ROLLBACK`)
	late.insertDocs(21, 22)
	late.shut()
	d.wants("22", `SELECT count(*) FROM docs`)
}
