package sqlext_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// Building tells how far it is, and an interrupt in the middle of it leaves nothing.
func TestBuildProgressAndInterrupt(t *testing.T) {
	d, _ := openTemp(t)
	const n, dims = 2500, 16
	d.fillSphere(n, dims)
	before := d.rows(`SELECT group_concat(name) FROM sqlite_schema`)
	var calls []int64
	watch := sqlite.WithProgress(context.Background(), func(index string, done, total int64) {
		if index != "main.docs_vec" || total != n || done > total {
			t.Errorf("progress: %s, %d of %d", index, done, total)
		}
		calls = append(calls, done)
	})
	// stopped is a context that ends when as many rows are linked.
	stopped := func(at int64) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		t.Cleanup(func() { cancel(nil) })
		return sqlite.WithProgress(ctx, func(_ string, done, _ int64) {
			if done >= at {
				cancel(errors.New("enough"))
			}
		})
	}
	for _, at := range []int64{2, n / 2, n} {
		if _, err := d.ExecContext(stopped(at), createDocsVec); err == nil {
			t.Fatalf("a build stopped after %d rows went on", at)
		}
		if got := d.rows(`SELECT group_concat(name) FROM sqlite_schema`); got != before {
			t.Errorf("a build stopped after %d rows leaves %s, want %s", at, got, before)
		}
	}
	if _, err := d.ExecContext(watch, createDocsVec); err != nil {
		t.Fatal(err)
	}
	if len(calls) < 3 || calls[len(calls)-1] != n {
		t.Errorf("progress was told of %v", calls)
	}
	for _, command := range []string{"rebuild", "optimize"} {
		d.exec(`DELETE FROM docs WHERE id % 5 = 0`)
		d.exec(`UPDATE docs SET embedding = vector32(?1) WHERE id % 50 = 1`, sphere(-1, dims))
		rows := d.shadowRows()
		ctx := stopped(n / 3)
		if command == "optimize" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(context.Background())
			cancel()
		}
		if _, err := d.ExecContext(ctx, `INSERT INTO docs_vec(docs_vec) VALUES('`+command+`')`); err == nil {
			t.Errorf("%s was not stopped", command)
		}
		if d.shadowRows() != rows {
			t.Errorf("a stopped %s has changed the index", command)
		}
		d.check()
		d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('` + command + `')`)
		d.check()
	}
}

// optimize gives back what deleted rows and duplicates took, and VACUUM gives it to the
// file system.
func TestOptimizeGivesBack(t *testing.T) {
	d, path := openTemp(t)
	const n, dims = 2000, 16
	d.fillSphere(n, dims)
	d.exec(createDocsVec)
	d.exec(`BEGIN`)
	for i := range 3000 { // rows that share nodes, in scattered order
		d.exec(`INSERT INTO docs SELECT ?1, embedding FROM docs WHERE id = ?2`, 10000+i*7919%3001, i%3+1)
	}
	d.exec(`COMMIT`)
	d.exec(`DELETE FROM docs WHERE id % 10 != 3`)
	answers := d.rows(`SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = 50`, sphere(-5, dims))
	stat := func(what string) int {
		t.Helper()
		n, err := strconv.Atoi(d.rows(`SELECT json_extract(hnsw_stats('docs_vec'), '$.` + what + `')`))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := stat("bytes")
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)
	after := stat("bytes")
	d.wants(answers, `SELECT rowid FROM docs_vec WHERE vector MATCH ?1 AND k = 50`, sphere(-5, dims))
	d.check()
	d.exec(`VACUUM`)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	fresh := stat("bytes")
	d.exec(`VACUUM`)
	if info, err = os.Stat(path); err != nil {
		t.Fatal(err)
	}
	t.Logf("bytes: %d before, %d after, %d when fresh; file %d, %d when fresh", before, after, fresh, size, info.Size())
	if after > fresh*11/10 || before < 2*after {
		t.Errorf("optimize leaves %d of %d bytes, a fresh index has %d", after, before, fresh)
	}
	if size > info.Size()*12/10 {
		t.Errorf("the file has %d bytes after optimize, %d when fresh", size, info.Size())
	}
}

// REPLACE deletes rows without a trigger. Up to 20,000 rows a commit removes their
// entries; beyond, optimize does, and until then no search returns them.
func TestGhostsOfLargeIndexes(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, word TEXT UNIQUE, embedding F32_BLOB(2))`)
	const n = 20100
	d.exec(`WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM i WHERE i < ?1)
		INSERT INTO docs SELECT i, 'w' || i, vector32('[' || (i % 201) || ',' || (i / 201) || ']') FROM i`, n)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, m=4, ef_construction=10)`)
	d.exec(`INSERT OR REPLACE INTO docs SELECT id + 50000, word, embedding FROM docs WHERE id <= 150`)
	rows := func() string { return d.rows(`SELECT json_extract(hnsw_stats('docs_vec'), '$.rows')`) }
	if got, want := rows(), fmt.Sprint(n+150); got != want {
		t.Errorf("after REPLACE: %s entries, want %s with the ghosts", got, want)
	}
	d.wants("0", `SELECT count(*) FROM docs_vec WHERE vector MATCH '[75,0]' AND k = 40 AND rowid <= 150`)
	d.wants("0", `SELECT count(*) FROM (SELECT rowid FROM docs_vec WHERE vector MATCH '[75,0]' AND k = 40) WHERE rowid <= 150`)
	if got := d.rows(`PRAGMA integrity_check`); !strings.Contains(got, "not in the table") {
		t.Errorf("integrity_check does not name the ghosts: %.300s", got)
	}
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)
	if got, want := rows(), fmt.Sprint(n); got != want {
		t.Errorf("after optimize: %s entries, want %s", got, want)
	}
	d.check()
}

// An index is dropped and made again in a transaction that has changed it before, and
// ROLLBACK TO undoes both: the first one is back, with those changes, and what the
// second one had is gone.
func TestRecreateUndone(t *testing.T) {
	for _, again := range []string{
		`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`,
		`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, m=4)`,
	} {
		for i, after := range []string{``, `INSERT INTO docs(id, embedding) VALUES(60, '[60,1]')`, `CREATE TABLE x(a)`, ``} {
			d, path := openTemp(t)
			d.docs(5)
			d.insertDocs(6, 20)
			d.exec(`BEGIN`)
			d.insertDocs(31, 33)
			d.exec(`SAVEPOINT s`)
			d.exec(`DROP TABLE docs_vec`)
			d.exec(again)
			d.exec(`DROP TABLE docs_text`)
			d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, body)`)
			if i < 3 {
				d.insertDocs(41, 45)
				if got := d.nearest(100, 2); got != "45 44" {
					t.Errorf("before ROLLBACK TO: %s", got)
				}
			}
			d.exec(`ROLLBACK TO s`)
			if after != "" {
				d.exec(after)
			}
			want := "33 32"
			if strings.Contains(after, "60") {
				want = "60 33"
			}
			if got := d.nearest(100, 2); got != want {
				t.Errorf("after ROLLBACK TO and %s: %s, want %s", after, got, want)
			}
			d.wants("0", `SELECT count(*) - (SELECT count(*) FROM docs) FROM docs_vec`)
			d.wants("0", `SELECT count(*) - (SELECT count(*) FROM docs) FROM docs_text`)
			if got := d.found("number32 number42"); got != "32" {
				t.Errorf("after ROLLBACK TO and %s: the words are in %s, want 32", after, got)
			}
			d.exec(`COMMIT`)
			for _, c := range []*testDB{d, openFile(t, "file:"+path)} {
				if got := c.nearest(100, 2); got != want {
					t.Errorf("after COMMIT: %s, want %s", got, want)
				}
				c.check()
			}
		}
	}
}
