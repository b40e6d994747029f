package sqlext_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Each test here is named after something that libSQL's own vector index gets wrong.

// points makes a table of n rows on a line, row i at (i, 1), under an index ix in
// libSQL's form.
func (d *testDB) points(n int) {
	d.t.Helper()
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, cat INT, e F32_BLOB(2))`)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=l2'))`)
	d.addPoints(1, n)
}

func (d *testDB) addPoints(from, to int) {
	d.t.Helper()
	d.exec(`WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i < ?2)
		INSERT INTO p(id, cat, e) SELECT i, i % 10, vector32('[' || i || ',1]') FROM n WHERE i <= ?2`, from, to)
}

// topK lists the k rows that vector_top_k finds near (x, 1).
func (d *testDB) topK(index string, x float64, k int) string {
	d.t.Helper()
	return strings.ReplaceAll(d.rows(`SELECT id FROM vector_top_k(?1, ?2, ?3)`, index, fmt.Sprintf("[%g,1]", x), k), "\n", " ")
}

func TestDefectEqualVectorsVanishWithTheirTwin(t *testing.T) { // libSQL issue 2197
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e))`)
	d.exec(`INSERT INTO p VALUES(1, vector32('[1,2]')), (2, vector32('[1,2]'))`)
	d.exec(`DELETE FROM p WHERE id = 1`)
	d.wants("2", `SELECT id FROM vector_top_k('ix', '[1,2]', 5)`)
	d.exec(`INSERT INTO p SELECT 10 + value, vector32('[3,1]') FROM generate_series(0, 99)`)
	d.exec(`DELETE FROM p WHERE id % 2 = 0 AND id > 2`)
	d.wants("50", `SELECT count(*) FROM vector_top_k('ix', '[3,1]', 50) WHERE id > 2`)
	d.wants("51", `SELECT count(*) FROM vector_top_k('ix', '[3,1]', 1000)`)
}

func TestDefectRowsUnreachableAfterWrites(t *testing.T) {
	d, _ := openTemp(t)
	d.points(5)
	for i := range 40 {
		d.exec(`UPDATE p SET e = vector32('[' || ?2 || ',1]') WHERE id = ?1`, i%5+1, 100+i)
		d.exec(`DELETE FROM p WHERE id = ?1`, (i+2)%5+1)
		d.exec(`INSERT INTO p VALUES(?1, 0, vector32('[' || ?2 || ',1]')) ON CONFLICT(id) DO UPDATE SET e = excluded.e`, (i+2)%5+1, 200+i)
		d.wants("5", `SELECT count(*) FROM vector_top_k('ix', '[0,1]', 10)`)
	}
}

func TestDefectDeleteWithoutWhereLeavesRows(t *testing.T) {
	d, _ := openTemp(t)
	d.points(20)
	d.exec(`DELETE FROM p`)
	if got := d.topK("ix", 7, 5); got != "" {
		t.Errorf("after DELETE the index holds %s", got)
	}
	d.addPoints(1, 20) // the same rowids again
	if got := d.topK("ix", 7, 3); got != "7 6 8" {
		t.Errorf("after adding the rows again: %s", got)
	}
}

func TestDefectFailedCreateIndexLeavesTables(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`INSERT INTO p VALUES(1, vector32('[1]')), (2, vector32('[3,4]'))`)
	before := d.schema()
	const create = `CREATE INDEX ix ON p(libsql_vector_idx(e))`
	d.fails("vector index(insert): dimensions are different: 1 != 2", create)
	if after := d.schema(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
	for _, bad := range []string{
		`CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=dot'))`,
		`CREATE INDEX ix ON p(libsql_vector_idx(id))`,
		`CREATE INDEX ix ON p(libsql_vector_idx(e), id)`,
	} {
		d.fails("vector index: ", bad)
		// The same inside a transaction, which goes on.
		d.exec(`BEGIN`)
		d.exec(`INSERT INTO p VALUES(3, vector32('[5,6]'))`)
		d.fails("vector index: ", bad)
		d.exec(`DELETE FROM p WHERE id = 3`)
		d.exec(`COMMIT`)
	}
	if after := d.schema(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
	d.exec(`UPDATE p SET e = vector32('[1,2]') WHERE id = 1`)
	d.exec(create)
	d.wants("2\n1", `SELECT id FROM vector_top_k('ix', '[3,4]', 5)`)
}

func TestDefectDropIndexOfAttachedDatabaseBreaksMain(t *testing.T) {
	d, path := openTemp(t)
	d.points(5)
	d.exec(`ATTACH ?1 AS aux`, filepath.Join(filepath.Dir(path), "aux.db"))
	d.exec(`CREATE TABLE aux.p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`CREATE INDEX aux.ix ON p(libsql_vector_idx(e))`)
	d.exec(`INSERT INTO aux.p VALUES(77, vector32('[1,0]'))`)
	d.wants("77", `SELECT id FROM vector_top_k('aux.ix', '[1,0]', 5)`)
	d.exec(`DROP INDEX aux.ix`)
	d.wants("p", `SELECT group_concat(name) FROM aux.sqlite_schema WHERE name NOT LIKE 'libsql%'`)
	d.fails("failed to parse vector index parameters", `SELECT id FROM vector_top_k('aux.ix', '[1,0]', 5)`)
	if got := d.topK("ix", 3, 2); got != "3 2" {
		t.Errorf("main.ix finds %s", got)
	}
	d.exec(`INSERT INTO p VALUES(6, 0, vector32('[6,1]'))`)
	d.exec(`DETACH aux`)
	d.fails("unknown schema 'aux'", `SELECT id FROM vector_top_k('aux.ix', '[1,0]', 5)`)
}

func TestDefectZeroAndNoArgumentsCrash(t *testing.T) {
	d, _ := openTemp(t)
	d.points(3)
	if got := d.topK("ix", 1, 0); got != "" {
		t.Errorf("k = 0 finds %s", got)
	}
	d.fails("libsql_vector_idx", `CREATE INDEX i2 ON p(libsql_vector_idx())`)
	d.fails("libsql_vector_idx", `SELECT libsql_vector_idx()`)
}

func TestDefectCorrelatedJoinMalfunctions(t *testing.T) {
	d, _ := openTemp(t)
	d.points(6)
	d.wants("1 1\n2 2\n3 3", `SELECT p.id || ' ' || v.id FROM p, vector_top_k('ix', p.e, 1) v WHERE p.id < 4 ORDER BY p.id`)
}

func TestDefectQuotedNames(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`CREATE TABLE "my ""table"""("the id" INTEGER PRIMARY KEY, "the, vector" F32_BLOB(2), [k v] TEXT)`)
	d.exec(`CREATE INDEX "my-ix" ON "my ""table"""(libsql_vector_idx("the, vector", 'metric=l2')) WHERE [k v] = 'a''b'`)
	d.exec(`INSERT INTO "my ""table""" VALUES(1, vector32('[1,2]'), 'a''b'), (2, vector32('[1,3]'), 'x')`)
	d.exec(`UPDATE "my ""table""" SET [k v] = 'a''b' WHERE "the id" = 2`)
	d.exec(`CREATE INDEX "it's" ON "my ""table"""(libsql_vector_idx([the, vector]))`)
	for _, c := range []*testDB{d, openFile(t, "file:"+path)} {
		c.wants("2\n1", `SELECT id FROM vector_top_k('my-ix', '[1,3]', 5)`)
		c.wants("2", `SELECT id FROM vector_top_k('main.it''s', '[1,3]', 1)`)
	}
	d.exec(`DROP INDEX "my-ix"`)
	d.exec(`DROP TABLE "my ""table"""`)
	d.wants("libsql_vector_meta_shadow", `SELECT name FROM sqlite_schema`)
}

func TestDefectTiesInRandomOrder(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e))`)
	d.exec(`INSERT INTO p SELECT 50 - value, vector32('[1,1]') FROM generate_series(1, 49)`)
	d.wants("1 2 3 4 5", `SELECT group_concat(id, ' ') FROM vector_top_k('ix', '[1,1]', 5)`)
}

func TestDefectFewerThanKBehindAFilter(t *testing.T) {
	d, _ := openTemp(t)
	d.points(500)
	d.wants("20", `SELECT count(*) FROM vector_search('ix', '[1,1]', 20, 'cat = 7')`)
	d.wants("7|6\n17|16", `SELECT id, distance FROM vector_search('ix', '[1,1]', 2, 'cat = ?1', '[7]')`)
	d.wants("400", `SELECT count(*) FROM vector_top_k('ix', '[1,1]', 400)`)
}

func TestDefectJoinSearchesOncePerRow(t *testing.T) {
	d, _ := openTemp(t)
	d.points(500)
	d.exec(`CREATE INDEX by_cat ON p(cat)`)
	d.exec(`ANALYZE`)
	plan := d.rows(`EXPLAIN QUERY PLAN SELECT p.id FROM vector_top_k('ix', '[1,1]', 50) v JOIN p ON p.rowid = v.id WHERE p.cat = 7`)
	if scan := strings.Index(plan, "SCAN v VIRTUAL TABLE"); scan < 0 || scan > strings.Index(plan, "SEARCH p") {
		t.Errorf("the search is not the outer loop:\n%s", plan)
	}
	d.wants("7 17 27 37 47", `SELECT group_concat(p.id, ' ') FROM vector_top_k('ix', '[1,1]', 50) v JOIN p ON p.rowid = v.id WHERE p.cat = 7`)
}

func TestDefectIndexManyTimesTheData(t *testing.T) {
	d, _ := openTemp(t)
	const rows, dims = 2000, 128
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(128))`)
	d.exec(`BEGIN`)
	vec := make([]string, dims)
	for i := range rows {
		for j := range vec {
			vec[j] = fmt.Sprintf("%.3f", float64((i*31+j*j*17)%997)/997-0.5)
		}
		d.exec(`INSERT INTO p VALUES(?1, vector32(?2))`, i, "["+strings.Join(vec, ",")+"]")
	}
	d.exec(`COMMIT`)
	var size, before int64
	if err := d.QueryRowContext(t.Context(), `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&before); err != nil {
		t.Fatal(err)
	}
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e))`)
	if err := d.QueryRowContext(t.Context(), `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&size); err != nil {
		t.Fatal(err)
	}
	if got := float64(size-before) / (rows * dims * 4); got > 1.2 {
		t.Errorf("the index takes %.2f times the raw vectors, want at most 1.2", got)
	}
}
