package sqlext_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestAnchoredUniqueMeansNothing(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`CREATE UNIQUE INDEX ix ON p(libsql_vector_idx(e) DESC)`)
	d.exec(`INSERT INTO p VALUES(3, vector32('[5,1]')), (1, vector32('[5,1]')), (2, vector32('[1,5]'))`)
	d.wants("1\n3", `SELECT id FROM vector_top_k('ix', '[5,1]', 2)`)
	// SQLite may answer from the index: the rows come in the table's order.
	d.wants("1\n2\n3", `SELECT id FROM p`)
	d.wants("3", `SELECT count(*) FROM p`)
	d.wants("0000a0400000803f", `SELECT libsql_vector_idx(vector32('[5,1]'))`)
	d.exec(`CREATE TABLE q AS SELECT libsql_vector_idx(e, 'x') AS e FROM p`)
	d.exec(`BEGIN`)
	d.exec(`UPDATE p SET e = vector32('[2,2]') WHERE id = 3`)
	d.wants("NULL", `SELECT libsql_vector_idx('[1,2]')`)
	d.exec(`DELETE FROM p WHERE id = 1`)
	d.exec(`COMMIT`)
	d.check()
}

func TestAnchoredNotFinite(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(2))`)
	d.exec(`INSERT INTO p VALUES(1, x'0000807f00000000')`)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e))`)
	d.exec(`INSERT INTO p VALUES(2, x'0000c07f00000000'), (3, vector32('[1,1]')), (4, vector32('[1,2]'))`)
	d.exec(`UPDATE p SET e = x'0000807f0000807f' WHERE id = 3`)
	for _, c := range []*testDB{d, openFile(t, "file:"+path)} {
		c.wants("4", `SELECT id FROM vector_top_k('ix', '[1,1]', 9)`)
		c.check()
	}
	d.exec(`REINDEX`)
	d.wants("4", `SELECT id FROM vector_top_k('ix', '[1,1]', 9)`)
}

func TestAnchoredMissingTriggers(t *testing.T) {
	d, _ := openTemp(t)
	d.points(3)
	d.exec(`CREATE TRIGGER mine AFTER INSERT ON p BEGIN SELECT 1; END`)
	name := d.rows(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'libsql%' LIMIT 1`)
	if _, err := d.ExecContext(t.Context(), `DROP TRIGGER `+name); err != nil {
		t.Fatal(err)
	}
	if got := d.rows(`PRAGMA integrity_check`); !strings.Contains(got, "REINDEX ix") {
		t.Errorf("integrity_check: %s", got)
	}
	d.exec(`INSERT INTO p VALUES(10, 0, vector32('[10,1]'))`)
	d.exec(`REINDEX ix`)
	if got := d.topK("ix", 10, 1); got != "10" {
		t.Errorf("after REINDEX: %s", got)
	}
}

func TestAnchoredStatsAndSearches(t *testing.T) {
	d, _ := openTemp(t)
	d.points(50)
	d.wants("50", `SELECT json_extract(hnsw_stats('ix'), '$.rows')`)
	d.exec(`CREATE VIRTUAL TABLE words USING lexical(p, cat)`)
	d.wants("5", `SELECT count(*) FROM hybrid_search('ix', 'words', '3', '[3,1]', 5)`)
	d.exec(`CREATE TABLE w(k TEXT PRIMARY KEY, cat INT, e F32_BLOB(2)) WITHOUT ROWID`)
	d.exec(`CREATE INDEX wx ON w(libsql_vector_idx(e, 'metric=l2'))`)
	d.exec(`INSERT INTO w SELECT 'k' || id, cat, e FROM p`)
	d.wants("k3|0\nk2|1", `SELECT id, distance FROM vector_search('wx', '[3,1]', 2)`)
	d.wants("k7|4\nk17|14", `SELECT id, distance FROM vector_search('wx', '[3,1]', 2, 'cat = ?1', '[7]')`)
}

func TestAnchoredCreateCanceled(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, cat INT, e F32_BLOB(2))`)
	d.addPoints(1, 20000)
	before := d.rows(`SELECT group_concat(name) FROM sqlite_schema`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := d.ExecContext(ctx, `CREATE INDEX ix ON p(libsql_vector_idx(e))`); err == nil {
		t.Skip("the index was built before the context ended")
	}
	d.wants(before, `SELECT group_concat(name) FROM sqlite_schema`)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e)) WHERE id < 10`)
	d.wants("9", `SELECT count(*) FROM vector_top_k('ix', '[1,1]', 99)`)
}
