package sqlext_test

import "testing"

// SQLite runs the youngest trigger first. What triggers of the user's do to a row before
// the index hears of it is what the index holds.
func TestTriggersBeforeOurs(t *testing.T) {
	for _, c := range []struct{ name, trigger, write string }{
		{
			"insert", `AFTER INSERT ON docs WHEN new.id > 10 BEGIN
			UPDATE docs SET title = 'changed', body = body || ' more', lang = 'fr', embedding = vector32('[100,1]') WHERE id = new.id; END`,
			`INSERT INTO docs VALUES(11, 'title', 'words', 'en', vector32('[11,1]')), (12, 'title', 'words', 'en', NULL)`,
		},
		{
			"insert and delete", `AFTER INSERT ON docs BEGIN DELETE FROM docs WHERE id = new.id OR id = 3; END`,
			`INSERT INTO docs VALUES(11, 'title', 'words', 'en', vector32('[11,1]'))`,
		},
		{
			"update", `AFTER UPDATE OF title ON docs BEGIN
			UPDATE docs SET body = 'from ' || new.title, embedding = vector32('[200,1]') WHERE id = new.id; END`,
			`UPDATE docs SET title = 'other', body = 'nothing' WHERE id IN (2, 4)`,
		},
		{
			"update and delete", `AFTER UPDATE ON docs BEGIN DELETE FROM docs WHERE id = new.id; END`,
			`UPDATE docs SET title = 'other', body = 'nothing', embedding = vector32('[7,2]') WHERE id IN (2, 4)`,
		},
		{
			"move", `AFTER UPDATE OF id ON docs BEGIN INSERT INTO docs VALUES(old.id, 'stays', 'behind', old.lang, old.embedding); END`,
			`UPDATE docs SET id = 20 WHERE id = 5`,
		},
		{
			"delete", `AFTER DELETE ON docs BEGIN INSERT INTO docs VALUES(old.id, 'deleted', old.body, old.lang, old.embedding); END`,
			`DELETE FROM docs WHERE id < 4`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := openTemp(t)
			d.docs(10)
			d.exec(`CREATE VIRTUAL TABLE docs_inc USING hnsw(docs, embedding, metric=l2, include=(lang))`)
			d.exec(`CREATE VIRTUAL TABLE docs_part USING lexical(docs, title, body, where="lang = 'en'")`)
			d.exec(`CREATE TRIGGER mine ` + c.trigger)
			d.exec(c.write)
			for _, index := range []string{"docs_vec", "docs_text", "docs_inc", "docs_part"} {
				d.exec(`INSERT INTO ` + index + `(` + index + `) VALUES('integrity-check')`)
			}
			// The vectors' codes are not compared with the table by a check, their order is.
			d.wants("0", `SELECT count(*) FROM docs d WHERE embedding IS NOT NULL AND 0 <>
				(SELECT distance FROM docs_vec v WHERE v.vector MATCH d.embedding AND v.k = 1)`)
		})
	}
}
