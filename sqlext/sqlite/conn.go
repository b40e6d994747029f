package sqlite

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// conn adapts a go-sqlite3 connection to host.Conn.
type conn struct {
	db *sqlite3.Conn

	// frames are the argument buffers of the callbacks that are running, one per
	// level of nesting: SQL that runs inside a callback calls functions again.
	frames []*frame
	depth  int
}

var (
	_ host.Conn           = (*conn)(nil)
	_ host.StatementTexts = (*conn)(nil)
)

func newConn(db *sqlite3.Conn) *conn { return &conn{db: db} }

// frame holds what one running callback needs, so that calls allocate nothing.
type frame struct {
	ctx  callContext
	args []host.Value
}

// enter takes the frame of the next level; every enter is paired with leave.
func (c *conn) enter() *frame {
	if c.depth == len(c.frames) {
		f := &frame{}
		f.ctx.conn = c
		c.frames = append(c.frames, f)
	}
	f := c.frames[c.depth]
	c.depth++
	return f
}

func (c *conn) leave() { c.depth-- }

// load borrows the arguments of a callback.
func (f *frame) load(args []sqlite3.Value) []host.Value {
	f.args = f.args[:0]
	for _, a := range args {
		f.args = append(f.args, borrow(a))
	}
	return f.args
}

// call guards calls into SQLite: go-sqlite3 may panic while it looks for the
// offset of an error in the text of a statement that did not cause it.
func (c *conn) call(what string, fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &host.Error{Code: host.CodeError, Message: fmt.Sprintf("%s: SQLite reported an error that the driver could not read: %v", what, r)}
		}
	}()
	return fromSQLite(fn())
}

func (c *conn) Exec(sql string) error {
	return c.call("exec", func() error { return c.db.Exec(sql) })
}

func (c *conn) Prepare(sql string) (host.Stmt, error) {
	var s *sqlite3.Stmt
	err := c.call("prepare", func() (err error) {
		s, _, err = c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, host.Errorf(host.CodeError, "prepare: the text holds no SQL statement")
	}
	return &stmt{s: s}, nil
}

func (c *conn) OpenBlob(schema, table, column string, rowid int64) (host.Blob, error) {
	b := &blob{conn: c, schema: schema, table: table, column: column}
	if err := b.open(rowid); err != nil {
		return nil, err
	}
	return b, nil
}

// ReadsWith implements host.StatementTexts.
func (c *conn) ReadsWith(match func(sql string) bool) bool {
	if c.Writing() {
		return false
	}
	for s := range c.db.Stmts() {
		if s.Busy() && match(s.SQL()) {
			return true
		}
	}
	return false
}

// Writing implements host.WriteState.
func (c *conn) Writing() bool { return c.db.TxnState("") == sqlite3.TXN_WRITE }

// DataVersion implements host.DataVersion.
func (c *conn) DataVersion(schema string) (uint32, bool) {
	v, err := c.db.FileControl(schema, sqlite3.FCNTL_DATA_VERSION)
	n, ok := v.(uint32)
	return n, ok && err == nil
}

func (c *conn) Autocommit() bool               { return c.db.GetAutocommit() }
func (c *conn) LastInsertRowID() int64         { return c.db.LastInsertRowID() }
func (c *conn) SetLastInsertRowID(rowid int64) { c.db.SetLastInsertRowID(rowid) }
func (c *conn) Filename(schema string) string  { return c.db.Filename(schema).String() }
func (c *conn) Interrupt() context.Context     { return c.db.GetInterrupt() }

func (c *conn) DeclareVTab(sql string) error {
	return c.call("declare", func() error { return c.db.DeclareVTab(sql) })
}

func (c *conn) VTabInnocuous() error {
	return fromSQLite(c.db.VTabConfig(sqlite3.VTAB_INNOCUOUS))
}

func (c *conn) VTabConstraintSupport() error {
	return fromSQLite(c.db.VTabConfig(sqlite3.VTAB_CONSTRAINT_SUPPORT, true))
}

func (c *conn) OnConflict() host.ConflictMode {
	return host.ConflictMode(c.db.VTabOnConflict())
}
