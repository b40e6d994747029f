package sqlext

import (
	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// Update is how triggers and commands reach the index. It checks the value first
// and changes the index after: OR IGNORE and OR FAIL keep what a failed row wrote.
func (o hnswObject) Update(args []host.Value) (int64, error) {
	t := o.vectorTable
	t.enter()
	defer t.leave()
	if len(args) != 2+hnswColumns+t.included() || !args[0].IsNull() {
		return 0, t.readOnly()
	}
	cols := args[2:]
	if c := cols[hnswCommand]; !c.IsNull() {
		return args[1].Int, t.command(c)
	}
	if t.anchored != nil {
		return t.updateAnchored(args[1], cols)
	}
	if args[1].Kind != host.Integer {
		return 0, t.readOnly()
	}
	rowid := args[1].Int
	t.noteConflict()
	operation := cols[hnswOperation].String()
	switch operation {
	case "upsert", "keep":
		if cols[hnswVector].IsNull() {
			return rowid, t.remove(rowid)
		}
		if operation == "keep" {
			if kept, err := t.holds(rowid); kept || err != nil {
				return rowid, err
			}
		}
		return rowid, t.upsert(rowid, cols[hnswVector], t.updateAttrs(cols))
	case "delete":
		return rowid, t.remove(rowid)
	}
	return 0, t.readOnly()
}

// readOnly says how an index is changed.
func (t *indexTable) readOnly() error {
	return errorf("%s: an index is not written directly; write to its table %s.%s, or run a command: INSERT INTO %s(%s) VALUES('rebuild')",
		t.label(), t.schema, t.presentBase(), t.name, t.name)
}

// presentBase is the indexed table's name for messages.
func (t *indexTable) presentBase() string {
	if t.resolveBase() == nil {
		return t.base.table
	}
	return t.baseName
}

// columnLabel is schema.table.column of an indexed column for messages.
func (t *indexTable) columnLabel(i int) string {
	if t.resolveBase() == nil {
		return t.base.columnLabel(i)
	}
	return t.schema + "." + t.baseName + "." + t.baseCols[i]
}

func (t *vectorTable) upsert(rowid int64, v host.Value, attrs []hnsw.Attr) error {
	if err := t.usable(); err != nil {
		return err
	}
	vec, err := appendVector(t.buf[:0], v)
	if err != nil {
		return mismatchf("%s: %v", t.columnLabel(0), err)
	}
	t.buf = vec
	if len(vec) != t.params.Dims || !allFinite(vec) {
		return checkVector(t.columnLabel(0), vec, t.params.Dims)
	}
	return t.wrap(t.index.InsertAttrs(rowid, vec, attrs))
}

func (t *vectorTable) remove(rowid int64) error {
	if err := t.usable(); err != nil {
		return err
	}
	_, err := t.index.Delete(rowid)
	return t.wrap(err)
}

// setRecall is the command recall=x.
func (t *vectorTable) setRecall(v string) error {
	r, err := recallOption(t.label(), option{"recall", v})
	if err != nil {
		return err
	}
	if err := t.usable(); err != nil {
		return err
	}
	return t.wrap(t.index.SetRecall(r))
}

// setEfSearch is the command ef_search=n.
func (t *vectorTable) setEfSearch(v string) error {
	n, err := intOption(t.label(), option{"ef_search", v})
	if err != nil {
		return err
	}
	if n < hnsw.MinEfSearch || n > hnsw.MaxEfSearch {
		return errorf("%s: ef_search is %d, want a whole number from %d to %d", t.label(), n, hnsw.MinEfSearch, hnsw.MaxEfSearch)
	}
	if err := t.usable(); err != nil {
		return err
	}
	return t.wrap(t.index.SetEfSearch(n))
}

// holds reports whether a row is indexed.
func (t *vectorTable) holds(rowid int64) (bool, error) {
	if err := t.usable(); err != nil {
		return false, err
	}
	found, err := t.index.Contains(rowid)
	return found, t.wrap(err)
}
