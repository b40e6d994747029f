package sqlext

// The transaction hooks of both kinds of virtual table. SQLite calls Begin before
// the first write of a transaction, except after xCreate, which is followed by
// Sync and Commit at once: create begins the engine itself. Every hook may come
// through more than one connected object, and is harmless the second time.

func (t *indexTable) begin() error {
	if t.begun || t.destroyed {
		return nil
	}
	// A damaged index must not keep itself from being dropped or rebuilt: the error
	// waits for the first change.
	if t.openErr = t.opener(); t.openErr != nil {
		return nil //nolint:nilerr // see above
	}
	if err := t.engine.Begin(); err != nil {
		return t.wrap(err)
	}
	t.begun = true
	t.highest = -1
	return nil
}

// sync writes what is pending. It leaves last_insert_rowid() alone, which the
// user's own INSERT has set.
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
		if !there {
			t.rollback()
			return nil
		}
	}
	c := t.cat.conn
	kept := c.LastInsertRowID()
	err := t.engine.Sync()
	c.SetLastInsertRowID(kept)
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
	t.ended()
}

func (t *indexTable) ended() {
	t.begun, t.created = false, false
	t.highest = -1
	t.renames = nil
}

func (t *indexTable) savepoint(id int) error {
	if !t.begun {
		return nil
	}
	t.highest = max(t.highest, id)
	return t.wrap(t.engine.Savepoint(id))
}

func (t *indexTable) release(id int) error {
	if !t.begun {
		return nil
	}
	t.highest = min(t.highest, id-1)
	return t.wrap(t.engine.Release(id))
}

func (t *indexTable) rollbackTo(id int) error {
	if !t.begun {
		return nil
	}
	t.undoRenames(id)
	t.highest = min(t.highest, id)
	return t.wrap(t.engine.RollbackTo(id))
}
