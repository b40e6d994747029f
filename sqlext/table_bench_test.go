package sqlext_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// vectorBlob is the libSQL encoding of a float32 vector on a little-endian machine.
func vectorBlob(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// manifold draws vectors from a smooth image of a space of 16 dimensions.
type manifold struct {
	rng  *rand.Rand
	maps [][16]float64
}

func newManifold(dims int) *manifold {
	m := &manifold{rng: rand.New(rand.NewPCG(1, 2)), maps: make([][16]float64, dims)}
	for i := range m.maps {
		for j := range m.maps[i] {
			m.maps[i][j] = m.rng.NormFloat64()
		}
	}
	return m
}

func (m *manifold) next() []float32 {
	var z [16]float64
	for j := range z {
		z[j] = m.rng.NormFloat64()
	}
	v := make([]float32, len(m.maps))
	for i := range v {
		var s float64
		for j := range z {
			s += m.maps[i][j] * z[j]
		}
		v[i] = float32(math.Tanh(s / 2))
	}
	return v
}

// openBench makes a table of n rows with a vector index.
func openBench(b *testing.B, n, dims int) (*testDB, *manifold) {
	b.Helper()
	d, _ := openTemp(b)
	d.exec(`PRAGMA journal_mode=wal`)
	d.exec(`PRAGMA synchronous=normal`)
	d.exec(fmt.Sprintf(`CREATE TABLE docs(id INTEGER PRIMARY KEY, cat INT, embedding F32_BLOB(%d))`, dims))
	m := newManifold(dims)
	d.exec(`BEGIN`)
	st, err := d.PrepareContext(context.Background(), `INSERT INTO docs(cat, embedding) VALUES(?1, ?2)`)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := st.Exec(i%100, vectorBlob(m.next())); err != nil {
			b.Fatal(err)
		}
	}
	st.Close()
	d.exec(`COMMIT`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)`)
	return d, m
}

// BenchmarkSearch is a top-10 search through database/sql, with recall@10 against
// the exact answers.
func BenchmarkSearch(b *testing.B) {
	const n, dims = 20_000, 512
	d, m := openBench(b, n, dims)
	queries := make([][]byte, 100)
	for i := range queries {
		queries[i] = vectorBlob(m.next())
	}
	exact := make([]map[int64]bool, len(queries))
	for i, q := range queries {
		exact[i] = map[int64]bool{}
		for _, id := range d.ids(b, `SELECT id FROM docs ORDER BY vector_distance_cos(embedding, ?1), id LIMIT 10`, q) {
			exact[i][id] = true
		}
	}
	for _, c := range []struct{ name, sql string }{
		{"k", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH ?1 AND k = 10`},
		{"limit", `SELECT rowid, distance FROM docs_vec WHERE vector MATCH ?1 ORDER BY distance LIMIT 10`},
		{"exact", `SELECT id, vector_distance_cos(embedding, ?1) FROM docs ORDER BY 2 LIMIT 10`},
	} {
		b.Run("by="+c.name, func(b *testing.B) {
			st, err := d.PrepareContext(context.Background(), c.sql)
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			right, i := 0, 0
			for b.Loop() {
				rows, err := st.Query(queries[i%len(queries)])
				if err != nil {
					b.Fatal(err)
				}
				for rows.Next() {
					var id int64
					var distance float64
					if err := rows.Scan(&id, &distance); err != nil {
						b.Fatal(err)
					}
					if exact[i%len(queries)][id] {
						right++
					}
				}
				if err := rows.Err(); err != nil {
					b.Fatal(err)
				}
				rows.Close()
				i++
			}
			b.ReportMetric(float64(right)/float64(10*i), "recall@10")
		})
	}
}

func (d *testDB) ids(b *testing.B, query string, args ...any) []int64 {
	b.Helper()
	rows, err := d.QueryContext(context.Background(), query, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return ids
}

// BenchmarkInsert is one durable insert, its own transaction, into an indexed table.
func BenchmarkInsert(b *testing.B) {
	const dims = 384
	d, m := openBench(b, 5_000, dims)
	st, err := d.PrepareContext(context.Background(), `INSERT INTO docs(cat, embedding) VALUES(?1, ?2)`)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	vectors := make([][]byte, 2_000)
	for i := range vectors {
		vectors[i] = vectorBlob(m.next())
	}
	insert := func(b *testing.B, tx bool) {
		i := 0
		if tx {
			d.exec(`BEGIN`)
		}
		for b.Loop() {
			if _, err := st.Exec(1, vectors[i%len(vectors)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
		if tx {
			d.exec(`COMMIT`)
		}
	}
	b.Run("each=transaction", func(b *testing.B) { insert(b, false) })
	b.Run("all=transaction", func(b *testing.B) { insert(b, true) })
}
