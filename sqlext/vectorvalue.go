package sqlext

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// appendVector decodes an SQL value, a blob in any of libSQL's encodings or JSON
// text, and appends its elements to dst.
func appendVector(dst []float32, v host.Value) ([]float32, error) {
	switch v.Kind {
	case host.BlobKind:
		// The common case, a plain float32 blob, without the general decoder.
		if len(v.Bytes)%4 == 0 {
			if f, ok := vector.BytesToFloat32(v.Bytes); ok {
				return append(dst, f...), nil
			}
		}
		d, err := vector.Decode(v.Bytes)
		if err != nil {
			return dst, err
		}
		return d.Float32s(dst), nil
	case host.Text:
		d, err := vector.Parse(v.Bytes, vector.Float32)
		if err != nil {
			return dst, err
		}
		return d.Float32s(dst), nil
	}
	return dst, fmt.Errorf("got %s, want a vector as blob or as text such as '[1, 2, 3]'", v.KindName())
}

// queryVector decodes and checks the vector that a search is about.
func queryVector(label string, v host.Value, dims int) ([]float32, error) {
	q, err := appendVector(make([]float32, 0, dims), v)
	if err != nil {
		return nil, mismatchf("%s: query vector: %v", label, err)
	}
	return q, checkVector(label+": query vector", q, dims)
}

// checkVector refuses vectors that an index of dims dimensions cannot hold.
func checkVector(label string, v []float32, dims int) error {
	if len(v) != dims {
		return mismatchf("%s: got %d dimensions, want %d", label, len(v), dims)
	}
	if s := vector.NormSquared(v); s-s == 0 { // a finite sum has finite parts only
		return nil
	}
	for i, x := range v {
		if x != x || x > math.MaxFloat32 || x < -math.MaxFloat32 {
			return mismatchf("%s: element %d is %s; vectors must be finite", label, i, strconv.FormatFloat(float64(x), 'g', -1, 32))
		}
	}
	return nil
}

// allFinite reports whether no element is NaN or infinite: x-x is 0 for all others.
func allFinite(v []float32) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// indexText is the text that the lexical index sees of an SQL value: numbers as
// SQLite writes them, nothing of NULL and blobs.
func indexText(v host.Value) string {
	switch v.Kind {
	case host.Text:
		return string(v.Bytes)
	case host.Integer:
		return strconv.FormatInt(v.Int, 10)
	case host.Float:
		return strconv.FormatFloat(v.Float, 'g', 15, 64)
	}
	return ""
}

// asHostError is errors.As for the error type of the host.
func asHostError(err error, target **host.Error) bool { return errors.As(err, target) }
