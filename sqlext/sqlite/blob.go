package sqlite

import (
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// blob adapts an incremental blob handle. SQLite makes a handle useless when it
// is moved to a missing row or when its row changes; blob then opens another on
// the next Reopen.
type blob struct {
	conn                  *conn
	schema, table, column string
	b                     *sqlite3.Blob
	dead                  bool
}

func (b *blob) open(rowid int64) error {
	return b.conn.call("open blob", func() (err error) {
		b.b, err = b.conn.db.OpenBlob(b.schema, b.table, b.column, rowid, false)
		return err
	})
}

func (b *blob) Size() int {
	if b.b == nil || b.dead {
		return 0
	}
	return int(b.b.Size())
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
	if _, err := b.b.Seek(int64(offset), io.SeekStart); err != nil {
		return err
	}
	if _, err := b.b.Read(p); err != nil && !errors.Is(err, io.EOF) {
		b.dead = true
		return fromSQLite(err)
	}
	return nil
}

func (b *blob) Reopen(rowid int64) error {
	if b.b != nil && !b.dead {
		err := b.b.Reopen(rowid)
		if err == nil {
			return nil
		}
		b.dead = true
		// ABORT: the row under the handle changed, which says nothing about rowid.
		if !errors.Is(err, sqlite3.ABORT) {
			return fromSQLite(err)
		}
	}
	if b.b != nil {
		_ = b.b.Close()
		b.b = nil
	}
	if err := b.open(rowid); err != nil {
		return err
	}
	b.dead = false
	return nil
}

func (b *blob) Close() error {
	if b.b == nil {
		return nil
	}
	err := b.b.Close()
	b.b = nil
	if b.dead {
		return nil // the error was reported when it happened
	}
	return fromSQLite(err)
}
