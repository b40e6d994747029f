package sqlext_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// Vectors of every kind of column and cell.
func TestVectorColumns(t *testing.T) {
	d, _ := openTemp(t)
	for _, c := range []struct{ name, columns, option, cell string }{
		{"text cells", `v F32_BLOB(2)`, ``, `'[' || i || ', 1]'`},
		{"text cells with spaces", `v F32_BLOB(2)`, ``, `' [' || i || ',1] '`},
		{"blob cells", `v F32_BLOB(2)`, ``, `vector32('[' || i || ',1]')`},
		{"float64", `v F64_BLOB(2)`, ``, `vector64('[' || i || ',1]')`},
		{"float16", `v FLOAT16(2)`, ``, `vector16('[' || i || ',1]')`},
		{"untyped", `v`, `, dims=2`, `iif(i % 2, '[' || i || ',1]', vector64('[' || i || ',1]'))`},
		{"generated", `x TEXT, v F32_BLOB(2) AS (vector32(x))`, ``, `'[' || i || ',1]'`},
		{"stored", `x TEXT, v F32_BLOB(2) AS (vector32(x)) STORED`, ``, `'[' || i || ',1]'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, ` + c.columns + `)`)
			fill := `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i < ?2) INSERT INTO docs SELECT i, ` + c.cell + ` FROM n`
			d.exec(fill, 1, 50)
			d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, v, metric=l2` + c.option + `)`)
			d.exec(fill, 51, 100)
			for _, x := range []string{"[20,1]", "[80,1]"} {
				d.wants("0 1 1", `SELECT group_concat(CAST(distance AS INT), ' ') FROM (SELECT distance FROM docs_vec WHERE vector MATCH ?1 AND k = 3)`, x)
			}
			d.exec(`DELETE FROM docs WHERE id = 80`)
			d.wants("79 81 78", `SELECT group_concat(rowid, ' ') FROM (SELECT rowid FROM docs_vec WHERE vector MATCH '[80,1]' AND k = 3)`)
			d.check()
			d.exec(`DROP TABLE docs_vec`)
			d.exec(`DROP TABLE docs`)
		})
	}
	d.exec(`CREATE TABLE s(id INTEGER PRIMARY KEY, v BLOB) STRICT`)
	d.exec(`CREATE VIRTUAL TABLE s_vec USING hnsw(s, v, dims=2)`)
	d.exec(`INSERT INTO s VALUES(1, vector32('[1,1]'))`)
	d.wants("1", `SELECT rowid FROM s_vec WHERE vector MATCH '[1,1]' AND k = 1`)
}

// Text that has the very length of the vector's bytes is not taken for them.
func TestTextAsLongAsBlob(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(2))`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, v, metric=l2)`)
	d.exec(`INSERT INTO docs VALUES(1, '[1.5,22]'), (2, vector32('[1.5,23]')), (3, '  [1,2] ')`)
	d.wants("1|0\n2|1\n3|20.01", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH '[1.5,22]' AND k = 3`)
}

// Triggers of the user's, foreign keys with CASCADE, several indexes on one table.
func TestWritesByOthers(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`PRAGMA foreign_keys = ON`)
	d.docs(10)
	d.exec(`CREATE VIRTUAL TABLE docs_cos USING hnsw(docs, embedding, metric=cosine, quantize=none)`)
	d.exec(`CREATE VIRTUAL TABLE docs_title USING lexical(docs, title)`)
	d.exec(`CREATE TABLE parts(id INTEGER PRIMARY KEY, doc INT REFERENCES docs(id) ON DELETE CASCADE, body TEXT, v F32_BLOB(2))`)
	d.exec(`CREATE VIRTUAL TABLE parts_vec USING hnsw(parts, v, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE parts_text USING lexical(parts, body)`)
	d.exec(`INSERT INTO parts SELECT id * 10, id, 'part of ' || title, embedding FROM docs`)
	d.exec(`CREATE TRIGGER twins AFTER INSERT ON docs WHEN new.id < 1000 BEGIN
		INSERT INTO docs(id, body, embedding) VALUES(new.id + 1000, 'twin', new.embedding); END`)
	d.insertDocs(11, 12)
	d.wants("12\n1012", `SELECT rowid FROM docs_vec WHERE vector MATCH '[12,1]' AND k = 2`)
	d.wants("1011\n1012", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'twin' ORDER BY rowid`)
	d.exec(`DELETE FROM docs WHERE id BETWEEN 3 AND 5`)
	d.wants("60", `SELECT rowid FROM parts_vec WHERE vector MATCH '[5,1]' AND k = 1`)
	d.wants("7", `SELECT count(*) FROM parts_text WHERE parts_text MATCH 'part'`)
	d.wants("9", `SELECT count(*) FROM docs_title WHERE docs_title MATCH 'title'`)
	d.wants("11", `SELECT count(*) FROM docs_cos`)
	d.wants("1|1|4", `INSERT INTO docs(id, title, body, embedding) VALUES(2000, 'x', 'y', '[4,1]') RETURNING id = 2000, title = 'x',
		(SELECT min(id) + 3 FROM docs)`)
	d.exec(`DROP TABLE docs_vec`)
	d.exec(`DELETE FROM docs WHERE id < 8`)
	d.check()
	// CREATE TABLE AS, INSERT … SELECT from a search, a search inside an UPDATE.
	d.exec(`CREATE TABLE found AS SELECT rowid AS id, distance FROM docs_cos WHERE vector MATCH '[9,1]' AND k = 3`)
	d.wants("3", `SELECT count(*) FROM found`)
	d.exec(`UPDATE docs SET title = 'near' WHERE id IN (SELECT rowid FROM docs_cos WHERE vector MATCH '[9,1]' AND k = 1)`)
	d.wants("9", `SELECT rowid FROM docs_title WHERE docs_title MATCH 'near'`)
	d.exec(`DELETE FROM docs WHERE id IN (SELECT rowid FROM docs_title WHERE docs_title MATCH 'near')`)
	d.wants("0", `SELECT count(*) FROM docs WHERE id = 9`)
	// A view over a search.
	d.exec(`CREATE VIEW nearest AS SELECT d.id, d.title, v.distance FROM docs_cos v JOIN docs d ON d.id = v.rowid WHERE v.vector MATCH '[10,1]' AND v.k = 2`)
	d.wants("10|0", `SELECT id, distance FROM nearest LIMIT 1`)
}

// What the shell's .dump writes restores the indexes: virtual tables go straight into
// sqlite_schema, shadow tables and triggers are ordinary statements.
func TestDumpRestores(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	want := d.state()
	dir := t.TempDir()
	r := connect(t, "file:"+filepath.Join(dir, "restored.db"))
	r.exec(`PRAGMA writable_schema = ON`)
	r.exec(`BEGIN`)
	r.exec(`ATTACH ?1 AS src`, d.rows(`SELECT file FROM pragma_database_list WHERE name = 'main'`))
	objects := strings.Split(r.rows(`SELECT type || char(31) || name || char(31) || sql FROM src.sqlite_schema WHERE sql IS NOT NULL
		ORDER BY type = 'trigger', type = 'index', rowid`), "\n")
	for _, o := range objects {
		f := strings.SplitN(o, "\x1f", 3)
		kind, name, sql := f[0], f[1], f[2]
		if strings.HasPrefix(sql, "CREATE VIRTUAL") {
			r.exec(`INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES('table', ?1, ?1, 0, ?2)`, name, sql)
			continue
		}
		r.exec(sql)
		if kind == "table" {
			r.exec(`INSERT INTO main."` + name + `" SELECT * FROM src."` + name + `"`)
		}
	}
	r.exec(`COMMIT`)
	r.shut()
	c := openFile(t, "file:"+filepath.Join(dir, "restored.db"))
	if got := c.state(); got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
	c.insertDocs(21, 21)
	if got := c.nearest(100, 2) + " " + c.found("number21"); got != "21 20 21" {
		t.Errorf("after a write: %s", got)
	}
}
