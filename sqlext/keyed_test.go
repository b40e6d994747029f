package sqlext_test

import "testing"

// The first thing that a connection does may be to write to an indexed table WITHOUT
// ROWID: nothing has asked before what kind of table it is.
func TestKeyedWriteFirst(t *testing.T) {
	for _, write := range []struct{ sql, want string }{
		{`INSERT INTO w VALUES('k4', vector32('[4,1]'))`, "k4\nk3"},
		{`INSERT OR REPLACE INTO w VALUES('k1', vector32('[4,1]'))`, "k1\nk3"},
		{`UPDATE w SET e = vector32('[4,1]') WHERE k = 'k2'`, "k2\nk3"},
		{`UPDATE w SET k = 'k5' WHERE k = 'k3'`, "k5\nk2"},
		{`DELETE FROM w WHERE k = 'k3'`, "k2\nk1"},
	} {
		t.Run(write.sql, func(t *testing.T) {
			d, path := openTemp(t)
			d.exec(`CREATE TABLE w(k TEXT PRIMARY KEY, e F32_BLOB(2)) WITHOUT ROWID`)
			d.exec(`CREATE INDEX wx ON w(libsql_vector_idx(e, 'metric=l2'))`)
			d.exec(`INSERT INTO w VALUES('k1', vector32('[1,1]')), ('k2', vector32('[2,1]')), ('k3', vector32('[3,1]'))`)
			other := openFile(t, "file:"+path)
			other.exec(write.sql)
			d.wants(write.want, `SELECT id FROM vector_top_k('wx', '[4,1]', 2)`)
		})
	}
}
