package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
)

// A table WITHOUT ROWID has no rowids to index. Its anchored index numbers the keys
// in a table of its own,
//
//	<index>_keys(nearlite_id INTEGER PRIMARY KEY, nearlite_key UNIQUE COLLATE ...)
//
// and wherever SQL reads the indexed table, it reads the join of both, in which
// nearlite_id stands for the rowid.

const (
	keyColumn  = "nearlite_key"
	keyedRowID = "nearlite_id"
	keysSuffix = "_keys"
)

// keysTable is the quoted name of the table of keys.
func keysTable(schema, index string) string {
	return quoteName(schema) + "." + quoteName(index+keysSuffix)
}

// keyedSource is the FROM clause over the indexed table with its numbers. CROSS JOIN
// keeps the order: by number to the key, by key to the row.
func keyedSource(a *anchor, key string) string {
	return keysTable(a.schema, anchorTable(a.name)) + " CROSS JOIN " + quoteName(a.schema) + "." + quoteName(a.table) +
		" ON " + quoteName(a.schema) + "." + quoteName(a.table) + "." + quoteName(key) + " = " + keyColumn
}

// createKeys makes and fills the table of keys, if one is needed.
func (t *vectorTable) createKeys(s *anchorShape) error {
	if s.key == "" {
		return nil
	}
	collate := ""
	if s.collate != "" {
		collate = " COLLATE " + quoteName(s.collate)
	}
	return t.cat.conn.Exec("CREATE TABLE " + keysTable(t.schema, t.name) + "(" + keyedRowID + " INTEGER PRIMARY KEY, " +
		keyColumn + collate + " NOT NULL UNIQUE)")
}

// fillKeys numbers all keys anew.
func (t *vectorTable) fillKeys(base *baseTable) error {
	if base.source == "" {
		return nil
	}
	an, err := readAnchor(t.cat.conn, t.schema, t.anchored.name)
	if err != nil || an == nil {
		return err
	}
	shape, err := describeAnchor(t.cat.conn, an)
	if err != nil {
		return err
	}
	if err := t.cat.conn.Exec("DELETE FROM " + keysTable(t.schema, t.name)); err != nil {
		return err
	}
	key := quoteName(shape.key)
	sql := "INSERT INTO " + keysTable(t.schema, t.name) + "(" + keyColumn + ") SELECT " + key + " FROM " +
		quoteName(t.schema) + "." + quoteName(an.table) + " WHERE " + quoteName(shape.column.name) + " IS NOT NULL"
	if an.where != "" {
		sql += " AND (" + an.where + ")"
	}
	return t.cat.conn.Exec(sql + " ORDER BY " + key)
}

// keyID returns the number of a key, giving it one if add is set.
func (t *vectorTable) keyID(key host.Value, add bool) (id int64, found bool, err error) {
	sql := "SELECT " + keyedRowID + " FROM " + keysTable(t.schema, t.name) + " WHERE " + keyColumn + " = ?1"
	if add {
		// Under a collation such as NOCASE the same key may be spelled otherwise now.
		sql = "INSERT INTO " + keysTable(t.schema, t.name) + "(" + keyColumn + ") VALUES(?1) ON CONFLICT(" + keyColumn +
			") DO UPDATE SET " + keyColumn + " = excluded." + keyColumn + " RETURNING " + keyedRowID
	}
	kept := t.cat.conn.LastInsertRowID()
	err = query(t.cat.conn, sql, []host.Value{key}, func(row host.Stmt) error {
		id, found = row.Value(0).Int, true
		return nil
	})
	t.cat.conn.SetLastInsertRowID(kept)
	return id, found, err
}

// forgetKey takes a number back.
func (t *vectorTable) forgetKey(id int64) error {
	return query(t.cat.conn, "DELETE FROM "+keysTable(t.schema, t.name)+" WHERE "+keyedRowID+" = ?1",
		[]host.Value{host.IntValue(id)}, func(host.Stmt) error { return nil })
}

// keyOf returns the key of a number, copied.
func (t *vectorTable) keyOf(id int64) (key host.Value, err error) {
	err = query(t.cat.conn, "SELECT "+keyColumn+" FROM "+keysTable(t.schema, t.name)+" WHERE "+keyedRowID+" = ?1",
		[]host.Value{host.IntValue(id)}, func(row host.Stmt) error {
			key = row.Value(0)
			key.Bytes = append([]byte(nil), key.Bytes...)
			return nil
		})
	return key, err
}

// dropKeys removes the table of keys, if there is one.
func (t *indexTable) dropKeys() error {
	if t.anchored == nil {
		return nil
	}
	return t.cat.conn.Exec("DROP TABLE IF EXISTS " + keysTable(t.schema, t.name))
}

// addKeys puts the keys into rows that are known by their numbers.
func (t *vectorTable) addKeys(rows []searchRow) (err error) {
	if t.anchored == nil || !t.anchored.keyed {
		return nil
	}
	for i := range rows {
		if rows[i].key, err = t.keyOf(rows[i].id); err != nil {
			return err
		}
	}
	return nil
}
