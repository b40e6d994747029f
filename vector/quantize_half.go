package vector

import "math"

// The 16-bit quantizers need no training and no terms: a code is the vector in
// half the bytes, compared by [DotFloat16Batch] and its sisters with a
// float32 query (the distance is asymmetric: the query loses nothing).
//
// Error per element: float16 at most 2^-11 of its magnitude (2^-25 in
// absolute terms below 2^-14; beyond ±65504 it overflows), bfloat16 2^-8 at
// any magnitude. A dot product is off by no more than that part of Σ|q·v|.

// EncodeFloat16 writes v as IEEE halves into dst, rounded to nearest even.
// dst holds at least len(v) values.
func EncodeFloat16(dst []uint16, v []float32) {
	narrowF16(dst[:len(v)], v)
}

// DecodeFloat16 writes the values of h into dst, which holds at least len(h).
func DecodeFloat16(dst []float32, h []uint16) {
	widenF16(dst[:len(h)], h)
}

// EncodeBFloat16 writes v as bfloat16 into dst, rounded to nearest even; the
// conversion of [Convert] truncates as libSQL does, which loses twice as
// much. dst holds at least len(v) values.
func EncodeBFloat16(dst []uint16, v []float32) {
	dst = dst[:len(v)]
	for i, x := range v {
		b := math.Float32bits(x)
		if b&0x7fffffff > 0x7f800000 {
			dst[i] = uint16(b>>16) | 0x40
			continue
		}
		dst[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
}

// DecodeBFloat16 writes the values of h into dst, which holds at least len(h).
func DecodeBFloat16(dst []float32, h []uint16) {
	dst = dst[:len(h)]
	for i, x := range h {
		dst[i] = BFloat16ToFloat32(x)
	}
}
