//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"iter"
	"runtime/cgo"
	"strconv"
	"strings"
	"unsafe"

	"github.com/nearlite/nearlite/sqlext/host"
)

// cursor fills the batches of a scan; module.c serves their rows.
type cursor struct {
	table *vtab
	own   host.Cursor // of a table that keeps state per cursor, else nil
	rows  host.Rows
	batch host.Batch
}

//export nearliteOpen
func nearliteOpen(h C.uintptr_t, out *C.uintptr_t, msg **C.char) (rc C.int) {
	t := cgo.Handle(h).Value().(*vtab)
	defer guard("open "+t.name, msg, &rc)
	c := &cursor{table: t}
	if ct, ok := t.table.(host.CursorTable); ok {
		c.own = ct.OpenCursor()
	}
	*out = C.uintptr_t(cgo.NewHandle(c))
	return C.SQLITE_OK
}

//export nearliteFilter
func nearliteFilter(h C.uintptr_t, cur *C.nl_cursor, num C.int, str *C.char, n C.int, args *C.nl_value,
	raw **C.sqlite3_value, msg **C.char,
) (rc C.int) {
	c := cgo.Handle(h).Value().(*cursor)
	fr := c.table.conn.enter()
	defer c.table.conn.leave()
	defer guard("search "+c.table.name, msg, &rc)
	return report(c.filter(cur, int(num), C.GoString(str), fr.load(n, args), unsafe.Slice(raw, n)), msg)
}

func (c *cursor) filter(cur *C.nl_cursor, num int, str string, args []host.Value, raw []*C.sqlite3_value) (err error) {
	if err := c.closeRows(); err != nil {
		return err
	}
	used, rest, _ := strings.Cut(str, " ")
	columns, err := strconv.ParseUint(used, 16, 64)
	if err != nil {
		return host.Errorf(host.CodeError, "nearlite: internal error: plan %q", str)
	}
	plan := host.Plan{Num: num, Str: rest, ColumnsUsed: columns}
	a := &searchArgs{conn: c.table.conn, values: args, raw: raw}
	if c.own != nil {
		c.rows, err = c.own.Search(plan, a)
	} else {
		c.rows, err = c.table.table.Search(plan, a)
	}
	a.values, a.raw = nil, nil // the values die with this call
	if err != nil || c.rows == nil {
		return err
	}
	return c.fill(cur)
}

//export nearliteFill
func nearliteFill(h C.uintptr_t, cur *C.nl_cursor, msg **C.char) (rc C.int) {
	c := cgo.Handle(h).Value().(*cursor)
	defer guard("search "+c.table.name, msg, &rc)
	return report(c.fill(cur), msg)
}

// fill copies the next batch to C's memory.
func (c *cursor) fill(cur *C.nl_cursor) error {
	if c.rows == nil {
		return nil
	}
	b := &c.batch
	b.RowIDs, b.Values = b.RowIDs[:0], b.Values[:0]
	if err := c.rows.Next(b); err != nil {
		return err
	}
	n := len(b.RowIDs)
	if len(b.Values) != n*b.Columns {
		return host.Errorf(host.CodeError, "nearlite: internal error: a batch of %d rows with %d columns holds %d values", n, b.Columns, len(b.Values))
	}
	if n == 0 {
		return nil
	}
	size := 0
	for i := range b.Values {
		size += len(b.Values[i].Bytes)
	}
	if rc := C.nl_reserve(cur, C.int(n), C.int(b.Columns), C.int64_t(size)); rc != C.SQLITE_OK {
		return host.Errorf(host.Code(rc), "nearlite: no memory for %d rows of %s", n, c.table.name)
	}
	for i, id := range b.RowIDs {
		unsafe.Slice(cur.rowids, n)[i] = C.int64_t(id)
	}
	values := unsafe.Slice(cur.values, len(b.Values))
	var bytes []byte
	if size > 0 {
		bytes = unsafe.Slice((*byte)(unsafe.Pointer(cur.bytes)), size)
	}
	at := 0
	for i := range b.Values {
		v := &b.Values[i]
		out := &values[i]
		out.kind, out.i, out.f = C.int(v.Kind), C.int64_t(v.Int), C.double(v.Float)
		out.p, out.n = nil, C.int64_t(len(v.Bytes))
		if len(v.Bytes) > 0 {
			out.p = unsafe.Pointer(&bytes[at])
			at += copy(bytes[at:], v.Bytes)
		}
	}
	cur.rows = C.int(n)
	return nil
}

// nearliteLate asks the scan for a value that it left out of the batch.
//
//export nearliteLate
func nearliteLate(h C.uintptr_t, ctx *C.sqlite3_context, rowid C.int64_t, column C.int, msg **C.char) (rc C.int) {
	c := cgo.Handle(h).Value().(*cursor)
	c.table.conn.enter()
	defer c.table.conn.leave()
	defer guard("search "+c.table.name, msg, &rc)
	rows, ok := c.rows.(host.LateRows)
	if !ok {
		return report(host.Errorf(host.CodeError, "nearlite: internal error: column %d of %s is left out for good", column, c.table.name), msg)
	}
	v, err := rows.Late(int64(rowid), int(column))
	if err != nil {
		return report(err, msg)
	}
	setResult(ctx, v)
	return C.SQLITE_OK
}

// nearliteCursorClose is xClose, which must not fail.
//
//export nearliteCursorClose
func nearliteCursorClose(h C.uintptr_t) {
	c := cgo.Handle(h).Value().(*cursor)
	defer func() { _ = recover() }()
	_ = c.closeRows()
	if c.own != nil {
		_ = c.own.Close()
	}
}

func (c *cursor) closeRows() error {
	if c.rows == nil {
		return nil
	}
	rows := c.rows
	c.rows = nil
	return rows.Close()
}

// searchArgs are the right-hand sides of a scan; they live as long as xFilter.
type searchArgs struct {
	conn   *conn
	values []host.Value
	raw    []*C.sqlite3_value
}

func (a *searchArgs) Len() int               { return len(a.values) }
func (a *searchArgs) Value(i int) host.Value { return a.values[i] }

// In walks the list of an IN constraint.
func (a *searchArgs) In(i int) iter.Seq2[host.Value, error] {
	return func(yield func(host.Value, error) bool) {
		var v C.nl_value
		for first := C.int(1); ; first = 0 {
			switch rc := C.nl_in_next(a.raw[i], first, &v); rc {
			case C.SQLITE_OK:
			case C.SQLITE_DONE:
				return
			default:
				yield(host.Value{}, a.conn.failed(rc))
				return
			}
			if !yield(borrow(&v), nil) {
				return
			}
		}
	}
}
