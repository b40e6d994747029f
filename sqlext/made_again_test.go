package sqlext_test

import "testing"

// A statement that is kept prepared, such as a host's cached INSERT, keeps the objects of
// the indexes that its triggers write to. When another connection makes the indexes again,
// searches take the new ones.
func TestMadeAgainElsewhere(t *testing.T) {
	for name, kind := range map[string]struct{ drop, create, again string }{
		"native": {
			`DROP TABLE ix`, `CREATE VIRTUAL TABLE ix USING hnsw(docs, embedding, metric=l2)`,
			`CREATE VIRTUAL TABLE ix USING hnsw(docs, embedding, metric=cosine, m=4, quantize=none, include=(lang))`,
		},
		"anchored": {
			`DROP INDEX ix`, `CREATE INDEX ix ON docs(libsql_vector_idx(embedding, 'metric=l2'))`,
			`CREATE INDEX ix ON docs(libsql_vector_idx(embedding, 'compress_neighbors=float32')) WHERE id <> 9`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, path := openTemp(t)
			d.docs(600)
			d.exec(kind.create)
			other := openFile(t, "file:"+path)
			insert, err := other.PrepareContext(t.Context(), `INSERT INTO docs VALUES(?1, 'title', 'words', 'en', vector32('[1,0]'))`)
			if err != nil {
				t.Fatal(err)
			}
			defer insert.Close()
			put := func(id int) {
				t.Helper()
				if _, err := insert.ExecContext(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			put(601)
			search := func(want string) {
				t.Helper()
				for _, c := range []*testDB{other, d} {
					c.wants(want, `SELECT count(*) FROM hybrid_search('ix', 'docs_text', 'words', '[9,1]', 1000)`)
					c.wants(want, `SELECT count(*) FROM lexical_search('docs_text', 'words', 1000)`)
					c.wants(want, `SELECT lexical_count('docs_text', 'words')`)
				}
			}
			search("601")
			for range 2 {
				d.exec(kind.drop)
				d.exec(`DROP TABLE docs_text`)
				d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body, lang, analyzer=simple)`)
				d.exec(kind.again)
				d.exec(`DELETE FROM docs WHERE id > 600`)
				search("600")
				other.wants(d.rows(`SELECT id FROM vector_search('ix', '[9,1]', 9)`), `SELECT id FROM vector_search('ix', '[9,1]', 9)`)
				put(601)
				search("601")
			}
		})
	}
}
