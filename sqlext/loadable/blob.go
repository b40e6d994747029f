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

// blob adapts an incremental blob handle. SQLite makes a handle useless when it
// is moved to a missing row or when its row changes; blob then opens another on
// the next Reopen.
type blob struct {
	conn                  *conn
	schema, table, column string
	b                     *C.sqlite3_blob
	size                  C.int // of the open cell
	dead                  bool
}

func (b *blob) open(rowid int64) error {
	if err := b.conn.watch(); err != nil {
		return err
	}
	schema, table, column := C.CString(b.schema), C.CString(b.table), C.CString(b.column)
	defer C.free(unsafe.Pointer(schema))
	defer C.free(unsafe.Pointer(table))
	defer C.free(unsafe.Pointer(column))
	if err := b.conn.check(C.nl_blob_open(b.conn.db, schema, table, column, C.int64_t(rowid), &b.b, &b.size)); err != nil {
		b.b = nil
		return err
	}
	b.dead = false
	b.conn.track(b)
	return nil
}

func (b *blob) abandon() {
	C.nl_blob_close(b.b)
	b.b = nil
}

func (b *blob) Size() int {
	if b.b == nil || b.dead {
		return 0
	}
	return int(b.size)
}

func (b *blob) ReadAt(p []byte, offset int) error {
	if b.b == nil || b.dead {
		return host.Errorf(host.CodeError, "read blob: no row is open")
	}
	if size := b.Size(); offset < 0 || offset+len(p) > size {
		return host.Errorf(host.CodeError, "read blob: bytes %d to %d of a cell of %d bytes", offset, offset+len(p), size)
	}
	if len(p) == 0 {
		return nil
	}
	if rc := C.nl_blob_read(b.b, unsafe.Pointer(&p[0]), C.int(len(p)), C.int(offset)); rc != C.SQLITE_OK {
		b.dead = true
		return b.conn.failed(rc)
	}
	return nil
}

func (b *blob) Reopen(rowid int64) error {
	if b.b != nil && !b.dead {
		rc := C.nl_blob_reopen(b.b, C.int64_t(rowid), &b.size)
		if rc == C.SQLITE_OK {
			return nil
		}
		b.dead = true
		// ABORT: the row under the handle changed, which says nothing about rowid.
		if rc&0xff != C.SQLITE_ABORT {
			return b.conn.failed(rc)
		}
	}
	if b.b != nil {
		b.abandon()
		b.conn.forget(b)
	}
	return b.open(rowid)
}

// Close drops an error of the handle: it was reported when it happened.
func (b *blob) Close() error {
	if b.b != nil {
		b.abandon()
		b.conn.forget(b)
	}
	return nil
}
