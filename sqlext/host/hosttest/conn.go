package hosttest

import (
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

func testConnFacts(t *testing.T, o Options) {
	c := o.Open(t)
	mustExec(t, c, "CREATE TABLE t(a); INSERT INTO t(rowid) VALUES (5)")
	if !c.Autocommit() || c.LastInsertRowID() != 5 || c.Filename("main") != "" {
		t.Errorf("autocommit %v, last rowid %d, file %q", c.Autocommit(), c.LastInsertRowID(), c.Filename("main"))
	}
	c.SetLastInsertRowID(77)
	mustExec(t, c, "BEGIN")
	if c.Autocommit() || c.LastInsertRowID() != 77 {
		t.Errorf("in a transaction: autocommit %v, last rowid %d", c.Autocommit(), c.LastInsertRowID())
	}
	mustExec(t, c, "ROLLBACK")
}

// A callback that is interrupted learns of it (its workers may not), and so does the statement around it; the
// next statement runs.
func testInterrupt(t *testing.T, o Options) {
	c := o.Open(t)
	undo := func() {}
	err := c.CreateFunction(host.Function{Name: "stop", NArg: 1, Volatile: true, Call: func(ctx host.Context, args []host.Value) {
		if err := ctx.Conn().Interrupt().Err(); err != nil {
			t.Errorf("Interrupt is done before anybody interrupted: %v", err)
		}
		if args[0].Int == 0 {
			return
		}
		undo = o.Interrupt(ctx.Conn())
		if ctx.Conn().Interrupt().Err() == nil {
			t.Error("Interrupt is not done after an interrupt")
		}
		select {
		case <-ctx.Conn().Interrupt().Done():
		default:
			t.Error("the channel of Interrupt is open after an interrupt")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	wantQuery(t, c, "SELECT stop(0)", "NULL")
	wantError(t, c, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e6) SELECT count(stop(i = 9)) FROM n WHERE i % 9 = 0 AND i < 10 OR i = 1e6",
		host.CodeInterrupt, "interrupted")
	undo()
	wantQuery(t, c, "SELECT stop(0)", "NULL")
}
