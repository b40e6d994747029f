package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func openDB(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sqlite.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close %s: %v", dsn, err)
		}
	})
	return db
}

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func queryInt(t *testing.T, db *sql.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Every connection of the pool has the functions, also beside a writer.
func TestOpenSeveralConnections(t *testing.T) {
	file := filepath.Join(t.TempDir(), "docs.db")
	db := openDB(t, "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)")
	exec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, e BLOB)")
	const workers, rows = 4, 20
	var wg sync.WaitGroup
	failures := make(chan error, 2*workers*rows)
	for range workers {
		wg.Go(func() {
			for range rows {
				if _, err := db.Exec("INSERT INTO t(e) VALUES (vector32('[1,2]'))"); err != nil {
					failures <- err
				}
			}
		})
		wg.Go(func() {
			for range rows {
				var n int
				if err := db.QueryRow("SELECT count(*) FROM t WHERE vector_dims(e) = 2").Scan(&n); err != nil {
					failures <- err
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if n := queryInt(t, db, "SELECT count(*) FROM t"); n != workers*rows {
		t.Errorf("%d rows, want %d", n, workers*rows)
	}
	if n := queryInt(t, db, "PRAGMA busy_timeout"); n != 10000 {
		t.Errorf("busy_timeout is %d, want the 10000 of the name", n)
	}
}

// A database in memory is one database, however many statements ask at once.
func TestOpenMemory(t *testing.T) {
	for _, dsn := range []string{":memory:", "", "file::memory:", "file:x?mode=memory"} {
		db := openDB(t, dsn)
		exec(t, db, "CREATE TABLE t(a)")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := db.Exec("INSERT INTO t VALUES (vector_dims('[1,2]'))"); err != nil {
					t.Errorf("%q: %v", dsn, err)
				}
			})
		}
		wg.Wait()
		if n := queryInt(t, db, "SELECT count(*) FROM t WHERE a = 2"); n != 8 {
			t.Errorf("%q: %d rows, want 8", dsn, n)
		}
	}
}

func TestOpenSharedMemory(t *testing.T) {
	db := openDB(t, "file:/shared?vfs=memdb")
	if n := db.Stats().MaxOpenConnections; n != 0 {
		t.Errorf("a shared database in memory is limited to %d connections", n)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	real := filepath.Join(dir, "real.db")
	exec(t, openDB(t, real), "CREATE TABLE t(a)")
	for _, c := range []struct {
		name, dsn, sql, want string
		code                 error
	}{
		{"NotADatabase", text, "SELECT * FROM sqlite_schema", "file is not a database", sqlite3.NOTADB},
		{"MissingFile", "file:" + filepath.Join(dir, "none.db") + "?mode=ro", "SELECT 1", "unable to open database file", sqlite3.CANTOPEN},
		{"MissingFolder", filepath.Join(dir, "no", "such.db"), "SELECT 1", "unable to open database file", sqlite3.CANTOPEN},
		{"ReadOnly", "file:" + real + "?mode=ro", "INSERT INTO t VALUES (1)", "attempt to write a readonly database", sqlite3.READONLY},
		{"BadPragma", "file:" + real + "?_pragma=busy_timeout(", "SELECT 1", "invalid _pragma", sqlite3.ERROR},
		{"BadVector", real, "INSERT INTO t VALUES (vector32('[1,'))", "vector: ", sqlite3.ERROR},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openDB(t, c.dsn).Exec(c.sql)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.code) {
				t.Errorf("%s: got %v, want %q with code %v", c.dsn, err, c.want, c.code)
			}
		})
	}
	if _, err := sqlite.Open("file:x?_txlock=maybe"); err == nil || !strings.Contains(err.Error(), "maybe") {
		t.Errorf("a bad _txlock: %v", err)
	}
	if n := queryInt(t, openDB(t, real), "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("the failed statements left %d rows", n)
	}
}

// A canceled context ends a running scan, and the connection goes on.
func TestOpenCancel(t *testing.T) {
	db := openDB(t, ":memory:")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var x float64
	err := db.QueryRowContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
		SELECT sum(vector_distance_l2('[1,2]', '[' || i || ',2]')) FROM n`).Scan(&x)
	if err == nil || ctx.Err() == nil {
		t.Fatalf("an endless query ended with %v", err)
	}
	if n := queryInt(t, db, "SELECT vector_dims('[1,2]')"); n != 2 {
		t.Errorf("after the cancel: %d", n)
	}
}

// Register serves connections that the caller opened.
func TestRegister(t *testing.T) {
	c, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sqlite.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Exec("CREATE TABLE t AS SELECT vector_distance_l2('[0,0]', '[3,4]') AS d"); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
