package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// keepVectors tells the index whether searches may keep vectors of the table in memory
// (hnsw.Index.KeepVectors): only while no row can change without the index being told,
// that is
//
//   - all our triggers are there. Dropping one, and making it again, moves the version
//     of the schema, with which everything kept is forgotten;
//   - no UNIQUE constraint lets INSERT OR REPLACE take rows away unseen (ghosts.go);
//   - this connection does not write: within a statement the table may be ahead of the
//     index, in a trigger of the user's for example.
//
// Otherwise each vector is read from the table, every time.
func (t *vectorTable) keepVectors() error {
	w, ok := t.cat.conn.(host.WriteState)
	if !ok || w.Writing() {
		t.index.KeepVectors(0)
		return nil
	}
	if !t.steadyKnown || t.steadyAt != t.baseVersion {
		steady, err := t.isSteady()
		if err != nil {
			return err
		}
		t.steady, t.steadyAt, t.steadyKnown = steady, t.baseVersion, true
	}
	stamp := int64(0)
	if t.steady {
		stamp = t.baseVersion<<1 | 1
	}
	t.index.KeepVectors(stamp)
	return nil
}

// isSteady reports whether rows change through our triggers only.
func (t *vectorTable) isSteady() (bool, error) {
	b := t.base
	if b.where != "" || b.source != "" {
		return false, nil
	}
	triggers, err := indexTriggers(t.cat.conn, t.schema, t.name)
	if err != nil {
		return false, err
	}
	want := nativeTriggers
	if t.anchored != nil {
		want = anchorTriggers
	}
	if len(triggers) != want {
		return false, nil
	}
	for _, tr := range triggers {
		if foldName(tr.table) != foldName(b.table) {
			return false, nil
		}
	}
	unique, err := hasUnique(t.cat.conn, t.schema, b.table)
	return !unique, err
}

// hasUnique reports whether a table has a UNIQUE constraint besides its rowid.
func hasUnique(c host.Conn, schema, table string) (unique bool, err error) {
	err = query(c, `SELECT 1 FROM pragma_index_list(?1, ?2) WHERE "unique" LIMIT 1`,
		[]host.Value{host.TextValue(table), host.TextValue(schema)}, func(host.Stmt) error { unique = true; return nil })
	return unique, err
}
