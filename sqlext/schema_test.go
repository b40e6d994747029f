package sqlext_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestRenames(t *testing.T) {
	d, path := openTemp(t)
	d.docs(10)
	verify := func(when, vec, text string) {
		t.Helper()
		for _, c := range []*testDB{d, openFile(t, "file:"+path)} {
			c.wants("7", `SELECT rowid FROM `+vec+` WHERE vector MATCH '[7,1]' AND k = 1`)
			c.wants("7", `SELECT rowid FROM `+text+` WHERE `+text+` MATCH 'number7'`)
			c.check()
		}
		if t.Failed() {
			t.Fatalf("%s", when)
		}
	}
	d.exec(`ALTER TABLE docs RENAME TO papers`)
	verify("table renamed", "docs_vec", "docs_text")
	d.exec(`ALTER TABLE papers RENAME COLUMN embedding TO emb`)
	d.exec(`ALTER TABLE papers RENAME COLUMN body TO content`)
	d.exec(`ALTER TABLE papers RENAME COLUMN id TO paper`)
	verify("columns renamed", "docs_vec", "docs_text")
	d.exec(`ALTER TABLE papers ADD COLUMN year INT`)
	d.exec(`ALTER TABLE papers DROP COLUMN lang`)
	verify("columns added and dropped", "docs_vec", "docs_text")
	d.exec(`ALTER TABLE docs_vec RENAME TO papers_vec`)
	d.exec(`ALTER TABLE docs_text RENAME TO papers_text`)
	verify("indexes renamed", "papers_vec", "papers_text")
	d.exec(`INSERT INTO papers(paper, content, emb) VALUES(11, 'number11', '[11,1]')`)
	d.exec(`UPDATE papers SET paper = 12 WHERE paper = 11`)
	d.wants("12", `SELECT rowid FROM papers_vec WHERE vector MATCH '[12,1]' AND k = 1`)
	d.wants("12", `SELECT rowid FROM papers_text WHERE papers_text MATCH 'number11'`)
	// The old names are free again, and do not collide.
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(papers, emb, metric=l2)`)
	verify("second index", "docs_vec", "papers_text")
	d.exec(`DROP TABLE papers_vec`)
	d.exec(`DELETE FROM papers WHERE paper = 1`)
	verify("first index dropped", "docs_vec", "papers_text")
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	verify("rebuilt", "docs_vec", "papers_text")
}

func TestRenameRolledBack(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`BEGIN`)
	d.insertDocs(6, 6)
	d.exec(`SAVEPOINT s`)
	d.exec(`ALTER TABLE docs_vec RENAME TO v2`)
	d.exec(`ALTER TABLE docs RENAME TO d2`)
	d.exec(`INSERT INTO d2(id, body, embedding) VALUES(7, 'number7', '[7,1]')`)
	d.wants("7\n6", `SELECT rowid FROM v2 WHERE vector MATCH '[7,1]' AND k = 2`)
	d.exec(`ROLLBACK TO s`)
	d.wants("6\n5", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 2`)
	d.insertDocs(8, 8)
	d.exec(`COMMIT`)
	d.wants("8\n6", `SELECT rowid FROM docs_vec WHERE vector MATCH '[8,1]' AND k = 2`)
	d.wants("6", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'number6 number7'`)
	d.check()
	d.exec(`BEGIN`)
	d.exec(`ALTER TABLE docs_vec RENAME TO v2`)
	d.exec(`ALTER TABLE docs RENAME TO d2`)
	d.exec(`ROLLBACK`)
	d.wants("8\n6", `SELECT rowid FROM docs_vec WHERE vector MATCH '[8,1]' AND k = 2`)
}

func TestDrop(t *testing.T) {
	d, path := openTemp(t)
	d.docs(5)
	d.exec(`DROP TABLE docs_vec`)
	d.exec(`DROP TABLE docs_text`)
	d.wants("docs", `SELECT name FROM sqlite_schema`)
	d.insertDocs(6, 10)
	d.exec(`DROP TABLE docs`)
	d.docs(5)

	// The table first.
	d.exec(`DROP TABLE docs`)
	for _, c := range []*testDB{d, openFile(t, "file:"+path)} {
		c.fails("main.docs_vec: the table it indexes (main.docs) or its triggers are gone", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 1`)
		c.fails("main.docs_text: the table it indexes", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'x'`)
		c.check()
	}
	// Another table of that name is not mistaken for it, until rebuild adopts it.
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, lang TEXT, embedding F32_BLOB(2))`)
	d.insertDocs(1, 2)
	d.fails("main.docs_vec: the table it indexes", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 1`)
	d.wants("nearlite: main.docs_vec: the triggers that keep the index in step with main.docs are missing", `SELECT integrity_check FROM pragma_integrity_check('docs_vec')`)
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	d.insertDocs(3, 3)
	if got := d.nearest(3, 5); got != "3 2 1" {
		t.Errorf("rebuilt on a new table: %s", got)
	}
	d.exec(`DROP TABLE docs`)
	d.exec(`DROP TABLE docs_text`)
	d.exec(`DROP TABLE docs_vec`)
	d.wants("", `SELECT name FROM sqlite_schema`)
}

func TestDropRolledBack(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`BEGIN`)
	d.exec(`DROP TABLE docs_vec`)
	d.exec(`DROP TABLE docs_text`)
	d.exec(`INSERT INTO docs(id, embedding) VALUES(6, '[6,1]')`)
	d.exec(`ROLLBACK`)
	if got := d.nearest(5, 2); got != "5 4" {
		t.Errorf("after rollback: %s", got)
	}
	d.insertDocs(6, 6)
	if got := d.nearest(6, 2) + " " + d.found("number6"); got != "6 5 6" {
		t.Errorf("after rollback and insert: %s", got)
	}
	d.exec(`SAVEPOINT s`)
	d.exec(`DROP TABLE docs`)
	d.exec(`ROLLBACK TO s`)
	d.insertDocs(7, 7)
	d.exec(`RELEASE s`)
	if got := d.nearest(7, 2) + " " + d.found("number7"); got != "7 6 7" {
		t.Errorf("after savepoint: %s", got)
	}
}

// DROP TABLE undone by ROLLBACK TO, after changes that only the dropped object knew.
func TestDropUndoneAfterChanges(t *testing.T) {
	for _, touch := range []func(d *testDB){
		func(d *testDB) { _ = d.state() },
		func(d *testDB) { d.insertDocs(20, 21) },
		func(d *testDB) { d.exec(`DELETE FROM docs WHERE id = 7`) },
		func(d *testDB) { _ = d.rows(`SELECT hnsw_stats('docs_vec'), lexical_stats('docs_text')`) },
	} {
		d, _ := openTemp(t)
		d.docs(5)
		d.exec(`BEGIN`)
		d.insertDocs(6, 8)
		d.exec(`SAVEPOINT s`)
		d.exec(`DROP TABLE docs_vec`)
		d.exec(`DROP TABLE docs_text`)
		d.exec(`INSERT INTO docs(id, embedding) VALUES(9, '[9,1]')`)
		d.exec(`ROLLBACK TO s`)
		touch(d)
		d.exec(`COMMIT`)
		want := strings.ReplaceAll(d.rows(`SELECT id FROM docs ORDER BY id DESC LIMIT 3`), "\n", " ")
		if got := d.nearest(1000, 3); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// An index dropped and made anew by another connection, while a statement of this one
// still holds the old one.
func TestReplacedByOther(t *testing.T) {
	d, path := openTemp(t)
	d.docs(50)
	o := openFile(t, "file:"+path)
	before := o.state()
	ctx := context.Background()
	st, err := o.PrepareContext(ctx, `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	run := func() (id int, err error) {
		err = st.QueryRowContext(ctx).Scan(&id)
		return id, err
	}
	if id, err := run(); id != 7 || err != nil {
		t.Errorf("got %d, %v", id, err)
	}
	d.exec(`DROP TABLE docs_vec`)
	d.exec(`DROP TABLE docs_text`)
	if id, err := run(); err == nil || !strings.Contains(err.Error(), "no such table: docs_vec") {
		t.Errorf("dropped: got %d, %v", id, err)
	}
	o.fails("no such index: docs_vec", `SELECT hnsw_stats('docs_vec')`)
	o.fails("no such index: docs_text", `SELECT lexical_stats('docs_text')`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, m=4)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body, analyzer=en)`)
	o.wants("4", `SELECT json_extract(hnsw_stats('docs_vec'), '$.options.m')`)
	o.wants("1", `SELECT json_array_length(lexical_stats('docs_text'), '$.columns')`)
	if id, err := run(); id != 7 || err != nil {
		t.Errorf("made anew: got %d, %v", id, err)
	}
	if got := o.state(); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
}

// A table made and undone in one transaction leaves nothing behind, in whatever
// way it is undone.
func TestCreateRolledBack(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, lang TEXT, embedding F32_BLOB(2))`)
	d.insertDocs(1, 5)
	create := func() {
		t.Helper()
		d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`)
		d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body)`)
	}
	before := d.schema()
	d.exec(`BEGIN`)
	create()
	d.insertDocs(6, 6)
	if got := d.nearest(6, 2) + " " + d.found("number6"); got != "6 5 6" {
		t.Errorf("in the transaction: %s", got)
	}
	d.exec(`ROLLBACK`)
	if got := d.schema(); got != before {
		t.Errorf("after rollback:\n%s", got)
	}
	for _, write := range []bool{false, true} {
		d.exec(`BEGIN`)
		d.exec(`SAVEPOINT s`)
		create()
		if write {
			d.insertDocs(6, 9)
		}
		d.exec(`ROLLBACK TO s`)
		d.exec(`COMMIT`)
		if got := d.schema(); got != before {
			t.Errorf("after savepoint, write %v:\n%s", write, got)
		}
	}
	d.exec(`SAVEPOINT s`)
	create()
	d.insertDocs(6, 6)
	d.exec(`RELEASE s`)
	if got := d.nearest(6, 2) + " " + d.found("number6"); got != "6 5 6" {
		t.Errorf("after release: %s", got)
	}
}

func TestAttached(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	other := filepath.Join(t.TempDir(), "other.db")
	d.exec(`ATTACH ?1 AS other`, other)
	d.exec(`CREATE TABLE other.docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(2))`)
	d.exec(`INSERT INTO other.docs VALUES(1, 'apple', '[1,1]'), (2, 'pear', '[2,1]')`)
	d.exec(`CREATE VIRTUAL TABLE other.docs_vec USING hnsw(docs, embedding, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE other.docs_text USING lexical(other.docs, body)`)
	d.exec(`INSERT INTO other.docs VALUES(30, 'cherry', '[30,1]')`)
	d.wants("30", `SELECT rowid FROM other.docs_vec WHERE vector MATCH '[40,1]' AND k = 1`)
	d.wants("5", `SELECT rowid FROM main.docs_vec WHERE vector MATCH '[40,1]' AND k = 1`)
	d.wants("30|<cherry>", `SELECT rowid, highlight(docs_text, 'body', '<', '>') FROM other.docs_text WHERE docs_text MATCH 'cherry'`)
	d.fails(`main.x: the table is in schema "other"; an index lives in the schema of its table`, `CREATE VIRTUAL TABLE x USING hnsw(other.docs, embedding)`)
	d.check()
	d.exec(`DETACH other`)
	d.exec(`ATTACH ?1 AS again`, other)
	d.wants("30", `SELECT rowid FROM again.docs_vec WHERE vector MATCH '[40,1]' AND k = 1`)
	d.exec(`DELETE FROM again.docs WHERE id = 30`)
	d.wants("2", `SELECT rowid FROM again.docs_vec WHERE vector MATCH '[40,1]' AND k = 1`)
	d.exec(`BEGIN`)
	d.exec(`INSERT INTO again.docs VALUES(31, 'both', '[31,1]')`)
	d.insertDocs(6, 6)
	d.exec(`ROLLBACK`)
	d.wants("2", `SELECT rowid FROM again.docs_vec WHERE vector MATCH '[40,1]' AND k = 1`)
	d.check()
}

func TestTempAndMemory(t *testing.T) {
	for _, dsn := range []string{":memory:", "file:" + filepath.Join(t.TempDir(), "x.db")} {
		d := openFile(t, dsn)
		d.docs(5)
		d.exec(`CREATE TEMP TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(2))`)
		d.exec(`CREATE VIRTUAL TABLE temp.docs_vec USING hnsw(docs, embedding, metric=l2)`)
		d.exec(`CREATE VIRTUAL TABLE temp.docs_text USING lexical(docs, body)`)
		d.exec(`INSERT INTO temp.docs VALUES(100, 'apple', '[3,1]')`)
		d.wants("100", `SELECT rowid FROM docs_vec WHERE vector MATCH '[3,1]' AND k = 1`)
		d.wants("3", `SELECT rowid FROM main.docs_vec WHERE vector MATCH '[3,1]' AND k = 1`)
		d.wants("100", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'apple'`)
		d.exec(`BEGIN`)
		d.exec(`INSERT INTO temp.docs VALUES(101, 'pear', '[4,1]')`)
		d.exec(`ROLLBACK`)
		d.wants("100", `SELECT rowid FROM docs_vec WHERE vector MATCH '[4,1]' AND k = 1`)
		d.exec(`DROP TABLE temp.docs_vec`)
		d.wants("3", `SELECT rowid FROM docs_vec WHERE vector MATCH '[3,1]' AND k = 1`)
		d.exec(`VACUUM`)
		d.wants("3", `SELECT rowid FROM docs_vec WHERE vector MATCH '[3,1]' AND k = 1`)
	}
}

func TestVacuumInto(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	d.exec(`DELETE FROM docs WHERE id < 10`)
	d.exec(`VACUUM`)
	if got := d.nearest(1, 2) + " " + d.found("number9 number10"); got != "10 11 10" {
		t.Errorf("after VACUUM: %s", got)
	}
	other := filepath.Join(t.TempDir(), "copy.db")
	d.exec(`VACUUM INTO ?1`, other)
	c := openFile(t, "file:"+other)
	c.insertDocs(21, 21)
	if got := c.nearest(30, 2) + " " + c.found("number21"); got != "21 20 21" {
		t.Errorf("copy: %s", got)
	}
}

// A dump is read back by ordinary statements; afterwards the index works.
func TestSchemaTextRestores(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	if _, err := d.ExecContext(context.Background(), `CREATE TABLE IF NOT EXISTS docs_vec_rows(x)`); err != nil {
		t.Errorf("IF NOT EXISTS on a shadow table: %v", err)
	}
	d.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS docs_vec USING hnsw(docs, embedding)`)
	if got := d.nearest(4, 1); got != "4" {
		t.Errorf("got %s", got)
	}
}
