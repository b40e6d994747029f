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

// C and host count the kinds alike.
var _ = [1]struct{}{}[C.NL_INTEGER-int(host.Integer)+C.NL_FLOAT-int(host.Float)+C.NL_TEXT-int(host.Text)+
	C.NL_BLOB-int(host.BlobKind)+C.NL_DEFERRED-int(host.Deferred)]

// borrow reads a value without copying its bytes.
func borrow(v *C.nl_value) host.Value {
	out := host.Value{Kind: host.Kind(v.kind), Subtype: uint8(v.subtype)}
	switch v.kind {
	case C.NL_INTEGER:
		out.Int = int64(v.i)
	case C.NL_FLOAT:
		out.Float = float64(v.f)
	case C.NL_TEXT, C.NL_BLOB:
		out.Bytes = []byte{}
		if v.p != nil && v.n > 0 {
			out.Bytes = unsafe.Slice((*byte)(v.p), int(v.n))
		}
	}
	return out
}

// setResult copies v into the result of a function call or a column.
func setResult(ctx *C.sqlite3_context, v host.Value) {
	C.nl_result(ctx, C.int(v.Kind), C.int64_t(v.Int), C.double(v.Float),
		unsafe.Pointer(unsafe.SliceData(v.Bytes)), C.int64_t(len(v.Bytes)))
}
