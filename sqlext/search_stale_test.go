package sqlext_test

import "testing"

// INSERT OR REPLACE fires no delete trigger for the row it replaces through another
// unique key: the entries of that row stay behind in both indexes, and no search may
// return them.
func TestSearchSkipsStaleEntries(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, slug TEXT UNIQUE, body TEXT, embedding F32_BLOB(2))`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)`)
	d.exec(`INSERT INTO docs VALUES(1, 'a', 'walrus walrus', '[1,1]'), (2, 'b', 'walrus and penguin', '[2,1]'), (3, 'c', 'a seal that is no walrus at all', '[3,1]')`)
	d.exec(`INSERT OR REPLACE INTO docs VALUES(9, 'a', 'penguin', '[9,1]')`)
	defer d.exec(`DELETE FROM docs`) // the check at the end finds what is left behind
	d.wants("2 3 9", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[1,1]', 5)`)
	d.wants("2 3 9", `SELECT group_concat(id, ' ') FROM vector_top_k('docs_vec', '[1,1]', 5)`)
	d.wants("2 3", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', 'walrus', 5)`)
	d.wants("2", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', 'walrus', 1)`)
	d.wants("2 3", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', 'walrus', 5, 'id > 0')`)
	for _, opts := range []string{`{}`, `{"fusion":"rrf"}`, `{"depth":1}`} {
		d.wants("0", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'walrus', '[1,1]', 5, NULL, NULL, ?) WHERE id = 1`, opts)
		d.wants("0", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'walrus', '[1,1]', 5, 'id < 100', NULL, ?) WHERE id = 1`, opts)
	}
	d.wants("2", `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'walrus', '[2,1]', 1)`)
}
