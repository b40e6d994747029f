package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// Included columns: CREATE VIRTUAL TABLE ... USING hnsw(docs, e, include=(lang, year))
// keeps their values in the index, where a filter on them is decided without the
// table. base.columns[0] is the vector's column, the included ones follow; the fields
// of the index that take them are hidden columns include1, include2, ... behind the
// others.

// includeField is the hidden column that takes included column i, counted from 0.
func includeField(i int) string { return "include" + itoa(i+1) }

// vectorFields are the columns of the index that take base.columns.
func (t *vectorTable) vectorFields() []string {
	fields := []string{"vector"}
	for i := range len(t.baseCols) - 1 {
		fields = append(fields, includeField(i))
	}
	return fields
}

// included is the number of included columns.
func (t *vectorTable) included() int { return len(t.baseCols) - 1 }

// parseNames reads "(a, "b c")" or a single name.
func parseNames(label, option, value string) ([]string, error) {
	tokens := tokenize(value)
	bad := errorf("%s: %s is %q, want column names between parentheses, such as %s=(lang, year)", label, option, value, option)
	if len(tokens) == 0 {
		if value == "" {
			return nil, bad
		}
		return []string{value}, nil
	}
	if !tokens[0].is("(") {
		// A quoted name lost its quotes with the option.
		return []string{strings.TrimSpace(value)}, nil
	}
	var names []string
	for i := 1; i < len(tokens); i += 2 {
		if !tokens[i].isName() || i+1 >= len(tokens) {
			return nil, bad
		}
		names = append(names, tokens[i].text)
		if tokens[i+1].is(")") && i+2 == len(tokens) {
			return names, nil
		}
		if !tokens[i+1].is(",") {
			return nil, bad
		}
	}
	return nil, bad
}

// columns are all columns the index takes: the vector's, the included ones, and the
// one that parts the rows, which is included in any case.
func (h *hnswArgs) columns() []string {
	out := append([]string{h.column}, h.include...)
	if h.partition != "" && h.partitionAt() < 0 {
		out = append(out, h.partition)
	}
	return out
}

// partitionAt is the position of the partition's column among the included ones as
// the option names them; -1 if it is not named there.
func (h *hnswArgs) partitionAt() int {
	for i, c := range h.include {
		if foldName(c) == foldName(h.partition) {
			return i
		}
	}
	return -1
}

// checkIncluded finds the included columns in the table and says what cannot be
// included.
func (h *hnswArgs) checkIncluded(label, schema string, info *baseInfo) (names []string, err error) {
	all := h.columns()[1:]
	if len(all) > hnsw.MaxAttrs {
		return nil, errorf("%s: include has %d columns, want at most %d", label, len(all), hnsw.MaxAttrs)
	}
	seen := map[string]bool{foldName(h.column): true}
	for _, name := range all {
		col, ok := info.column(name)
		table := schema + "." + info.table
		switch {
		case !ok:
			return nil, errorf("%s: no such column: %s.%s, want one of %s", label, table, name, info.columnNames())
		case foldName(name) == foldName(h.column):
			return nil, errorf("%s: include names %s.%s, which is the vector's column", label, table, col.name)
		case seen[foldName(name)]:
			return nil, errorf("%s: include names %s.%s twice", label, table, col.name)
		case col.generated:
			return nil, errorf("%s: include names %s.%s, which is a generated column: no trigger tells when it changes", label, table, col.name)
		}
		seen[foldName(name)] = true
		names = append(names, col.name)
	}
	return names, nil
}

// attrValue is a value as the index keeps it.
func attrValue(v host.Value) hnsw.Attr {
	switch v.Kind {
	case host.Null:
		return hnsw.Attr{Kind: hnsw.AttrNull}
	case host.Integer:
		return hnsw.Attr{Kind: hnsw.AttrInt, Int: v.Int}
	case host.Float:
		return hnsw.Attr{Kind: hnsw.AttrFloat, Float: v.Float}
	}
	if len(v.Bytes) > hnsw.MaxAttrBytes {
		return hnsw.Attr{} // not known: the table is asked
	}
	if v.Kind == host.Text {
		return hnsw.Attr{Kind: hnsw.AttrText, Bytes: string(v.Bytes)}
	}
	return hnsw.Attr{Kind: hnsw.AttrBlob, Bytes: string(v.Bytes)}
}

// affinity is a column's type affinity.
type affinity uint8

const (
	affinityNone affinity = iota // BLOB, or no type
	affinityText
	affinityNumeric // INTEGER, REAL and NUMERIC: they compare alike
)

// affinityOf follows section 3.1 of SQLite's "Datatypes In SQLite".
func affinityOf(declared string) affinity {
	d := strings.ToUpper(declared)
	has := func(s string) bool { return strings.Contains(d, s) }
	switch {
	case has("INT"):
		return affinityNumeric
	case has("CHAR"), has("CLOB"), has("TEXT"):
		return affinityText
	case has("BLOB"), d == "":
		return affinityNone
	}
	return affinityNumeric
}

// attrColumn is what comparisons with an included column depend on.
type attrColumn struct {
	name     string
	affinity affinity
	collate  string // BINARY, NOCASE; another's texts are not compared here
}

// attrColumns describes the included columns of the table; none when the database
// is not in UTF-8, where texts compare in another order.
func (t *vectorTable) attrColumns() ([]attrColumn, error) {
	b := t.base
	if t.attrVersion == t.baseVersion && t.attrBase == b {
		return t.attrCols, nil
	}
	t.attrCols, t.attrPlans = nil, map[string]*attrPlan{}
	t.attrVersion, t.attrBase = t.baseVersion, b
	utf8 := false
	err := query(b.conn, "PRAGMA encoding", nil, func(row host.Stmt) error {
		utf8 = row.Value(0).String() == "UTF-8"
		return nil
	})
	if err != nil || !utf8 {
		return nil, err
	}
	cols := make([]attrColumn, len(b.columns)-1)
	for i, name := range b.columns[1:] {
		c := attrColumn{name: name}
		err := query(b.conn, "SELECT type FROM pragma_table_xinfo(?1, ?2) WHERE name = ?3 COLLATE NOCASE",
			[]host.Value{host.TextValue(b.table), host.TextValue(b.schema), host.TextValue(name)}, func(row host.Stmt) error {
				c.affinity = affinityOf(row.Value(0).String())
				return nil
			})
		if err == nil {
			c.collate, err = columnCollation(b, name)
		}
		if err != nil {
			return nil, err
		}
		cols[i] = c
	}
	t.attrCols = cols
	return cols, nil
}

// columnCollation finds the collation that comparisons with a column use, "" if it
// cannot be told. No pragma says it; the compiled comparison does.
func columnCollation(b *baseTable, column string) (collate string, err error) {
	sql := "EXPLAIN SELECT +" + quoteName(column) + " = ?1 FROM " + b.qualifiedName()
	err = query(b.conn, sql, nil, func(row host.Stmt) error {
		switch row.Value(1).String() {
		case "Eq", "Ne":
			name, _, _ := strings.Cut(strings.Trim(row.Value(5).String(), "()"), "-")
			collate = strings.ToUpper(name)
		}
		return nil
	})
	return collate, err
}

// rowAttrs reads the included columns of a row of base.selectSQL.
func (t *vectorTable) rowAttrs(row host.Stmt, dst []hnsw.Attr) []hnsw.Attr {
	dst = dst[:0]
	for i := range t.included() {
		dst = append(dst, attrValue(row.Value(2+i)))
	}
	return dst
}

// updateAttrs are the included columns of an update of the index.
func (t *vectorTable) updateAttrs(cols []host.Value) []hnsw.Attr {
	if t.included() == 0 {
		return nil
	}
	t.attrs = t.attrs[:0]
	for _, v := range cols[hnswColumns:] {
		t.attrs = append(t.attrs, attrValue(v))
	}
	return t.attrs
}

// checkAttrs compares the kept attributes with the table.
func (t *vectorTable) checkAttrs(ix *hnsw.Index, f *findings) error {
	if t.included() == 0 {
		return nil
	}
	cols, err := t.attrColumns()
	if err != nil {
		return err
	}
	var buf []hnsw.Attr
	of := func(rowid int64) ([]hnsw.Attr, error) {
		found, err := t.base.seek(rowid)
		if err != nil || !found {
			return nil, err
		}
		buf = t.rowAttrs(t.base.point, buf)
		return buf, t.base.point.Reset()
	}
	// Triggers fire when a value IS NOT the old one: what a column's collation takes for
	// equal need not be the same.
	same := func(col int, a, b hnsw.Attr) bool {
		if a == b || col >= len(cols) {
			return a == b
		}
		c, ok := compareAttrs(a, b, cols[col].collate)
		return c == 0 || !ok
	}
	return ix.CheckAttrs(of, same, f.add)
}
