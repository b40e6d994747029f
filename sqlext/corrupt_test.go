package sqlext_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Damage to any shadow row gives an error that says so, or a right answer; it never
// panics or hangs. integrity_check names it, rebuild repairs it, DROP TABLE works.
func TestCorruptShadowRows(t *testing.T) {
	d, path := openTemp(t)
	d.docs(300)
	d.exec(`DELETE FROM docs WHERE id % 50 = 0`)
	d.exec(`INSERT INTO docs(id, title, body, embedding) SELECT id + 2000, 'copy', 'copy', embedding FROM docs WHERE id BETWEEN 100 AND 120`)
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)
	d.insertDocs(1000, 1010)
	d.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	pristine, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	vec, text, known := d.nearest(7, 5), d.found("number8"), d.rows(`SELECT count(*) FROM docs`)
	tables := strings.Fields(d.rows(`SELECT name FROM sqlite_schema WHERE type='table' AND (name LIKE 'docs\_vec\_%' ESCAPE '\' OR name LIKE 'docs\_text\_%' ESCAPE '\') ORDER BY name`))
	if len(tables) < 8 {
		t.Fatalf("shadow tables: %s", tables)
	}
	damage := []struct{ name, sql string }{
		{"deleted", `DELETE FROM %[1]s WHERE id = (SELECT max(id) FROM %[1]s)`},
		{"all deleted", `DELETE FROM %[1]s`},
		{"cut", `UPDATE %[1]s SET data = substr(data, 1, length(data) / 2)`},
		{"empty", `UPDATE %[1]s SET data = x''`},
		{"one byte", `UPDATE %[1]s SET data = CAST(substr(data, 1, length(data) / 2) || x'a5' || substr(data, length(data) / 2 + 2) AS BLOB)`},
		{"first byte", `UPDATE %[1]s SET data = CAST(x'ff' || substr(data, 2) AS BLOB)`},
		{"zeros", `UPDATE %[1]s SET data = zeroblob(length(data))`},
		{"ones", `UPDATE %[1]s SET data = CAST(replace(hex(zeroblob(length(data))), '00', char(127)) AS BLOB)`},
		{"grown", `UPDATE %[1]s SET data = CAST(data || zeroblob(100) AS BLOB)`},
		{"a number", `UPDATE %[1]s SET data = 17`},
		{"text", `UPDATE %[1]s SET data = 'text'`},
		{"moved", `UPDATE %[1]s SET id = id + 1000000 WHERE id = (SELECT max(id) FROM %[1]s)`},
	}
	n := 0
	for _, table := range tables {
		for _, dm := range damage {
			t.Run(table+"/"+dm.name, func(t *testing.T) {
				n++
				file := filepath.Join(t.TempDir(), fmt.Sprintf("damaged%d.db", n))
				if err := os.WriteFile(file, pristine, 0o600); err != nil {
					t.Fatal(err)
				}
				if d.rows(`SELECT count(*) FROM `+table) == "0" {
					t.Skip("the table is empty")
				}
				func() { // the damage is done behind the back of any cache
					c := connect(t, "file:"+file)
					defer c.shut()
					c.exec(fmt.Sprintf(dm.sql, table))
				}()
				c := connect(t, "file:"+file)
				defer c.shut()
				index, other := "docs_vec", "docs_text"
				if strings.HasPrefix(table, "docs_text") {
					index, other = other, index
				}
				right := func(query, want string) {
					t.Helper()
					got, err := c.try(query)
					got = strings.ReplaceAll(got, "\n", " ")
					switch {
					case err != nil && !strings.Contains(err.Error(), "main."+index) && !strings.Contains(err.Error(), "main.docs_"):
						t.Errorf("%s: the error does not name the index: %v", query, err)
					case err == nil && got != want && strings.Contains(query, "count(*)") && (dm.name == "deleted" || dm.name == "moved"):
						// That a whole row is lost, only the comparison with the table shows;
						// integrity_check does so below.
					case err == nil && got != want:
						t.Errorf("%s: got %s, want %s or an error", query, got, want)
					}
				}
				all := func() {
					t.Helper()
					right(`SELECT rowid FROM docs_vec WHERE vector MATCH '[7,1]' AND k = 5`, vec)
					right(`SELECT rowid FROM docs_text WHERE docs_text MATCH 'number8'`, text)
					right(`SELECT count(*) FROM docs_vec`, known)
					right(`SELECT count(*) FROM docs_text`, known)
					right(`SELECT hnsw_stats('docs_vec') IS NULL OR lexical_stats('docs_text') IS NULL`, "0")
				}
				all()
				finding, err := c.try(`PRAGMA integrity_check`)
				if err != nil {
					t.Errorf("integrity_check: %v", err)
				}
				if !strings.Contains(finding, "nearlite: main."+index+": ") {
					t.Errorf("integrity_check does not name the damage: %s", finding)
				}
				if strings.Contains(finding, "nearlite: main."+other+": ") {
					t.Errorf("integrity_check blames the other index: %s", finding)
				}
				for _, sql := range []string{
					`INSERT INTO docs(id, title, body, embedding) VALUES(5000, 'x', 'document number5000', '[5000,1]')`,
					`UPDATE docs SET embedding = '[1,1]', body = 'y' WHERE id = 5000`,
					`DELETE FROM docs WHERE id = 5000`,
					`INSERT INTO ` + index + `(` + index + `) VALUES('optimize')`,
				} {
					_, _ = c.try(sql)
				}
				_, _ = c.try(`DELETE FROM docs WHERE id = 5000`)
				c.exec(`INSERT INTO ` + index + `(` + index + `) VALUES('rebuild')`)
				c.exec(`DELETE FROM docs WHERE id = 5000`)
				c.exec(`INSERT INTO ` + other + `(` + other + `) VALUES('rebuild')`)
				if got := c.rows(`PRAGMA integrity_check`); got != "ok" {
					t.Errorf("after rebuild: %s", got)
				}
				all()
				if got := c.nearest(7, 5) + c.found("number8"); got != vec+text {
					t.Errorf("after rebuild: %s, want %s", got, vec+text)
				}
			})
		}
	}
}

// A damaged index can be dropped.
func TestDropDamaged(t *testing.T) {
	for _, dm := range []string{`DELETE FROM docs_vec_config`, `DROP TABLE docs_vec_config`, `UPDATE docs_vec_log SET data = 1`, `DROP TABLE docs_vec_rows`} {
		d, _ := openTemp(t)
		d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, embedding F32_BLOB(2))`)
		d.exec(`INSERT INTO docs VALUES(1, '[1,1]')`)
		d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)`)
		d.exec(dm)
		d.exec(`DROP TABLE docs_vec`)
		d.exec(`INSERT INTO docs VALUES(2, '[1,1]')`)
		d.wants("docs", `SELECT name FROM sqlite_schema`)
	}
}
