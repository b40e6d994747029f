package hosttest

import (
	"errors"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

// errPanic makes a method of kv panic.
var errPanic = errors.New("panic")

// loud is an aggregate that panics in one of its methods.
type loud struct{ in string }

func (l loud) call(method string) {
	if l.in == method {
		panic(method)
	}
}
func (l loud) Step(host.Context, []host.Value)    { l.call("step") }
func (l loud) Inverse(host.Context, []host.Value) { l.call("inverse") }
func (l loud) Value(host.Context)                 { l.call("value") }

// A panic in any callback is an error of the statement, and the connection lives on.
func testPanics(t *testing.T, o Options) {
	c, shared, _ := openKV(t, o)
	mustExec(t, c, "CREATE TABLE other(a); CREATE VIRTUAL TABLE kv USING kv")
	wantPanic := func(sql string) {
		t.Helper()
		_, err := queryText(t, c, sql)
		if err == nil || !strings.Contains(err.Error(), "nearlite: internal error") || !strings.Contains(err.Error(), "please report it") {
			t.Errorf("%s: got error %v, want an internal error to report", sql, err)
		}
		wantQuery(t, c, "SELECT 1", "1")
	}
	// SQLite keeps no message of these.
	wantFailure := func(sql string) {
		t.Helper()
		if err := c.Exec(sql); err == nil {
			t.Errorf("%s succeeded although nearlite panicked", sql)
		}
		wantQuery(t, c, "SELECT 1", "1")
	}
	for _, in := range []struct{ verb, sql string }{
		{"create", "CREATE VIRTUAL TABLE kx USING kv"},
		{"begin", "INSERT INTO kv VALUES ('a')"},
		{"write", "INSERT INTO kv VALUES ('a')"},
		{"sync", "INSERT INTO kv VALUES ('a')"},
		{"bestindex", "SELECT * FROM kv"},
		{"search", "SELECT * FROM kv"},
		{"next", "SELECT * FROM kv"},
		{"rename", "ALTER TABLE kv RENAME TO kw"},
	} {
		shared.fail[in.verb] = errPanic
		wantPanic(in.sql)
		delete(shared.fail, in.verb)
	}
	mustExec(t, c, "BEGIN; INSERT INTO kv VALUES ('a')")
	shared.fail["savepoint"] = errPanic
	wantFailure("SAVEPOINT s")
	delete(shared.fail, "savepoint")
	// Errors of these have nowhere to go; the process must live.
	shared.fail["rollback"], shared.fail["commit"], shared.fail["close"] = errPanic, errPanic, errPanic
	mustExec(t, c, "ROLLBACK")
	mustExec(t, c, "INSERT INTO kv VALUES ('b')")
	delete(shared.fail, "rollback")
	delete(shared.fail, "commit")
	shared.fail["destroy"] = errPanic
	wantFailure("DROP TABLE kv")
	delete(shared.fail, "destroy")
	mustExec(t, c, "DROP TABLE kv")

	for _, in := range []string{"new", "step", "inverse", "value"} {
		err := c.CreateAggregate(host.Aggregate{Name: "loud_" + in, NArg: 1, New: func() host.AggregateState {
			loud{in}.call("new")
			return loud{in}
		}})
		if err != nil {
			t.Fatal(err)
		}
		wantPanic("SELECT loud_" + in + "(value) OVER (ORDER BY value ROWS 0 PRECEDING) FROM (SELECT 1 AS value UNION ALL SELECT 2)")
	}
}
