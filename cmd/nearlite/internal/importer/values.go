package importer

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// values turns one row into the arguments of the INSERT. dst has a place for each
// column and is reused; vec is scratch space.
func (l *layout) values(it item, dst []any, vec *[]float32) error {
	for i := range dst {
		dst[i] = nil
	}
	for _, f := range it.rec.fields {
		at, ok := l.byField[f.name]
		if !ok {
			if l.ignore {
				continue
			}
			return fmt.Errorf("field %q is new: the first %d rows did not have it; name the fields to import with --columns", f.name, sampleRows)
		}
		c := l.columns[at]
		var err error
		if c.vector {
			dst[at], err = l.vectorValue(f, vec)
		} else {
			dst[at], err = c.value(f)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if it.vector != nil {
		dst[l.vector] = blob(it.vector)
	}
	return nil
}

func (l *layout) vectorValue(f field, vec *[]float32) (any, error) {
	if f.kind == kindNull {
		return nil, nil
	}
	v, err := parseVector(f.text, *vec)
	if err != nil {
		return nil, err
	}
	*vec = v
	if len(v) != l.dims {
		return nil, fmt.Errorf("got %d dimensions, want %d", len(v), l.dims)
	}
	return blob(v), nil
}

// value converts a field for a column without vectors. A value that does not fit
// the column's type is an error, although SQLite would take it: a "n.d." among
// years breaks comparisons without a word.
func (c column) value(f field) (any, error) {
	if f.blank && c.kind == kindText {
		return "", nil
	}
	if f.kind == kindNull {
		return nil, nil
	}
	want := c.kind
	if want == kindNull {
		want = f.kind
	}
	switch want {
	case kindInteger:
		if f.kind != kindInteger {
			return nil, fmt.Errorf("got %s, want a whole number", quoteShort(f.text))
		}
		return strconv.ParseInt(f.text, 10, 64)
	case kindReal:
		if f.kind != kindInteger && f.kind != kindReal {
			return nil, fmt.Errorf("got %s, want a number", quoteShort(f.text))
		}
		return strconv.ParseFloat(f.text, 64)
	}
	return f.text, nil
}

// blob encodes a vector as an F32_BLOB column holds it: float32, little-endian.
func blob(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
