package sqlext

import (
	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/sqlext/host"
)

// restore finds the indexed table again, and makes what belongs to it anew.
func (t *vectorTable) restore() error {
	if err := t.restoreBase(t.vectorFields()); err != nil {
		return err
	}
	return t.createPartition(t.base)
}

// recreate replaces shadow rows that cannot be read by those of an empty index.
func (t *vectorTable) recreate() error {
	params := t.asked
	if params.Dims == 0 {
		info, err := describeBase(t.cat.conn, t.label(), t.schema, t.base.table)
		if err != nil {
			return err
		}
		args := hnswArgs{params: params}
		col, _ := info.column(t.base.columns[0])
		if err := args.resolveDims(t.label(), t.base.columnLabel(0), col.declared); err != nil {
			return err
		}
		params = args.params
	}
	params = params.Normalize()
	if err := params.Validate(); err != nil {
		return errorf("%s: %v", t.label(), err)
	}
	st := shadow.HNSW{Tables: t.tables}
	for _, p := range params.Parts() {
		if err := st.Clear(p); err != nil {
			return err
		}
	}
	if err := hnsw.Create(st, params); err != nil {
		return t.wrap(err)
	}
	t.forgetEngine()
	return t.open()
}

// closeIndex makes the next use open the index anew.
func (t *vectorTable) closeIndex() { t.index, t.engine = nil, nil }

// Integrity implements PRAGMA integrity_check and quick_check.
func (o hnswObject) Integrity(_, _ string, quick bool) ([]string, error) {
	o.enter()
	defer o.leave()
	return o.check(quick)
}

// check compares the index with its own rules and, unless quick, with the table.
func (t *vectorTable) check(quick bool) ([]string, error) {
	f := findings{label: t.label()}
	if err := t.opener(); err != nil {
		return f.broken(err)
	}
	gone, err := t.orphaned(&f)
	if err != nil {
		return nil, err
	}
	// Another handle with a cache of its own reads what is on disk; ours may have it
	// in memory as it was before it was damaged.
	if err := t.flush(); err != nil {
		return f.broken(err)
	}
	ix, err := hnsw.Open(hnsw.NewCache(0), shadow.HNSW{Tables: t.tables}, baseVectors{t})
	if err != nil {
		return f.broken(err)
	}
	var rows func(yield func(int64, error) bool)
	if !gone && !quick {
		rows = t.base.rowIDs(quoteName(t.base.columns[0]) + " IS NOT NULL")
	}
	if rows != nil {
		if err := t.checkAttrs(ix, &f); err != nil {
			return f.broken(err)
		}
	}
	return f.broken(ix.Check(t.cat.context(), rows, f.add))
}

// orphaned reports whether the indexed table is gone. An index left alone by DROP
// TABLE is no damage; missing triggers on a table that is there are.
func (t *indexTable) orphaned(f *findings) (bool, error) {
	if t.resolveBase() == nil {
		return false, t.checkAnchor(f)
	}
	if t.anchored != nil {
		return true, nil // its anchor was dropped
	}
	there, err := t.cat.tableExists(t.schema, t.baseName)
	if err != nil {
		return true, err
	}
	if there {
		f.add("the triggers that keep the index in step with " + t.schema + "." + t.baseName + " are missing")
	}
	return true, nil
}

// rowIDs yields the rowids that belong in the index, ascending.
func (b *baseTable) rowIDs(extra string) func(yield func(int64, error) bool) {
	return func(yield func(int64, error) bool) {
		bare := *b
		if b.strict == nil {
			bare.columns = nil
		}
		stop := false
		var buf []float32
		err := query(b.conn, bare.selectSQL(extra)+" ORDER BY "+b.rowid, nil, func(row host.Stmt) error {
			if b.strict != nil {
				vec, ok, err := b.strict.read(buf[:0], row.Value(1))
				if buf = vec; err != nil || !ok {
					return nil //nolint:nilerr // not a vector that can be indexed
				}
			}
			if !yield(row.Value(0).Int, nil) {
				stop = true
				return errStop
			}
			return nil
		})
		if err != nil && !stop {
			yield(0, err)
		}
	}
}
