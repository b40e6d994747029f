package sqlext_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// BenchmarkForms compares an index in libSQL's form with one of CREATE VIRTUAL TABLE:
// one row inserted in a long transaction, and one search through each function.
func BenchmarkForms(b *testing.B) {
	for _, form := range []struct{ name, create, search string }{
		{"native", `CREATE VIRTUAL TABLE ix USING hnsw(p, e, metric=l2)`, `SELECT id FROM vector_top_k('ix', ?1, 10)`},
		{"libsql", `CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=l2'))`, `SELECT id FROM vector_top_k('ix', ?1, 10)`},
	} {
		d := connect(b, "file:"+b.TempDir()+"/bench.db")
		d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, e F32_BLOB(128))`)
		r := rand.New(rand.NewPCG(1, 2))
		vec := func() string {
			v := make([]string, 128)
			for i := range v {
				v[i] = fmt.Sprintf("%.4f", r.NormFloat64())
			}
			return "[" + strings.Join(v, ",") + "]"
		}
		d.exec(`BEGIN`)
		for i := range 5000 {
			d.exec(`INSERT INTO p VALUES(?1, vector32(?2))`, i, vec())
		}
		d.exec(form.create)
		d.exec(`COMMIT`)
		texts := make([]string, 500)
		for i := range texts {
			texts[i] = vec()
		}
		b.Run(form.name+"/insert", func(b *testing.B) {
			d.exec(`BEGIN`)
			n := 0
			for b.Loop() {
				d.exec(`INSERT INTO p(e) VALUES(vector32(?1))`, texts[n%len(texts)])
				n++
			}
			d.exec(`ROLLBACK`)
		})
		b.Run(form.name+"/search", func(b *testing.B) {
			n := 0
			for b.Loop() {
				d.rows(form.search, texts[n%len(texts)])
				n++
			}
		})
		d.shut()
	}
}
