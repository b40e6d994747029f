package sqlite

import (
	"unsafe"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// stmt adapts a prepared statement.
type stmt struct {
	s *sqlite3.Stmt
}

func (s *stmt) Bind(i int, v host.Value) error {
	var err error
	switch v.Kind {
	case host.Integer:
		err = s.s.BindInt64(i, v.Int)
	case host.Float:
		err = s.s.BindFloat(i, v.Float)
	case host.Text:
		// BindText copies; the string is only a view for the length of the call.
		err = s.s.BindText(i, unsafe.String(unsafe.SliceData(v.Bytes), len(v.Bytes)))
	case host.BlobKind:
		err = s.s.BindBlob(i, v.Bytes)
	default:
		err = s.s.BindNull(i)
	}
	return fromSQLite(err)
}

func (s *stmt) BindCount() int { return s.s.BindCount() }

func (s *stmt) Step() (bool, error) {
	if s.s.Step() {
		return true, nil
	}
	return false, fromSQLite(s.s.Err())
}

// Reset drops the error of the last run: Step has reported it already.
func (s *stmt) Reset() error {
	_ = s.s.Reset()
	return nil
}

func (s *stmt) Columns() int            { return s.s.ColumnCount() }
func (s *stmt) ColumnName(i int) string { return s.s.ColumnName(i) }
func (s *stmt) ReadOnly() bool          { return s.s.ReadOnly() }

func (s *stmt) Value(i int) host.Value {
	switch s.s.ColumnType(i) {
	case sqlite3.INTEGER:
		return host.Value{Kind: host.Integer, Int: s.s.ColumnInt64(i)}
	case sqlite3.FLOAT:
		return host.Value{Kind: host.Float, Float: s.s.ColumnFloat(i)}
	case sqlite3.TEXT:
		return host.Value{Kind: host.Text, Bytes: s.s.ColumnRawText(i)}
	case sqlite3.BLOB:
		return host.Value{Kind: host.BlobKind, Bytes: s.s.ColumnRawBlob(i)}
	}
	return host.Value{}
}

// Close drops the error of the last run, as Reset does.
func (s *stmt) Close() error {
	_ = s.s.Close()
	return nil
}
