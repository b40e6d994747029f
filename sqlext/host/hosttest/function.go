package hosttest

import (
	"fmt"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

func testFunction(t *testing.T, o Options) {
	c := o.Open(t)
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
	wantError(t, c, "SELECT fails(7)", o.NoMemory, "nearlite: main.docs: it broke")
	wantError(t, c, "SELECT panics()", 1, "nearlite: internal error in panics: boom; please report it")
	wantQuery(t, c, "SELECT nested(5), nested(2)", "5|2")
	wantQuery(t, c, "SELECT group_concat(once('x', value)) FROM (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3)", "x1,x2,x3")
	if parsed != 1 {
		t.Errorf("the constant argument was parsed %d times, want once", parsed)
	}
	wantQuery(t, c, "SELECT tagof(tag()), tagof(1)", "42|0")
	wantError(t, c, "SELECT nosuch(1)", 1, "no such function: nosuch")
	wantError(t, c, "SELECT FROM", 1, `near "FROM": syntax error`)
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

func testAggregate(t *testing.T, o Options) {
	c := o.Open(t)
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
