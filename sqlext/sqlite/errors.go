package sqlite

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// fromSQLite turns an error of go-sqlite3 into a host.Error with SQLite's own
// message: go-sqlite3 puts "sqlite3: <meaning of the code>: " in front of it.
func fromSQLite(err error) error {
	if err == nil {
		return nil
	}
	var own *host.Error
	if errors.As(err, &own) {
		return err
	}
	var code sqlite3.ExtendedErrorCode
	if !errors.As(err, &code) {
		return err
	}
	prefix := code.Error()
	msg := err.Error()
	if rest, ok := strings.CutPrefix(msg, prefix+": "); ok {
		msg = rest
	}
	msg = strings.TrimPrefix(msg, "sqlite3: ")
	return &host.Error{Code: host.Code(code), Message: msg, Err: err}
}

// outgoing is an error on its way to SQLite: go-sqlite3 asks As for the code and
// takes Error as the message.
type outgoing struct {
	msg  string
	code host.Code
}

func (e *outgoing) Error() string { return e.msg }

// As hands the code to go-sqlite3.
func (e *outgoing) As(target any) bool {
	if code, ok := target.(*sqlite3.ExtendedErrorCode); ok {
		*code = sqlite3.ExtendedErrorCode(e.code)
		return true
	}
	return false
}

// toSQLite prepares an error of ours for SQLite: the whole message, and the code
// of the innermost host.Error or SQLite error that it wraps.
func toSQLite(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, host.ErrNoPlan) {
		return sqlite3.CONSTRAINT // no message: SQLite only tries another plan
	}
	code := host.CodeError
	var own *host.Error
	var ext sqlite3.ExtendedErrorCode
	switch {
	case errors.As(err, &own) && own.Code != 0:
		code = own.Code
	case errors.As(err, &ext):
		code = host.Code(ext)
	}
	switch code {
	case 0, row, done, host.CodeNoMem, ioErrNoMem:
		code = host.CodeError // not errors, or those that make go-sqlite3 panic
	}
	return &outgoing{msg: err.Error(), code: code}
}

// Codes of SQLite that have no name in go-sqlite3 or host.
const (
	row        host.Code = 100
	done       host.Code = 101
	ioErrNoMem host.Code = 10 | 12<<8
)

// recovered turns the value of recover into an error; the stack is in the error's
// cause, not in its message, which users see.
func recovered(where string, r any) error {
	return &host.Error{
		Code:    host.CodeError,
		Message: fmt.Sprintf("nearlite: internal error in %s: %v; please report it", where, r),
		Err:     &panicError{value: r, stack: debug.Stack()},
	}
}

type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// guard is deferred by callbacks that return an error.
func guard(where string, err *error) {
	if r := recover(); r != nil {
		*err = toSQLite(recovered(where, r))
	}
}
