package sqlext_test

import "testing"

// A connection that does nothing but insert measures the probes anew like any other:
// until then nothing has asked it where the table is. Neither it nor the connection that
// made the index reads on afterwards: without a write-ahead log nobody could commit.
func TestInsertOnly(t *testing.T) {
	for name, ddl := range map[string]string{
		"native":   `CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)`,
		"anchored": `CREATE INDEX docs_vec ON docs(libsql_vector_idx(embedding))`,
	} {
		t.Run(name, func(t *testing.T) {
			d, path := openTemp(t)
			const n, dims = 800, 4
			d.fillSphere(n, dims)
			d.exec(ddl)
			other := openFile(t, "file:"+path)
			for i := n; i < 2*n; i += 50 {
				other.insertSphere(i+1, i+50, dims)
			}
			other.wants("1600", `SELECT count(*) FROM docs`)
			other.wants("ok", `PRAGMA integrity_check`)
			other.exec(`DROP TABLE docs`) // nothing is left open on it
		})
	}
}
