package sqlext

import (
	"errors"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// reconcile makes the hnsw tables of a database agree with its anchors (anchor.go):
//
//	anchor without table   checked, then the table is made and filled
//	table without anchor   dropped: DROP INDEX or DROP TABLE took the anchor
//	both, not in step      made anew: another program dropped the triggers with their
//	                       table, or the index was dropped and made with other
//	                       parameters while nearlite was not there
//
// It runs where a schema may have changed: in our Go driver in the transaction of the
// statement that changed it; on nearlite_reconcile(); and before a search, when the
// schema version is another than at the last look. Files that libSQL wrote are another
// matter (foreign.go).

// metaTable lists the vector indexes of a database, as libSQL's table of that name
// does. To us it is a courtesy to clients: what counts is sqlite_schema.
const metaTable = "libsql_vector_meta_shadow"

// metaMark begins the metadata of rows of ours; libSQL's own are binary.
const metaMark = "nearlite "

// reconcileSchema brings one schema into step and returns how many indexes it made,
// made anew or dropped. Where an anchor is wrong it stops with libSQL's message, or
// passes over it if lenient: it is reported when it is searched.
func (cat *catalog) reconcileSchema(schema string, lenient bool) (changed int, err error) {
	if cat.hostIndexes {
		return 0, nil
	}
	c := cat.conn
	anchors, err := readAnchors(c, schema)
	if err != nil && !lenient {
		return 0, err
	}
	tables, err := cat.anchorTables(schema)
	if err != nil {
		return 0, err
	}
	kept := c.LastInsertRowID()
	defer c.SetLastInsertRowID(kept)
	if err := cat.dropForeign(schema); err != nil {
		return 0, err
	}
	if len(anchors)+len(tables) == 0 {
		return 0, nil
	}
	wanted := map[string]bool{}
	for _, a := range anchors {
		name := foldName(anchorTable(a.name))
		wanted[name] = true
		if sql, there := tables[name]; there {
			if !cat.loaded(schema, anchorTable(a.name)) {
				// A dump is being read back: it writes the row of a virtual table into
				// sqlite_schema, and SQLite sees it when the file is opened again.
				continue
			}
			ok, err := cat.inStep(a, sql)
			if err != nil {
				if lenient {
					continue
				}
				return changed, err
			}
			if ok {
				if err := cat.leadTriggers(a); err != nil {
					return changed, err
				}
				continue
			}
			if err := cat.dropAnchorTable(schema, anchorTable(a.name), a.name); err != nil {
				return changed, err
			}
		}
		switch err := cat.makeAnchorTable(a); {
		case err == nil:
			changed++
		case !lenient:
			return changed, err
		}
	}
	for name, sql := range tables {
		if wanted[name] {
			continue
		}
		anchor := ""
		if args := moduleArgsOf(schema, name, sql); args != nil {
			anchor = args.anchored.name
		}
		if err := cat.dropAnchorTable(schema, name, anchor); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}

// loaded reports whether SQLite knows a table.
func (cat *catalog) loaded(schema, table string) bool {
	st, err := cat.conn.Prepare("SELECT 1 FROM " + quoteName(schema) + "." + quoteName(table) + " LIMIT 0")
	if err != nil {
		return false
	}
	_ = st.Close()
	return true
}

// anchorTables finds the hnsw tables of anchors, present or gone: SQL by folded name.
func (cat *catalog) anchorTables(schema string) (map[string]string, error) {
	tables := map[string]string{}
	err := query(cat.conn, "SELECT name, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type='table' AND name LIKE 'libsql\\_vector\\_%\\_shadow' ESCAPE '\\' AND sql LIKE 'CREATE VIRTUAL TABLE%'",
		nil, func(row host.Stmt) error {
			name, sql := row.Value(0).String(), row.Value(1).String()
			if moduleArgsOf(schema, name, sql) != nil {
				tables[foldName(name)] = sql
			}
			return nil
		})
	return tables, err
}

// moduleArgsOf reads the arguments in the SQL of an hnsw table of an anchor; nil if it
// is none.
func moduleArgsOf(schema, name, sql string) *hnswArgs {
	if args := hnswArgsOf(schema, name, sql); args != nil && args.anchored != nil {
		return args
	}
	return nil
}

// hnswArgsOf reads the arguments in the SQL of an hnsw table; nil if it is none.
func hnswArgsOf(schema, name, sql string) *hnswArgs {
	if tableModule(sql) != "hnsw" {
		return nil
	}
	t := tokenize(sql)
	open := 0
	for open < len(t) && !t[open].is("USING") {
		open++
	}
	for open < len(t) && !t[open].is("(") {
		open++
	}
	end := closing(t, open)
	if end < 0 {
		return nil
	}
	a := host.ModuleArgs{Module: "hnsw", Schema: schema, Table: name}
	for _, arg := range splitArgs(t[open+1 : end]) {
		if len(arg) == 0 {
			return nil
		}
		a.Args = append(a.Args, sql[arg[0].from:arg[len(arg)-1].to])
	}
	args, err := parseHNSWArgs(a)
	if err != nil {
		return nil
	}
	return args
}

// inStep reports whether the table of an anchor was made for what the anchor says and
// has its triggers.
func (cat *catalog) inStep(a *anchor, sql string) (bool, error) {
	args := moduleArgsOf(a.schema, anchorTable(a.name), sql)
	shape, err := describeAnchor(cat.conn, a)
	if err != nil {
		return false, err
	}
	if args == nil || args.anchored.asked != a.asked() || args.anchored.elements != shape.elements || args.params.Dims != shape.dims {
		return false, nil
	}
	triggers, err := indexTriggers(cat.conn, a.schema, anchorTable(a.name))
	if err != nil || len(triggers) != anchorTriggers {
		return false, err
	}
	where := a.where
	if where == "" {
		where = "1"
	}
	for _, tr := range triggers {
		b := &baseTable{}
		switch {
		case foldName(tr.table) != foldName(a.table):
			return false, nil
		case !strings.HasSuffix(strings.TrimSpace(tr.sql), "END"):
			return false, nil
		case tr.readUpsert(b) && (foldName(b.columns[0]) != foldName(a.column) || b.where != where):
			return false, nil
		}
	}
	return true, nil
}

// makeAnchorTable checks an anchor and makes its hnsw table. When that fails it leaves
// nothing behind.
func (cat *catalog) makeAnchorTable(a *anchor) error {
	shape, err := describeAnchor(cat.conn, a)
	if err != nil {
		return err
	}
	p := shape.diskann.params(shape.dims)
	if err := p.Validate(); err != nil {
		return errorf("%s: %v", a.label(), err)
	}
	options := anchorOptions(a, shape.elements, p)
	foreign, err := cat.isForeign(a)
	if err == nil && foreign {
		err = cat.fillAnchor(a)
	}
	if err != nil {
		return err
	}
	meta := quoteName(a.schema) + "." + metaTable
	there, err := cat.tableExists(a.schema, metaTable)
	if err == nil && !there {
		err = cat.conn.Exec("CREATE TABLE " + meta + " ( name TEXT PRIMARY KEY, metadata BLOB ) WITHOUT ROWID")
	}
	if err != nil {
		return err
	}
	// A file of libSQL's has a row already, with what its own index needs.
	err = query(cat.conn, "INSERT OR IGNORE INTO "+meta+"(name, metadata) VALUES(?1, CAST(?2 AS BLOB))",
		[]host.Value{host.TextValue(a.name), host.TextValue(metaMark + options)}, func(host.Stmt) error { return nil })
	if err != nil {
		return err
	}
	return cat.conn.Exec("CREATE VIRTUAL TABLE " + quoteName(a.schema) + "." + quoteName(anchorTable(a.name)) +
		" USING hnsw(" + quoteName(a.table) + ", " + quoteName(shape.column.name) + ", " + options + ")")
}

// dropAnchorTable drops the hnsw table of an anchor and its row in the list.
func (cat *catalog) dropAnchorTable(schema, table, anchor string) error {
	if err := cat.conn.Exec("DROP TABLE IF EXISTS " + quoteName(schema) + "." + quoteName(table)); err != nil {
		return err
	}
	there, err := cat.tableExists(schema, metaTable)
	if err != nil || !there {
		return err
	}
	return query(cat.conn, "DELETE FROM "+quoteName(schema)+"."+metaTable+" WHERE name=?1 COLLATE NOCASE AND NOT "+isForeignMeta,
		[]host.Value{host.TextValue(anchor), host.TextValue(metaMark)}, func(host.Stmt) error { return nil })
}

// reconcileAll is nearlite_reconcile().
func (cat *catalog) reconcileAll(lenient bool) (changed int, err error) {
	schemas, err := cat.schemas()
	if err != nil {
		return 0, err
	}
	for _, s := range schemas {
		n, err := cat.reconcileSchema(s, lenient)
		if err != nil {
			return changed, err
		}
		changed += n
	}
	clear(cat.settled)
	return changed, nil
}

// rebuildNamed is REINDEX: it makes the contents of indexes in libSQL's form anew. name
// is that of an index or a table, with or without schema; "" means all.
func (cat *catalog) rebuildNamed(name string) (rebuilt int, err error) {
	schema, only := "", ""
	if name != "" {
		schema, only, _ = parseName(name)
	}
	schemas, err := cat.schemas()
	if err != nil {
		return 0, err
	}
	for _, s := range schemas {
		if schema != "" && foldName(s) != foldName(schema) {
			continue
		}
		anchors, err := readAnchors(cat.conn, s)
		if err != nil {
			return rebuilt, err
		}
		for _, a := range anchors {
			if only != "" && foldName(only) != foldName(a.name) && foldName(only) != foldName(a.table) {
				continue
			}
			t := quoteName(anchorTable(a.name))
			if err := cat.conn.Exec("INSERT INTO " + quoteName(s) + "." + t + "(" + t + ") VALUES('rebuild')"); err != nil {
				return rebuilt, err
			}
			rebuilt++
		}
		if only != "" {
			n, err := cat.rebuildIncluding(s, only)
			if err != nil {
				return rebuilt, err
			}
			rebuilt += n
		}
	}
	return rebuilt, nil
}

// rebuildIncluding rebuilds the indexes in our form that include columns of a table. What
// is REINDEX for, a change of a collation, is their matter, too: no trigger told them of
// a change that was none under the old one.
func (cat *catalog) rebuildIncluding(schema, table string) (rebuilt int, err error) {
	var names []string
	err = query(cat.conn, "SELECT name, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type='table' AND sql LIKE 'CREATE VIRTUAL TABLE%'",
		nil, func(row host.Stmt) error {
			name := row.Value(0).String()
			if args := hnswArgsOf(schema, name, row.Value(1).String()); args != nil && args.anchored == nil && len(args.columns()) > 1 {
				names = append(names, name)
			}
			return nil
		})
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		triggers, err := indexTriggers(cat.conn, schema, name)
		if err != nil {
			return rebuilt, err
		}
		if len(triggers) == 0 || foldName(triggers[0].table) != foldName(table) {
			continue
		}
		t := quoteName(name)
		if err := cat.conn.Exec("INSERT INTO " + quoteName(schema) + "." + t + "(" + t + ") VALUES('rebuild')"); err != nil {
			return rebuilt, err
		}
		rebuilt++
	}
	return rebuilt, nil
}

// settle makes sure, before a search, that the anchors of a schema have their tables.
// It costs one comparison as long as the schema does not change.
func (cat *catalog) settle(schema string) error {
	version, err := cat.schemaVersion(schema)
	if err != nil {
		return err
	}
	key := foldName(schema)
	if seen, ok := cat.settled[key]; ok && seen == version {
		return nil
	}
	if err := cat.settleNow(schema); err != nil {
		return err
	}
	if version, err = cat.schemaVersion(schema); err == nil {
		cat.settled[key] = version
	}
	return err
}

func (cat *catalog) settleNow(schema string) error {
	_, err := cat.reconcileSchema(schema, false)
	var he *host.Error
	if errors.As(err, &he) && he.Code&0xff == host.CodeLocked {
		// Tables cannot be dropped while a statement reads, and a search is one. What is
		// left behind has no anchor, so that nothing finds it.
		return nil
	}
	return err
}

// alias is an answer of anchoredTable that holds for a version of the schema.
type alias struct {
	version int64
	table   string
}

// anchoredTable finds the hnsw table of the anchor of that name, "" if there is none.
// exact: the name has to agree in case. The schema must exist.
func (cat *catalog) anchoredTable(schema, name string, exact bool) (string, error) {
	if table := cat.knownAlias(schema, name); table != "" {
		return table, nil
	}
	// The version alone is no proof: after a ROLLBACK it counts over the same numbers.
	delete(cat.settled, foldName(schema))
	if err := cat.settle(schema); err != nil {
		return "", err
	}
	a, err := readAnchor(cat.conn, schema, name)
	if err != nil || a == nil || exact && a.name != name {
		return "", err
	}
	table := anchorTable(a.name)
	if a.name == name {
		cat.aliases[schema+"."+name] = alias{cat.settled[foldName(schema)], table}
	}
	return table, nil
}

// knownAlias is anchoredTable without any query, for repeated searches. It knows
// tables that are connected: SQLite disconnects them when it reads the schema again,
// as it does after a ROLLBACK of DDL.
func (cat *catalog) knownAlias(schema, name string) string {
	a, ok := cat.aliases[schema+"."+name]
	if !ok || cat.tables[catalogKey(schema, a.table)] == nil {
		return ""
	}
	if version, err := cat.schemaVersion(schema); err != nil || version != a.version {
		delete(cat.aliases, schema+"."+name)
		return ""
	}
	return a.table
}

// reconcileFunctions are
//
//	nearlite_reconcile()      all schemas
//	nearlite_reconcile(name)  the same, and makes the contents of an index, or of those
//	                          of a table, anew; the empty name means all in libSQL's form
//	nearlite_reconcile(0)     all schemas, and passes over indexes that cannot be made
//
// All return how many indexes they made or changed.
func (cat *catalog) reconcileFunctions() []host.Function {
	reconcile := func(ctx host.Context, args []host.Value) {
		n, err := cat.reconcileAll(len(args) == 1 && args[0].Kind == host.Integer)
		if err == nil && len(args) == 1 && args[0].Kind == host.Text {
			n, err = cat.rebuildNamed(args[0].String())
		}
		if err != nil {
			ctx.ResultError(err)
			return
		}
		ctx.ResultValue(host.IntValue(int64(n)))
	}
	return []host.Function{
		{Name: "nearlite_reconcile", NArg: 0, Volatile: true, DirectOnly: true, Call: reconcile},
		{Name: "nearlite_reconcile", NArg: 1, Volatile: true, DirectOnly: true, Call: reconcile},
	}
}
