package sqlext_test

import (
	"strconv"
	"testing"
)

// A recall can be asked for wherever ef_search can, and takes its place.
func TestRecallOption(t *testing.T) {
	d, path := openTemp(t)
	const n, dims = 2000, 12
	d.fillSphere(n, dims)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, m=4, ef_construction=20, recall=0.98)`)
	ef := func(query string, args ...any) int {
		t.Helper()
		n, err := strconv.Atoi(d.rows(query, args...))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	stats := `SELECT json_extract(hnsw_stats('docs_vec'), '$.options.ef_search')`
	own := ef(stats)
	d.wants("0.98", `SELECT json_extract(hnsw_stats('docs_vec'), '$.options.recall')`)
	d.wants("1|1|1", `SELECT s->>'probes' >= 100, s->>'estimated_recall' BETWEEN 0.95 AND 1, s->>'build_ms' > 0 FROM (SELECT hnsw_stats('docs_vec') AS s)`)

	explain := `SELECT json_extract(explain, '$.legs[0].ef_search') FROM vector_search('docs_vec', ?1, 10, NULL, NULL, ?2) LIMIT 1`
	q := sphere(-7, dims)
	last := 0
	for _, r := range []string{"0.6", "0.9", "0.98", "0.999"} {
		got := ef(explain, q, `{"plan": "traversal", "recall": `+r+`}`)
		if got < last || r == "0.98" && got != own || r == "0.9" && got >= own {
			t.Errorf("recall %s: ef is %d, %d for the one before, %d for the index's 0.98", r, got, last, own)
		}
		last = got
		want := d.rows(`SELECT id FROM vector_search('docs_vec', ?1, 10, NULL, NULL, ?2)`, q, `{"plan": "traversal", "ef_search": `+strconv.Itoa(got)+`}`)
		d.wants(want, `SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = 10 AND recall = `+r, q)
	}
	if got := ef(explain, q, `{"plan": "traversal"}`); got != own {
		t.Errorf("without a recall: ef is %d, want the index's %d", got, own)
	}
	d.wants("0.5|NULL", `SELECT recall, ef_search FROM docs_vec WHERE vector MATCH ?1 AND k = 1 AND recall = 0.5`, q)

	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('ef_search=77')`)
	d.wants("77|NULL", `SELECT s->>'$.options.ef_search', s->>'$.options.recall' FROM (SELECT hnsw_stats('docs_vec') AS s)`)
	if got := ef(explain, q, `{"plan": "traversal"}`); got != 77 {
		t.Errorf("the command ef_search=77: planned searches use %d", got)
	}
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('recall=0.98')`)
	other := openFile(t, "file:"+path)
	other.wants(strconv.Itoa(own), stats)

	// A rebuild measures again and keeps the goal; a damaged curve is noticed, not used.
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	d.wants(strconv.Itoa(own), stats)
	d.exec(`CREATE TABLE saved AS SELECT id, data FROM docs_vec_config`)
	for _, damage := range []string{
		`UPDATE docs_vec_config SET data = CAST(substr(data, 1, 9) || x'77' || substr(data, 11) AS BLOB) WHERE id = 2`,
		`DELETE FROM docs_vec_config WHERE id = 3`,
		`UPDATE docs_vec_config SET data = CAST(substr(data, 1, length(data) - 1) AS BLOB) WHERE id = 4`,
	} {
		d.exec(damage)
		if got := d.rows(`PRAGMA integrity_check`); got == "ok" {
			t.Errorf("integrity_check does not find %s", damage)
		}
		d.exec(`INSERT OR REPLACE INTO docs_vec_config SELECT id, data FROM saved`)
		d.check()
	}
}
