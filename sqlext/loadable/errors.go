//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/nearlite/nearlite/sqlext/host"
)

// check turns a result code into an error with the connection's message.
func (c *conn) check(rc C.int) error {
	if rc == C.SQLITE_OK {
		return nil
	}
	return c.failed(rc)
}

func (c *conn) failed(rc C.int) error {
	if ext := C.nl_errcode(c.db); ext&0xff == rc&0xff {
		return &host.Error{Code: host.Code(ext), Message: C.GoString(C.nl_errmsg(c.db))}
	}
	// The connection's message belongs to another call: this one set none.
	return &host.Error{Code: host.Code(rc), Message: C.GoString(C.nl_errstr(rc))}
}

// codeOf is the code of the innermost host.Error that err wraps.
func codeOf(err error) host.Code {
	var own *host.Error
	if errors.As(err, &own) {
		switch own.Code {
		case 0, C.SQLITE_ROW, C.SQLITE_DONE:
		default:
			return own.Code
		}
	}
	return host.CodeError
}

// hasCode reports whether an error of SQLite has a primary result code.
func hasCode(err error, code host.Code) bool {
	var own *host.Error
	return errors.As(err, &own) && own.Code&0xff == code
}

// report hands an error to C: the code, and the message in SQLite's memory.
func report(err error, msg **C.char) C.int {
	if err == nil {
		return C.SQLITE_OK
	}
	if errors.Is(err, host.ErrNoPlan) {
		return C.SQLITE_CONSTRAINT // no message: SQLite only tries another plan
	}
	setMessage(err.Error(), msg)
	return C.int(codeOf(err))
}

func setMessage(text string, msg **C.char) {
	if msg != nil {
		C.nl_malloc_copy(unsafe.Pointer(unsafe.StringData(text)), C.int64_t(len(text)), msg)
	}
}

// guard is deferred by callbacks: a panic that reached C would end the process.
func guard(where string, msg **C.char, rc *C.int) {
	if r := recover(); r != nil {
		*rc = report(recovered(where, r), msg)
	}
}

func recovered(where string, r any) error {
	return host.Errorf(host.CodeError, "nearlite: internal error in %s: %s; please report it", where, fmt.Sprint(r))
}
