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

// Without a UNIQUE constraint no row can go unseen, but for triggers that somebody
// dropped: a hybrid search looks at what it returns.
func TestHybridSkipsUnseenDeletes(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(60)
	d.exec(`DROP TRIGGER docs_vec_after_delete`)
	d.exec(`DROP TRIGGER docs_text_after_delete`)
	d.exec(`DELETE FROM docs WHERE id = 7`)
	defer d.exec(`INSERT INTO docs_text(docs_text) VALUES('rebuild')`)
	defer d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	d.wants("8", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', 'number7 number8', 5)`)
	for _, fusion := range []string{"auto", "rrf", "convex", "dbsf"} {
		opts := `{"depth":5, "fusion":"` + fusion + `"}`
		d.wants("0", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'number7 number8', '[50,1]', 5, NULL, NULL, ?) WHERE id = 7`, opts)
		d.wants("1", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'number7 number8', '[50,1]', 5, NULL, NULL, ?) WHERE id = 8`, opts)
	}
}

// Whatever the fusion, a row's distance is that of its vector, not of its code.
func TestHybridDistances(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(200)
	d.exec(`UPDATE docs SET embedding = NULL WHERE id = 20`)
	for _, opts := range []string{
		`{}`, `{"depth":7}`, `{"fusion":"rrf"}`, `{"fusion":"convex", "depth":9}`, `{"fusion":"dbsf"}`,
		`{"max_distance":60}`, `{"group_by":"lang", "group_limit":7}`, `{"mmr":0.7}`,
	} {
		const search = `hybrid_search('docs_vec', 'docs_text', 'number20 number21 number22 number180', '[40.3,1]', 20, NULL, NULL, ?) h JOIN docs USING(id)`
		d.wants("0", `SELECT count(*) FROM `+search+` WHERE round(h.distance, 4) IS NOT iif(embedding IS NULL, NULL, round(vector_distance_l2(embedding, '[40.3,1]'), 4))`, opts)
		if opts != `{"max_distance":60}` {
			d.wants("3", `SELECT count(*) FROM `+search+` WHERE id IN (21, 22, 180) AND h.distance > 0`, opts)
			d.wants("1", `SELECT count(*) FROM `+search+` WHERE id = 20 AND h.distance IS NULL`, opts)
		}
	}
}

// Where a row that neither leg has brought could be among the best, the default fusion
// looks deeper, unless it is told how deep.
func TestHybridDepth(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(400)
	// All rows have the word, with one score: the text leg's 50 are any 50 of them.
	const search = `hybrid_search('docs_vec', 'docs_text', 'document', '[300,1]', 10, NULL, NULL, ?)`
	if e := d.explain(search, `{}`); e.Fusion.Depth < 100 {
		t.Errorf("depth %d, want at least 100", e.Fusion.Depth)
	}
	if e := d.explain(search, `{"depth":50}`); e.Fusion.Depth != 50 {
		t.Errorf("depth %d, want 50", e.Fusion.Depth)
	}
	if e := d.explain(`hybrid_search('docs_vec', 'docs_text', 'number300', '[300,1]', 1)`); e.Fusion.Depth != 50 {
		t.Errorf("depth %d, want 50: nothing beyond comes near", e.Fusion.Depth)
	}
}
