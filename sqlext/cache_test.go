package sqlext_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext"
)

func TestCacheSize(t *testing.T) {
	before := sqlext.CacheSize()
	defer sqlext.SetCacheSize(before)
	d, _ := openTemp(t)
	d.wants(strconv.FormatInt(before, 10), `SELECT nearlite_cache_size()`)
	for arg, want := range map[string]string{`1000000`: "1000000", `'64K'`: "65536", `'3 MiB'`: "3145728", `' 2gb '`: "2147483648", `0`: "0", `'0'`: "0"} {
		d.wants(want, `SELECT nearlite_cache_size(`+arg+`)`)
		d.wants(want, `SELECT nearlite_cache_size()`)
	}
	for arg, got := range map[string]string{`-1`: "-1", `'much'`: `the text "much"`, `1.5`: "1.5", `NULL`: "NULL", `x'00'`: "a blob of 1 bytes", `'9999999T'`: `the text "9999999T"`} {
		d.fails(`nearlite_cache_size: got `+got+`, want a whole number of bytes`, `SELECT nearlite_cache_size(`+arg+`)`)
	}
	d.exec(`CREATE VIEW sneaky AS SELECT nearlite_cache_size(1)`)
	d.fails("unsafe use of nearlite_cache_size", `SELECT * FROM sneaky`)
}

// With room for a tenth of the index every answer is as with room for all of it: on
// several connections at once, while rows change, in a transaction and after it.
func TestSmallCache(t *testing.T) {
	before := sqlext.CacheSize()
	defer sqlext.SetCacheSize(before)
	d, path := openTemp(t)
	d.exec(`PRAGMA journal_mode=wal`)
	const n, dims = 1500, 48
	d.fillSphere(n, dims)
	d.exec(createDocsVec)
	bytes, err := strconv.ParseInt(d.rows(`SELECT json_extract(hnsw_stats('docs_vec'), '$.bytes')`), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	answers := func(d *testDB) string {
		s := ""
		for i := range 8 {
			q := sphere(-1-i, dims)
			s += d.rows(`SELECT rowid, distance FROM docs_vec WHERE vector MATCH ?1 AND k = 10`, q) + "\n"
			s += d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = 5 AND rowid > 500`, q) + "\n"
			s += d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = 5 AND rowid IN (SELECT id FROM docs WHERE id % 10 = 3)`, q) + "\n"
		}
		return s
	}
	states := []string{answers(d)}
	change := func(d *testDB, i int) {
		d.exec(`BEGIN`)
		d.exec(`DELETE FROM docs WHERE id % 97 = ?1`, i)
		d.exec(`UPDATE docs SET embedding = vector32(?2) WHERE id % 89 = ?1`, i, sphere(7000+i, dims))
		d.exec(`COMMIT`)
		d.insertSphere(n+10*i+1, n+10*i+10, dims)
	}
	for i := range 3 {
		change(d, i)
		states = append(states, answers(d))
	}
	d.exec(`DROP TABLE docs_vec`)
	d.exec(`DELETE FROM docs`)
	d.insertSphere(1, n, dims)
	d.exec(createDocsVec)

	budget := bytes / 10
	sqlext.SetCacheSize(budget)
	other := openFile(t, "file:"+path)
	for i := range 4 {
		if i > 0 {
			change(d, i-1)
		}
		for _, c := range []*testDB{d, other} {
			if answers(c) != states[i] {
				t.Errorf("after %d changes, with a tenth of the memory: the answers differ", i)
			}
		}
		if held := hnsw.SharedCache().Bytes(); held > budget+budget/4 {
			t.Errorf("%d bytes are held, want about %d", held, budget)
		}
	}
	// Readers beside a writer that goes back and forth.
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			c := connect(t, "file:"+path)
			defer c.shut()
			for range 2 {
				if got := answers(c); got != states[3] {
					t.Error("a reader beside a writer: the answers differ")
					return
				}
			}
		})
	}
	for i := range 4 {
		d.exec(`BEGIN`)
		d.exec(`DELETE FROM docs WHERE id % 7 = ?1`, i)
		d.exec(`ROLLBACK`)
	}
	wg.Wait()
	if _, err := d.ExecContext(context.Background(), `INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')`); err != nil {
		t.Error(fmt.Errorf("integrity-check: %w", err))
	}
}
