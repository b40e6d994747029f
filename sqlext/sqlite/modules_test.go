package sqlite

import "testing"

// Files of libSQL's may hold what its SQLite has built in.
func TestModules(t *testing.T) {
	alterSteps(t, openAlter(t),
		"CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT)", "CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)",
		"CREATE VIRTUAL TABLE docs_fts USING fts5(body, content='docs', content_rowid='id')", "INSERT INTO docs(body) VALUES ('red apple'), ('green pear')",
		"INSERT INTO docs_fts(docs_fts) VALUES ('rebuild')", "SELECT snippet(docs_fts, 0, '[', ']', '', 3) FROM docs_fts WHERE docs_fts MATCH 'pear' -> green [pear]",
		"SELECT id FROM lexical_search('docs_text', 'apple', 5) -> 1", "SELECT count(*) FROM docs, docs_fts WHERE docs.id = docs_fts.rowid -> 2",
		"CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)", "INSERT INTO boxes VALUES (1, 0, 2)", "SELECT id FROM boxes WHERE high > 1 -> 1",
		"PRAGMA integrity_check -> ok",
	)
}
