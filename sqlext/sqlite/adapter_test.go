package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// openTest opens a private in-memory connection behind the adapter.
func openTest(t testing.TB) *conn {
	t.Helper()
	db, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return newConn(db)
}

func mustExec(t testing.TB, c *conn, sql string) {
	t.Helper()
	if err := c.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// queryText runs sql and returns its rows, columns joined by "|", rows by "\n".
func queryText(t testing.TB, c *conn, sql string, args ...host.Value) (string, error) {
	t.Helper()
	st, err := c.Prepare(sql)
	if err != nil {
		return "", err
	}
	defer st.Close()
	for i, a := range args {
		if err := st.Bind(i+1, a); err != nil {
			t.Fatal(err)
		}
	}
	var rows []string
	for {
		more, err := st.Step()
		if err != nil {
			return "", err
		}
		if !more {
			return strings.Join(rows, "\n"), nil
		}
		cols := make([]string, st.Columns())
		for i := range cols {
			cols[i] = show(st.Value(i))
		}
		rows = append(rows, strings.Join(cols, "|"))
	}
}

func show(v host.Value) string {
	switch v.Kind {
	case host.Integer:
		return fmt.Sprint(v.Int)
	case host.Float:
		return fmt.Sprint(v.Float)
	case host.Text:
		return string(v.Bytes)
	case host.BlobKind:
		return fmt.Sprintf("x'%x'", v.Bytes)
	}
	return "NULL"
}

func wantQuery(t testing.TB, c *conn, sql, want string) {
	t.Helper()
	got, err := queryText(t, c, sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	} else if got != want {
		t.Errorf("%s:\n got %q\nwant %q", sql, got, want)
	}
}

func wantError(t testing.TB, c *conn, sql string, code host.Code, msg string) {
	t.Helper()
	_, err := queryText(t, c, sql)
	var he *host.Error
	if !errors.As(err, &he) {
		t.Errorf("%s: got error %v, want a host.Error %q", sql, err, msg)
		return
	}
	if he.Code != code || he.Message != msg {
		t.Errorf("%s:\n got code %d %q\nwant code %d %q", sql, he.Code, he.Message, code, msg)
	}
}

func TestFunction(t *testing.T) {
	c := openTest(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.CreateFunction(host.Function{Name: "echo", NArg: -1, Call: func(ctx host.Context, args []host.Value) {
		if len(args) > 0 {
			ctx.ResultValue(args[len(args)-1])
		}
	}}))
	must(c.CreateFunction(host.Function{Name: "fails", NArg: 1, Call: func(ctx host.Context, args []host.Value) {
		ctx.ResultError(host.Errorf(host.Code(args[0].Int), "nearlite: main.docs: it broke"))
	}}))
	must(c.CreateFunction(host.Function{Name: "panics", NArg: 0, Call: func(host.Context, []host.Value) {
		panic("boom")
	}}))
	must(c.CreateFunction(host.Function{Name: "nested", NArg: 1, Call: func(ctx host.Context, args []host.Value) {
		if args[0].Int == 0 {
			ctx.ResultValue(host.IntValue(0))
			return
		}
		st, err := ctx.Conn().Prepare("SELECT 1 + nested(?1 - 1)")
		if err != nil {
			ctx.ResultError(err)
			return
		}
		defer st.Close()
		if err := st.Bind(1, args[0]); err != nil {
			ctx.ResultError(err)
			return
		}
		if _, err := st.Step(); err != nil {
			ctx.ResultError(err)
			return
		}
		ctx.ResultValue(st.Value(0))
	}}))
	parsed := 0
	must(c.CreateFunction(host.Function{Name: "once", NArg: 2, Call: func(ctx host.Context, args []host.Value) {
		v, ok := ctx.AuxData(0).(string)
		if !ok {
			parsed++
			v = args[0].String()
			ctx.SetAuxData(0, v)
		}
		ctx.ResultValue(host.TextValue(fmt.Sprint(v, args[1].Int)))
	}}))
	must(c.CreateFunction(host.Function{Name: "tag", NArg: 0, ResultSubtype: true, Call: func(ctx host.Context, _ []host.Value) {
		ctx.ResultValue(host.IntValue(7))
		ctx.ResultSubtype(42)
	}}))
	must(c.CreateFunction(host.Function{Name: "tagof", NArg: 1, UsesSubtype: true, Call: func(ctx host.Context, args []host.Value) {
		ctx.ResultValue(host.IntValue(int64(args[0].Subtype)))
	}}))

	wantQuery(t, c, "SELECT echo(), echo(1), echo(1, 2.5), echo('a'), echo(''), echo(x'00ff'), echo(x''), echo(NULL)",
		"NULL|1|2.5|a||x'00ff'|x''|NULL")
	wantQuery(t, c, "SELECT typeof(echo('')), typeof(echo(x'')), length(echo('é'))", "text|blob|1")
	wantError(t, c, "SELECT fails(1)", 1, "nearlite: main.docs: it broke")
	wantError(t, c, "SELECT fails(20)", 20, "nearlite: main.docs: it broke")
	wantError(t, c, "SELECT fails(267)", host.CodeCorruptVTab, "nearlite: main.docs: it broke")
	wantError(t, c, "SELECT fails(7)", 1, "nearlite: main.docs: it broke") // out of memory would be a panic in the driver
	wantError(t, c, "SELECT panics()", 1, "nearlite: internal error in panics: boom; please report it")
	wantQuery(t, c, "SELECT nested(5), nested(2)", "5|2")
	wantQuery(t, c, "SELECT group_concat(once('x', value)) FROM (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3)", "x1,x2,x3")
	if parsed != 1 {
		t.Errorf("the constant argument was parsed %d times, want once", parsed)
	}
	wantQuery(t, c, "SELECT tagof(tag()), tagof(1)", "42|0")
	wantError(t, c, "SELECT nosuch(1)", 1, "no such function: nosuch")
	wantError(t, c, "SELECT FROM", 1, `near "FROM": syntax error`)
	if c.depth != 0 {
		t.Errorf("%d callbacks are still entered", c.depth)
	}
}

// sum is an aggregate that fails on text.
type sum struct{ n int64 }

func (s *sum) Step(ctx host.Context, args []host.Value) {
	if args[0].Kind == host.Text {
		ctx.ResultError(host.Errorf(host.CodeMismatch, "nearlite: not a number"))
	}
	s.n += args[0].Int
}
func (s *sum) Inverse(_ host.Context, args []host.Value) { s.n -= args[0].Int }
func (s *sum) Value(ctx host.Context)                    { ctx.ResultValue(host.IntValue(s.n)) }

func TestAggregate(t *testing.T) {
	c := openTest(t)
	if err := c.CreateAggregate(host.Aggregate{Name: "mysum", NArg: 1, New: func() host.AggregateState { return &sum{} }}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, c, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3), (4)")
	wantQuery(t, c, "SELECT mysum(a) FROM t", "10")
	wantQuery(t, c, "SELECT mysum(a) FROM t WHERE a > 9", "0")
	wantQuery(t, c, "SELECT a % 2, mysum(a) FROM t GROUP BY a % 2", "0|6\n1|4")
	wantQuery(t, c, "SELECT mysum(a) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t", "1\n3\n5\n7")
	wantError(t, c, "SELECT mysum('x') FROM t", host.CodeMismatch, "nearlite: not a number")
}

// series is a read-only table-valued function: the numbers from 1 to stop, whose
// plan and batches the test watches.
type series struct{ plan *host.Plan }

func (s *series) BestIndex(info *host.IndexInfo) error {
	info.EstimatedCost = 1e9
	for i := range info.Constraints {
		c := &info.Constraints[i]
		switch {
		case c.Column == 1 && c.Op == host.EQ && !c.Usable:
			return host.ErrNoPlan
		case c.Column == 1 && c.Op == host.EQ:
			c.ArgvIndex, c.Omit = 1, true
			info.EstimatedCost = 10
			if v, ok := info.RHS(i); ok {
				info.Str = "stop " + show(v)
			}
		case c.Column == 0 && c.Op == host.EQ && c.Usable && info.CanIn(i):
			info.UseIn(i)
			c.ArgvIndex, c.Omit = 2, true
			info.Num = 1
		}
	}
	if len(info.OrderBy) == 1 && info.OrderBy[0] == (host.OrderBy{Column: 0}) {
		info.OrderByConsumed = true
	}
	return nil
}

func (s *series) Search(plan host.Plan, args host.Args) (host.Rows, error) {
	*s.plan = plan
	if args.Len() == 0 {
		return nil, host.Errorf(host.CodeError, "nearlite: series: got 0 arguments, want 1")
	}
	stop := args.Value(0).Int
	if stop < 0 {
		panic("negative")
	}
	var only []int64
	if plan.Num == 1 {
		for v, err := range args.In(1) {
			if err != nil {
				return nil, err
			}
			only = append(only, v.Int)
		}
	}
	return &seriesRows{stop: stop, only: only, filtered: plan.Num == 1}, nil
}
func (s *series) Close() error { return nil }

type seriesRows struct {
	at, stop int64
	only     []int64
	filtered bool
}

func (r *seriesRows) Next(b *host.Batch) error {
	b.Columns = 1
	for len(b.RowIDs) < 3 && r.at < r.stop {
		r.at++
		if r.at == 1000 {
			return host.Errorf(host.CodeCorrupt, "nearlite: series: row 1000 is damaged")
		}
		if !r.filtered || slices.Contains(r.only, r.at) {
			b.Add(r.at*10, host.IntValue(r.at))
		}
	}
	return nil
}
func (r *seriesRows) Close() error { return nil }

func TestReadOnlyModule(t *testing.T) {
	c := openTest(t)
	var plan host.Plan
	connect := func(h host.Conn, _ host.ModuleArgs) (host.Table, error) {
		if err := h.DeclareVTab("CREATE TABLE x(value INT, stop HIDDEN)"); err != nil {
			return nil, err
		}
		return &series{&plan}, nil
	}
	if err := c.CreateModule("series", host.Module{Connect: connect}); err != nil {
		t.Fatal(err)
	}
	wantQuery(t, c, "SELECT rowid, value FROM series(7)", "10|1\n20|2\n30|3\n40|4\n50|5\n60|6\n70|7")
	if plan.Str != "stop 7" || plan.ColumnsUsed&1 == 0 {
		t.Errorf("plan is %+v, want Str %q and column 0 used", plan, "stop 7")
	}
	wantQuery(t, c, "SELECT count(*) FROM series(0)", "0")
	wantQuery(t, c, "SELECT value, stop FROM series(5) WHERE value IN (4, 2, 9)", "2|NULL\n4|NULL")
	if plan.Num != 1 {
		t.Error("the IN list was not passed whole")
	}
	wantQuery(t, c, "SELECT value FROM series(5) WHERE value IN (SELECT 10 WHERE 0)", "")
	wantQuery(t, c, "SELECT a.value, b.value FROM series(2) a, series(a.value) b", "1|1\n2|1\n2|2")
	wantError(t, c, "SELECT * FROM series", 1, "nearlite: series: got 0 arguments, want 1")
	wantError(t, c, "SELECT sum(value) FROM series(2000)", host.CodeCorrupt, "nearlite: series: row 1000 is damaged")
	wantError(t, c, "SELECT * FROM series(-1)", 1, "nearlite: internal error in search series: negative; please report it")
	wantError(t, c, "CREATE VIRTUAL TABLE s USING series(1)", 1, "no such module: series")
	wantError(t, c, "INSERT INTO series(value) VALUES (1)", 1, "table series may not be modified")
	// Innocuous: usable from a view although the schema is not trusted.
	mustExec(t, c, "CREATE VIEW v AS SELECT value FROM series(2)")
	wantQuery(t, c, "SELECT * FROM v", "1\n2")
}

func TestStmtAndBlob(t *testing.T) {
	c := openTest(t)
	mustExec(t, c, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, x'010203'), (2, 'text'), (3, NULL), (4, x'0405')")
	got, err := queryText(t, c, "SELECT ?1, ?2, ?3, ?4, ?5, ?6", host.IntValue(-1), host.FloatValue(1.5), host.TextValue(""),
		host.TextValue("ü"), host.BlobValue(nil), host.Value{})
	if want := "-1|1.5||ü|x''|NULL"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := c.Prepare("  -- nothing"); err == nil {
		t.Error("Prepare of a comment succeeded")
	}

	b, err := c.OpenBlob("main", "t", "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	read := func() string {
		p := make([]byte, b.Size())
		if err := b.ReadAt(p, 0); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%x", p)
	}
	if got := read(); got != "010203" {
		t.Errorf("row 1: %s", got)
	}
	for _, rowid := range []int64{3, 99} { // NULL, missing
		if err := b.Reopen(rowid); err == nil {
			t.Errorf("Reopen(%d) succeeded", rowid)
		}
		if err := b.ReadAt(make([]byte, 1), 0); err == nil {
			t.Errorf("ReadAt after Reopen(%d) succeeded", rowid)
		}
		if err := b.Reopen(4); err != nil || read() != "0405" {
			t.Errorf("Reopen(4) after a failure: %v, %s", err, read())
		}
	}
	if err := b.ReadAt(make([]byte, 3), 0); err == nil {
		t.Error("a read past the end succeeded")
	}
	// A change of the row under the handle makes the handle useless, not the blob.
	mustExec(t, c, "UPDATE t SET a = x'060708' WHERE id = 4")
	if err := b.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a read of the changed row succeeded")
	}
	if err := b.Reopen(4); err != nil || read() != "060708" {
		t.Errorf("Reopen of the changed row: %v, %s", err, read())
	}
	mustExec(t, c, "UPDATE t SET a = x'09' WHERE id = 4")
	if err := b.Reopen(4); err != nil || read() != "09" {
		t.Errorf("Reopen without a read between: %v, %s", err, read())
	}
}

func TestConnFacts(t *testing.T) {
	c := openTest(t)
	mustExec(t, c, "CREATE TABLE t(a); INSERT INTO t(rowid) VALUES (5)")
	if !c.Autocommit() || c.LastInsertRowID() != 5 || c.Filename("main") != "" {
		t.Errorf("autocommit %v, last rowid %d, file %q", c.Autocommit(), c.LastInsertRowID(), c.Filename("main"))
	}
	c.SetLastInsertRowID(77)
	mustExec(t, c, "BEGIN")
	if c.Autocommit() || c.LastInsertRowID() != 77 {
		t.Errorf("in a transaction: autocommit %v, last rowid %d", c.Autocommit(), c.LastInsertRowID())
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.db.SetInterrupt(ctx)
	cancel()
	if c.Interrupt().Err() == nil {
		t.Error("Interrupt is not done after cancel")
	}
	if err := c.Exec("SELECT 1"); err == nil {
		t.Error("Exec ran although interrupted")
	}
	c.db.SetInterrupt(context.Background())
}
