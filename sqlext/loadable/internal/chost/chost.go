//go:build loadable

// Package chost is a C program's SQLite in a Go test: connections of the system's
// libsqlite3 that load nearlite as an extension.
package chost

/*
#cgo LDFLAGS: -lsqlite3
#include <sqlite3.h>

int sqlite3_nearlite_init(sqlite3 *db, char **err, const void *api);

static int load(void) { return sqlite3_auto_extension((void (*)(void))sqlite3_nearlite_init); }
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	_ "github.com/nearlite/nearlite/sqlext/loadable" // has the entry point
)

// DB is an open connection.
type DB struct{ db *C.sqlite3 }

// SQLite hands its table of routines only to extensions, and runs this one whenever a
// connection opens.
var load = sync.OnceValue(func() error {
	if rc := C.load(); rc != C.SQLITE_OK {
		return fmt.Errorf("auto extension: result code %d", rc)
	}
	return nil
})

// Open opens a database that has nearlite loaded.
func Open(name string) (*DB, error) {
	if err := load(); err != nil {
		return nil, err
	}
	text := append([]byte(name), 0)
	db := &DB{}
	rc := C.sqlite3_open((*C.char)(unsafe.Pointer(&text[0])), &db.db)
	if rc != C.SQLITE_OK {
		err := fmt.Errorf("open %s: %s", name, C.GoString(C.sqlite3_errmsg(db.db)))
		C.sqlite3_close(db.db)
		return nil, err
	}
	return db, nil
}

// Interrupt is sqlite3_interrupt.
func (d *DB) Interrupt() { C.sqlite3_interrupt(d.db) }

// Version is the version number of the library.
func Version() int { return int(C.sqlite3_libversion_number()) }

// Close is sqlite3_close, which fails if a statement is left.
func (d *DB) Close() error {
	if rc := C.sqlite3_close(d.db); rc != C.SQLITE_OK {
		return fmt.Errorf("close: %s", C.GoString(C.sqlite3_errmsg(d.db)))
	}
	return nil
}
