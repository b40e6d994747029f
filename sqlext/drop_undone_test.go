package sqlext_test

import (
	"fmt"
	"testing"
)

// An index that is back from a DROP which ROLLBACK TO has undone holds what the
// transaction had changed before the savepoint, however often it returns there.
func TestDropUndoneTwice(t *testing.T) {
	for name, kind := range map[string]struct{ drop, create string }{
		"native":   {`DROP TABLE docs_vec`, `CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`},
		"anchored": {`DROP INDEX docs_vec`, `CREATE INDEX docs_vec ON docs(libsql_vector_idx(embedding, 'metric=l2'))`},
	} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprint(name, again), func(t *testing.T) {
				d, _ := openTemp(t)
				d.docs(10)
				if name == "anchored" {
					d.exec(`DROP TABLE docs_vec`)
					d.exec(kind.create)
				}
				d.exec(`BEGIN`)
				d.insertDocs(11, 12)
				d.exec(`DELETE FROM docs WHERE id = 5`)
				d.exec(`SAVEPOINT s`)
				d.exec(kind.drop)
				d.exec(`DROP TABLE docs_text`)
				if again {
					d.exec(kind.create)
					d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body)`)
				}
				for range 3 {
					d.exec(`ROLLBACK TO s`)
					d.insertDocs(13, 13)
				}
				d.exec(`ROLLBACK TO s`)
				if again {
					d.wants("11", `SELECT count(*) FROM vector_search('docs_vec', '[1,1]', 20)`)
				}
				d.exec(`COMMIT`)
				d.wants("11", `SELECT count(*) FROM vector_search('docs_vec', '[1,1]', 20)`)
				if got := d.found("words"); got != "1 2 3 4 6 7 8 9 10 11 12" {
					t.Errorf("found %s", got)
				}
			})
		}
	}
}
