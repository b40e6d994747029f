//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"unsafe"

	"github.com/nearlite/nearlite/sqlext/host"
)

// conn adapts a connection that loaded nearlite to host.Conn.
type conn struct {
	db *C.sqlite3

	// frames are the argument buffers of the callbacks that are running, one per
	// level of nesting: SQL that runs inside a callback calls functions again.
	frames []*frame
	depth  int

	open    map[closer]struct{} // statements and blobs to close with the connection
	watched bool                // closing.go will hear of the end
	trial   host.Stmt           // of interrupt.go
}

var (
	_ host.Conn           = (*conn)(nil)
	_ host.StatementTexts = (*conn)(nil)
)

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
func (f *frame) load(n C.int, args *C.nl_value) []host.Value {
	f.args = f.args[:0]
	for i := range unsafe.Slice(args, n) {
		f.args = append(f.args, borrow((*C.nl_value)(unsafe.Add(unsafe.Pointer(args), uintptr(i)*unsafe.Sizeof(*args)))))
	}
	return f.args
}

func (c *conn) Exec(sql string) error {
	text := C.CString(sql)
	defer C.free(unsafe.Pointer(text))
	var msg *C.char
	rc := C.nl_exec(c.db, text, &msg)
	defer C.nl_free(unsafe.Pointer(msg))
	if rc == C.SQLITE_OK {
		return nil
	}
	if msg == nil {
		return c.failed(rc)
	}
	code := host.Code(rc)
	if ext := C.nl_errcode(c.db); ext&0xff == rc&0xff {
		code = host.Code(ext)
	}
	return &host.Error{Code: code, Message: C.GoString(msg)}
}

func (c *conn) Prepare(sql string) (host.Stmt, error) {
	s := &stmt{conn: c, sql: sql}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s, nil
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
	var at *C.sqlite3_stmt
	for {
		text := C.nl_busy_sql(c.db, &at)
		if text == nil {
			return false
		}
		if match(C.GoString(text)) {
			return true
		}
	}
}

// Writing implements host.WriteState.
func (c *conn) Writing() bool { return C.nl_txn_state(c.db) == C.SQLITE_TXN_WRITE }

// DataVersion implements host.DataVersion.
func (c *conn) DataVersion(schema string) (uint32, bool) {
	text := C.CString(schema)
	defer C.free(unsafe.Pointer(text))
	var n C.uint
	rc := C.nl_data_version(c.db, text, &n)
	return uint32(n), rc == C.SQLITE_OK
}

func (c *conn) Autocommit() bool               { return C.nl_autocommit(c.db) != 0 }
func (c *conn) LastInsertRowID() int64         { return int64(C.nl_last_rowid(c.db)) }
func (c *conn) SetLastInsertRowID(rowid int64) { C.nl_set_last_rowid(c.db, C.int64_t(rowid)) }

func (c *conn) Filename(schema string) string {
	text := C.CString(schema)
	defer C.free(unsafe.Pointer(text))
	name := C.nl_filename(c.db, text)
	if name == nil {
		return ""
	}
	return C.GoString(name)
}

func (c *conn) DeclareVTab(sql string) error {
	text := C.CString(sql)
	defer C.free(unsafe.Pointer(text))
	return c.check(C.nl_declare(c.db, text))
}

func (c *conn) VTabInnocuous() error         { return c.check(C.nl_innocuous(c.db)) }
func (c *conn) VTabConstraintSupport() error { return c.check(C.nl_constraint_support(c.db)) }

func (c *conn) OnConflict() host.ConflictMode {
	return host.ConflictMode(C.nl_on_conflict(c.db))
}
