package sqlext_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// killEnv, when set, makes the test binary the process that gets killed: it imports
// rows into the file named by it until the end of time.
const killEnv = "NEARLITE_TEST_IMPORT"

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		if err := importForever(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if path := os.Getenv(peerEnv); path != "" {
		if err := servePeer(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// importForever commits batches of rows and prints the last id of each.
func importForever(path string) error {
	db, err := sqlite.Open("file:" + path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	const batch = 40
	for id := 1; ; id += batch {
		if _, err := c.ExecContext(ctx, `BEGIN`); err != nil {
			return err
		}
		_, err := c.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i < ?2)
			INSERT INTO docs(id, body, embedding) SELECT i, 'document number' || i, '[' || (i * 7919 % 1000) || ',' || (i % 31) || ',1]' FROM n`, id, id+batch-1)
		if err != nil {
			return err
		}
		// Updates and deletes, too, so that a torn state would show.
		if _, err := c.ExecContext(ctx, `DELETE FROM docs WHERE id % 10 = 3 AND id < ?1`, id); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `UPDATE docs SET embedding = '[5,5,' || id || ']', body = 'moved number' || id WHERE id = ?1`, id); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `COMMIT`); err != nil {
			return err
		}
		fmt.Println(id + batch - 1)
	}
}

// kill -9 in the middle of an import: what was committed is there, in the table and
// in both indexes, and nothing else.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			d := openFile(t, "file:"+path)
			d.exec(`PRAGMA journal_mode=` + mode)
			d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3))`)
			d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, ef_construction=40)`)
			d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)`)

			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), killEnv+"="+path)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			last := 0
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				if last, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
					t.Fatalf("the import said %q", lines.Text())
				}
				if last >= 400 {
					break
				}
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if last < 400 {
				t.Fatalf("the import ended by itself after row %d", last)
			}

			c := openFile(t, "file:"+path)
			c.check()
			if top, err := strconv.Atoi(c.rows(`SELECT max(id) FROM docs`)); err != nil || top < last {
				t.Errorf("the table ends at row %d, but %d was committed", top, last)
			}
			c.wants("", `SELECT id FROM docs EXCEPT SELECT rowid FROM docs_vec`)
			c.wants("", `SELECT rowid FROM docs_vec EXCEPT SELECT id FROM docs`)
			c.wants("", `SELECT id FROM docs EXCEPT SELECT rowid FROM docs_text`)
			c.wants("", `SELECT rowid FROM docs_text EXCEPT SELECT id FROM docs`)
			// Every row is found by its own words and its own vector.
			c.wants("0", `SELECT count(*) FROM docs d WHERE d.id % 7 = 0 AND d.id NOT IN
				(SELECT x.rowid FROM docs_text x WHERE x.docs_text MATCH 'number' || d.id)`)
			c.wants("0", `SELECT count(*) FROM docs d WHERE d.id % 7 = 0 AND 0 <>
				(SELECT v.distance FROM docs_vec v WHERE v.vector MATCH d.embedding AND v.k = 1)`)
			// And the file can be written on.
			c.exec(`INSERT INTO docs(body, embedding) VALUES('after the fall', '[9999,1,1]')`)
			c.wants("after the fall", `SELECT body FROM docs WHERE id = (SELECT rowid FROM docs_vec WHERE vector MATCH '[9999,1,1]' AND k = 1)`)
		})
	}
}
