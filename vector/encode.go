package vector

import (
	"encoding/binary"
	"math"
)

// BlobLen returns the length of the vector's blob.
func (v Vector) BlobLen() int {
	switch t := v.Type(); t {
	case Float32:
		return 4 * v.dims
	case Bit:
		n := t.dataBytes(v.dims)
		return n + 3 - n&1
	case Float8:
		return (v.dims+3)&^3 + 11
	default:
		return t.dataBytes(v.dims) + 1
	}
}

// AppendBlob appends libSQL's encoding of the vector to dst. All numbers are
// little-endian:
//
//	float32    4·dims
//	float64    8·dims | 02
//	float1bit  ceil(dims/8), bit i%8 of byte i/8 | 00 if that is even | trailing bits | 03
//	float8     dims | 00 to a multiple of 4 | alpha f32 | shift f32 | 00 | padding length | 04
//	float16    2·dims | 05
//	floatb16   2·dims | 06
//
// The padding of float8, undefined in libSQL, is zero here. The trailing-bits
// byte is what makes the length of the blob, in bits, into the dimensions:
// 8·(len-1) - dims.
func (v Vector) AppendBlob(dst []byte) []byte {
	dst = append(dst, v.data...)
	switch t := v.Type(); t {
	case Float32:
		return dst
	case Bit:
		if len(v.data)%2 == 0 {
			dst = append(dst, 0)
		}
		return append(dst, byte(8*(v.BlobLen()-1)-v.dims), byte(t))
	case Float8:
		pad := -v.dims & 3
		dst = append(dst, 0, 0, 0)[:len(dst)+pad]
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.alpha))
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.shift))
		return append(dst, 0, byte(pad), byte(t))
	default:
		return append(dst, byte(t))
	}
}
