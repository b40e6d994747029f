package hosttest

import (
	"slices"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

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

func testReadOnlyModule(t *testing.T, o Options) {
	c := o.Open(t)
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
