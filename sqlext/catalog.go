package sqlext

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// catalog knows the indexes that one connection has connected, so that the search
// functions find them by name and share the connection's own handle: a transaction
// sees its own changes.
type catalog struct {
	conn    host.Conn
	tables  map[string]*indexTable // by folded schema.name
	byName  map[string]*indexTable // resolved argument texts; emptied by every change
	cursors map[uint64]*lexicalRows
	cursor  uint64 // last cursor id given out

	lost     map[string]bool      // indexes dropped with unwritten changes, by folded schema.name
	versions map[string]host.Stmt // PRAGMA schema_version by schema
	settled  map[string]int64     // schema version at the last reconcile, by folded schema
	aliases  map[string]alias     // of anchored indexes, by schema.name

	// An index of main that libSQL wrote, "" if there is none, at a schema version.
	foreign        string
	foreignVersion int64
	foreignKnown   bool
	adopting       bool // REINDEX of such an index runs

	// hostIndexes: the host has libsql_vector_idx itself, so indexes made with it are
	// the host's and stay so.
	hostIndexes bool
}

func newCatalog(c host.Conn) *catalog {
	return &catalog{
		conn:     c,
		tables:   map[string]*indexTable{},
		byName:   map[string]*indexTable{},
		cursors:  map[uint64]*lexicalRows{},
		lost:     map[string]bool{},
		versions: map[string]host.Stmt{},
		settled:  map[string]int64{},
		aliases:  map[string]alias{},
	}
}

// registerModules registers the virtual table modules and the functions that work
// on their rows.
func (cat *catalog) registerModules() error {
	if err := cat.conn.CreateModule("hnsw", cat.hnswModule()); err != nil {
		return err
	}
	if err := cat.conn.CreateModule("lexical", cat.lexicalModule()); err != nil {
		return err
	}
	for _, f := range slices.Concat(cat.lexicalFunctions(), cat.hnswFunctions(), cat.reconcileFunctions(), cacheFunctions()) {
		if err := cat.conn.CreateFunction(f); err != nil {
			return err
		}
	}
	return nil
}

// context is done when the running statement is interrupted.
func (cat *catalog) context() context.Context {
	if ctx := cat.conn.Interrupt(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func catalogKey(schema, name string) string { return foldName(schema) + "." + foldName(name) }

func (cat *catalog) remember(t *indexTable) {
	cat.tables[catalogKey(t.schema, t.name)] = t
	clear(cat.byName)
}

func (cat *catalog) forget(t *indexTable) {
	key := catalogKey(t.schema, t.name)
	if cat.tables[key] == t {
		delete(cat.tables, key)
	}
	clear(cat.byName)
	cat.closeVersions()
}

// closeVersions releases the statements after the last table: SQLite disconnects the
// tables before it closes the connection, which it refuses while a statement is left.
func (cat *catalog) closeVersions() {
	if len(cat.tables) > 0 {
		return
	}
	for schema, st := range cat.versions {
		_ = st.Close()
		delete(cat.versions, schema)
	}
}

// inTransaction is the state of an index whose changes in the running transaction a
// newly connected object must share. Without changes a new object starts anew: the
// index of that name may be another one by now, while a statement of old still holds
// the object of the first.
func (cat *catalog) inTransaction(a host.ModuleArgs) *indexTable {
	t := cat.tables[catalogKey(a.Schema, a.Table)]
	if t == nil || !t.begun {
		return nil
	}
	if !t.inStep() {
		t.abandon()
		return nil
	}
	return t
}

// takeLost reports whether the index is back from a DROP TABLE in the running
// transaction, which took changes along that had not been written.
func (cat *catalog) takeLost(a host.ModuleArgs) bool {
	key := catalogKey(a.Schema, a.Table)
	lost := cat.lost[key] && !cat.conn.Autocommit()
	delete(cat.lost, key)
	return lost
}

// vectorIndex returns the vector index of that name, "name" or "schema.name". An
// unqualified name is looked for as SQLite does: temp, main, then the attached
// databases. The table is resolved and its base table is there.
//
// A caller that keeps the table for longer than one call brackets its work in
// enter and leave.
func (cat *catalog) vectorIndex(name string) (*vectorTable, error) {
	t, err := cat.lookup(name, "hnsw")
	if err != nil {
		return nil, err
	}
	return t.self.(*vectorTable), nil
}

// lexicalIndex returns the lexical index of that name; see vectorIndex.
func (cat *catalog) lexicalIndex(name string) (*lexicalTable, error) {
	t, err := cat.lookup(name, "lexical")
	if err != nil {
		return nil, err
	}
	return t.self.(*lexicalTable), nil
}

func (cat *catalog) lookup(name, module string) (*indexTable, error) {
	t := cat.byName[name]
	kept := t != nil
	if !kept {
		found, err := cat.find(name, module)
		if err != nil {
			// Looking may have prepared a version's statement, and no table is there
			// whose end would close it.
			cat.closeVersions()
			return nil, err
		}
		t = found
	}
	if t.module != module {
		return nil, wrongModule(t.label(), t.module, module)
	}
	// Asking for the schema version also makes SQLite notice changes by other
	// connections now, and disconnect t if it must, rather than in mid-search.
	known, version := t.baseKnown, t.baseVersion
	t.enter()
	err := t.ready()
	t.leave()
	if kept && !(known && t.baseKnown && t.baseVersion == version) {
		// The index may have been made again. SQLite keeps the object of the one before as
		// long as a prepared statement refers to it, and connects the new one when asked.
		delete(cat.byName, name)
		return cat.lookup(name, module)
	}
	if err != nil {
		return nil, err
	}
	if t.refs == 0 {
		return cat.lookup(name, module) // it was disconnected: connect it anew
	}
	cat.byName[name] = t
	return t, nil
}

func wrongModule(label, got, want string) error {
	return errorf("%s is a %s index, want one of USING %s", label, got, want)
}

// find connects the index of that name if it is not connected yet.
func (cat *catalog) find(name, module string) (*indexTable, error) {
	schema, table, ok := parseName(name)
	if !ok {
		return nil, errorf("the index name is empty, want the name of a table made with USING %s", module)
	}
	schemas, err := cat.schemas()
	if err != nil {
		return nil, err
	}
	if schema != "" {
		schemas = slices.DeleteFunc(schemas, func(s string) bool { return foldName(s) != foldName(schema) })
	}
	for _, s := range schemas {
		there, err := cat.tableExists(s, table)
		if err != nil {
			return nil, err
		}
		if !there {
			alias, err := cat.anchoredTable(s, table, false)
			if err != nil {
				return nil, err
			}
			if alias == "" {
				continue
			}
			if cat.hostIndexes {
				return nil, errorf("%s.%s is an index of libSQL's own, which vector_top_k searches; "+
					"for nearlite's searches: CREATE VIRTUAL TABLE ... USING hnsw(table, column)", s, table)
			}
			table = alias
		}
		// Preparing any statement on the table connects it.
		st, err := cat.conn.Prepare("SELECT 1 FROM " + quoteName(s) + "." + quoteName(table) + " LIMIT 0")
		if err != nil {
			return nil, err
		}
		_ = st.Close()
		if t := cat.tables[catalogKey(s, table)]; t != nil {
			return t, nil
		}
		return nil, errorf("%s.%s is no index, want a table made with USING %s", s, table, module)
	}
	return nil, cat.unknownIndex(name, module)
}

// unknownIndex names the indexes there are.
func (cat *catalog) unknownIndex(name, module string) error {
	have, err := cat.indexNames(module)
	if err != nil {
		return err
	}
	if len(have) == 0 {
		return errorf("no such index: %s; there is none yet: CREATE VIRTUAL TABLE %s USING %s(table, column)", name, name, module)
	}
	return errorf("no such index: %s, want one of %s", name, strings.Join(have, ", "))
}

// indexNames lists the indexes of a module in all schemas; those outside main with
// their schema.
func (cat *catalog) indexNames(module string) ([]string, error) {
	schemas, err := cat.schemas()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range schemas {
		err := query(cat.conn, "SELECT name, sql FROM "+quoteName(s)+".sqlite_schema WHERE type='table' AND sql LIKE 'CREATE VIRTUAL TABLE%'", nil,
			func(row host.Stmt) error {
				if tableModule(row.Value(1).String()) != module {
					return nil
				}
				name := row.Value(0).String()
				if s != "main" {
					name = s + "." + name
				}
				out = append(out, name)
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	sort.Strings(out)
	return out, nil
}

// tableModule is the folded module name in a CREATE VIRTUAL TABLE statement.
func tableModule(sql string) string {
	t := tokenize(sql)
	for i := 0; i+1 < len(t); i++ {
		if t[i].is("USING") {
			return foldName(t[i+1].text)
		}
	}
	return ""
}

// schemas lists the databases in SQLite's order of search.
func (cat *catalog) schemas() ([]string, error) {
	out := []string{"temp", "main"}
	err := query(cat.conn, "SELECT name FROM pragma_database_list ORDER BY seq", nil, func(row host.Stmt) error {
		if s := row.Value(0).String(); s != "temp" && s != "main" {
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

// tableExists reports whether a schema has a table, view or virtual table of that
// name. An unknown schema has none.
func (cat *catalog) tableExists(schema, name string) (bool, error) {
	all, err := cat.schemas()
	if err != nil {
		return false, err
	}
	known := false
	for _, s := range all {
		known = known || foldName(s) == foldName(schema)
	}
	if !known {
		return false, nil
	}
	there := false
	err = query(cat.conn, "SELECT 1 FROM "+quoteName(schema)+".sqlite_schema WHERE type IN ('table','view') AND name=?1 COLLATE NOCASE",
		[]host.Value{host.TextValue(name)}, func(host.Stmt) error { there = true; return nil })
	return there, err
}

// schemaVersion is the counter that SQLite moves with every change of a schema.
func (cat *catalog) schemaVersion(schema string) (int64, error) {
	st := cat.versions[schema]
	if st == nil {
		p, err := cat.conn.Prepare("PRAGMA " + quoteName(schema) + ".schema_version")
		if err != nil {
			return 0, err
		}
		st = p
		cat.versions[schema] = st
	}
	ok, err := st.Step()
	if err != nil || !ok {
		_ = st.Reset()
		return 0, err
	}
	v := st.Value(0).Int
	return v, st.Reset()
}

// query runs a statement and calls fn for each row.
func query(c host.Conn, sql string, args []host.Value, fn func(row host.Stmt) error) error {
	st, err := c.Prepare(sql)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	for i, v := range args {
		if err := st.Bind(i+1, v); err != nil {
			return err
		}
	}
	for {
		ok, err := st.Step()
		if err != nil || !ok {
			return err
		}
		if err := fn(st); err != nil {
			return err
		}
	}
}
