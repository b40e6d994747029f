package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// INSERT OR REPLACE and UPDATE OR REPLACE delete the rows in their way without firing
// delete triggers, unless PRAGMA recursive_triggers is on. Entries of such rows, ghosts,
// are skipped by every search. They can only come about when the table has a UNIQUE
// constraint besides its rowid: the row that takes a rowid over has its trigger fired.
//
// Ghosts are removed before the commit of a transaction that replaced rows, and whose
// triggers told us so, if the index is small enough to be looked through; else by
// 'optimize'.

// sweepRows is the size of an index up to which a commit looks through all of it: some
// ten milliseconds.
const sweepRows = 20_000

// noteConflict remembers that the running statement may have replaced rows.
func (t *indexTable) noteConflict() {
	if t.cat.conn.OnConflict() == host.Replace {
		t.replaced = true
	}
}

// sweepBeforeCommit removes ghosts if there can be any and it does not take long.
func (t *indexTable) sweepBeforeCommit() error {
	if !t.replaced {
		return nil
	}
	n, err := t.engine.Rows()
	if err != nil || n > sweepRows {
		return t.wrap(err)
	}
	if err := t.resolveBase(); err != nil {
		return nil //nolint:nilerr // the table was dropped since: it has no rows to compare with
	}
	unique, err := hasUnique(t.cat.conn, t.schema, t.base.table)
	if err != nil || !unique {
		return err
	}
	if err := t.sweep(); err != nil {
		return err
	}
	t.replaced = false
	return nil
}

// sweep removes the entries of rows that are gone.
func (t *indexTable) sweep() error {
	if err := t.resolveBase(); err != nil {
		return err
	}
	var ghosts []int64
	err := t.engine.Scan(func(rowid int64) (bool, error) {
		ok, err := t.base.exists(rowid)
		if err == nil && !ok {
			ghosts = append(ghosts, rowid)
		}
		return true, err
	})
	if err != nil {
		return t.wrap(err)
	}
	for _, rowid := range ghosts {
		if _, err := t.engine.Delete(rowid); err != nil {
			return t.wrap(err)
		}
	}
	return nil
}
