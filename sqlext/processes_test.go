package sqlext_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// peerEnv, when set, makes the test binary a process that runs statements on the file
// named by it: one a line, answered by one line.
const peerEnv = "NEARLITE_TEST_PEER"

func servePeer(path string) error {
	db, err := sqlite.Open("file:" + path)
	if err != nil {
		return err
	}
	c, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var answer strings.Builder
		rows, err := c.QueryContext(context.Background(), lines.Text())
		if err != nil {
			fmt.Println("error: " + err.Error())
			continue
		}
		for rows.Next() {
			var v any
			if err := rows.Scan(&v); err != nil {
				return err
			}
			fmt.Fprint(&answer, v, " ")
		}
		if err := rows.Err(); err != nil {
			fmt.Fprint(&answer, "error: ", err)
		}
		_ = rows.Close()
		fmt.Println(strings.TrimSpace(answer.String()))
	}
	return lines.Err()
}

// Two processes write in turn. Each sees what the other committed, whatever it was:
// rows, a fold of the log, a build, whose log begins anew, an index made again.
func TestTwoProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			d, path := openTemp(t)
			d.exec(`PRAGMA journal_mode=` + mode)
			d.docs(20)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), peerEnv+"="+path)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = in.Close()
				_ = cmd.Wait()
			}()
			answers := bufio.NewReader(out)
			peer := func(sql string) string {
				t.Helper()
				if _, err := io.WriteString(in, sql+"\n"); err != nil {
					t.Fatal(err)
				}
				line, err := answers.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(line, "error:") {
					t.Fatalf("%s: %s", sql, line)
				}
				return strings.TrimSpace(line)
			}
			agree := func(after string) {
				t.Helper()
				for _, q := range []string{
					`SELECT rowid FROM docs_vec WHERE vector MATCH '[1000,1]' AND k = 5`,
					`SELECT rowid FROM docs_vec WHERE vector MATCH '[12,1]' AND k = 3`,
					`SELECT count(*) FROM docs_vec`,
				} {
					own := strings.ReplaceAll(d.rows(q), "\n", " ")
					if theirs := peer(q); theirs != own {
						t.Errorf("after %s: %s\n here  %s\n there %s", after, q, own, theirs)
					}
				}
				if got := peer(`PRAGMA integrity_check`); got != "ok" {
					t.Errorf("after %s: integrity_check there: %s", after, got)
				}
				d.check()
			}
			insert := func(from, to int) string {
				return fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i+1 FROM n WHERE i < %d) INSERT INTO docs(id, body, embedding) SELECT i, 'x', vector32('[' || i || ',1]') FROM n`, from, to)
			}
			next := 100
			for round := range 3 {
				for _, sql := range []string{
					insert(next, next+30),
					fmt.Sprintf(`DELETE FROM docs WHERE id %% 7 = %d`, round),
					`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`,
					insert(next+100, next+103),
					`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`,
					`UPDATE docs SET embedding = '[990,1]' WHERE id = (SELECT min(id) FROM docs)`,
					`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`,
					`DELETE FROM docs WHERE id = (SELECT max(id) FROM docs)`,
					insert(next+200, next+200),
					`DROP TABLE docs_vec`,
					`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2)`,
					insert(next+201, next+203),
				} {
					if (len(sql)+round)%2 == 0 {
						d.exec(sql)
					} else {
						peer(sql)
					}
					if !strings.HasPrefix(sql, "DROP") {
						agree(sql)
					}
				}
				next += 1000
			}
		})
	}
}

// A backup made page by page while rows change holds both indexes whole, and goes its
// own way afterwards.
func TestBackup(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`PRAGMA journal_mode=wal`)
	d.docs(300)
	writer := openFile(t, "file:"+path)
	file := filepath.Join(t.TempDir(), "backup.db")
	err := d.Conn.Raw(func(c any) error {
		b, err := c.(driver.Conn).Raw().BackupInit("main", "file:"+file)
		if err != nil {
			return err
		}
		for n := 0; ; n++ {
			done, err := b.Step(20)
			if err != nil && sqlite3.BUSY != err { //nolint:errorlint // a code
				return err
			}
			if done {
				return b.Close()
			}
			if n < 3 {
				writer.insertDocs(1000+n, 1000+n)
				writer.exec(`DELETE FROM docs WHERE id = ?1`, 10+n)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c := openFile(t, "file:"+file)
	if got, want := c.state(), d.state(); got != want {
		t.Errorf("the backup: %s, want %s", got, want)
	}
	c.check()
	c.insertDocs(2000, 2001)
	d.insertDocs(3000, 3000)
	if got, want := c.nearest(5000, 2)+" "+d.nearest(5000, 2), "2001 2000 3000 1002"; got != want {
		t.Errorf("after the backup: %s, want %s", got, want)
	}
}
