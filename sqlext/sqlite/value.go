package sqlite

import (
	"unsafe"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// borrow reads an SQLite value without copying its bytes.
func borrow(v sqlite3.Value) host.Value {
	switch v.Type() {
	case sqlite3.INTEGER:
		return host.Value{Kind: host.Integer, Int: v.Int64()}
	case sqlite3.FLOAT:
		return host.Value{Kind: host.Float, Float: v.Float()}
	case sqlite3.TEXT:
		return host.Value{Kind: host.Text, Bytes: v.RawText()}
	case sqlite3.BLOB:
		return host.Value{Kind: host.BlobKind, Bytes: v.RawBlob()}
	}
	return host.Value{}
}

// setResult copies v into the result of a function call or a column.
func setResult(ctx sqlite3.Context, v host.Value) {
	switch v.Kind {
	case host.Integer:
		ctx.ResultInt64(v.Int)
	case host.Float:
		ctx.ResultFloat(v.Float)
	case host.Text:
		// ResultText copies; the string is only a view for the length of the call.
		ctx.ResultText(unsafe.String(unsafe.SliceData(v.Bytes), len(v.Bytes)))
	case host.BlobKind:
		ctx.ResultBlob(v.Bytes)
	default:
		ctx.ResultNull()
	}
}
