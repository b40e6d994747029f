package sqlite

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// go-sqlite3 finds out what a virtual table can do from the methods of its Go
// type, so there is one type for read-only tables and one for writable ones.

// CreateModule registers a module. Every table of nearlite is marked innocuous:
// go-sqlite3 does not trust the schema, and triggers could not use it otherwise.
func (c *conn) CreateModule(name string, m host.Module) error {
	if m.Connect == nil {
		return host.Errorf(host.CodeError, "nearlite: module %s: Connect is nil", name)
	}
	if m.Writable {
		if m.Create == nil {
			return host.Errorf(host.CodeError, "nearlite: module %s: a writable module must have Create", name)
		}
		//nolint:staticcheck // the replacement is a generic method, which needs Go 1.27
		return fromSQLite(sqlite3.CreateModule(c.db, name, writableConstructor(c, m.Create), writableConstructor(c, m.Connect)))
	}
	var create sqlite3.VTabConstructor[*readTable]
	if m.Create != nil {
		create = readConstructor(c, m.Create)
	}
	//nolint:staticcheck // as above
	return fromSQLite(sqlite3.CreateModule(c.db, name, create, readConstructor(c, m.Connect)))
}

type construct func(c host.Conn, args host.ModuleArgs) (host.Table, error)

func (c *conn) construct(fn construct, module, schema, table string, args []string) (host.Table, error) {
	if err := c.VTabInnocuous(); err != nil {
		return nil, err
	}
	t, err := fn(c, host.ModuleArgs{Module: module, Schema: schema, Table: table, Args: args})
	if err == nil && t == nil {
		err = host.Errorf(host.CodeError, "nearlite: internal error: module %s made no table", module)
	}
	return t, err
}

func readConstructor(c *conn, fn construct) sqlite3.VTabConstructor[*readTable] {
	return func(_ *sqlite3.Conn, module, schema, table string, args ...string) (_ *readTable, err error) {
		defer guard("module "+module, &err)
		t, err := c.construct(fn, module, schema, table, args)
		if err != nil {
			return nil, toSQLite(err)
		}
		return &readTable{vtab{conn: c, name: table, table: t}}, nil
	}
}

func writableConstructor(c *conn, fn construct) sqlite3.VTabConstructor[*writableTable] {
	return func(_ *sqlite3.Conn, module, schema, table string, args ...string) (_ *writableTable, err error) {
		defer guard("module "+module, &err)
		t, err := c.construct(fn, module, schema, table, args)
		if err != nil {
			return nil, toSQLite(err)
		}
		w, ok := t.(host.WritableTable)
		if !ok {
			_ = t.Close()
			return nil, toSQLite(host.Errorf(host.CodeError, "nearlite: internal error: the tables of module %s cannot be written", module))
		}
		return &writableTable{vtab: vtab{conn: c, name: table, table: t}, w: w}, nil
	}
}
