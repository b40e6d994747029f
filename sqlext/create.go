package sqlext

import (
	"errors"

	"github.com/nearlite/nearlite/sqlext/host"
)

// create writes a new index: shadow tables, triggers, contents. fill makes the
// contents and opens the engine. When anything fails, everything is removed again.
func (t *indexTable) create(base *baseTable, info *baseInfo, fields []string, fill func() error) error {
	return t.createWith(func() error { return t.createContents(base, info, fields, fill) })
}

// createWith is create with another way to make the contents.
func (t *indexTable) createWith(contents func() error) error {
	if err := t.shadowNamesFree(); err != nil {
		return err
	}
	t.cat.remember(t)
	err := t.tables.Create()
	if err == nil {
		err = contents()
		if err != nil {
			t.undoCreate()
		}
	}
	if err != nil {
		t.cat.forget(t)
		t.closeBase()
		return err
	}
	t.created = true
	t.refs++
	return nil
}

func (t *indexTable) createContents(base *baseTable, info *baseInfo, fields []string, fill func() error) error {
	if err := t.pinRowids(base, info); err != nil {
		return err
	}
	if err := createTriggers(t.cat.conn, t.module, t.name, base, info.key, fields); err != nil {
		return t.wrap(err)
	}
	if err := t.resolveBase(); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	// Nothing stays pending: should a savepoint undo the whole table, nobody would
	// tell the engine.
	return t.sync()
}

// undoCreate removes what create has written. Errors leave no trace but the tables
// themselves; the first error is the one that matters to the user.
func (t *indexTable) undoCreate() {
	if t.begun {
		t.engine.Rollback()
		t.begun = false
	}
	t.closeBase()
	_ = t.dropTriggers()
	_ = t.dropPin()
	_ = t.dropKeys()
	_ = t.dropPartition()
	_ = t.tables.Drop()
}

// shadowNamesFree refuses to take over tables of the user's.
func (t *indexTable) shadowNamesFree() error {
	for _, name := range t.tables.Names() {
		taken, err := t.cat.tableExists(t.schema, name)
		if err != nil {
			return err
		}
		if taken {
			return errorf("%s: the table %s.%s is in the way; rename or drop it, or give the index another name", t.label(), t.schema, name)
		}
	}
	return nil
}

// pinRowids keeps VACUUM from renumbering the rows of a table without INTEGER
// PRIMARY KEY: SQLite copies rowids as they are when the table has any index. The
// index made here is partial and always empty, so that it costs nothing.
func (t *indexTable) pinRowids(base *baseTable, info *baseInfo) error {
	if info.pinned {
		return nil
	}
	return t.wrap(t.cat.conn.Exec("CREATE INDEX " + quoteName(t.schema) + "." + quoteName(t.name+"_pin") + " ON " +
		quoteName(base.table) + "(" + quoteName(base.columns[0]) + ") WHERE 0"))
}

// dropPin removes the index of pinRowids, unless another index of ours on the same
// table relies on it.
func (t *indexTable) dropPin() error {
	var table string
	c := t.cat.conn
	err := query(c, "SELECT tbl_name FROM "+quoteName(t.schema)+".sqlite_schema WHERE type='index' AND name=?1 COLLATE NOCASE",
		[]host.Value{host.TextValue(t.name + "_pin")}, func(row host.Stmt) error { table = row.Value(0).String(); return nil })
	if err != nil || table == "" {
		return err
	}
	errShared := errors.New("shared")
	err = query(c, "SELECT 1 FROM "+quoteName(t.schema)+".sqlite_schema WHERE type='trigger' AND tbl_name=?1 COLLATE NOCASE AND instr(sql, '(operation, rowid')>0",
		[]host.Value{host.TextValue(table)}, func(host.Stmt) error { return errShared })
	if errors.Is(err, errShared) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.Exec("DROP INDEX IF EXISTS " + quoteName(t.schema) + "." + quoteName(t.name+"_pin"))
}
