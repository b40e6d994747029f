//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"runtime/cgo"
	"strconv"
	"strings"
	"unsafe"

	"github.com/nearlite/nearlite/sqlext/host"
)

// module is a registered module; C knows it by handle.
type module struct {
	conn *conn
	name string
	m    host.Module
}

// vtab is a connected table.
type vtab struct {
	conn  *conn
	name  string
	table host.Table
	w     host.WritableTable // nil for tables that can only be read
}

// CreateModule registers a module. Every table of nearlite is marked innocuous, so
// that triggers can use it where the schema is not trusted.
func (c *conn) CreateModule(name string, m host.Module) error {
	if m.Connect == nil || m.Writable && m.Create == nil {
		return host.Errorf(host.CodeError, "nearlite: module %s: Connect or Create is nil", name)
	}
	text, suffixes := C.CString(name), C.CString(strings.Join(m.ShadowNames, ","))
	defer C.free(unsafe.Pointer(text))
	defer C.free(unsafe.Pointer(suffixes))
	h := cgo.NewHandle(&module{conn: c, name: name, m: m}) // released by SQLite, also when this fails
	return c.check(C.nl_create_module(c.db, text, flag(m.Create != nil), flag(m.Writable), suffixes, C.uintptr_t(h)))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

//export nearliteConstruct
func nearliteConstruct(h C.uintptr_t, argc C.int, argv **C.char, create C.int, out *C.uintptr_t, msg **C.char) (rc C.int) {
	m := cgo.Handle(h).Value().(*module)
	defer guard("module "+m.name, msg, &rc)
	texts := make([]string, argc)
	for i, p := range unsafe.Slice(argv, argc) {
		texts[i] = C.GoString(p)
	}
	t, err := m.construct(texts, create != 0)
	if err != nil {
		return report(err, msg)
	}
	*out = C.uintptr_t(cgo.NewHandle(t))
	return C.SQLITE_OK
}

func (m *module) construct(texts []string, create bool) (*vtab, error) {
	if err := m.conn.VTabInnocuous(); err != nil {
		return nil, err
	}
	build := m.m.Connect
	if create && m.m.Create != nil {
		build = m.m.Create
	}
	t, err := build(m.conn, host.ModuleArgs{Module: texts[0], Schema: texts[1], Table: texts[2], Args: texts[3:]})
	if err != nil {
		return nil, err
	}
	v := &vtab{conn: m.conn, name: texts[2], table: t}
	if m.m.Writable {
		w, ok := t.(host.WritableTable)
		if !ok {
			_ = t.Close()
			return nil, host.Errorf(host.CodeError, "nearlite: internal error: the tables of module %s cannot be written", m.name)
		}
		v.w = w
	}
	return v, nil
}

// nearliteClose is xDisconnect, which must not fail.
//
//export nearliteClose
func nearliteClose(h C.uintptr_t) {
	t := cgo.Handle(h).Value().(*vtab)
	defer func() { _ = recover() }()
	_ = t.table.Close()
}

//export nearliteBestIndex
func nearliteBestIndex(h C.uintptr_t, plan *C.nl_plan, msg **C.char) (rc C.int) {
	t := cgo.Handle(h).Value().(*vtab)
	defer guard("plan "+t.name, msg, &rc)
	in := plan.info
	var rhs C.nl_value
	info := host.IndexInfo{
		Constraints:   make([]host.Constraint, int(in.nConstraint)),
		OrderBy:       make([]host.OrderBy, int(in.nOrderBy)),
		ColumnsUsed:   uint64(in.colUsed),
		EstimatedCost: float64(plan.cost),
		EstimatedRows: int64(plan.rows),
		RHS: func(i int) (host.Value, bool) {
			if C.nl_rhs(in, C.int(i), &rhs) != C.SQLITE_OK {
				return host.Value{}, false
			}
			return borrow(&rhs), true
		},
		CanIn: func(i int) bool { return C.nl_in(in, C.int(i), -1) != 0 },
		UseIn: func(i int) { C.nl_in(in, C.int(i), 1) },
	}
	var column, usable C.int
	for i := range info.Constraints {
		op := C.nl_constraint_op(in, C.int(i), &column, &usable)
		info.Constraints[i] = host.Constraint{Column: int(column), Op: host.Op(op), Usable: usable != 0}
	}
	for i := range info.OrderBy {
		desc := C.nl_order_by(in, C.int(i), &column)
		info.OrderBy[i] = host.OrderBy{Column: int(column), Desc: desc != 0}
	}
	if err := t.table.BestIndex(&info); err != nil {
		return report(err, msg)
	}
	for i, c := range info.Constraints {
		C.nl_usage(in, C.int(i), C.int(c.ArgvIndex), flag(c.Omit))
	}
	text := strconv.FormatUint(info.ColumnsUsed, 16) + " " + info.Str
	var str *C.char
	if rc := C.nl_malloc_copy(unsafe.Pointer(unsafe.StringData(text)), C.int64_t(len(text)), &str); rc != C.SQLITE_OK {
		return rc
	}
	plan.str, plan.num = str, C.int(info.Num)
	plan.unique, plan.ordered = flag(info.Unique), flag(info.OrderByConsumed)
	plan.cost, plan.rows = C.double(info.EstimatedCost), C.int64_t(info.EstimatedRows)
	return C.SQLITE_OK
}

//export nearliteUpdate
func nearliteUpdate(h C.uintptr_t, n C.int, args *C.nl_value, rowid *C.int64_t, msg **C.char) (rc C.int) {
	t := cgo.Handle(h).Value().(*vtab)
	fr := t.conn.enter()
	defer t.conn.leave()
	defer guard("update "+t.name, msg, &rc)
	id, err := t.w.Update(fr.load(n, args))
	*rowid = C.int64_t(id)
	return report(err, msg)
}

// nearliteHook is every method of a writable table that takes a number, a name or
// nothing; which is a letter of module.c.
//
//export nearliteHook
func nearliteHook(h C.uintptr_t, which, n C.int, name *C.char, msg **C.char) (rc C.int) {
	t := cgo.Handle(h).Value().(*vtab)
	defer guard("transaction of "+t.name, msg, &rc)
	var err error
	switch which {
	case 'B':
		err = t.w.Begin()
	case 'S':
		err = t.w.Sync()
	case 'C':
		err = t.w.Commit()
	case 'R':
		err = t.w.Rollback()
	case 's':
		err = t.w.Savepoint(int(n))
	case 'r':
		err = t.w.Release(int(n))
	case 't':
		err = t.w.RollbackTo(int(n))
	case 'D':
		err = t.w.Destroy()
	case 'N':
		to := C.GoString(name)
		if err = t.w.Rename(to); err == nil {
			t.name = to
		}
	}
	return report(err, msg)
}

// nearliteIntegrity reports findings as a message with code OK; another code says
// that the check itself broke.
//
//export nearliteIntegrity
func nearliteIntegrity(h C.uintptr_t, schema, table *C.char, flags C.int, msg **C.char) (rc C.int) {
	t := cgo.Handle(h).Value().(*vtab)
	defer guard("check "+t.name, msg, &rc)
	findings, err := t.w.Integrity(C.GoString(schema), C.GoString(table), flags&1 != 0)
	if err != nil {
		return report(err, msg)
	}
	if len(findings) > 0 {
		setMessage(strings.Join(findings, "\n"), msg)
	}
	return C.SQLITE_OK
}
