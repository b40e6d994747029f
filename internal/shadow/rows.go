package shadow

import (
	"github.com/nearlite/nearlite/sqlext/host"
)

// get returns a row's data in buf; nil when there is no such row.
func (t *Tables) getRow(part int, id int64, buf []byte) ([]byte, error) {
	t.depth++
	defer t.leave()
	st, err := t.prepared(part, get)
	if err != nil {
		return nil, err
	}
	if err := st.Bind(1, host.IntValue(id)); err != nil {
		return nil, err
	}
	ok, err := st.Step()
	if !ok {
		_ = st.Reset()
		return nil, err
	}
	data, err := t.copyData(part, id, st.Value(0), buf)
	_ = st.Reset()
	return data, err
}

// lastRow returns the row with the greatest id, nil data if there is none.
func (t *Tables) lastRow(part int, buf []byte) (int64, []byte, error) {
	t.depth++
	defer t.leave()
	st, err := t.prepared(part, last)
	if err != nil {
		return 0, nil, err
	}
	ok, err := st.Step()
	if !ok {
		_ = st.Reset()
		return 0, nil, err
	}
	id := st.Value(0).Int
	data, err := t.copyData(part, id, st.Value(1), buf)
	_ = st.Reset()
	return id, data, err
}

// copyData copies a cell out of SQLite's memory. The result is not nil.
func (t *Tables) copyData(part int, id int64, v host.Value, buf []byte) ([]byte, error) {
	if v.Kind != host.BlobKind {
		return nil, t.notBlob(part, id, v)
	}
	if buf == nil {
		buf = make([]byte, 0, len(v.Bytes))
	}
	return append(buf[:0], v.Bytes...), nil
}

func (t *Tables) notBlob(part int, id int64, v host.Value) error {
	return host.Errorf(host.CodeCorruptVTab, "nearlite: %s.%s_%s: row %d holds %s, want BLOB; run INSERT INTO %s(%s) VALUES('rebuild')",
		t.schema, t.name, t.suffixes[part], id, v.KindName(), t.name, t.name)
}

// putRow inserts or replaces a row.
func (t *Tables) putRow(part int, id int64, data []byte) error {
	t.depth++
	defer t.leave()
	st, err := t.prepared(part, put)
	if err != nil {
		return err
	}
	if err := st.Bind(1, host.IntValue(id)); err != nil {
		return err
	}
	if data == nil {
		data = []byte{}
	}
	if err := st.Bind(2, host.BlobValue(data)); err != nil {
		return err
	}
	kept := t.conn.LastInsertRowID()
	_, err = st.Step()
	_ = st.Reset()
	// Do not keep a copy of the last block in the statement.
	_ = st.Bind(2, host.Value{})
	t.conn.SetLastInsertRowID(kept)
	return err
}

// deleteRow removes a row.
func (t *Tables) deleteRow(part int, id int64) error {
	t.depth++
	defer t.leave()
	st, err := t.prepared(part, del)
	if err != nil {
		return err
	}
	if err := st.Bind(1, host.IntValue(id)); err != nil {
		return err
	}
	_, err = st.Step()
	_ = st.Reset()
	return err
}

// clearRows removes all rows of a part.
func (t *Tables) clearRows(part int) error {
	t.depth++
	defer t.leave()
	st, err := t.prepared(part, clear)
	if err != nil {
		return err
	}
	_, err = st.Step()
	_ = st.Reset()
	return err
}

// scanRows visits rows with ids from the given one on, in ascending order. A scan
// inside a scan of the same part gets a statement of its own.
func (t *Tables) scanRows(part int, from int64, fn func(id int64, data []byte) (bool, error)) error {
	t.depth++
	defer t.leave()
	var st host.Stmt
	var err error
	if t.busy[part][scan] {
		st, err = t.prepare(part, scan)
		if err != nil {
			return err
		}
		defer func() { _ = st.Close() }()
	} else {
		st, err = t.prepared(part, scan)
		if err != nil {
			return err
		}
		t.busy[part][scan] = true
		defer func() {
			_ = st.Reset()
			t.busy[part][scan] = false
		}()
	}
	if err := st.Bind(1, host.IntValue(from)); err != nil {
		return err
	}
	for {
		ok, err := st.Step()
		if err != nil || !ok {
			return err
		}
		id, v := st.Value(0).Int, st.Value(1)
		if v.Kind != host.BlobKind {
			return t.notBlob(part, id, v)
		}
		more, err := fn(id, v.Bytes)
		if err != nil || !more {
			return err
		}
	}
}
