package vector

import (
	"encoding/binary"
	"math"
)

// Convert returns v in the given type; v itself if it has that type already.
// Float16 rounds to nearest even, BFloat16 truncates, Float8 is quantized
// linearly between the vector's smallest and largest element, Bit keeps only
// whether an element is above zero. t must be valid.
func Convert(v Vector, t Type) Vector {
	if v.Type() == t || !t.Valid() {
		return v
	}
	w := Vector{typ: t, dims: v.dims}
	if t == Float64 {
		w.data = make([]byte, 0, 8*v.dims)
		for _, x := range v.f32() {
			w.data = binary.LittleEndian.AppendUint64(w.data, math.Float64bits(float64(x)))
		}
		return w
	}
	f := v.f32()
	if t == Float32 {
		w.data = float32Bytes(f)
		if v.Type() == Float32 {
			return v
		}
		return w
	}
	w.data = make([]byte, t.dataBytes(v.dims))
	switch t {
	case Bit:
		for i, x := range f {
			if x > 0 {
				w.data[i>>3] |= 1 << (i & 7)
			}
		}
	case Float8:
		w.alpha, w.shift = quantizeFloat8(w.data, f)
	case Float16:
		if h := view[uint16](w.data); h != nil {
			narrowF16(h, f)
			return w
		}
		for i, x := range f {
			binary.LittleEndian.PutUint16(w.data[2*i:], Float32ToFloat16(x))
		}
	case BFloat16:
		for i, x := range f {
			binary.LittleEndian.PutUint16(w.data[2*i:], Float32ToBFloat16(x))
		}
	}
	return w
}

// quantizeFloat8 writes one byte per element: (x-shift)/alpha rounded to the
// nearest whole number and clipped to 0..255, shift being the smallest
// element and alpha a 255th of the range. NaN elements are left out of the
// range and become 0.
func quantizeFloat8(dst []byte, f []float32) (alpha, shift float32) {
	if len(f) == 0 {
		return 0, 0
	}
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, x := range f {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	if lo > hi { // nothing but NaN
		return 0, 0
	}
	alpha, shift = (hi-lo)/255, lo
	if alpha == 0 {
		return alpha, shift
	}
	for i, x := range f {
		y := (x-shift)/alpha + 0.5
		switch {
		case y >= 255:
			dst[i] = 255
		case y > 0: // false for NaN
			dst[i] = byte(y)
		}
	}
	return alpha, shift
}
