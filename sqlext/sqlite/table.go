package sqlite

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// vtab is what read-only and writable tables have in common. It must not have
// the optional methods: go-sqlite3 would see them in both.
type vtab struct {
	conn  *conn
	name  string
	table host.Table
	spare host.Batch // memory of a cursor that was closed, for the next
	gone  bool       // destroyed: Close has nothing left to do
}

// readTable is a virtual table that can only be read.
type readTable struct{ vtab }

// writableTable is a virtual table with everything: writes, transactions,
// savepoints, shadow tables, rename and integrity check.
type writableTable struct {
	vtab
	w host.WritableTable
}

var (
	_ sqlite3.VTab             = (*readTable)(nil)
	_ sqlite3.VTabDestroyer    = (*writableTable)(nil)
	_ sqlite3.VTabUpdater      = (*writableTable)(nil)
	_ sqlite3.VTabRenamer      = (*writableTable)(nil)
	_ sqlite3.VTabShadowTabler = (*writableTable)(nil)
	_ sqlite3.VTabChecker      = (*writableTable)(nil)
	_ sqlite3.VTabSavepointer  = (*writableTable)(nil)
)

// Open makes a cursor.
func (t *vtab) Open() (_ sqlite3.VTabCursor, err error) {
	defer guard("open "+t.name, &err)
	c := &cursor{table: t, batch: t.spare}
	t.spare = host.Batch{}
	if ct, ok := t.table.(host.CursorTable); ok {
		c.own = ct.OpenCursor()
	}
	return c, nil
}

// Close is xDisconnect.
func (t *vtab) Close() (err error) {
	if t.gone {
		return nil
	}
	t.gone = true
	defer guard("disconnect "+t.name, &err)
	return toSQLite(t.table.Close())
}

// BestIndex translates SQLite's question and our answer.
func (t *vtab) BestIndex(idx *sqlite3.IndexInfo) (err error) {
	defer guard("plan "+t.name, &err)
	info := host.IndexInfo{
		Constraints:   make([]host.Constraint, len(idx.Constraint)),
		OrderBy:       make([]host.OrderBy, len(idx.OrderBy)),
		ColumnsUsed:   idx.ColumnsUsed,
		EstimatedCost: idx.EstimatedCost,
		EstimatedRows: idx.EstimatedRows,
		RHS: func(i int) (host.Value, bool) {
			v, err := idx.RHSValue(i)
			if err != nil {
				return host.Value{}, false
			}
			return borrow(v), true
		},
		CanIn: func(i int) bool { return idx.In(i, -1) },
		UseIn: func(i int) { idx.In(i, 1) },
	}
	for i, c := range idx.Constraint {
		info.Constraints[i] = host.Constraint{Column: c.Column, Op: host.Op(c.Op), Usable: c.Usable}
	}
	for i, o := range idx.OrderBy {
		info.OrderBy[i] = host.OrderBy{Column: o.Column, Desc: o.Desc}
	}
	if err := t.table.BestIndex(&info); err != nil {
		return toSQLite(err)
	}
	for i, c := range info.Constraints {
		idx.ConstraintUsage[i] = sqlite3.IndexConstraintUsage{ArgvIndex: c.ArgvIndex, Omit: c.Omit}
	}
	idx.IdxNum = info.Num
	idx.IdxStr = strconv.FormatUint(idx.ColumnsUsed, 16) + " " + info.Str
	if info.Unique {
		idx.IdxFlags |= sqlite3.INDEX_SCAN_UNIQUE
	}
	idx.OrderByConsumed = info.OrderByConsumed
	idx.EstimatedCost = info.EstimatedCost
	idx.EstimatedRows = info.EstimatedRows
	return nil
}

// Update is xUpdate.
func (t *writableTable) Update(args ...sqlite3.Value) (rowid int64, err error) {
	fr := t.conn.enter()
	defer t.conn.leave()
	defer guard("update "+t.name, &err)
	rowid, err = t.w.Update(fr.load(args))
	return rowid, toSQLite(err)
}

// Destroy drops the table's storage. go-sqlite3 frees the table whatever Destroy
// says, while SQLite keeps using one whose destruction failed. So a failure is
// not reported here: it makes the transaction fail when it wants to commit.
func (t *writableTable) Destroy() error {
	t.gone = true
	// A table half dropped because of a canceled context helps nobody.
	old := t.conn.db.SetInterrupt(context.Background())
	defer t.conn.db.SetInterrupt(old)
	if err := t.destroy(); err != nil {
		t.conn.refuseCommit()
	}
	return nil
}

func (t *writableTable) destroy() (err error) {
	defer guard("destroy "+t.name, &err)
	return t.w.Destroy()
}

// refuseCommit turns the COMMIT of the running transaction into a rollback.
func (c *conn) refuseCommit() {
	c.db.CommitHook(func() bool { return false })
	c.db.RollbackHook(func() {
		c.db.CommitHook(nil)
		c.db.RollbackHook(nil)
	})
}

// Rename is xRename.
func (t *writableTable) Rename(name string) error {
	err := t.hook("rename", func() error { return t.w.Rename(name) })
	if err == nil {
		t.name = name
	}
	return err
}

// ShadowTables marks the names "<table>_…" as shadow tables.
func (t *writableTable) ShadowTables() {}

// Integrity is xIntegrity. Findings are a plain error; an error with a code says
// that the check itself broke.
func (t *writableTable) Integrity(schema, table string, flags int) (err error) {
	defer guard("check "+t.name, &err)
	findings, err := t.w.Integrity(schema, table, flags&1 != 0)
	if err != nil {
		return toSQLite(err)
	}
	if len(findings) > 0 {
		return errors.New(strings.Join(findings, "\n"))
	}
	return nil
}

func (t *writableTable) hook(what string, fn func() error) (err error) {
	defer guard(what+" "+t.name, &err)
	return toSQLite(fn())
}

// The transaction hooks, xBegin to xRollbackTo.

func (t *writableTable) Begin() error    { return t.hook("begin", t.w.Begin) }
func (t *writableTable) Sync() error     { return t.hook("sync", t.w.Sync) }
func (t *writableTable) Commit() error   { return t.hook("commit", t.w.Commit) }
func (t *writableTable) Rollback() error { return t.hook("rollback", t.w.Rollback) }

func (t *writableTable) Savepoint(id int) error {
	return t.hook("savepoint", func() error { return t.w.Savepoint(id) })
}

func (t *writableTable) Release(id int) error {
	return t.hook("release", func() error { return t.w.Release(id) })
}

func (t *writableTable) RollbackTo(id int) error {
	return t.hook("rollback to", func() error { return t.w.RollbackTo(id) })
}
