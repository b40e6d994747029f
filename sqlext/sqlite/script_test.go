package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// scriptConn is a connection to an empty database in memory. It needs SQLite
// only, none of nearlite's functions.
func scriptConn(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := driver.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// runLog runs a script and returns one line per statement: its number, line,
// columns and rows.
func runLog(ctx context.Context, conn *sql.Conn, script string) ([]string, error) {
	var log []string
	err := sqlite.RunScript(ctx, conn, script, func(s *sqlite.Statement) error {
		line := fmt.Sprintf("%d@%d %s", s.Number, s.Line, strings.Join(s.Columns(), ","))
		for s.Next() {
			line += " |"
			for i := range s.Columns() {
				line += fmt.Sprintf(" %v", s.Value(i))
			}
		}
		log = append(log, strings.TrimSpace(line))
		return nil
	})
	return log, err
}

func TestRunScriptSplits(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		want         []string
	}{
		{"Empty", " \n;; -- nothing\n/* at ; all */", nil},
		{"OneWithoutSemicolon", "SELECT 1 AS a", []string{"1@1 a | 1"}},
		{"EmptyStatementsBetween", "SELECT 1 AS a;;\n;SELECT 2 AS b", []string{"1@1 a | 1", "2@2 b | 2"}},
		{"SemicolonInString", "SELECT 'a;b''c;' AS a; SELECT 2 AS b;", []string{"1@1 a | a;b'c;", "2@1 b | 2"}},
		{"SemicolonInNames", "SELECT 1 AS \"x;y\", 2 AS [p;q], 3 AS `m;n`;SELECT 4 AS z", []string{"1@1 x;y,p;q,m;n | 1 2 3", "2@1 z | 4"}},
		{"SemicolonInComments", "SELECT 1 -- no; end\n + 1 AS a; /* ; */ SELECT /* ; */ 2 AS b", []string{"1@1 a | 2", "2@2 b | 2"}},
		{
			"Trigger",
			"CREATE TABLE t(a, b);\nCREATE TRIGGER tr AFTER INSERT ON t BEGIN\n UPDATE t SET b = CASE WHEN new.a > 1 THEN 'end;' ELSE 'x' END;\n SELECT 1;\nEND;\nINSERT INTO t(a) VALUES (7); SELECT * FROM t",
			[]string{"1@1", "2@2", "3@6", "4@6 a,b | 7 end;"},
		},
		{"TempTrigger", "CREATE TABLE t(a); CREATE TEMP TRIGGER IF NOT EXISTS tr AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 2 AS b", []string{"1@1", "2@1", "3@1 b | 2"}},
		{"TransactionNamedLikeTrigger", "BEGIN; SELECT 1 AS a; END; SELECT 2 AS b", []string{"1@1", "2@1 a | 1", "3@1", "4@1 b | 2"}},
		{"CommentAtTheEnd", "SELECT 1 AS a; -- bye", []string{"1@1 a | 1"}},
		{"Values", "SELECT NULL AS a, 1.5 AS b, x'0102' AS c, 'é' AS d", []string{"1@1 a,b,c,d | <nil> 1.5 [1 2] é"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := runLog(t.Context(), scriptConn(t), tc.script)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestRunScriptErrors(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"UnknownTable", "SELECT 1;\n\nSELECT * FROM nope; SELECT 3", "statement 2 (line 3): no such table: nope"},
		{"Syntax", "SELEC 1", `statement 1 (line 1): near "SELEC": syntax error`},
		{"Constraint", "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1),(1)", "statement 2 (line 1): UNIQUE constraint failed: t.a"},
		{"OpenString", "SELECT 1; SELECT 'abc", `statement 2 (line 1): unrecognized token: "'abc"`},
		{"CutTrigger", "CREATE TABLE t(a); CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1;", "statement 2 (line 1): incomplete input"},
		{"Parameter", "SELECT :q", "statement 1 (line 1): has 1 parameter(s), the first is :q; a script binds none, write the values into the SQL"},
		{"ZeroByte", "SELECT 1;\nSELECT '\x00'", "line 2: the SQL text holds a zero byte"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := runLog(t.Context(), scriptConn(t), tc.script)
			if err == nil || err.Error() != tc.want {
				t.Errorf("script %q:\n got  %v\n want %s", tc.script, err, tc.want)
			}
		})
	}
}

func TestRunScriptRunsToTheEnd(t *testing.T) {
	conn := scriptConn(t)
	script := "CREATE TABLE t(a); INSERT INTO t VALUES (1),(2),(3) RETURNING a;"
	// The callback reads no row at all: every row is inserted nevertheless.
	if err := sqlite.RunScript(t.Context(), conn, script, func(*sqlite.Statement) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := runLog(t.Context(), conn, "SELECT count(*) AS n FROM t")
	if want := []string{"1@1 n | 3"}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestRunScriptCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := runLog(ctx, scriptConn(t), "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT count(*) FROM c")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestRunScriptCallbackError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := sqlite.RunScript(t.Context(), scriptConn(t), "SELECT 1; SELECT 2", func(*sqlite.Statement) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("got %v after %d calls, want %v after 1", err, calls, stop)
	}
}

func TestInTransaction(t *testing.T) {
	conn := scriptConn(t)
	for _, tc := range []struct {
		script string
		want   bool
	}{{"SELECT 1", false}, {"BEGIN", true}, {"SELECT 1", true}, {"COMMIT", false}} {
		if _, err := runLog(t.Context(), conn, tc.script); err != nil {
			t.Fatal(err)
		}
		if got, err := sqlite.InTransaction(conn); err != nil || got != tc.want {
			t.Errorf("after %s: got %v, %v; want %v", tc.script, got, err, tc.want)
		}
	}
}

// A long script must cost time in proportion to its length.
func TestRunScriptLong(t *testing.T) {
	conn := scriptConn(t)
	var b strings.Builder
	b.WriteString("CREATE TABLE t(a);\nBEGIN;\n")
	const rows = 20_000
	for i := range rows {
		fmt.Fprintf(&b, "INSERT INTO t VALUES ('row;%d');\n", i)
	}
	b.WriteString("COMMIT; SELECT count(*) AS n FROM t WHERE a LIKE 'row;%'")
	got, err := runLog(t.Context(), conn, b.String())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d@%d n | %d", rows+4, rows+3, rows); got[len(got)-1] != want {
		t.Errorf("last statement: got %q, want %q", got[len(got)-1], want)
	}
}

func TestIsRowError(t *testing.T) {
	for script, want := range map[string]bool{
		"CREATE TABLE t(a UNIQUE NOT NULL); INSERT INTO t VALUES (1),(1)":   true,
		"CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES ('x')": true,
		"PRAGMA query_only=1; CREATE TABLE t(a)":                            false,
	} {
		_, err := runLog(t.Context(), scriptConn(t), script)
		if err == nil || sqlite.IsRowError(err) != want {
			t.Errorf("%s: IsRowError(%v) is not %v", script, err, want)
		}
	}
}
