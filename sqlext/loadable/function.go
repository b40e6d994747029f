//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"

	"github.com/nearlite/nearlite/sqlext/host"
)

// callContext is the host.Context of one running call. Numbers go out through out,
// which C reads when the call returns; text and blobs are handed over at once.
type callContext struct {
	conn *conn
	ctx  *C.sqlite3_context
	out  *C.nl_value
}

func (x *callContext) Conn() host.Conn { return x.conn }

func (x *callContext) ResultValue(v host.Value) {
	if x.out == nil {
		setResult(x.ctx, v)
		return
	}
	switch v.Kind {
	case host.Text, host.BlobKind:
		setResult(x.ctx, v)
		x.out.kind = C.NL_SET
	default:
		x.out.kind, x.out.i, x.out.f = C.int(v.Kind), C.int64_t(v.Int), C.double(v.Float)
	}
}

func (x *callContext) ResultError(err error) {
	msg := err.Error()
	C.nl_result_error(x.ctx, (*C.char)(unsafe.Pointer(unsafe.StringData(msg))), C.int(len(msg)), C.int(codeOf(err)))
	if x.out != nil {
		x.out.kind = C.NL_SET
	}
}

// ResultSubtype hands over a number first: a value that comes later has no subtype.
func (x *callContext) ResultSubtype(t uint8) {
	if x.out != nil && x.out.kind != C.NL_SET {
		C.nl_result(x.ctx, x.out.kind, x.out.i, x.out.f, nil, 0)
		x.out.kind = C.NL_SET
	}
	C.nl_result_subtype(x.ctx, C.uint(t))
}

func (x *callContext) AuxData(arg int) any {
	if h := C.nl_auxdata(x.ctx, C.int(arg)); h != 0 {
		return cgo.Handle(h).Value()
	}
	return nil
}

func (x *callContext) SetAuxData(arg int, data any) {
	if data != nil {
		C.nl_set_auxdata(x.ctx, C.int(arg), C.uintptr_t(cgo.NewHandle(data)))
	}
}

// function is a registered scalar function or aggregate; C knows it by handle.
type function struct {
	conn  *conn
	name  string
	call  host.ScalarFunc
	state func() host.AggregateState
}

// The tag for functions with a subtype in their result is of SQLite 3.45.
const (
	resultSubtype        = 0x1000000
	resultSubtypeVersion = 3045000
)

func (c *conn) CreateFunction(f host.Function) error {
	flags := C.int(0)
	if !f.Volatile {
		flags |= C.SQLITE_DETERMINISTIC
	}
	if f.DirectOnly {
		flags |= C.SQLITE_DIRECTONLY
	} else {
		flags |= C.SQLITE_INNOCUOUS
	}
	if f.UsesSubtype {
		flags |= C.SQLITE_SUBTYPE
	}
	if f.ResultSubtype && C.nl_version() >= resultSubtypeVersion {
		flags |= resultSubtype
	}
	name := C.CString(f.Name)
	defer C.free(unsafe.Pointer(name))
	h := cgo.NewHandle(&function{conn: c, name: f.Name, call: f.Call}) // released by SQLite, also when this fails
	return c.check(C.nl_create_function(c.db, name, C.int(f.NArg), flags, C.uintptr_t(h)))
}

func (c *conn) CreateAggregate(a host.Aggregate) error {
	name := C.CString(a.Name)
	defer C.free(unsafe.Pointer(name))
	h := cgo.NewHandle(&function{conn: c, name: a.Name, state: a.New})
	return c.check(C.nl_create_aggregate(c.db, name, C.int(a.NArg), C.SQLITE_DETERMINISTIC|C.SQLITE_INNOCUOUS, C.uintptr_t(h)))
}

// begin takes a frame for a call.
func (c *conn) begin(ctx *C.sqlite3_context, out *C.nl_value) *frame {
	fr := c.enter()
	fr.ctx.ctx, fr.ctx.out = ctx, out
	return fr
}

// leaveCall ends a function call; deferred, because it also catches panics.
func (c *conn) leaveCall(fr *frame, name string) {
	if r := recover(); r != nil {
		fr.ctx.ResultError(recovered(name, r))
	}
	fr.ctx.ctx, fr.ctx.out = nil, nil
	c.leave()
}

//export nearliteCall
func nearliteCall(h C.uintptr_t, ctx *C.sqlite3_context, n C.int, args, out *C.nl_value) {
	f := cgo.Handle(h).Value().(*function)
	fr := f.conn.begin(ctx, out)
	defer f.conn.leaveCall(fr, f.name)
	f.call(&fr.ctx, fr.load(n, args))
}

// aggregation is one running aggregate.
type aggregation struct {
	f     *function
	state host.AggregateState
}

// nearliteAggregateNew returns 0 after a panic, which it reports to ctx.
//
//export nearliteAggregateNew
func nearliteAggregateNew(h C.uintptr_t, ctx *C.sqlite3_context) (out C.uintptr_t) {
	f := cgo.Handle(h).Value().(*function)
	fr := f.conn.begin(ctx, nil)
	defer f.conn.leaveCall(fr, f.name)
	return C.uintptr_t(cgo.NewHandle(&aggregation{f: f, state: f.state()}))
}

//export nearliteAggregateRow
func nearliteAggregateRow(h C.uintptr_t, ctx *C.sqlite3_context, n C.int, args *C.nl_value, inverse C.int) {
	a := cgo.Handle(h).Value().(*aggregation)
	fr := a.f.conn.begin(ctx, nil)
	defer a.f.conn.leaveCall(fr, a.f.name)
	if inverse != 0 {
		a.state.Inverse(&fr.ctx, fr.load(n, args))
	} else {
		a.state.Step(&fr.ctx, fr.load(n, args))
	}
}

//export nearliteAggregateValue
func nearliteAggregateValue(h C.uintptr_t, ctx *C.sqlite3_context, out *C.nl_value) {
	a := cgo.Handle(h).Value().(*aggregation)
	fr := a.f.conn.begin(ctx, out)
	defer a.f.conn.leaveCall(fr, a.f.name)
	a.state.Value(&fr.ctx)
}
