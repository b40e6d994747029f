package sqlext_test

import (
	"fmt"
	"strings"
	"testing"
)

// state is what both indexes answer, with their row counts.
func (d *testDB) state() string {
	d.t.Helper()
	return fmt.Sprintf("%s | %s | %s | %s", d.nearest(1000, 3), d.found("document"),
		d.rows(`SELECT json_extract(hnsw_stats('docs_vec'), '$.rows')`), d.rows(`SELECT json_extract(lexical_stats('docs_text'), '$.rows')`))
}

// A transaction sees its own rows through both indexes; other connections do not
// before COMMIT; ROLLBACK takes them back.
func TestTransactionIsolation(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			d, path := openTemp(t)
			d.exec(`PRAGMA journal_mode=` + mode)
			d.docs(10)
			other := openFile(t, "file:"+path)
			before := d.state()
			if got := other.state(); got != before {
				t.Fatalf("other connection: %s, want %s", got, before)
			}
			d.exec(`BEGIN`)
			d.insertDocs(101, 200)
			if got := d.nearest(1000, 3) + " " + d.found("number150"); got != "200 199 198 150" {
				t.Errorf("own rows: %s", got)
			}
			d.wants("110|110", `SELECT json_extract(hnsw_stats('docs_vec'), '$.rows'), json_extract(lexical_stats('docs_text'), '$.rows')`)
			if got := other.state(); got != before {
				t.Errorf("other connection before COMMIT: %s, want %s", got, before)
			}
			d.exec(`ROLLBACK`)
			for _, c := range []*testDB{d, other} {
				if got := c.state(); got != before {
					t.Errorf("after ROLLBACK: %s, want %s", got, before)
				}
			}
			d.check()

			d.exec(`BEGIN`)
			d.insertDocs(101, 200)
			d.exec(`COMMIT`)
			for _, c := range []*testDB{d, other} {
				if got := c.nearest(1000, 3) + " " + c.found("number150"); got != "200 199 198 150" {
					t.Errorf("after COMMIT: %s", got)
				}
			}
			// The other connection writes in turn, and the first notices.
			other.exec(`DELETE FROM docs WHERE id > 150`)
			for _, c := range []*testDB{d, other} {
				if got := c.nearest(1000, 3); got != "150 149 148" {
					t.Errorf("after the other's DELETE: %s", got)
				}
			}
		})
	}
}

// A reader's transaction keeps its own view of the index while another connection
// commits.
func TestSnapshotOfReader(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`PRAGMA journal_mode=wal`)
	d.docs(10)
	reader := openFile(t, "file:"+path)
	reader.exec(`BEGIN`)
	before := reader.state()
	d.exec(`DELETE FROM docs WHERE id <= 5`)
	d.insertDocs(11, 20)
	if got := reader.state(); got != before {
		t.Errorf("in the reader's transaction: %s, want %s", got, before)
	}
	reader.exec(`COMMIT`)
	if got, want := reader.state(), d.state(); got != want || got == before {
		t.Errorf("after it: %s, want %s", got, want)
	}
}

func TestSavepoints(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	s0 := d.state()
	d.exec(`BEGIN`)
	d.insertDocs(10, 11)
	s1 := d.state()
	d.exec(`SAVEPOINT a`)
	d.exec(`DELETE FROM docs WHERE id IN (1, 10)`)
	s2 := d.state()
	d.exec(`SAVEPOINT b`)
	d.exec(`UPDATE docs SET embedding = '[2000,1]', body = 'changed' WHERE id = 2`)
	d.insertDocs(20, 25)
	if got := d.nearest(2000, 1) + " " + d.found("changed"); got != "2 2" {
		t.Errorf("in b: %s", got)
	}
	d.exec(`ROLLBACK TO b`)
	if got := d.state(); got != s2 {
		t.Errorf("back to b: %s, want %s", got, s2)
	}
	d.insertDocs(30, 31)
	d.exec(`ROLLBACK TO b`)
	if got := d.state(); got != s2 {
		t.Errorf("back to b again: %s, want %s", got, s2)
	}
	d.exec(`RELEASE b`)
	d.exec(`ROLLBACK TO a`)
	if got := d.state(); got != s1 {
		t.Errorf("back to a: %s, want %s", got, s1)
	}
	d.exec(`RELEASE a`)
	d.exec(`SAVEPOINT c`)
	d.exec(`DELETE FROM docs`)
	d.exec(`RELEASE c`)
	if got := d.state(); got != " |  | 0 | 0" {
		t.Errorf("all deleted: %s", got)
	}
	d.exec(`ROLLBACK`)
	if got := d.state(); got != s0 {
		t.Errorf("after ROLLBACK: %s, want %s", got, s0)
	}

	// A savepoint as the transaction, and a first write inside nested savepoints.
	d.exec(`SAVEPOINT a`)
	d.exec(`SAVEPOINT b`)
	d.insertDocs(40, 40)
	d.exec(`SAVEPOINT c`)
	d.insertDocs(41, 41)
	d.exec(`ROLLBACK TO a`)
	if got := d.state(); got != s0 {
		t.Errorf("back to the outermost: %s, want %s", got, s0)
	}
	d.insertDocs(42, 42)
	d.exec(`RELEASE a`)
	if got := d.nearest(100, 2) + " " + d.found("number40 number41 number42"); got != "42 5 42" {
		t.Errorf("released: %s", got)
	}
}

// A statement that fails in the middle takes back what it did to the indexes.
func TestStatementAbort(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`CREATE UNIQUE INDEX docs_title ON docs(title)`)
	before := d.state()
	for _, in := range []bool{false, true} {
		if in {
			d.exec(`BEGIN`)
			d.insertDocs(7, 7)
			before = d.state()
		}
		// A vector of the wrong size in the last of three rows.
		d.fails("main.docs.embedding: got 3 dimensions, want 2",
			`INSERT INTO docs(id, body, embedding) VALUES(100, 'document', '[100,1]'), (101, 'document', '[101,1]'), (102, 'document', '[1,2,3]')`)
		if got := d.state(); got != before {
			t.Errorf("after a bad vector: %s, want %s", got, before)
		}
		d.fails("UNIQUE constraint failed", `INSERT INTO docs(id, title, body, embedding) VALUES(100, 'new', 'document', '[100,1]'), (101, 'title 1', 'document', '[101,1]')`)
		if got := d.state(); got != before {
			t.Errorf("after a constraint: %s, want %s", got, before)
		}
		d.fails("UNIQUE constraint failed", `UPDATE docs SET title = 'title 2', embedding = '[9,9]', body = 'x' WHERE id IN (3, 4)`)
		if got := d.state(); got != before {
			t.Errorf("after an update: %s, want %s", got, before)
		}
		d.check()
	}
	// OR FAIL keeps the rows before the failing one, in table and index alike.
	d.fails("UNIQUE constraint failed", `INSERT OR FAIL INTO docs(id, title, body, embedding) VALUES(100, 'new', 'document', '[100,1]'), (101, 'title 1', 'document', '[101,1]')`)
	d.wants("100", `SELECT id FROM docs WHERE id >= 100`)
	if got := d.nearest(1000, 1); got != "100" {
		t.Errorf("after OR FAIL: %s", got)
	}
	d.exec(`INSERT OR IGNORE INTO docs(id, title, body, embedding) VALUES(201, 'title 1', 'document', '[201,1]'), (202, 'new 2', 'document', '[202,1]')`)
	if got := d.nearest(1000, 2); got != "202 100" {
		t.Errorf("after OR IGNORE: %s", got)
	}
	d.check()
	// OR ROLLBACK ends the transaction.
	d.fails("UNIQUE constraint failed", `INSERT OR ROLLBACK INTO docs(id, title, body, embedding) VALUES(300, 'new 3', 'document', '[300,1]'), (301, 'title 1', 'document', '[301,1]')`)
	d.wants("5", `SELECT count(*) FROM docs`)
	if got := d.nearest(1000, 1); got != "5" {
		t.Errorf("after OR ROLLBACK: %s", got)
	}
}

// INSERT OR REPLACE deletes rows without firing delete triggers; their entries are
// skipped, never returned.
func TestReplaceLeavesNoGhosts(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`CREATE UNIQUE INDEX docs_title ON docs(title)`)
	d.exec(`INSERT OR REPLACE INTO docs(id, title, body, embedding) VALUES(6, 'title 3', 'replaced', '[600,1]')`)
	if got := d.nearest(3, 5); got != "2 4 1 5 6" {
		t.Errorf("nearest: %s", got)
	}
	if got := d.found("number3 replaced"); got != "6" {
		t.Errorf("found: %s", got)
	}
	d.wants("5|5", `SELECT (SELECT count(*) FROM docs_vec), (SELECT count(*) FROM docs_text)`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE rowid = 3`)
	// A transaction has them until it commits.
	d.exec(`BEGIN`)
	d.exec(`UPDATE OR REPLACE docs SET title = 'title 1' WHERE id = 2`)
	d.wants("4|4", `SELECT (SELECT count(*) FROM docs_vec), (SELECT count(*) FROM docs_text)`)
	if got := d.rows("PRAGMA integrity_check"); !strings.Contains(got, "main.docs_vec") || !strings.Contains(got, "main.docs_text") {
		t.Errorf("integrity_check does not report the ghosts: %s", got)
	}
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)
	d.exec(`INSERT INTO docs_text(docs_text) VALUES('optimize')`)
	d.check()
	d.exec(`ROLLBACK`)
	d.wants("5|5", `SELECT json_extract(hnsw_stats('docs_vec'), '$.rows'), json_extract(lexical_stats('docs_text'), '$.rows')`)
	d.check()
	// With recursive triggers there are none.
	d.exec(`PRAGMA recursive_triggers = ON`)
	d.exec(`BEGIN`)
	d.exec(`INSERT OR REPLACE INTO docs(id, title, body, embedding) VALUES(7, 'title 4', 'replaced', '[700,1]')`)
	d.check()
	d.exec(`COMMIT`)
}

// A deferred constraint fails COMMIT after the indexes have been flushed; the
// transaction can go on, be repaired and committed.
func TestFailedCommit(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`PRAGMA foreign_keys = ON`)
	d.docs(5)
	d.exec(`CREATE TABLE langs(name TEXT PRIMARY KEY)`)
	d.exec(`CREATE TABLE uses(id INTEGER PRIMARY KEY, lang TEXT REFERENCES langs(name) DEFERRABLE INITIALLY DEFERRED)`)
	d.exec(`BEGIN`)
	d.exec(`INSERT INTO uses VALUES(1, 'de')`)
	d.insertDocs(10, 12)
	d.fails("FOREIGN KEY constraint failed", `COMMIT`)
	d.insertDocs(13, 13)
	d.exec(`SAVEPOINT s`)
	d.insertDocs(14, 14)
	d.fails("FOREIGN KEY constraint failed", `COMMIT`)
	d.exec(`INSERT INTO langs VALUES('de')`)
	d.exec(`COMMIT`)
	want := d.state()
	if got := openFile(t, "file:"+path).state(); got != want {
		t.Errorf("another connection: %s, want %s", got, want)
	}
	if got := d.nearest(1000, 5); got != "14 13 12 11 10" {
		t.Errorf("got %s", got)
	}
}

// A busy COMMIT (a reader holds the file) has called Sync; ROLLBACK TO afterwards
// undoes flushed rows, too.
func TestBusyCommit(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`PRAGMA journal_mode = delete`)
	d.exec(`PRAGMA busy_timeout = 0`)
	d.docs(5)
	d.exec(`BEGIN`)
	d.insertDocs(6, 6)
	s1 := d.state()
	d.exec(`SAVEPOINT s`)
	d.insertDocs(7, 8)
	reader := openFile(t, "file:"+path)
	reader.exec(`BEGIN`)
	reader.wants("5", `SELECT count(*) FROM docs`)
	d.fails("database is locked", `COMMIT`)
	if got := d.nearest(1000, 3); got != "8 7 6" {
		t.Errorf("after the busy COMMIT: %s", got)
	}
	d.exec(`ROLLBACK TO s`)
	if got := d.state(); got != s1 {
		t.Errorf("back to the savepoint: %s, want %s", got, s1)
	}
	d.insertDocs(9, 9)
	d.fails("database is locked", `COMMIT`)
	reader.exec(`COMMIT`)
	d.exec(`COMMIT`)
	for _, c := range []*testDB{d, reader} {
		if got := c.nearest(1000, 3); got != "9 6 5" {
			t.Errorf("after COMMIT: %s", got)
		}
	}
}
