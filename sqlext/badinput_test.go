package sqlext_test

import (
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// Each bad statement fails with a message that names the thing, what was given and
// what was expected, and changes nothing: outside a transaction, and inside one.
func TestBadInput(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`CREATE TABLE plain(id INTEGER PRIMARY KEY, b BLOB, untyped, v F32_BLOB(2))`)
	d.exec(`INSERT INTO plain(id, b) VALUES(1, '[1,2,3]'), (2, '[1,2]')`)
	d.exec(`CREATE TABLE strings(id TEXT PRIMARY KEY, v F32_BLOB(2)) WITHOUT ROWID`)
	d.exec(`CREATE TABLE hidden(rowid INT, _rowid_ INT, oid INT, v F32_BLOB(2))`)
	d.exec(`CREATE TABLE nodims(v F32_BLOB)`)
	d.exec(`CREATE VIEW look AS SELECT * FROM docs`)
	d.exec(`CREATE TABLE taken_rows(x)`)

	cases := []struct{ sql, want string }{
		// CREATE VIRTUAL TABLE … USING hnsw
		{`CREATE VIRTUAL TABLE x USING hnsw`, `nearlite: main.x: no table to index is given, want CREATE VIRTUAL TABLE x USING hnsw(table, column, option=value, ...)`},
		{`CREATE VIRTUAL TABLE x USING hnsw(metric=l2)`, `nearlite: main.x: the first argument is the option "metric", want the table to index`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs)`, `nearlite: main.x: no vector column is given, want CREATE VIRTUAL TABLE x USING hnsw(docs, column)`},
		{`CREATE VIRTUAL TABLE x USING hnsw(nodocs, embedding)`, `nearlite: main.x: no such table: main.nodocs`},
		{`CREATE VIRTUAL TABLE x USING hnsw(look, embedding)`, `nearlite: main.x: main.look is a view, want a table with rowids`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs_text, title)`, `nearlite: main.x: main.docs_text is a virtual table, want an ordinary table with rowids`},
		{`CREATE VIRTUAL TABLE x USING hnsw(strings, v)`, `nearlite: main.x: main.strings has no rowids (WITHOUT ROWID), want a table with rowids`},
		{`CREATE VIRTUAL TABLE x USING hnsw(hidden, v)`, `nearlite: main.x: main.hidden hides its rowid behind columns named rowid, _rowid_ and oid`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embeding)`, `nearlite: main.x: no such column: main.docs.embeding, want one of id, title, body, lang, embedding`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, title)`, `nearlite: main.x: got the columns "embedding" and "title", want one vector column`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding m=3)`, `nearlite: main.x: got "m" after column "embedding", want a comma between the column and its options`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, metrik=l2)`, `nearlite: main.x: unknown option "metrik", want one of dims, metric, m, ef_construction, ef_search, recall, quantize, where`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, metric=manhattan)`, `nearlite: main.x: metric is "manhattan", want one of cosine, l2, dot, l1, hamming`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, quantize=int4)`, `nearlite: main.x: quantize is "int4", want one of none, f16, int8, bit`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=1)`, `nearlite: main.x: m is 1, want a whole number from 2 to 100`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=0)`, `nearlite: main.x: m is 0, want a whole number from 2 to 100`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=101)`, `nearlite: main.x: m is 101, want a whole number from 2 to 100`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=many)`, `nearlite: main.x: m is "many", want a whole number`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=99999999999999999999)`, `nearlite: main.x: m is "99999999999999999999", want a whole number`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, ef_construction=3)`, `nearlite: main.x: ef_construction is 3, want a whole number from 4 to 10000`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, recall=95)`, `nearlite: main.x: recall is 95, want a number between 0 and 1, such as 0.95`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, recall=0.9, ef_search=50)`, `nearlite: main.x: options "ef_search" and "recall" are both given, want one of them`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, ef_search=0)`, `nearlite: main.x: ef_search is 0, want a whole number from 1 to 100000`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, m=4, m=5)`, `nearlite: main.x: option "m" is given twice`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, dims=3)`, `nearlite: main.x: dims is 3, want 2 as main.docs.embedding is declared F32_BLOB(2)`},
		{`CREATE VIRTUAL TABLE x USING hnsw(plain, untyped)`, `nearlite: main.x: the dimensions are unknown: main.plain.untyped is declared without a type, want F32_BLOB(n) or the option dims=n`},
		{`CREATE VIRTUAL TABLE x USING hnsw(plain, b)`, `nearlite: main.x: the dimensions are unknown: main.plain.b is declared BLOB`},
		{`CREATE VIRTUAL TABLE x USING hnsw(nodims, v)`, `nearlite: main.x: main.nodims.v is declared F32_BLOB, want the dimensions in it, such as F32_BLOB(384)`},
		{`CREATE VIRTUAL TABLE x USING hnsw(plain, b, dims=2)`, `nearlite: main.plain.b: rowid 1: got 3 dimensions, want 2`},
		{`CREATE VIRTUAL TABLE x USING hnsw(plain, b, dims=70000)`, `nearlite: main.x: dims is 70000, want a whole number from 1 to 65536`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, where="year > 2000")`, `no such column: year`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, where="id > ?")`, `nearlite: main.x: where="id > ?" has 1 parameters, want an expression over the columns of main.docs`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, where="1) OR (1")`, `nearlite: main.x: where="1) OR (1": parentheses do not match`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, where="id IN (SELECT 1)")`, `nearlite: main.x: where="id IN (SELECT 1)": got "SELECT", want an expression over one row of main.docs`},
		{`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding, where="")`, `nearlite: main.x: where is empty`},
		{`CREATE VIRTUAL TABLE taken USING hnsw(docs, embedding)`, `nearlite: main.taken: the table main.taken_rows is in the way`},
		{`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)`, `table docs_vec already exists`},
		// USING lexical
		{`CREATE VIRTUAL TABLE x USING lexical(docs)`, `nearlite: main.x: no text column is given, want CREATE VIRTUAL TABLE x USING lexical(docs, column, ...)`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, text)`, `nearlite: main.x: no such column: main.docs.text, want one of id, title, body, lang, embedding`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, title)`, `nearlite: main.x: column "title" appears twice`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, analyzer=klingon)`, `nearlite: main.x: `},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title analyzer=klingon)`, `nearlite: main.x: column "title": `},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title bost=2)`, `nearlite: main.x: column "title": unknown option "bost", want one of boost, analyzer`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title boost=0)`, `nearlite: main.x: column "title": boost is 0, want a number above 0`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title boost=much)`, `nearlite: main.x: column "title": boost is "much", want a number`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title 2)`, `nearlite: got "2" after column "title", want name=value`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, k1=0)`, `nearlite: main.x: k1 is 0, want a number from 0.01 to 100`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, k1=101)`, `nearlite: main.x: k1 is 101, want a number from 0.01 to 100`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, b=2)`, `nearlite: main.x: b is 2, want a number from 0 to 1`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, b=nan)`, `nearlite: main.x: b is "nan", want a number`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, stemmer=en)`, `nearlite: main.x: unknown option "stemmer", want one of analyzer, k1, b, scoring, stored, where`},
		{`CREATE VIRTUAL TABLE x USING lexical(docs, title, stored=title)`, `nearlite: main.x: stored is "title", want none: highlight and snippet read the texts of docs, the index keeps no copy`},
		// Writing the table
		{`INSERT INTO docs(embedding) VALUES(vector32('[1,2,3]'))`, `nearlite: main.docs.embedding: got 3 dimensions, want 2`},
		{`INSERT INTO docs(embedding) VALUES('[1,x]')`, `nearlite: main.docs.embedding: vector: invalid float`},
		{`INSERT INTO docs(embedding) VALUES(x'0000803f0000c07f')`, `nearlite: main.docs.embedding: element 1 is NaN; vectors must be finite`},
		{`INSERT INTO docs(embedding) VALUES(x'0000807f0000803f')`, `nearlite: main.docs.embedding: element 0 is +Inf; vectors must be finite`},
		{`INSERT INTO docs(embedding) VALUES(x'00')`, `nearlite: main.docs.embedding: `},
		{`INSERT INTO docs(embedding) VALUES(x'')`, `nearlite: main.docs.embedding: got 0 dimensions, want 2`},
		{`INSERT INTO docs(embedding) VALUES(17)`, `nearlite: main.docs.embedding: got INTEGER, want a vector as blob or as text such as '[1, 2, 3]'`},
		{`UPDATE docs SET embedding = '[1]' WHERE id = 2`, `nearlite: main.docs.embedding: got 1 dimensions, want 2`},
		{`INSERT OR IGNORE INTO docs(embedding) VALUES('[1]')`, `nearlite: main.docs.embedding: got 1 dimensions, want 2`},
		// Writing the index
		{`INSERT INTO docs_vec(rowid, vector) VALUES(1, '[1,1]')`, `nearlite: main.docs_vec: an index is not written directly; write to its table main.docs`},
		{`DELETE FROM docs_vec`, `nearlite: main.docs_vec: an index is not written directly`},
		{`UPDATE docs_vec SET vector = NULL WHERE rowid = 1`, `nearlite: main.docs_vec: an index is not written directly`},
		{`INSERT INTO docs_text(title) VALUES('x')`, `nearlite: main.docs_text: an index is not written directly; write to its table main.docs`},
		{`DELETE FROM docs_text WHERE rowid = 1`, `nearlite: main.docs_text: an index is not written directly`},
		{`INSERT INTO docs_vec(docs_vec) VALUES('vacuum')`, `nearlite: main.docs_vec: unknown command "vacuum", want one of 'rebuild', 'optimize', 'integrity-check', 'ef_search=n', 'recall=x'`},
		{`INSERT INTO docs_vec(docs_vec) VALUES(1)`, `nearlite: main.docs_vec: unknown command INTEGER, want one of`},
		{`INSERT INTO docs_vec(docs_vec) VALUES('recall=1')`, `nearlite: main.docs_vec: recall is 1, want a number between 0 and 1, such as 0.95`},
		{`INSERT INTO docs_vec(docs_vec) VALUES('recall=x')`, `nearlite: main.docs_vec: recall is "x", want a number`},
		{`INSERT INTO docs_vec(docs_vec) VALUES('ef_search=0')`, `nearlite: main.docs_vec: ef_search is 0, want a whole number from 1 to 100000`},
		{`INSERT INTO docs_vec(docs_vec) VALUES('ef_search=x')`, `nearlite: main.docs_vec: ef_search is "x", want a whole number`},
		{`INSERT INTO docs_text(docs_text) VALUES('merge')`, `nearlite: main.docs_text: unknown command "merge", want one of 'rebuild', 'optimize', 'integrity-check'`},
		// Searching
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1]' AND k = 1`, `nearlite: main.docs_vec: query vector: got 1 dimensions, want 2`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,' AND k = 1`, `nearlite: main.docs_vec: query vector: vector: `},
		{`SELECT * FROM docs_vec WHERE vector MATCH x'0000803f0000c07f' AND k = 1`, `nearlite: main.docs_vec: query vector: element 1 is NaN; vectors must be finite`},
		{`SELECT * FROM docs_vec WHERE vector MATCH NULL AND k = 1`, `nearlite: main.docs_vec: query vector: got NULL, want a vector as blob or as text`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = -1`, `nearlite: main.docs_vec: k is -1, want a whole number of at least 0`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1.5`, `nearlite: main.docs_vec: k is 1.5, want a whole number of at least 0`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 'ten'`, `nearlite: main.docs_vec: k is TEXT, want a whole number of at least 0`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = NULL`, `nearlite: main.docs_vec: k is NULL, want a whole number of at least 0`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1 AND recall = 0`, `nearlite: main.docs_vec: recall is 0, want a number between 0 and 1, such as 0.95`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1 AND recall = 'high'`, `nearlite: main.docs_vec: recall is TEXT, want a number between 0 and 1, such as 0.95`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1 AND recall = 0.9 AND ef_search = 50`, `nearlite: main.docs_vec: ef_search and recall are both given, want one of them`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1 AND ef_search = 0`, `nearlite: main.docs_vec: ef_search is 0, want a whole number from 1 to 100000`},
		{`SELECT * FROM docs_vec WHERE vector MATCH '[1,1]' AND distance < 'x'`, `nearlite: main.docs_vec: the bound of distance is TEXT, want a number`},
		{`SELECT * FROM docs_text WHERE docs_text MATCH NULL`, `nearlite: main.docs_text: the query is NULL, want TEXT`},
		{`SELECT * FROM docs_text WHERE docs_text MATCH 'x' AND k = -1`, `nearlite: main.docs_text: k is -1, want a whole number of at least 0`},
		{`SELECT * FROM docs_text WHERE docs_text MATCH 'x' AND title MATCH 'y'`, `nearlite: main.docs_text: two MATCH in one query`},
		{`SELECT * FROM docs_text WHERE docs_text MATCH '"open'`, `nearlite: main.docs_text: `},
		{`SELECT highlight(docs_text, 'nosuch', '<', '>') FROM docs_text WHERE docs_text MATCH 'words'`, `nearlite: main.docs_text: highlight: column is "nosuch", want one of title, body, or 0 to 1`},
		{`SELECT highlight(docs_text, 2, '<', '>') FROM docs_text WHERE docs_text MATCH 'words'`, `nearlite: main.docs_text: highlight: column is 2, want one of title, body, or 0 to 1`},
		{`SELECT highlight('docs_text', 0, '<', '>')`, `nearlite: highlight: the first argument is no row of a lexical search`},
		{`SELECT snippet(docs_text, 0, '<', '>', '...', 0) FROM docs_text WHERE docs_text MATCH 'words'`, `the number of words is 0, want a whole number from 1 to 10000`},
		{`SELECT hnsw_stats('nosuch')`, `nearlite: no such index: nosuch, want one of docs_vec`},
		{`SELECT hnsw_stats('docs')`, `nearlite: main.docs is no index, want a table made with USING hnsw`},
		{`SELECT hnsw_stats('docs_text')`, `nearlite: main.docs_text is a lexical index, want one of USING hnsw`},
		{`SELECT hnsw_stats('nosuch.docs_vec')`, `nearlite: no such index: nosuch.docs_vec, want one of docs_vec`},
		{`SELECT hnsw_stats(NULL)`, `nearlite: hnsw_stats: the index is NULL, want its name`},
		{`SELECT lexical_stats('docs_vec')`, `nearlite: main.docs_vec is a hnsw index, want one of USING lexical`},
	}
	for _, begin := range []bool{false, true} {
		if begin {
			d.exec(`BEGIN`)
			d.insertDocs(6, 6)
		}
		before := d.state()
		schema := d.schema()
		for _, c := range cases {
			d.fails(c.want, c.sql)
			if got := d.schema(); got != schema {
				t.Fatalf("%s\nchanged the database:\n%s\nwas:\n%s", c.sql, got, schema)
			}
		}
		if got := d.state(); got != before {
			t.Errorf("got %s, want %s", got, before)
		}
	}
	d.exec(`ROLLBACK`)
}

// A row without embedding is no error: it is not indexed.
func TestNullEmbedding(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, embedding F32_BLOB(2))`)
	d.exec(`INSERT INTO docs VALUES(1, NULL), (2, '[2,1]')`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)`)
	d.exec(`INSERT INTO docs VALUES(3, NULL)`)
	d.wants("2", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 5`)
	d.exec(`UPDATE docs SET embedding = '[1,1]' WHERE id = 1`)
	d.exec(`UPDATE docs SET embedding = NULL WHERE id = 2`)
	d.wants("1", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 5`)
}

func TestReadOnlyFile(t *testing.T) {
	d, path := openTemp(t)
	d.docs(5)
	before := d.state()
	r := openFile(t, "file:"+path+"?mode=ro")
	if got := r.state(); got != before {
		t.Errorf("reading: %s, want %s", got, before)
	}
	for _, sql := range []string{
		`INSERT INTO docs(id, embedding) VALUES(6, '[6,1]')`,
		`DELETE FROM docs WHERE id = 1`,
		`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`,
		`INSERT INTO docs_text(docs_text) VALUES('optimize')`,
		`CREATE VIRTUAL TABLE x USING hnsw(docs, embedding)`,
		`DROP TABLE docs_vec`,
	} {
		r.fails("readonly", sql)
		if got := r.state(); got != before {
			t.Errorf("%s: %s, want %s", sql, got, before)
		}
	}
	if got := d.state(); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
}

// Commands leave answers as they were.
func TestCommands(t *testing.T) {
	d, path := openTemp(t)
	d.docs(50)
	before := d.state()
	other := openFile(t, "file:"+path)
	_ = other.state()
	for _, c := range []string{"rebuild", "optimize", "integrity-check", " Optimize "} {
		d.exec(`INSERT INTO docs_vec(docs_vec) VALUES(?1)`, c)
		d.exec(`INSERT INTO docs_text(docs_text) VALUES(?1)`, c)
		if got := d.state(); got != before {
			t.Errorf("%s: %s, want %s", c, got, before)
		}
	}
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('ef_search=200')`)
	d.wants("200", `SELECT json_extract(hnsw_stats('docs_vec'), '$.options.ef_search')`)
	if got := other.state(); got != before {
		t.Errorf("other connection: %s, want %s", got, before)
	}
	again := openFile(t, "file:"+path)
	again.wants("200", `SELECT json_extract(hnsw_stats('main.docs_vec'), '$.options.ef_search')`)
	for _, key := range []string{"$.rows", "$.bytes", "$.options.metric", "$.table"} {
		if got := d.rows(`SELECT json_extract(hnsw_stats('docs_vec'), ?1)`, key); got == "NULL" || got == "0" || got == "" {
			t.Errorf("hnsw_stats %s is %s", key, got)
		}
	}
	if got := d.rows(`SELECT lexical_stats('docs_text')`); !strings.Contains(got, `"columns":[{"name":"title"`) {
		t.Errorf("lexical_stats: %s", got)
	}
}

// TestUnknownIndexCloses: a lookup that finds nothing, on a connection that has used no
// index yet, leaves no statement that would keep the connection from closing.
func TestUnknownIndexCloses(t *testing.T) {
	d, path := openTemp(t)
	d.words()
	d.exec(`CREATE TABLE points(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`CREATE VIRTUAL TABLE points_vec USING hnsw(points, e)`)
	for _, sql := range []string{
		`SELECT hnsw_stats('nope')`, `SELECT nearlite_recall('nope')`,
		`SELECT did_you_mean('nope', 'x')`, `SELECT lexical_count('nope', 'x')`,
	} {
		c, err := sqlite3.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Register(c); err != nil {
			t.Fatal(err)
		}
		if err := c.Exec(sql); err == nil || !strings.Contains(err.Error(), "no such index: nope") {
			t.Errorf("%s: got %v, want no such index", sql, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("closing after %s: %v", sql, err)
		}
	}
}
