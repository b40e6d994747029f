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
	t, data := Float32, blob
	if len(blob)%2 != 0 {
		t, data = Type(blob[len(blob)-1]), blob[:len(blob)-1]
	}
	v := Vector{typ: t, data: data}
	n := len(data)
	switch t {
	case Float32:
		if n%4 != 0 && len(blob)%2 != 0 {
			return Vector{}, errf("vector: float32 vector blob length must be divisible by 4 (excluding optional 'type'-byte): length=%d", n)
		}
		v.dims = n / 4
	case Float64:
		if n%8 != 0 {
			return Vector{}, errf("vector: float64 vector blob length must be divisible by 8 (excluding 'type'-byte): length=%d", n)
		}
		v.dims = n / 8
	case Bit:
		if n < 2 || n%2 != 0 {
			return Vector{}, errf("vector: float1bit vector blob length must be divisible by 2 and not be empty (excluding 'type'-byte): length=%d", n)
		}
		v.dims = 8*n - int(data[n-1])
	case Float8:
		if n < 2 || n%2 != 0 {
			return Vector{}, errf("vector: float8 vector blob length must be divisible by 2 and has at least 2 bytes (excluding 'type'-byte): length=%d", n)
		}
		v.dims = n - 10 - int(data[n-1])
	case Float16, BFloat16:
		v.dims = n / 2
	default:
		return Vector{}, errf("vector: unexpected binary type: %d", t)
	}
	if v.dims > MaxDims {
		return Vector{}, errBlobDims(v.dims)
	}
	want := 0 // length of the encoding before the type byte
	if v.dims >= 0 {
		want = v.BlobLen() - 1
		if t == Float32 {
			want++
		}
	}
	if v.dims < 0 || n != want {
		return Vector{}, errf("vector: unexpected data part size: type=%d, dims=%d, %d != %d", t, max(v.dims, 0), n, want)
	}
	v.data = data[:t.dataBytes(v.dims)]
	if t == Float8 {
		v.alpha = math.Float32frombits(binary.LittleEndian.Uint32(data[n-10:]))
		v.shift = math.Float32frombits(binary.LittleEndian.Uint32(data[n-6:]))
	}
	return v, nil
}
