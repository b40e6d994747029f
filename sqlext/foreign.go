package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
)

// Files that libSQL wrote have indexes of SQLite's that are empty: libSQL keeps the
// vectors elsewhere. Any other SQLite takes them for ordinary indexes and so counts no
// rows, and reports damage when it deletes one. So there is no reading such a file
// without making it ours, and that happens when it is opened: SQLite's index is filled
// and an hnsw table made beside what libSQL has. From then on libSQL refuses to write
// the table, because it does not know the module of the triggers, and its own index
// cannot fall behind unnoticed.

// isForeignMeta is the condition of rows that libSQL wrote; ?2 is metaMark.
const isForeignMeta = "CAST(substr(metadata, 1, length(?2)) AS TEXT) IS NOT ?2"

// dropForeign removes what libSQL kept for indexes that are dropped now. libSQL would
// find its metadata when the index is made again, and make it empty.
func (cat *catalog) dropForeign(schema string) error {
	there, err := cat.tableExists(schema, metaTable)
	if err != nil || !there {
		return err
	}
	c, s := cat.conn, quoteName(schema)
	var gone []string
	err = query(c, "SELECT name FROM "+s+"."+metaTable+" AS m WHERE "+isForeignMeta+
		" AND NOT EXISTS (SELECT 1 FROM "+s+".sqlite_schema AS x WHERE x.type='index' AND x.name=m.name COLLATE NOCASE) AND ?1 IS NULL",
		[]host.Value{{}, host.TextValue(metaMark)}, func(row host.Stmt) error {
			gone = append(gone, row.Value(0).String())
			return nil
		})
	if err != nil {
		return err
	}
	for _, name := range gone {
		shaped := false
		err := query(c, "SELECT 1 FROM "+s+".sqlite_schema WHERE type='table' AND name=?1 COLLATE NOCASE AND sql LIKE 'CREATE TABLE %(index\\_key%data BLOB%' ESCAPE '\\'",
			[]host.Value{host.TextValue(name + "_shadow")}, func(host.Stmt) error { shaped = true; return nil })
		if err == nil && shaped {
			err = c.Exec("DROP TABLE " + s + "." + quoteName(name+"_shadow"))
		}
		if err == nil {
			err = query(c, "DELETE FROM "+s+"."+metaTable+" WHERE name=?1", []host.Value{host.TextValue(name)}, func(host.Stmt) error { return nil })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isForeign reports whether libSQL wrote an index.
func (cat *catalog) isForeign(a *anchor) (foreign bool, err error) {
	there, err := cat.tableExists(a.schema, metaTable)
	if err != nil || !there {
		return false, err
	}
	err = query(cat.conn, "SELECT 1 FROM "+quoteName(a.schema)+"."+metaTable+" WHERE name=?1 COLLATE NOCASE AND "+isForeignMeta,
		[]host.Value{host.TextValue(a.name), host.TextValue(metaMark)}, func(host.Stmt) error { foreign = true; return nil })
	return foreign, err
}

// fillAnchor fills SQLite's own index, which libSQL leaves empty. SQLite takes that for
// damage as soon as a row is deleted.
func (cat *catalog) fillAnchor(a *anchor) error {
	cat.adopting = true
	defer func() { cat.adopting = false }()
	return cat.conn.Exec("REINDEX " + quoteName(a.schema) + "." + quoteName(a.name))
}

// atOpen makes the indexes ours that libSQL wrote, and repairs what programs without
// nearlite have left: they can drop an anchor, but not what belongs to it.
func (cat *catalog) atOpen() error {
	if cat.hostIndexes {
		return nil
	}
	astray, err := cat.isAstray("main")
	if err != nil || !astray {
		return err
	}
	foreign, err := cat.findForeign()
	if err != nil {
		return err
	}
	alone := cat.conn.Autocommit()
	if err := cat.conn.Exec("SAVEPOINT nearlite_adopt"); err != nil {
		return err
	}
	_, err = cat.reconcileSchema("main", foreign == "")
	if err == nil {
		err = cat.conn.Exec("RELEASE nearlite_adopt")
	}
	if err != nil {
		switch {
		case cat.conn.Autocommit():
		case alone: // RELEASE would commit, and may have failed because of a reader
			_ = cat.conn.Exec("ROLLBACK")
		default:
			_ = cat.conn.Exec("ROLLBACK TO nearlite_adopt; RELEASE nearlite_adopt")
		}
		if foreign == "" {
			return nil // a file that cannot be written, for example; a search says more
		}
		return errorf("%s is an index of libSQL's own, under which SQLite miscounts rows; nearlite cannot make it its own: %w", foreign, err)
	}
	return nil
}

// isAstray reports whether a schema has an anchor without its table or a table without
// its anchor.
func (cat *catalog) isAstray(schema string) (astray bool, err error) {
	tables, err := cat.anchorTables(schema)
	if err != nil {
		return false, err
	}
	anchors, err := readAnchors(cat.conn, schema)
	if err != nil && len(anchors) == 0 {
		return len(tables) > 0, nil //nolint:nilerr // the search for it reports it
	}
	for _, a := range anchors {
		name := foldName(anchorTable(a.name))
		if _, there := tables[name]; !there {
			return true, nil
		}
		delete(tables, name)
	}
	return len(tables) > 0, nil
}

// refuseForeign is called for each row that is written to a table under an index in
// libSQL's form. It is an error as long as main has one that libSQL wrote: another
// process made it after the file was opened.
func (cat *catalog) refuseForeign() error {
	if cat.adopting {
		return nil
	}
	var version int64
	var err error
	if len(cat.tables) > 0 {
		version, err = cat.schemaVersion("main")
	} else {
		// A statement kept now would have nobody to close it.
		err = query(cat.conn, "PRAGMA main.schema_version", nil, func(row host.Stmt) error {
			version = row.Value(0).Int
			return nil
		})
	}
	if err != nil {
		return err
	}
	if !cat.foreignKnown || cat.foreignVersion != version {
		if cat.foreign, err = cat.findForeign(); err != nil {
			return err
		}
		cat.foreignVersion, cat.foreignKnown = version, true
	}
	if cat.foreign != "" {
		return errorf("%s is an index of libSQL's own; SELECT nearlite_reconcile() makes it nearlite's", cat.foreign)
	}
	return nil
}

// findForeign finds an index of main that libSQL wrote and that is not ours yet.
func (cat *catalog) findForeign() (label string, err error) {
	there, err := cat.tableExists("main", metaTable)
	if err != nil || !there {
		return "", err
	}
	anchors, err := readAnchors(cat.conn, "main")
	if err != nil {
		return "", nil //nolint:nilerr // reconcile reports what is wrong with it
	}
	for _, a := range anchors {
		foreign, err := cat.isForeign(a)
		if err != nil {
			return "", err
		}
		there, err := cat.tableExists("main", anchorTable(a.name))
		if err != nil {
			return "", err
		}
		if foreign && !there {
			return a.label(), nil
		}
	}
	return "", nil
}
