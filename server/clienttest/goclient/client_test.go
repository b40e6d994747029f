// Package goclient runs libsql-client-go, the Go client of libSQL, against a fresh
// nearlite serve. It is a module of its own, so that nearlite does not depend on it.
package goclient

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/tursodatabase/libsql-client-go/libsql"
)

// start runs the binary that NEARLITE names and connects to it.
func start(t *testing.T, flags ...string) (db *sql.DB, url string) {
	t.Helper()
	binary := os.Getenv("NEARLITE")
	if binary == "" {
		t.Skip("NEARLITE is not set: want the path of the nearlite binary")
	}
	cmd := exec.Command(binary, append([]string{"serve", "--db", filepath.Join(t.TempDir(), "test.db"), "--listen", "127.0.0.1:0"}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	address := regexp.MustCompile(`address=(\S+)`)
	for url == "" && lines.Scan() {
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			url = "http://" + m[1]
		}
	}
	if url == "" {
		t.Fatal("the server did not start")
	}
	go func() {
		for lines.Scan() {
		}
	}()
	if db, err = sql.Open("libsql", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var check string
		if err := db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Errorf("integrity_check: %v %v", check, err)
		}
		_ = db.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return db, url
}

func blob(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func TestClient(t *testing.T) {
	db, _ := start(t)
	if _, err := db.Exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT UNIQUE, e F32_BLOB(2)); CREATE INDEX docs_vec ON docs(libsql_vector_idx(e)); INSERT INTO docs VALUES (1, 'one', vector32('[1,0]'))`); err != nil {
		t.Fatal(err)
	}
	res, err := db.Exec("INSERT INTO docs(title, e) VALUES (?, ?)", "two", blob(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := res.LastInsertId()
	n, _ := res.RowsAffected()
	if id != 2 || n != 1 {
		t.Errorf("id %d, %d rows, want 2 and 1", id, n)
	}
	var title string
	var e []byte
	if err := db.QueryRow("SELECT title, e FROM vector_top_k('docs_vec', ?, ?) v JOIN docs ON docs.id = v.id", blob(0.1, 1), 1).Scan(&title, &e); err != nil {
		t.Fatal(err)
	}
	if title != "two" || string(e) != string(blob(0, 1)) {
		t.Errorf("nearest is %q with %v", title, e)
	}
	if err := db.QueryRow("SELECT :a || $b", sql.Named("a", "x"), sql.Named("b", "y")).Scan(&title); err != nil || title != "xy" {
		t.Errorf("named arguments: %q %v", title, err)
	}
	if _, err := db.Exec("INSERT INTO docs(title) VALUES ('two')"); err == nil || !strings.Contains(err.Error(), "UNIQUE constraint failed: docs.title") {
		t.Errorf("duplicate: %v", err)
	}
	if _, err := db.Exec("INSERT INTO docs(e) VALUES (vector32('[1,2,3]'))"); err == nil || !strings.Contains(err.Error(), "dimensions are different: 3 != 2") {
		t.Errorf("dimensions: %v", err)
	}
	var big int64
	var null sql.NullString
	var f float64
	if err := db.QueryRow("SELECT ?, ?, ?", int64(math.MaxInt64), nil, 2.5).Scan(&big, &null, &f); err != nil || big != math.MaxInt64 || null.Valid || f != 2.5 {
		t.Errorf("values: %d %v %v %v", big, null, f, err)
	}
	stmt, err := db.Prepare("SELECT count(*) FROM docs WHERE id <= ?")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for want := range 3 {
		var got int
		if err := stmt.QueryRow(want).Scan(&got); err != nil || got != want {
			t.Errorf("prepared: %d, want %d: %v", got, want, err)
		}
	}
}

func TestTransactions(t *testing.T) {
	db, _ := start(t)
	if _, err := db.Exec("CREATE TABLE t(n INT)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO t VALUES (0)"); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE t SET n = 100"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if _, err := db.Exec("UPDATE t SET n = n + 1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.QueryRow("SELECT n FROM t").Scan(&n); err != nil || n != writers*each {
		t.Errorf("n is %d, want %d: %v", n, writers*each, err)
	}
}

// The client keeps idle streams in its pool and sends their batons much later.
func TestIdleConnection(t *testing.T) {
	if testing.Short() {
		t.Skip("waits")
	}
	db, _ := start(t, "--transaction-timeout", "1s")
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 2 {
		var got string
		if err := conn.QueryRowContext(context.Background(), "SELECT ?", fmt.Sprint(i)).Scan(&got); err != nil || got != fmt.Sprint(i) {
			t.Fatalf("round %d: %q %v", i, got, err)
		}
		time.Sleep(3 * time.Second)
	}
}

// Over WebSocket the client speaks hrana1, one statement at a time.
func TestWebSocket(t *testing.T) {
	_, url := start(t)
	db, err := sql.Open("libsql", "ws"+strings.TrimPrefix(url, "http"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"CREATE TABLE docs(id INTEGER PRIMARY KEY, e F32_BLOB(2))", "CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range [][]byte{blob(1, 0), blob(0, 1)} {
		if _, err := tx.Exec("INSERT INTO docs(e) VALUES (?)", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var id int
	if err := db.QueryRow("SELECT id FROM vector_top_k('docs_vec', ?, 1)", blob(0.1, 1)).Scan(&id); err != nil || id != 2 {
		t.Errorf("nearest is %d: %v", id, err)
	}
	if _, err := db.Exec("SELECT * FROM nope"); err == nil || !strings.Contains(err.Error(), "no such table: nope") {
		t.Errorf("no table: %v", err)
	}
}
