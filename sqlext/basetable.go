package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// baseTable reads the table that an index is about. Its names are the present
// ones: they come from the triggers, which SQLite rewrites when the table or a
// column is renamed.
type baseTable struct {
	cellReader

	conn    host.Conn
	schema  string
	table   string
	rowid   string   // a name of the rowid that no column hides: rowid, _rowid_ or oid
	columns []string // the indexed columns, in the order of the index's fields
	where   string   // condition of a partial index, "" if none

	source string         // FROM clause where it is not the table alone (keyed.go)
	strict *strictVectors // how cells are read under an index in libSQL's form, else nil

	point host.Stmt // SELECT columns WHERE rowid = ?
}

// qualifiedName is the quoted schema.table.
func (b *baseTable) qualifiedName() string {
	if b.source != "" {
		return b.source
	}
	return quoteName(b.schema) + "." + quoteName(b.table)
}

// label is schema.table for messages, unquoted.
func (b *baseTable) label() string { return b.schema + "." + b.table }

// columnLabel is schema.table.column for messages.
func (b *baseTable) columnLabel(i int) string { return b.label() + "." + b.columns[i] }

// selectSQL is SELECT rowid, columns of the rows that belong in the index. extra
// is a further condition, "" for none.
func (b *baseTable) selectSQL(extra string) string {
	var s strings.Builder
	s.WriteString("SELECT ")
	s.WriteString(b.rowid)
	for _, c := range b.columns {
		s.WriteString(", ")
		s.WriteString(quoteName(c))
	}
	s.WriteString(" FROM ")
	s.WriteString(b.qualifiedName())
	sep := " WHERE "
	for _, cond := range []string{b.where, extra} {
		if cond != "" {
			s.WriteString(sep)
			s.WriteString("(")
			s.WriteString(cond)
			s.WriteString(")")
			sep = " AND "
		}
	}
	return s.String()
}

// seek positions the point statement on a row; the caller calls b.point.Reset
// after it has read the columns.
func (b *baseTable) seek(rowid int64) (bool, error) {
	if b.point == nil {
		st, err := b.conn.Prepare(b.selectSQL(b.rowid + " = ?1"))
		if err != nil {
			return false, err
		}
		b.point = st
	}
	if err := b.point.Bind(1, host.IntValue(rowid)); err != nil {
		return false, err
	}
	ok, err := b.point.Step()
	if !ok {
		_ = b.point.Reset()
	}
	return ok, err
}

// vector appends the vector of the first indexed column of a row to dst. ok is
// false when the row is gone, does not belong in the index any more or holds NULL.
func (b *baseTable) vector(rowid int64, dst []float32) (vec []float32, ok bool, err error) {
	found, err := b.seek(rowid)
	if err != nil || !found {
		return dst, false, err
	}
	v := b.point.Value(1)
	if v.IsNull() {
		return dst, false, b.point.Reset()
	}
	vec, err = appendVector(dst, v)
	_ = b.point.Reset()
	if err != nil {
		return dst, false, mismatchf("%s: rowid %d: %v", b.columnLabel(0), rowid, err)
	}
	return vec, true, nil
}

// text returns the text of an indexed column of a row; ok is false when the row is
// gone. Numbers are shown as SQLite shows them, NULL and blobs as "".
func (b *baseTable) text(rowid int64, column int) (text string, ok bool, err error) {
	found, err := b.seek(rowid)
	if err != nil || !found {
		return "", false, err
	}
	text = indexText(b.point.Value(column + 1))
	return text, true, b.point.Reset()
}

// exists reports whether a row is in the table and belongs in the index.
func (b *baseTable) exists(rowid int64) (bool, error) {
	found, err := b.seek(rowid)
	if err != nil || !found {
		return false, err
	}
	return true, b.point.Reset()
}

// close releases the statements.
func (b *baseTable) close() {
	b.release()
	if b.point != nil {
		_ = b.point.Close()
		b.point = nil
	}
}

// Vectors of the hnsw package.
type baseVectors struct{ t *vectorTable }

// Vector implements hnsw.Vectors. A cell that cannot be this index's vector (its
// trigger never saw it: triggers were dropped or another program wrote the file)
// counts as gone, so that the row is skipped rather than ranked wrongly.
func (s baseVectors) Vector(rowid int64, dst []float32) ([]float32, bool, error) {
	b := s.t.base
	if b == nil {
		// A connection that has done nothing but insert: its triggers bring the vectors,
		// until a commit measures the probes anew.
		if err := s.t.resolveBase(); err != nil {
			return dst, false, err
		}
		b = s.t.base
	}
	if vec, known := b.cellVector(rowid, s.t.params.Dims); known {
		return vec, true, nil
	}
	cells := b.cell != nil
	vec, ok, err := b.vector(rowid, dst[:0])
	if ok && !cells {
		b.noCell = true // a generated column, for example
	}
	if err != nil {
		var he *host.Error
		if asHostError(err, &he) && he.Code == host.CodeMismatch {
			return dst, false, nil
		}
		return dst, false, err
	}
	if ok && len(vec) != s.t.params.Dims {
		return dst, false, nil
	}
	return vec, ok, nil
}
