package sqlext_test

import (
	"testing"

	"github.com/nearlite/nearlite/hnsw"
)

// Searches keep vectors in memory. Whatever happens to the table, they must not show
// rows that are gone nor distances of vectors that are not there.
func TestKeptVectorsFollowTheTable(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(50)
	near := func(want string) {
		t.Helper()
		for range 2 {
			d.wants(want, `SELECT group_concat(id || ':' || round(distance, 2), ' ') FROM vector_search('docs_vec', '[10,1]', 2)`)
			d.wants(want, `SELECT group_concat(rowid || ':' || round(distance, 2), ' ') FROM (SELECT rowid, distance FROM docs_vec WHERE vector MATCH '[10,1]' AND k = 2 ORDER BY distance)`)
		}
	}
	before := hnsw.SharedCache().VectorBytes()
	near("10:0.0 9:1.0")
	if hnsw.SharedCache().VectorBytes() <= before {
		t.Error("no vector was kept")
	}

	// A search in a trigger of the user's sees the row before the index does.
	d.exec(`CREATE TABLE seen(d REAL)`)
	d.exec(`CREATE TRIGGER zz BEFORE UPDATE ON docs BEGIN INSERT INTO seen SELECT distance FROM vector_search('docs_vec', '[10,1]', 1); END`)
	d.exec(`CREATE TRIGGER aa AFTER UPDATE ON docs BEGIN INSERT INTO seen SELECT distance FROM vector_search('docs_vec', '[10,1]', 1); END`)
	d.exec(`BEGIN; UPDATE docs SET embedding = vector32('[10.5,1]') WHERE id = 10; ROLLBACK`)
	near("10:0.0 9:1.0")
	d.exec(`BEGIN; SAVEPOINT a; UPDATE docs SET embedding = vector32('[10.5,1]') WHERE id = 10`)
	near("10:0.5 9:1.0")
	d.exec(`ROLLBACK TO a`)
	near("10:0.0 9:1.0")
	d.exec(`COMMIT`)
	near("10:0.0 9:1.0")
	d.exec(`DROP TRIGGER aa; DROP TRIGGER zz`)

	// The same code, another vector.
	d.exec(`UPDATE docs SET embedding = vector32('[10.01,1]') WHERE id = 10`)
	near("10:0.01 9:1.0")

	// Rows that go while a trigger is missing, also after it is back.
	body := d.line(`SELECT sql FROM sqlite_schema WHERE name = 'docs_vec_after_delete'`)
	d.exec(`DROP TRIGGER docs_vec_after_delete`)
	d.exec(`DELETE FROM docs WHERE id = 10`)
	near("9:1.0 11:1.0")
	d.exec(body)
	near("9:1.0 11:1.0")
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)

	// Rows that INSERT OR REPLACE takes away.
	d.exec(`CREATE UNIQUE INDEX slug ON docs(title)`)
	d.exec(`INSERT OR REPLACE INTO docs(id, title, body, embedding) VALUES(99, 'title 9', 'x', vector32('[30,1]'))`)
	near("11:1.0 8:2.0")
}
