package sqlext

import (
	"context"

	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/sqlext/host"
)

// engine is what the virtual tables ask of an index of either kind.
type engine interface {
	Begin() error
	Savepoint(id int) error
	Release(id int) error
	RollbackTo(id int) error
	Sync() error
	Commit()
	Rollback()

	Rows() (int64, error)
	Size() (rows, bytes int64, err error)
	Scan(fn func(rowid int64) (more bool, err error)) error
	Contains(rowid int64) (bool, error)
	Delete(rowid int64) (found bool, err error)
	Optimize(ctx context.Context) error
}

// indexTable is the part that both kinds of index share: the state of one index
// on one connection. SQLite may connect the same index more than once (after a
// schema change in the middle of a transaction the old object still gets the
// COMMIT): all of them share the indexTable that the catalog keeps under its name.
type indexTable struct {
	cat          *catalog
	module       string
	schema, name string
	tables       *shadow.Tables
	engine       engine       // nil until opener has run
	opener       func() error // opens the engine in the shadow tables, once
	closer       func()       // makes opener open it again
	onReady      func() error // ends ready; may be nil
	self         any          // the *vectorTable or *lexicalTable around

	// base is the indexed table as of the schema version beside it; nil when it is
	// gone. See resolveBase.
	base        *baseTable
	baseVersion int64
	baseKnown   bool
	baseName    string // the table as CREATE VIRTUAL TABLE named it, for messages and for rebuild
	baseCols    []string
	baseWhere   string
	anchored    *anchored // of an index in libSQL's form, else nil
	partition   int       // position among the included columns of the one that parts the rows; -1: none

	refs      int   // connected objects
	users     int   // running scans and searches
	begun     bool  // a transaction is open in the engine
	openErr   error // why opener failed, in this transaction
	dirty     bool  // the engine was changed in this transaction
	lost      bool  // the rows lack changes of this transaction: see heal
	healed    bool  // they did so in this transaction
	created   bool  // made in this transaction
	replaced  bool  // a statement with OR REPLACE ran in this transaction
	recreated bool  // the engine was replaced in this transaction
	destroyed bool
	sized     bool  // noteSize has run
	marks     []int // savepoints opened since Begin, ascending
	renames   []rename
}

// rename remembers a name to return to when the savepoint it came after is undone.
type rename struct {
	savepoint int
	old       string
}

// label is schema.table for messages, unquoted; of an index in libSQL's form the name
// that its users know.
func (t *indexTable) label() string {
	if t.anchored != nil {
		return t.schema + "." + t.anchored.name
	}
	return t.schema + "." + t.name
}

// baseGone says that the indexed table is no longer there.
func (t *indexTable) baseGone() error {
	return errorf("%s: the table it indexes (%s.%s) or its triggers are gone; DROP TABLE %s, or recreate the table and run INSERT INTO %s(%s) VALUES('rebuild')",
		t.label(), t.schema, t.baseName, t.name, t.name, t.name)
}

// wrap names the index in an error.
func (t *indexTable) wrap(err error) error { return t.remedy(wrapIndexError(t.label(), err)) }

// enter marks the table as in use until leave, so that a disconnect that SQLite
// asks for meanwhile is put off.
func (t *indexTable) enter() { t.users++ }

func (t *indexTable) leave() {
	t.users--
	if t.users > 0 {
		return
	}
	if t.base != nil {
		t.base.release()
	}
	if t.refs == 0 {
		t.dispose()
	}
}

// heal rebuilds an index that is back from a DROP TABLE undone by ROLLBACK TO. What the
// transaction had changed before the savepoint was in memory only and is gone: SQLite
// does not tell a destroyed table that it lives again.
func (t *indexTable) heal() error {
	if !t.lost {
		return nil
	}
	t.lost, t.healed = false, true
	err := t.cat.conn.Exec("INSERT INTO " + quoteName(t.schema) + "." + quoteName(t.name) + "(" + quoteName(t.name) + ") VALUES('rebuild')")
	if err != nil {
		t.lost = true
	}
	return err
}

// ready opens the engine and finds the indexed table: what every read needs.
func (t *indexTable) ready() error {
	if err := t.heal(); err != nil {
		return err
	}
	if err := t.opener(); err != nil {
		return err
	}
	if err := t.resolveBase(); err != nil {
		return err
	}
	if !t.sized {
		t.sized = true
		t.noteSize()
	}
	if t.onReady == nil {
		return nil
	}
	return t.onReady()
}

// connected counts one more object of SQLite's.
func (t *indexTable) connected() { t.refs++ }

// disconnect counts one object less.
func (t *indexTable) disconnect() error {
	t.refs--
	if t.refs == 0 && t.users == 0 {
		t.dispose()
	}
	return nil
}

// dispose frees what the connection holds and forgets the table.
func (t *indexTable) dispose() {
	if t.begun {
		t.engine.Rollback()
		t.begun = false
	}
	t.closeBase()
	t.tables.Close()
	t.cat.forget(t)
}

func (t *indexTable) closeBase() {
	if t.base != nil {
		t.base.close()
		t.base = nil
	}
	t.baseKnown = false
}

// destroy drops the index: shadow tables, triggers, rows of ours.
func (t *indexTable) destroy() error {
	if err := t.dropTriggers(); err != nil {
		return err
	}
	t.closeBase()
	if err := t.dropPin(); err != nil {
		return err
	}
	if err := t.dropKeys(); err != nil {
		return err
	}
	if err := t.dropPartition(); err != nil {
		return err
	}
	if err := t.tables.Drop(); err != nil {
		return err
	}
	if t.begun {
		t.engine.Rollback()
		t.begun = false
	}
	if t.dirty && len(t.marks) > 0 {
		t.cat.lost[catalogKey(t.schema, t.name)] = true
	}
	t.destroyed = true
	t.forgetSize()
	t.refs--
	t.cat.forget(t)
	return nil
}

// rename follows ALTER TABLE index RENAME. Triggers keep their names; SQLite
// rewrites their text, by which we find them.
func (t *indexTable) rename(name string) error {
	old := t.name
	if err := t.tables.Rename(name); err != nil {
		return err
	}
	if t.begun {
		t.renames = append(t.renames, rename{t.innermost(), old})
	}
	t.setName(name)
	return nil
}

func (t *indexTable) setName(name string) {
	t.forgetSize()
	t.sized = false
	t.cat.forget(t)
	t.name = name
	t.tables.SetName(name)
	t.closeBase()
	t.cat.remember(t)
}

// undoRenames returns to the name before the renames made after savepoint id.
func (t *indexTable) undoRenames(id int) {
	for n := len(t.renames); n > 0 && t.renames[n-1].savepoint >= id; n-- {
		t.setName(t.renames[n-1].old)
		t.renames = t.renames[:n-1]
	}
}

// resolveBase finds the indexed table through the triggers on it. It is asked at
// every use and looks again when the schema has changed, so that renames are
// followed and a dropped table is noticed.
func (t *indexTable) resolveBase() error {
	version, err := t.cat.schemaVersion(t.schema)
	if err != nil {
		return err
	}
	if t.baseKnown && t.baseVersion == version {
		if t.base == nil {
			return t.baseGone()
		}
		return nil
	}
	t.closeBase()
	base, err := t.findBase()
	if err != nil {
		return err
	}
	t.base, t.baseVersion, t.baseKnown = base, version, true
	if base == nil {
		return t.baseGone()
	}
	return nil
}

// find looks for the row that v names, in the index and in the table.
func (t *indexTable) find(v host.Value) (rowid int64, found bool, err error) {
	rowid, ok := asRowID(v)
	if !ok {
		return 0, false, nil
	}
	if found, err = t.engine.Contains(rowid); err != nil || !found {
		return rowid, false, t.wrap(err)
	}
	found, err = t.base.exists(rowid)
	return rowid, found, err
}
