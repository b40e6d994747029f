package sqlext_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// patchDocs fills a table that is large enough for its index to keep parts of rows.
func patchDocs(d *testDB, create string) {
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT COLLATE NOCASE, body TEXT, tag, other INT)`)
	for i := range 300 {
		d.exec(`INSERT INTO docs VALUES(?1, ?2, ?3, ?4, 0)`, i+1, fmt.Sprintf("title t%d", i%17), fmt.Sprintf("the body of row b%d with w%d", i, i%11), i%5)
	}
	d.exec(create)
}

// TestUpdateOfSomeColumns follows updates of one column of several: the others keep
// their postings, and what is found is what is in the table.
func TestUpdateOfSomeColumns(t *testing.T) {
	for name, create := range map[string]string{
		"all rows": `CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body, tag analyzer=keyword)`,
		"partial":  `CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body, tag analyzer=keyword, where="other < 5")`,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := openTemp(t)
			patchDocs(d, create)
			writes := func() string { return d.rows(`SELECT hex(data) FROM docs_text_config WHERE id = 1`) }
			before := writes()
			d.exec(`UPDATE docs SET other = 1, title = title, body = body || '' WHERE id < 50`)
			d.exec(`UPDATE docs SET title = 'title t1' WHERE title = 'title t1'`)
			if writes() != before {
				t.Error("an update that changes no text wrote to the index")
			}
			d.exec(`UPDATE docs SET title = 'fresh' WHERE id IN (3, 4, 290)`)
			d.wants("3\n4\n290", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'title:fresh' ORDER BY rowid`)
			d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH '+title:fresh +body:b2'`)
			d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH '+title:fresh +"row b2 with"'`)
			d.wants("0", `SELECT count(*) FROM docs_text WHERE docs_text MATCH '+title:t2 +body:b2'`)
			d.wants("1", `SELECT json_extract(lexical_stats('docs_text'), '$.patched') = 3`)
			d.check()
			d.exec(`BEGIN`)
			d.exec(`UPDATE docs SET title = 'inside' WHERE id = 3`)
			d.exec(`SAVEPOINT s`)
			d.exec(`UPDATE docs SET title = 'deeper' WHERE id IN (3, 5)`)
			d.wants("3\n5", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'deeper' ORDER BY rowid`)
			d.exec(`ROLLBACK TO s`)
			d.wants("3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'inside deeper' ORDER BY rowid`)
			d.exec(`ROLLBACK`)
			d.wants("3\n4\n290", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'fresh inside deeper' ORDER BY rowid`)
			d.exec(`UPDATE docs SET id = 1003, title = 'moved' WHERE id = 3`)
			d.wants("1003", `SELECT rowid FROM docs_text WHERE docs_text MATCH '+moved +b2'`)
			d.wants("1|4", `SELECT count(*), min(rowid) FROM docs_text WHERE docs_text MATCH 'fresh' AND rowid < 200`)
			d.exec(`DELETE FROM docs WHERE id = 4`)
			d.exec(`INSERT OR REPLACE INTO docs VALUES(290, 'replaced', 'row', 1, 0)`)
			d.wants("0", `SELECT count(*) FROM docs_text WHERE docs_text MATCH 'fresh'`)
			d.check()
			d.exec(`ALTER TABLE docs RENAME COLUMN title TO "the ""title"`)
			d.exec(`UPDATE docs SET "the ""title" = 'renamed' WHERE id = 9`)
			d.wants("9", `SELECT rowid FROM docs_text WHERE docs_text MATCH '+renamed +b8'`)
			d.check()
		})
	}
}

// TestUpdateSeenByAnalyzersOnly changes what the column's collation does not see, and a
// type: the index follows.
func TestUpdateSeenByAnalyzersOnly(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE, n)`)
	d.exec(`INSERT INTO docs VALUES(1, 'abc', 1)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, code, n, analyzer=keyword)`)
	d.exec(`UPDATE docs SET code = 'ABC', n = 1.0`)
	d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'ABC'`)
	d.wants("0", `SELECT count(*) FROM docs_text WHERE docs_text MATCH 'abc'`)
	d.exec(`UPDATE docs SET n = 1`)
	d.exec(`UPDATE docs SET n = 1.0`)
	d.check()
}

// TestRandomUpdates takes random steps and compares the index with the table.
func TestRandomUpdates(t *testing.T) {
	d, _ := openTemp(t)
	patchDocs(d, `CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body, tag)`)
	rng := rand.New(rand.NewPCG(11, 12))
	text := func() any {
		switch rng.IntN(8) {
		case 0:
			return nil
		case 1:
			return rng.IntN(100)
		}
		return fmt.Sprintf("w%d t%d again", rng.IntN(11), rng.IntN(17))
	}
	inside := false
	for step := range 400 {
		id := rng.IntN(330)
		switch op := rng.IntN(20); {
		case op < 10:
			d.exec(fmt.Sprintf(`UPDATE docs SET %s = ?1 WHERE id = ?2`, []string{"title", "body", "tag"}[rng.IntN(3)]), text(), id)
		case op < 12:
			d.exec(`UPDATE docs SET title = ?1, body = ?2 WHERE id = ?3`, text(), text(), id)
		case op == 12:
			d.exec(`DELETE FROM docs WHERE id = ?1`, id)
		case op < 15:
			d.exec(`INSERT OR REPLACE INTO docs VALUES(?1, ?2, ?3, ?4, 0)`, id, text(), text(), text())
		case op == 15:
			d.exec(`UPDATE OR REPLACE docs SET id = ?1 WHERE id = ?2`, rng.IntN(330), id)
		case op == 16 && !inside:
			d.exec(`BEGIN`)
			inside = true
		case op == 17 && inside:
			d.exec(`COMMIT`)
			inside = false
		case op == 18 && inside && rng.IntN(2) == 0:
			d.exec(`ROLLBACK`)
			inside = false
		case op == 19:
			d.rows(`SELECT count(*) FROM docs_text WHERE docs_text MATCH 'w1 t2'`)
		}
		if step%100 == 99 {
			if inside {
				d.exec(`COMMIT`)
				inside = false
			}
			d.check()
		}
	}
	d.wants("1", `SELECT json_extract(lexical_stats('docs_text'), '$.patched') > 0`)
	const hits = `SELECT group_concat(rowid || ':' || round(score, 9), ' ') FROM
		(SELECT rowid, score FROM docs_text WHERE docs_text MATCH 'w1 t2 again' ORDER BY score DESC, rowid LIMIT 50)`
	got := d.rows(hits)
	d.exec(`INSERT INTO docs_text(docs_text) VALUES('rebuild')`)
	if want := d.rows(hits); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.check()
}

// TestNumberColumns asks columns of numbers and dates for ranges: they are analyzed as
// such without being asked, also after the index was lost.
func TestNumberColumns(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, price REAL, year INT, day DATETIME, note TEXT)`)
	d.exec(`INSERT INTO docs VALUES(1, 'one', -3, 1999, '2020-01-05', '-3'), (2, 'two', 2.5, 2001, '2021-06-01 10:30', 'x'), (3, 'three', 1e30, 2010, NULL, 'y')`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, price, year analyzer=standard, day, note, analyzer=en)`)
	for range 2 {
		d.wants("2\n3", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'price:>2' ORDER BY rowid`)
		d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'price:<0'`)
		d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'price:-3'`)
		d.wants("2", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'day:>="2020-06-01"'`)
		d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'day:2020-01-05'`)
		d.wants("2", `SELECT id FROM lexical_search('docs_text', 'was it in 2001?')`)
		d.wants("number|standard|number|en", `SELECT group_concat(json_extract(value, '$.analyzer'), '|') FROM json_each(lexical_stats('docs_text'), '$.columns') WHERE key > 0`)
		d.exec(`UPDATE docs_text_config SET data = x'00' WHERE id = 0`)
		d = connect(t, path) // one that has not read the row yet
		t.Cleanup(d.shut)
		d.exec(`INSERT INTO docs_text(docs_text) VALUES('rebuild')`)
	}
	d.check()
}
