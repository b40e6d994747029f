package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// strictVectors reads the cells of a column under an anchored index, with libSQL's
// checks and messages.
type strictVectors struct {
	elements vector.Type
	dims     int
}

// read decodes a cell that is not NULL. ok is false for a vector with a NaN or an
// infinite element: libSQL stores it, so do we, but it is nowhere near anything and
// stays out of the index.
func (s *strictVectors) read(dst []float32, v host.Value) (vec []float32, ok bool, err error) {
	var d vector.Vector
	switch v.Kind {
	case host.Text:
		d, err = vector.Parse(v.Bytes, vector.Float32)
	case host.BlobKind:
		d, err = vector.Decode(v.Bytes)
		// libSQL counts the dimensions of a float32 blob before it looks at what is over.
		if n := len(v.Bytes); err != nil && n%2 == 0 && n/4 != s.dims {
			return dst, false, libsqlErrorf("vector index(insert): dimensions are different: %d != %d", n/4, s.dims)
		}
	default:
		return dst, false, libsqlErrorf("vector: unexpected value type: got %s, expected TEXT or BLOB", v.KindName())
	}
	switch {
	case err != nil:
		return dst, false, libsqlErrorf("%v", err)
	case d.Dims() != s.dims:
		return dst, false, libsqlErrorf("vector index(insert): dimensions are different: %d != %d", d.Dims(), s.dims)
	case d.Type() != s.elements:
		return dst, false, libsqlErrorf("vector index(insert): vector type differs from column type: %d != %d", d.Type(), s.elements)
	}
	n := len(dst)
	dst = d.Float32s(dst)
	return dst, allFinite(dst[n:]), nil
}

// updateAnchored is Update for an anchored index.
func (t *vectorTable) updateAnchored(rowid host.Value, cols []host.Value) (int64, error) {
	upsert := cols[hnswOperation].String() == "upsert"
	if !upsert && cols[hnswOperation].String() != "delete" {
		return 0, t.readOnly()
	}
	if err := t.usable(); err != nil {
		return 0, err
	}
	t.noteConflict()
	var vec []float32
	if upsert && !cols[hnswVector].IsNull() {
		s := strictVectors{elements: t.anchored.elements, dims: t.params.Dims}
		v, ok, err := s.read(t.buf[:0], cols[hnswVector])
		if err != nil {
			return 0, err
		}
		t.buf = v
		if ok {
			vec = v
		}
	}
	id := rowid.Int
	// What the trigger brings tells whether the table has rowids: a connection that has
	// only written has not looked at it (anchored.keyed).
	keyed := !cols[hnswKey].IsNull()
	if keyed {
		var found bool
		var err error
		if id, found, err = t.keyID(cols[hnswKey], vec != nil); err != nil || !found {
			return 0, t.wrap(err)
		}
	} else if rowid.Kind != host.Integer {
		return 0, t.readOnly()
	}
	if vec != nil {
		return id, t.wrap(t.index.Insert(id, vec))
	}
	if keyed {
		if err := t.forgetKey(id); err != nil {
			return 0, t.wrap(err)
		}
	}
	_, err := t.index.Delete(id)
	return id, t.wrap(err)
}
