//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"runtime/cgo"

	"github.com/nearlite/nearlite/sqlext"
)

// nearliteInit registers nearlite on a connection that loads it; glue.c has checked
// SQLite's version.
//
//export nearliteInit
func nearliteInit(db *C.sqlite3, msg **C.char) (rc C.int) {
	defer guard("load", msg, &rc)
	c := &conn{db: db}
	if err := c.watchClose(); err != nil {
		return report(err, msg)
	}
	if err := sqlext.Register(c); err != nil {
		return report(err, msg)
	}
	return C.SQLITE_OK
}

// nearliteRelease ends the life of a handle that C kept.
//
//export nearliteRelease
func nearliteRelease(h C.uintptr_t) {
	if h != 0 {
		cgo.Handle(h).Delete()
	}
}
