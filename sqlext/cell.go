package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// cellReader reads vectors in place, in half the time of a statement. It is open while
// a search runs only: it keeps the read transaction alive.
type cellReader struct {
	cell   host.Blob
	noCell bool // incremental reading does not work on this column
	buf    []byte
}

// cellVector is vector by incremental reading. known is false when that cannot tell:
// the row is missing, its cell is no plain float32 blob of dims elements, or could be
// text.
func (b *baseTable) cellVector(rowid int64, dims int) (vec []float32, known bool) {
	if b.noCell || b.where != "" {
		return nil, false
	}
	if b.cell == nil {
		cell, err := b.conn.OpenBlob(b.schema, b.table, b.columns[0], rowid)
		if err != nil {
			return nil, false
		}
		b.cell = cell
	} else if b.cell.Reopen(rowid) != nil {
		return nil, false
	}
	if b.cell.Size() != 4*dims {
		return nil, false
	}
	if cap(b.buf) < 4*dims {
		b.buf = make([]byte, 4*dims)
	}
	b.buf = b.buf[:4*dims]
	if b.cell.ReadAt(b.buf, 0) != nil || maybeText(b.buf) {
		return nil, false
	}
	return vector.BytesToFloat32(b.buf)
}

// maybeText reports whether a cell could be the text of a vector rather than its
// bytes: incremental reading does not tell them apart.
func maybeText(cell []byte) bool {
	switch cell[0] {
	case '[', ' ', '\t', '\n', '\v', '\f', '\r':
	default:
		return false
	}
	switch cell[len(cell)-1] {
	case ']', ' ', '\t', '\n', '\v', '\f', '\r':
		return true
	}
	return false
}

// release ends incremental reading.
func (b *baseTable) release() {
	if b.cell != nil {
		_ = b.cell.Close()
		b.cell = nil
	}
}
