//go:build loadable

package loadable_test

import (
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/sqlext/host/hosttest"
	"github.com/nearlite/nearlite/sqlext/loadable"
	"github.com/nearlite/nearlite/sqlext/loadable/internal/chost"
)

// open returns the connection as nearlite sees it and as the host does.
func open(t testing.TB) (c host.Conn, db *chost.DB) {
	t.Helper()
	undo := loadable.OnLoad(func(loaded host.Conn) { c = loaded })
	defer undo()
	db, err := chost.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if n := loadable.Depth(c); n != 0 {
			t.Errorf("%d callbacks are still entered", n)
		}
		if n := loadable.Open(c); n != 0 {
			t.Errorf("%d statements and blobs outlive their connection", n)
		}
	})
	return c, db
}

func TestAdapter(t *testing.T) {
	dbs := map[host.Conn]*chost.DB{}
	hosttest.Run(t, hosttest.Options{
		Open: func(t testing.TB) host.Conn {
			c, db := open(t)
			dbs[c] = db
			return c
		},
		// SQLite forgets an interrupt with the statement that it stopped.
		Interrupt: func(c host.Conn) func() {
			dbs[c].Interrupt()
			return func() {}
		},
		NoMemory:  host.CodeNoMem,
		Integrity: chost.Version() >= 3044000,
	})
}

// A panic that nobody caught would end the process of the host.
func TestPanicOfLoad(t *testing.T) {
	undo := loadable.OnLoad(func(host.Conn) { panic("boom") })
	defer undo()
	_, err := chost.Open(":memory:")
	const want = "open :memory:: automatic extension loading failed: nearlite: internal error in load: boom; please report it"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// Statements that nearlite keeps do not keep a connection from closing, whatever became
// of the statement that needed them.
func TestCloseFindsNothingOpen(t *testing.T) {
	c, _ := open(t)
	for _, sql := range []string{
		"CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, e F32_BLOB(2))",
		"CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e)",
		"CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)",
		"INSERT INTO docs VALUES (1, 'apple', vector32('[1,0]')), (2, 'plum', vector32('[0,1]'))",
		"SELECT * FROM vector_search('docs_vec', '[1,0]', 2, 'id > ?1', '[0]')",
		"SELECT * FROM hybrid_search('docs_vec', 'docs_text', 'plum', '[1,0]', 2)",
	} {
		if err := c.Exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if loadable.Open(c) == 0 {
		t.Error("nearlite keeps no statement: the test shows nothing")
	}
}
