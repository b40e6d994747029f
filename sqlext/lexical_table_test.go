package sqlext_test

import "testing"

func TestLexicalQueries(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, lang TEXT)`)
	d.exec(`INSERT INTO docs VALUES
		(1, 'Vector search', 'finding what is near, by vector', 'en'),
		(2, 'Lexical search', 'finding words', 'en'),
		(3, 'Cooking', 'soup and a vector of disease', 'en'),
		(4, 'Suche', 'nothing of that kind', 'de')`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title boost=2, body, analyzer=en)`)
	d.wants("1\n3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY score DESC LIMIT 10`)
	d.wants("1\n2", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'search' ORDER BY rowid`)
	d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY score DESC LIMIT 1`)
	d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY score DESC LIMIT 1 OFFSET 1`)
	d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' AND k = 1`)
	d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' AND rowid IN (SELECT id FROM docs WHERE title = 'Cooking')`)
	d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' AND rowid IN (2, 3) ORDER BY score DESC LIMIT 1`)
	d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' AND k = 1 AND rowid > 1`)
	d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'vector' AND k = 1 AND rowid = ?1`, 3)
	d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'title:vector'`)
	d.wants("1", `SELECT rowid FROM docs_text WHERE title MATCH 'vector'`)
	d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH '+vector -soup'`)
	d.wants("1|1", `SELECT rowid, score > 0 FROM docs_text WHERE docs_text MATCH '"vector search"'`)
	d.wants("Cooking|soup and a vector of disease", `SELECT title, body FROM docs_text WHERE docs_text MATCH 'soup'`)
	d.wants("<b>Vector</b> search|finding what is near, by <b>vector</b>",
		`SELECT highlight(docs_text, 'title', '<b>', '</b>'), highlight(docs_text, 1, '<b>', '</b>') FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY score DESC LIMIT 1`)
	d.wants("<b>Vector</b> search", `SELECT snippet(docs_text, 0, '<b>', '</b>', '…', 8) FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY score DESC LIMIT 1`)
	d.wants("soup and a <b>vector</b> of disease", `SELECT snippet(docs_text, -1, '<b>', '</b>', '…', 16) FROM docs_text WHERE docs_text MATCH 'vector' AND rowid = 3`)
	// Highlights go through SQLite's own sort, too.
	d.wants("<b>Vector</b> search\nCooking", `SELECT highlight(docs_text, 'title', '<b>', '</b>') FROM docs_text WHERE docs_text MATCH 'vector' ORDER BY length(title) DESC`)
	d.wants("4", `SELECT count(*) FROM docs_text`)
	d.wants("2|Lexical search|NULL", `SELECT rowid, title, score FROM docs_text WHERE rowid = 2`)
	d.wants("Suche", `SELECT highlight(docs_text, 'title', '<b>', '</b>') FROM docs_text WHERE rowid = 4`)
	d.wants("en|1|Vector search", `SELECT d.lang, d.id, d.title FROM docs d JOIN docs_text x ON x.rowid = d.id WHERE x.docs_text MATCH 'near' AND d.lang = 'en'`)
}

func TestLexicalFollowsTable(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	if got := d.found("number7"); got != "7" {
		t.Errorf("built: %s", got)
	}
	d.insertDocs(21, 30)
	if got := d.found("number21"); got != "21" {
		t.Errorf("after insert: %s", got)
	}
	d.exec(`UPDATE docs SET body = 'changed' WHERE id = 5`)
	d.exec(`UPDATE docs SET lang = 'xx' WHERE id = 6`)
	d.exec(`UPDATE docs SET id = 100 WHERE id = 7`)
	d.exec(`DELETE FROM docs WHERE id = 8`)
	if got := d.found("number5 number6 number7 number8"); got != "6 100" {
		t.Errorf("after update: %s", got)
	}
	if got := d.found("changed"); got != "5" {
		t.Errorf("after update: %s", got)
	}
	d.exec(`INSERT OR REPLACE INTO docs(id, body) VALUES(5, 'replaced')`)
	if got := d.found("changed replaced"); got != "5" {
		t.Errorf("after replace: %s", got)
	}
	d.exec(`INSERT INTO docs(id, title, body) VALUES(200, NULL, x'00ff'), (201, 17, 2.5)`)
	if got := d.found("17"); got != "17 201" {
		t.Errorf("numbers: %s", got)
	}
	d.check()
	d.exec(`DELETE FROM docs`)
	if got := d.found("document"); got != "" {
		t.Errorf("after deleting everything: %s", got)
	}
}

// Columns named like the table's own get an underscore; any name works.
func TestAwkwardNames(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE "my docs"("the id" INTEGER PRIMARY KEY, score TEXT, k TEXT, operation TEXT, "a, b ""c""" TEXT, "values" F32_BLOB(2))`)
	d.exec(`INSERT INTO "my docs" VALUES(1, 'one', 'two', 'three', 'four', '[1,1]')`)
	d.exec(`CREATE VIRTUAL TABLE "my text" USING lexical("my docs", score, k, operation, "a, b ""c""")`)
	d.exec(`CREATE VIRTUAL TABLE "my ""vec""" USING hnsw("my docs", "values")`)
	d.exec(`INSERT INTO "my docs" VALUES(2, 'five', 'six', 'seven', 'eight', '[2,-1]')`)
	d.wants("1|one|two|three|four", `SELECT rowid, score_, k_, operation_, "a, b ""c""" FROM "my text" WHERE "my text" MATCH 'four'`)
	d.wants("2", `SELECT rowid FROM "my text" WHERE "my text" MATCH 'seven'`)
	d.wants("2", `SELECT rowid FROM "my ""vec""" WHERE vector MATCH '[2,-1]' AND k = 1`)
	d.exec(`INSERT INTO "my ""vec"""("my ""vec""") VALUES('rebuild')`)
	d.exec(`ALTER TABLE "my docs" RENAME TO "your ""docs"""`)
	d.exec(`ALTER TABLE "your ""docs""" RENAME "values" TO "the, vector"`)
	d.exec(`INSERT INTO "your ""docs""" VALUES(3, 'nine', 'ten', 'eleven', 'twelve', '[-2,-1]')`)
	d.wants("3", `SELECT rowid FROM "my ""vec""" WHERE vector MATCH '[-2,-1]' AND k = 1`)
	d.wants("3", `SELECT rowid FROM "my text" WHERE "my text" MATCH 'eleven'`)
	d.exec(`DROP TABLE "my ""vec"""`)
	d.exec(`DROP TABLE "my text"`)
	d.wants("1", `SELECT count(*) FROM sqlite_schema`)
}

// Tables without INTEGER PRIMARY KEY keep their rowids through VACUUM.
func TestPlainRowids(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(body TEXT, embedding F32_BLOB(2))`)
	d.exec(`INSERT INTO docs(rowid, body, embedding) VALUES(10, 'ten', '[10,1]'), (20, 'twenty', '[20,1]'), (30, 'thirty', '[30,1]')`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)`)
	d.exec(`UPDATE docs SET rowid = 40 WHERE rowid = 20`)
	d.exec(`UPDATE docs SET _rowid_ = 50, body = 'fifty' WHERE rowid = 30`)
	d.exec(`VACUUM`)
	d.wants("10\n40\n50", `SELECT rowid FROM docs`)
	if got := d.nearest(20, 3); got != "40 10 50" {
		t.Errorf("got %s", got)
	}
	if got := d.found("twenty fifty thirty"); got != "40 50" {
		t.Errorf("got %s", got)
	}
	d.check()
	d.exec(`DROP TABLE docs_text`)
	d.exec(`DELETE FROM docs WHERE rowid = 10`)
	d.exec(`VACUUM`)
	d.wants("40\n50", `SELECT rowid FROM docs`)
	d.exec(`DROP TABLE docs_vec`)
	d.wants("docs", `SELECT name FROM sqlite_schema`)
}
