package vector

import (
	"encoding/binary"
	"math"
)

// Decode reads a vector from any of libSQL's blob encodings; see
// [Vector.AppendBlob]. The result aliases blob. An even length always means
// float32, else the last byte is the type. Any element bits are accepted,
// NaN and infinities included.
func Decode(blob []byte) (Vector, error) {
	t, dims, err := detectBlob(blob)
	if err != nil {
		return Vector{}, err
	}
	v := Vector{typ: t, dims: dims}
	data := blob[:len(blob)-len(blob)%2]
	n := len(data)
	size := t.dataBytes(dims)
	want := size // of data: the elements and what follows them up to the type byte
	switch t {
	case Bit:
		// Where the data ends follows from the last byte alone, and libSQL
		// itself takes encodings that lack the filling zero byte.
		want = n
	case Float8:
		want = size + -size&3 + 10
	}
	if n != want {
		return Vector{}, errDataSize(t, dims, n, want)
	}
	v.data = data[:size:size]
	if t == Float8 {
		v.alpha = math.Float32frombits(binary.LittleEndian.Uint32(data[n-10:]))
		v.shift = math.Float32frombits(binary.LittleEndian.Uint32(data[n-6:]))
	}
	return v, nil
}

// detectBlob finds the type and the dimensions of a blob, the first half of
// decoding: libSQL reports what is wrong here before it looks at the second
// argument of a distance, and only then checks the size of the data.
func detectBlob(blob []byte) (t Type, dims int, err error) {
	n := len(blob)
	t = Float32
	if n%2 != 0 {
		n--
		t = Type(blob[n])
	}
	switch t {
	case Float32:
		if n%4 != 0 && len(blob)%2 != 0 {
			return 0, 0, errf("vector: float32 vector blob length must be divisible by 4 (excluding optional 'type'-byte): length=%d", n)
		}
		dims = n / 4
	case Float64:
		if n%8 != 0 {
			return 0, 0, errf("vector: float64 vector blob length must be divisible by 8 (excluding 'type'-byte): length=%d", n)
		}
		dims = n / 8
	case Bit:
		if n == 0 || n%2 != 0 {
			return 0, 0, errf("vector: float1bit vector blob length must be divisible by 2 and not be empty (excluding 'type'-byte): length=%d", n)
		}
		dims = 8*n - int(blob[n-1])
	case Float8:
		if n < 2 || n%2 != 0 {
			return 0, 0, errf("vector: float8 vector blob length must be divisible by 2 and has at least 2 bytes (excluding 'type'-byte): length=%d", n)
		}
		dims = n - 10 - int(blob[n-1])
	case Float16, BFloat16:
		dims = n / 2
	default:
		return 0, 0, errf("vector: unexpected binary type: %d", t)
	}
	if dims > MaxDims {
		return 0, 0, errBlobDims(dims)
	}
	if dims < 0 { // the trailer claims more than there is
		return 0, 0, errDataSize(t, 0, n, n-dims)
	}
	return t, dims, nil
}
