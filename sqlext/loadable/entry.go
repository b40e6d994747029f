//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"runtime/cgo"
	"strconv"

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
	c.growPageCache()
	if loaded != nil {
		loaded(c)
	}
	return C.SQLITE_OK
}

// loaded hears of connections in tests.
var loaded func(*conn)

// SQLite's own page cache holds 2 MB, which is some hundred vectors: a search that
// looks up twenty of them would read most from the file again.
const (
	sqliteCacheSize  = -2000  // SQLite's default, in KiB
	defaultCacheSize = -65536 // as the Go driver's: at most 64 MiB, taken as pages are read
)

// growPageCache gives the connection the page cache that searches want, if its host
// has left it at SQLite's default. A file that cannot be read is left for the first
// statement to report.
func (c *conn) growPageCache() {
	st, err := c.Prepare("PRAGMA cache_size")
	if err != nil {
		return
	}
	row, err := st.Step()
	same := err == nil && row && st.Value(0).Int == sqliteCacheSize
	if st.Close() == nil && same {
		_ = c.Exec("PRAGMA cache_size = " + strconv.Itoa(defaultCacheSize))
	}
}

// nearliteRelease ends the life of a handle that C kept.
//
//export nearliteRelease
func nearliteRelease(h C.uintptr_t) {
	if h != 0 {
		cgo.Handle(h).Delete()
	}
}
