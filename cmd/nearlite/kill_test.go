package main

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

const killDims = 16

// openTest opens a database file as a user's program does.
func openTest(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sqlite.Open(dbfile.DSN(path, false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func queryInt(t *testing.T, db *sql.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// checkIndexes holds after every kill: the file is sound and both indexes have
// exactly the rows of the table.
func checkIndexes(t *testing.T, db *sql.DB) {
	t.Helper()
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: got %q, %v; want ok", verdict, err)
	}
	for _, index := range []string{"docs_vec", "docs_text"} {
		for _, diff := range []string{
			"SELECT count(*) FROM (SELECT id FROM docs EXCEPT SELECT rowid FROM " + index + ")",
			"SELECT count(*) FROM (SELECT rowid FROM " + index + " EXCEPT SELECT id FROM docs)",
		} {
			if n := queryInt(t, db, diff); n != 0 {
				t.Errorf("%s: %d rows differ (%s)", index, n, diff)
			}
		}
	}
}

// writeRows writes rows of JSON until the reader is gone.
func writeRows(w io.WriteCloser, seed uint64, rows int) {
	defer w.Close()
	rng := rand.New(rand.NewPCG(seed, 1))
	words := []string{"harp", "sun", "hut", "bird", "doctor", "fog", "piano", "deck"}
	for range rows {
		line := fmt.Sprintf(`{"body": "%s %s %s", "embedding": [%.4f`, words[rng.IntN(8)], words[rng.IntN(8)], words[rng.IntN(8)], rng.NormFloat64())
		for range killDims - 1 {
			line += fmt.Sprintf(", %.4f", rng.NormFloat64())
		}
		if _, err := io.WriteString(w, line+"]}\n"); err != nil {
			return
		}
	}
}

// An import in batches that is killed leaves whole batches, in the table and in
// both indexes, and can be continued.
func TestKillDuringBatches(t *testing.T) {
	const batch = 20
	for i, target := range []int64{1, 3 * batch, 10 * batch} {
		t.Run(fmt.Sprintf("after=%d", target), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kill.db")
			db := openTest(t, path)
			if _, err := db.Exec(fmt.Sprintf(`CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(%d));
				CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding);
				CREATE VIRTUAL TABLE docs_text USING lexical(docs, body, analyzer=en)`, killDims)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "nearlite", "import", "-", "--format", "jsonl",
				"--db", path, "--table", "docs", "--batch", fmt.Sprint(batch), "--quiet")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// More rows than can be read before the kill.
			go writeRows(in, uint64(i), 200_000)
			deadline := time.Now().Add(30 * time.Second)
			for queryInt(t, db, "SELECT count(*) FROM docs") < target {
				if time.Now().After(deadline) {
					t.Fatal("no batch was committed in 30 s")
				}
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Duration(7*i) * time.Millisecond) // another moment of the next batch each time
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("the import ended before it was killed")
			}
			rows := queryInt(t, db, "SELECT count(*) FROM docs")
			if rows < target || rows%batch != 0 {
				t.Errorf("got %d rows, want whole batches of %d, at least %d rows", rows, batch, target)
			}
			checkIndexes(t, db)
			checkIndexes(t, openTest(t, path)) // a new connection sees the same

			// The import goes on where it was.
			again := exec.CommandContext(t.Context(), "nearlite", "import", "-", "--format", "jsonl",
				"--db", path, "--table", "docs", "--batch", fmt.Sprint(batch), "--skip", fmt.Sprint(rows), "--quiet")
			stdin, err := again.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			go writeRows(stdin, uint64(i), int(rows)+5)
			if out, err := again.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := queryInt(t, db, "SELECT count(*) FROM docs"); got != rows+5 {
				t.Errorf("after going on: got %d rows, want %d", got, rows+5)
			}
			checkIndexes(t, db)
		})
	}
}

// An import in one transaction that is killed leaves nothing, whether it was
// reading rows or building indexes.
func TestKillDuringOneTransaction(t *testing.T) {
	for _, delay := range []time.Duration{30 * time.Millisecond, 120 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kill.db")
			cmd := exec.CommandContext(t.Context(), "nearlite", "import", "-", "--format", "jsonl",
				"--db", path, "--table", "docs", "--hnsw", "--lexical", "body", "--quiet")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go writeRows(in, 1, 3000)
			time.Sleep(delay)
			killed := cmd.Process.Kill() == nil
			finished := cmd.Wait() == nil
			if !killed && !finished {
				t.Fatal("the import failed")
			}
			db := openTest(t, path)
			if tables := queryInt(t, db, "SELECT count(*) FROM sqlite_schema"); !finished && tables != 0 {
				// A kill after the COMMIT and before the exit is no failure.
				if rows := queryInt(t, db, "SELECT count(*) FROM docs"); rows != 3000 {
					t.Fatalf("got %d rows, want none or 3000", rows)
				}
				finished = true
			}
			if finished {
				checkIndexes(t, db)
			}
		})
	}
}

// Ctrl-C ends an import that waits for its input, undoes the batch it was at, and
// says how to go on.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("os.Interrupt cannot be sent on Windows")
	}
	path := filepath.Join(t.TempDir(), "interrupt.db")
	cmd := exec.CommandContext(t.Context(), "nearlite", "import", "-", "--format", "csv", "--db", path, "--table", "t", "--batch", "1000")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Two batches, half of a third, and then nothing: the import waits.
	if _, err := io.WriteString(in, "a,b\n"+strings.Repeat("1,x\n", 2500)); err != nil {
		t.Fatal(err)
	}
	db := openTest(t, path)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var rows int64
		if err := db.QueryRow("SELECT count(*) FROM t").Scan(&rows); err == nil && rows == 2000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("two batches were not committed in 30 s")
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("got %v, want exit status 1", err)
	}
	const want = "nearlite: interrupt signal received; 2000 rows are committed, go on after them with --skip 2000\n"
	if stderr.String() != want {
		t.Errorf("stderr:\n got  %q\n want %q", stderr.String(), want)
	}
	if rows := queryInt(t, db, "SELECT count(*) FROM t"); rows != 2000 {
		t.Errorf("got %d rows, want 2000", rows)
	}
}
