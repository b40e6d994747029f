package sqlext_test

import (
	"strings"
	"testing"
)

func TestHNSWQueries(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(100)
	d.wants("7|0\n6|1\n8|1", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 3`)
	d.wants("7|0\n6|1\n8|1", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH vector32('[7,1]') AND k = 3.0`)
	d.wants("7\n6\n8", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' ORDER BY distance LIMIT 3`)
	d.wants("8\n5", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' ORDER BY distance LIMIT 2 OFFSET 2`)
	d.wants("7\n6\n8\n5\n9", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND distance <= 2`)
	d.wants("7\n6\n8", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND distance < 2 AND k = 10`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 0`)
	d.wants("100", `SELECT count(*) FROM docs_vec WHERE vector MATCH '[7,1]'`)
	d.wants("100", `SELECT count(DISTINCT rowid) FROM docs_vec WHERE vector MATCH '[7,1]'`)
	d.wants("100|93", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH '[7,1]' ORDER BY distance DESC LIMIT 1`)
	d.wants("3|10|50", `SELECT rowid, k, ef_search FROM docs_vec WHERE vector MATCH '[3,1]' AND k = 10 AND ef_search = 50 LIMIT 1`)

	// Filters.
	d.wants("2\n4\n6", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 3 AND rowid IN (SELECT id FROM docs WHERE lang = 'en')`)
	d.wants("40\n90", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 10 AND rowid IN (90, 40, 4000, 'x', NULL)`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 10 AND rowid IN (SELECT id FROM docs WHERE 0)`)
	d.wants("50", `SELECT count(*) FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 1000 AND rowid IN (SELECT id FROM docs WHERE lang = 'en')`)

	d.wants("60", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 10 AND rowid IN (60)`)
	d.wants("60|59", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 10 AND rowid = ?1`, 60)
	d.wants("", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 10 AND rowid = 'x'`)
	d.wants("51\n52", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 2 AND rowid > 50`)
	d.wants("51\n52", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND rowid > ?1 ORDER BY distance LIMIT 2`, 50)
	d.wants("50\n51", `SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 2 AND rowid BETWEEN 49.5 AND 60`)
	d.wants("59\n58", `SELECT rowid FROM docs_vec WHERE vector MATCH '[100,1]' AND k = 2 AND rowid < 60 AND rowid >= 50`)
	d.wants("58", `SELECT rowid FROM docs_vec WHERE vector MATCH '[100,1]' AND k = 2 AND rowid < 60 AND rowid IN (58, 61)`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE vector MATCH '[100,1]' AND k = 2 AND rowid > 60 AND rowid < 61`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE vector MATCH '[100,1]' AND k = 2 AND rowid > 9e99`)
	d.wants("100", `SELECT rowid FROM docs_vec WHERE vector MATCH '[100,1]' AND k = 1 AND rowid < 'text'`)

	// Without a search.
	d.wants("100", `SELECT count(*) FROM docs_vec`)
	d.wants("5|NULL", `SELECT rowid, distance FROM docs_vec WHERE rowid = 5`)
	d.wants("", `SELECT rowid FROM docs_vec WHERE rowid = 500`)
	d.wants("3\n5", `SELECT rowid FROM docs_vec WHERE rowid IN (5, 3) ORDER BY rowid`)
	d.wants("[5,1]", `SELECT vector_extract(vector) FROM docs_vec WHERE rowid = 5`)

	// A join reads the index in the outer loop, whatever the other table's index.
	d.exec(`CREATE INDEX docs_lang ON docs(lang)`)
	d.exec(`ANALYZE`)
	d.wants("2\n4", `SELECT d.id FROM docs d JOIN docs_vec v ON v.rowid = d.id WHERE v.vector MATCH '[3,1]' AND v.k = 3 AND d.lang = 'en' ORDER BY d.id`)
	plan := d.rows(`EXPLAIN QUERY PLAN SELECT d.id FROM docs d JOIN docs_vec v ON v.rowid = d.id WHERE v.vector MATCH '[3,1]' AND v.k = 3 AND d.lang = 'en'`)
	if first, _, _ := strings.Cut(plan, "\n"); !strings.Contains(first, "SCAN v VIRTUAL TABLE") {
		t.Errorf("the index is not outermost:\n%s", plan)
	}
	// A search for each row of another table.
	d.wants("1|1\n2|2\n3|3", `SELECT d.id, (SELECT v.rowid FROM docs_vec v WHERE v.vector MATCH d.embedding AND v.k = 1) FROM docs d WHERE d.id < 4`)
}

func TestHNSWFollowsTable(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	d.exec(`INSERT INTO docs(id, embedding) VALUES(21, '[21, 1]')`)
	d.exec(`INSERT INTO docs(id) VALUES(22)`)
	if got := d.nearest(22, 2); got != "21 20" {
		t.Errorf("after insert: %s", got)
	}
	d.exec(`UPDATE docs SET embedding = vector32('[100,1]') WHERE id = 1`)
	d.exec(`UPDATE docs SET id = 50 WHERE id = 2`)
	d.exec(`DELETE FROM docs WHERE id = 3`)
	d.exec(`UPDATE docs SET embedding = NULL WHERE id = 4`)
	d.exec(`UPDATE docs SET title = 'other' WHERE id = 5`)
	if got := d.nearest(1, 4); got != "50 5 6 7" {
		t.Errorf("after update: %s", got)
	}
	if got := d.nearest(100, 1); got != "1" {
		t.Errorf("moved vector: %s", got)
	}
	d.exec(`UPDATE docs SET id = id + 1000`)
	d.exec(`UPDATE docs SET rowid = 7 WHERE id = 1005`)
	if got := d.nearest(5, 2); got != "7 1006" {
		t.Errorf("after moving every key: %s", got)
	}
	d.exec(`INSERT OR REPLACE INTO docs(id, embedding) VALUES(1006, vector32('[-500,1]'))`)
	if got := d.nearest(-500, 1); got != "1006" {
		t.Errorf("after replace: %s", got)
	}
	d.exec(`INSERT OR REPLACE INTO docs(id, embedding) VALUES(1006, NULL)`)
	if got := d.nearest(-500, 1); got != "1050" {
		t.Errorf("after replace by NULL: %s", got)
	}
	d.exec(`INSERT INTO docs(id, embedding) VALUES(1006, '[6,1]') ON CONFLICT(id) DO UPDATE SET embedding = excluded.embedding`)
	if got := d.nearest(6, 1); got != "1006" {
		t.Errorf("after upsert: %s", got)
	}
	d.check()
	d.exec(`DELETE FROM docs`)
	if got := d.nearest(6, 1); got != "" {
		t.Errorf("after deleting everything: %s", got)
	}
	d.wants("0", `SELECT count(*) FROM docs_vec`)
	d.insertDocs(1, 3)
	if got := d.nearest(1, 5); got != "1 2 3" {
		t.Errorf("after filling it again: %s", got)
	}
}

// The user's own last_insert_rowid() survives the index's writes, also those at
// COMMIT.
func TestLastInsertRowID(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`INSERT INTO docs(id, title, embedding) VALUES(77, 'x', '[1,1]')`)
	d.wants("77|1", `SELECT last_insert_rowid(), changes()`)
	d.exec(`BEGIN`)
	d.exec(`INSERT INTO docs(id, title, embedding) VALUES(78, 'x', '[1,1]')`)
	d.exec(`COMMIT`)
	d.wants("78", `SELECT last_insert_rowid()`)
}

func TestPartialIndex(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, lang TEXT, embedding F32_BLOB(2))`)
	d.insertDocs(1, 10)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, where="lang = 'de' AND (id > 1)")`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body, where="lang = 'de'")`)
	if got := d.nearest(1, 10); got != "3 5 7 9" {
		t.Errorf("got %s", got)
	}
	if got := d.found("document"); got != "1 3 5 7 9" {
		t.Errorf("got %s", got)
	}
	d.exec(`UPDATE docs SET lang = 'de' WHERE id = 2`)
	d.exec(`UPDATE docs SET lang = 'fr' WHERE id = 3`)
	d.insertDocs(11, 12)
	if got := d.nearest(1, 10); got != "2 5 7 9 11" {
		t.Errorf("after update: %s", got)
	}
	if got := d.found("document"); got != "1 2 5 7 9 11" {
		t.Errorf("after update: %s", got)
	}
	d.exec(`ALTER TABLE docs RENAME COLUMN lang TO "the (lang"`)
	d.exec(`UPDATE docs SET "the (lang" = 'de' WHERE id = 4`)
	d.exec(`DELETE FROM docs WHERE id = 5`)
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	d.exec(`INSERT INTO docs_text(docs_text) VALUES('rebuild')`)
	if got := d.nearest(1, 10); got != "2 4 7 9 11" {
		t.Errorf("after rename and rebuild: %s", got)
	}
	if got := d.found("document"); got != "1 2 4 7 9 11" {
		t.Errorf("after rename and rebuild: %s", got)
	}
}
