package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
	"github.com/nearlite/nearlite/vector"
)

// BenchmarkDistanceScan compares SELECT sum(vector_distance_cos(embedding, ?))
// with a bare scan that only reads the blobs, over one table in one run. The
// share-of-bare metric is the speed of the distance scan over that of the bare one.
func BenchmarkDistanceScan(b *testing.B) {
	const rows, dims = 50_000, 512
	for _, place := range []string{"file", "memory"} {
		name := ":memory:"
		if place == "file" {
			name = filepath.Join(b.TempDir(), "scan.db")
		}
		c := openScan(b, name, rows, dims)
		query := randomVector(rand.New(rand.NewPCG(1, 2)), dims)
		bare := 0.0
		b.Run(fmt.Sprintf("place=%s/scan=bare", place), func(b *testing.B) {
			for b.Loop() {
				bareScan(b, c, rows)
			}
			bare = b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(bare*1e9/rows, "ns/row")
		})
		for _, fn := range []string{"vector_distance_cos", "vector_distance_l2", "vector_distance_dot"} {
			b.Run(fmt.Sprintf("place=%s/scan=%s", place, fn), func(b *testing.B) {
				st := must(prepare(c, "SELECT sum("+fn+"(embedding, ?)) FROM t"))
				defer st.Close()
				b.ReportAllocs()
				for b.Loop() {
					if err := st.BindBlob(1, query); err != nil {
						b.Fatal(err)
					}
					if !st.Step() {
						b.Fatal(st.Err())
					}
					if err := st.Reset(); err != nil {
						b.Fatal(err)
					}
				}
				s := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(s*1e9/rows, "ns/row")
				b.ReportMetric(bare/s, "share-of-bare")
			})
		}
	}
}

// bareScan reads every blob where it lies, without copying it.
func bareScan(b *testing.B, c *sqlite3.Conn, rows int) {
	st := must(prepare(c, "SELECT embedding FROM t"))
	defer st.Close()
	n := 0
	for st.Step() {
		if len(st.ColumnRawBlob(0)) == 0 {
			b.Fatal("an empty blob")
		}
		n++
	}
	if n != rows {
		b.Fatalf("read %d rows, want %d: %v", n, rows, st.Err())
	}
}

func openScan(b *testing.B, name string, rows, dims int) *sqlite3.Conn {
	c := must(sqlite3.Open(name))
	b.Cleanup(func() { c.Close() })
	if err := sqlite.Register(c); err != nil {
		b.Fatal(err)
	}
	if err := c.Exec(fmt.Sprintf("CREATE TABLE t(id INTEGER PRIMARY KEY, embedding F32_BLOB(%d)); BEGIN", dims)); err != nil {
		b.Fatal(err)
	}
	st := must(prepare(c, "INSERT INTO t VALUES (?, ?)"))
	defer st.Close()
	r := rand.New(rand.NewPCG(3, 4))
	for id := range rows {
		if err := st.BindInt(1, id); err != nil {
			b.Fatal(err)
		}
		if err := st.BindBlob(2, randomVector(r, dims)); err != nil {
			b.Fatal(err)
		}
		if err := st.Exec(); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Exec("COMMIT"); err != nil {
		b.Fatal(err)
	}
	return c
}

func randomVector(r *rand.Rand, dims int) []byte {
	v := make([]float32, dims)
	for i := range v {
		v[i] = r.Float32() - 0.5
	}
	return vector.Float32s(v).AppendBlob(nil)
}

func prepare(c *sqlite3.Conn, sql string) (*sqlite3.Stmt, error) {
	st, _, err := c.Prepare(sql)
	return st, err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// BenchmarkConnect shows what registering nearlite adds to opening a connection.
func BenchmarkConnect(b *testing.B) {
	for _, mode := range []string{"bare", "registered"} {
		b.Run("mode="+mode, func(b *testing.B) {
			for b.Loop() {
				c := must(sqlite3.Open(":memory:"))
				if mode == "registered" {
					if err := sqlite.Register(c); err != nil {
						b.Fatal(err)
					}
				}
				if err := c.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
