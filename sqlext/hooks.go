package sqlext

// The transaction hooks of both kinds of virtual table.
//
// SQLite calls Begin before the first write of a transaction, except after xCreate,
// which is followed by Sync and Commit: create begins the engine itself. A table
// that was connected again in the middle of a transaction has two objects, and each
// gets every hook; the second call must change nothing.
//
// Savepoints are numbered from 0; -1 is the SAVEPOINT that started the transaction.
// An object is told of those opened after its Begin. At Begin it is told of the
// innermost one, which then stands for all that were open, and may be released
// before the others. Therefore: a savepoint that we know is one opened since Begin;
// any other was opened before, and returning to it is returning to the state at
// Begin.

func (t *indexTable) begin() error {
	if t.begun || t.destroyed {
		return nil
	}
	// A damaged index must not keep itself from being dropped or rebuilt: the error
	// waits for the first change.
	if t.openErr = t.opener(); t.openErr != nil {
		return nil //nolint:nilerr // see above
	}
	if err := t.wrap(t.engine.Begin()); err != nil {
		if isDamage(err) {
			t.openErr = err
			return nil
		}
		return err
	}
	t.begun = true
	return nil
}

// sync does all of COMMIT that can fail. It leaves last_insert_rowid() alone, which
// the user's own INSERT has set.
func (t *indexTable) sync() error {
	if !t.begun || t.destroyed {
		return nil
	}
	if t.created {
		// ROLLBACK TO a savepoint before our CREATE undoes the tables, but SQLite
		// does not tell objects made after that savepoint.
		there, err := t.cat.tableExists(t.schema, t.name)
		if err != nil {
			return err
		}
		if !there || !t.inStep() {
			t.abandon()
			return nil
		}
	}
	if t.lost && t.resolveBase() == nil {
		t.lost = false
		if err := t.rebuild(t.self.(indexKind)); err != nil {
			return err
		}
	}
	if err := t.sweepBeforeCommit(); err != nil {
		return err
	}
	err := t.flush()
	if err == nil && t.dirty {
		t.noteSize()
	}
	return err
}

// inStep reports whether an index made in this transaction is still the one in the
// shadow tables. ROLLBACK TO a savepoint before our CREATE undoes it, and brings back an
// index of that name which was dropped after the savepoint.
func (t *indexTable) inStep() bool {
	e, ok := t.engine.(interface{ InStep() (bool, error) })
	if !ok || !t.created {
		return true
	}
	same, err := e.InStep()
	return err == nil && same
}

// abandon forgets an index whose CREATE was undone.
func (t *indexTable) abandon() {
	t.rollback()
	t.cat.forget(t)
}

// flush writes what is pending to the shadow tables.
func (t *indexTable) flush() error {
	if !t.begun || t.destroyed {
		return nil
	}
	c := t.cat.conn
	kept := c.LastInsertRowID()
	err := t.engine.Sync()
	c.SetLastInsertRowID(kept)
	if t.base != nil && t.users == 0 {
		// What measuring the probes has read must not keep a read transaction open.
		t.base.release()
	}
	return t.wrap(err)
}

func (t *indexTable) commit() {
	if t.begun && !t.destroyed {
		t.engine.Commit()
	}
	t.ended()
}

func (t *indexTable) rollback() {
	if t.begun && !t.destroyed {
		t.engine.Rollback()
	}
	t.undoRenames(-1)
	if t.recreated {
		t.closer()
	}
	t.ended()
}

func (t *indexTable) ended() {
	t.begun, t.dirty, t.created, t.recreated, t.replaced = false, false, false, false, false
	t.lost, t.healed = false, false
	t.marks, t.renames = t.marks[:0], nil
}

// forgetEngine drops an engine whose rows have been replaced under it. What undoes
// that also takes back the rows of the engine opened next: it is opened again then.
func (t *indexTable) forgetEngine() {
	if t.begun {
		t.engine.Rollback()
	}
	t.closer()
	t.begun, t.openErr, t.recreated = false, nil, true
	t.marks = t.marks[:0]
}

// innermost is the highest savepoint that we know of.
func (t *indexTable) innermost() int {
	if n := len(t.marks); n > 0 {
		return t.marks[n-1]
	}
	return -1
}

func (t *indexTable) savepoint(id int) error {
	if !t.begun || id <= t.innermost() {
		return nil
	}
	if err := t.engine.Savepoint(id); err != nil {
		return t.wrap(err)
	}
	t.marks = append(t.marks, id)
	return nil
}

func (t *indexTable) release(id int) error {
	for i := range t.renames {
		t.renames[i].savepoint = min(t.renames[i].savepoint, id-1)
	}
	if !t.begun || id > t.innermost() {
		return nil
	}
	n := len(t.marks)
	for n > 0 && t.marks[n-1] >= id {
		n--
	}
	err := t.engine.Release(t.marks[n])
	t.marks = t.marks[:n]
	return t.wrap(err)
}

func (t *indexTable) rollbackTo(id int) error {
	t.undoRenames(id)
	// What heal has written may be undone, too.
	t.lost = t.lost || t.healed
	if !t.begun {
		return nil
	}
	n := len(t.marks)
	for n > 0 && t.marks[n-1] > id {
		n--
	}
	t.marks = t.marks[:n]
	if n > 0 && t.marks[n-1] == id {
		return t.wrap(t.engine.RollbackTo(id))
	}
	t.engine.Rollback()
	t.begun, t.marks = false, t.marks[:0]
	if t.recreated {
		t.closer()
	}
	if t.created {
		return nil // the savepoint is older than the table, which is gone
	}
	return t.begin()
}
