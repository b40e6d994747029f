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

// stmt adapts a prepared statement. One that was closed with its connection, while
// the connection lived on because the close failed, is prepared again when used.
type stmt struct {
	conn *conn
	sql  string
	s    *C.sqlite3_stmt
	v    C.nl_value // a column beyond row

	row [readAhead]C.nl_value // the first columns of the row that Step reached
	n   C.int                 // as many as the statement has
	on  bool                  // Step reached a row
}

// readAhead is how many columns of a row Step reads. Statements of nearlite have fewer.
const readAhead = 6

func (s *stmt) prepare() error {
	if err := s.conn.watch(); err != nil {
		return err
	}
	text := C.CString(s.sql)
	defer C.free(unsafe.Pointer(text))
	if err := s.conn.check(C.nl_prepare(s.conn.db, text, C.int(len(s.sql)+1), &s.s)); err != nil {
		return err
	}
	if s.s == nil {
		return host.Errorf(host.CodeError, "prepare: the text holds no SQL statement")
	}
	s.n = min(C.nl_columns(s.s), readAhead)
	s.conn.track(s)
	return nil
}

func (s *stmt) live() error {
	if s.s != nil {
		return nil
	}
	return s.prepare()
}

func (s *stmt) abandon() {
	C.nl_finalize(s.s)
	s.s, s.on = nil, false
}

func (s *stmt) Bind(i int, v host.Value) error {
	if err := s.live(); err != nil {
		return err
	}
	return s.conn.check(C.nl_bind(s.s, C.int(i), C.int(v.Kind), C.int64_t(v.Int), C.double(v.Float),
		unsafe.Pointer(unsafe.SliceData(v.Bytes)), C.int64_t(len(v.Bytes))))
}

func (s *stmt) BindCount() int {
	if s.live() != nil {
		return 0
	}
	return int(C.nl_bind_count(s.s))
}

func (s *stmt) Step() (bool, error) {
	if err := s.live(); err != nil {
		return false, err
	}
	rc := C.nl_step(s.s, &s.row[0], s.n)
	s.on = rc == C.SQLITE_ROW
	switch rc {
	case C.SQLITE_ROW:
		return true, nil
	case C.SQLITE_DONE:
		return false, nil
	default:
		err := s.conn.failed(rc)
		// As the other host: a statement that failed can be run again.
		C.nl_reset(s.s)
		return false, err
	}
}

// Reset drops the error of the last run: Step has reported it already.
func (s *stmt) Reset() error {
	s.on = false
	if s.s != nil {
		C.nl_reset(s.s)
	}
	return nil
}

func (s *stmt) Columns() int {
	if s.live() != nil {
		return 0
	}
	return int(C.nl_columns(s.s))
}

func (s *stmt) ColumnName(i int) string {
	if s.live() != nil {
		return ""
	}
	name := C.nl_column_name(s.s, C.int(i))
	if name == nil {
		return ""
	}
	return C.GoString(name)
}

func (s *stmt) ReadOnly() bool { return s.live() == nil && C.nl_readonly(s.s) != 0 }

func (s *stmt) Value(i int) host.Value {
	if !s.on {
		return host.Value{}
	}
	if i >= 0 && i < int(s.n) {
		return borrow(&s.row[i])
	}
	C.nl_column(s.s, C.int(i), &s.v)
	return borrow(&s.v)
}

// Close drops the error of the last run, as Reset does.
func (s *stmt) Close() error {
	if s.s != nil {
		s.abandon()
		s.conn.forget(s)
	}
	return nil
}
