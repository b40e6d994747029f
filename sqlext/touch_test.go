package sqlext_test

import (
	"fmt"
	"testing"
)

// An UPDATE that changes no indexed column changes no index, nor the file of a partial
// one, unless the row comes in or goes by its condition.
func TestUpdateOfOtherColumns(t *testing.T) {
	for _, where := range []string{"", `, where="state = 'on'"`} {
		d, _ := openTemp(t)
		d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, embedding F32_BLOB(2), state TEXT, n INT)`)
		d.exec(`INSERT INTO docs SELECT value, 'title ' || value, 'number' || value, vector32('[' || value || ',1]'), iif(value > 2, 'on', 'off'), 0 FROM generate_series(1, 20)`)
		d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2` + where + `)`)
		d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body` + where + `)`)
		stored := func() string {
			out := ""
			for _, table := range []string{"docs_vec_log", "docs_vec_links", "docs_text_config", "docs_text_segments", "docs_text_deletes"} {
				out += d.line(fmt.Sprintf(`SELECT count(*) || ' ' || coalesce(group_concat(hex(data)), '') FROM %s`, table)) + "\n"
			}
			return out
		}
		before := stored()
		d.exec(`UPDATE docs SET n = n + 1`)
		d.exec(`UPDATE docs SET title = title, body = body, embedding = embedding, n = 5 WHERE id > 10`)
		if stored() != before {
			t.Errorf("where %q: rows of the indexes changed", where)
		}
		d.exec(`UPDATE docs SET title = 'walrus' WHERE id = 5`)
		d.wants("5", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'walrus'`)
		d.wants("5", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'number5'`)
		if where == "" {
			continue
		}
		d.exec(`UPDATE docs SET state = 'on' WHERE id = 1`)
		d.wants("1", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'number1'`)
		d.wants("1 3", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[1,1]', 2)`)
		d.exec(`UPDATE docs SET state = 'off' WHERE id = 3`)
		d.wants("1 4", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[1,1]', 2)`)
		d.wants("", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'number3'`)
		d.exec(`UPDATE docs SET id = 40, n = 9 WHERE id = 4`)
		d.wants("1 40", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[1,1]', 2)`)
		d.wants("40", `SELECT rowid FROM docs_text WHERE docs_text MATCH 'number4'`)
	}
}
