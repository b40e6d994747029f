package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// baseInfo is what CREATE VIRTUAL TABLE must know of the table it is to index.
type baseInfo struct {
	table   string // as the schema spells it
	rowid   string // a name of the rowid that no column hides
	key     string // the INTEGER PRIMARY KEY column, "" if there is none
	columns []columnInfo
	pinned  bool // VACUUM keeps the rowids: there is a key or an index
}

type columnInfo struct {
	name, declared string
	generated      bool
}

// column finds a column by name.
func (b *baseInfo) column(name string) (columnInfo, bool) {
	for _, c := range b.columns {
		if foldName(c.name) == foldName(name) {
			return c, true
		}
	}
	return columnInfo{}, false
}

// columnNames lists the columns for messages.
func (b *baseInfo) columnNames() string {
	var names []string
	for _, c := range b.columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// describeBase reads the shape of a table, and refuses what cannot be indexed.
func describeBase(c host.Conn, index, schema, table string) (*baseInfo, error) {
	b := &baseInfo{}
	var kind, sql string
	err := query(c, "SELECT name, type, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type IN ('table','view') AND name=?1 COLLATE NOCASE",
		[]host.Value{host.TextValue(table)}, func(row host.Stmt) error {
			b.table, kind, sql = row.Value(0).String(), row.Value(1).String(), row.Value(2).String()
			return nil
		})
	if err != nil {
		return nil, err
	}
	switch {
	case b.table == "":
		return nil, errorf("%s: no such table: %s.%s", index, schema, table)
	case kind == "view":
		return nil, errorf("%s: %s.%s is a view, want a table with rowids", index, schema, b.table)
	case tableModule(sql) != "" && strings.HasPrefix(strings.ToUpper(sql), "CREATE VIRTUAL"):
		return nil, errorf("%s: %s.%s is a virtual table, want an ordinary table with rowids", index, schema, b.table)
	}

	keys := 0
	err = query(c, "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, ?2)",
		[]host.Value{host.TextValue(b.table), host.TextValue(schema)}, func(row host.Stmt) error {
			col := columnInfo{name: row.Value(0).String(), declared: row.Value(1).String(), generated: row.Value(3).Int >= 2}
			b.columns = append(b.columns, col)
			if row.Value(2).Int > 0 {
				keys++
				if strings.EqualFold(col.declared, "INTEGER") {
					b.key = col.name
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	if keys != 1 {
		b.key = ""
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if _, hidden := b.column(name); !hidden {
			b.rowid = name
			break
		}
	}
	if b.rowid == "" {
		return nil, errorf("%s: %s.%s hides its rowid behind columns named rowid, _rowid_ and oid, want one of these names free", index, schema, b.table)
	}
	st, err := c.Prepare("SELECT " + b.rowid + " FROM " + quoteName(schema) + "." + quoteName(b.table))
	if err != nil {
		return nil, errorf("%s: %s.%s has no rowids (WITHOUT ROWID), want a table with rowids", index, schema, b.table)
	}
	_ = st.Close()

	b.pinned = b.key != ""
	if !b.pinned {
		err = query(c, "SELECT 1 FROM pragma_index_list(?1, ?2) LIMIT 1",
			[]host.Value{host.TextValue(b.table), host.TextValue(schema)}, func(host.Stmt) error { b.pinned = true; return nil })
	}
	return b, err
}

// checkWhere compiles the condition of a partial index.
func checkWhere(c host.Conn, index string, base *baseTable) error {
	depth := 0
	for _, t := range tokenize(base.where) {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(";"), t.is("SELECT"):
			// A subquery's answer can change without any trigger of ours firing.
			return errorf("%s: where=%q: got %q, want an expression over one row of %s", index, base.where, t.text, base.label())
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		return errorf("%s: where=%q: parentheses do not match", index, base.where)
	}
	st, err := c.Prepare("SELECT 1 FROM " + base.qualifiedName() + " WHERE (" + base.where + ")")
	if err != nil {
		return errorf("%s: where=%q: %v", index, base.where, err)
	}
	n := st.BindCount()
	readOnly := st.ReadOnly()
	_ = st.Close()
	switch {
	case n > 0:
		return errorf("%s: where=%q has %d parameters, want an expression over the columns of %s", index, base.where, n, base.label())
	case !readOnly:
		return errorf("%s: where=%q writes, want an expression", index, base.where)
	}
	return nil
}
