package vector

import (
	"encoding/binary"
	"math"
)

// Vector is an immutable decoded vector of any [Type]. The zero value is the
// empty float32 vector.
//
// A Vector made by [Decode] or [Float32s] may alias the memory it was made
// from: it is valid only while that memory does not change.
type Vector struct {
	// data holds the elements in the encoding of the type, little-endian,
	// without padding and trailer: typ.dataBytes(dims) bytes.
	data []byte
	dims int
	typ  Type // 0 means Float32, so that the zero value is usable
	// Float8 only: element = alpha*byte + shift.
	alpha, shift float32
}

// Type returns the element type.
func (v Vector) Type() Type {
	if v.typ == 0 {
		return Float32
	}
	return v.typ
}

// Dims returns the number of dimensions, 0..MaxDims.
func (v Vector) Dims() int { return v.dims }

// Float32s appends the elements to dst, converted to float32, and returns the
// extended slice.
func (v Vector) Float32s(dst []float32) []float32 {
	n := len(dst)
	dst = growFloat32(dst, v.dims)
	v.read32(dst[n:])
	return dst
}

// Float64s appends the elements to dst, converted to float64, and returns the
// extended slice.
func (v Vector) Float64s(dst []float64) []float64 {
	if v.Type() == Float64 {
		if f := view[float64](v.data); f != nil {
			return append(dst, f...)
		}
		for i := range v.dims {
			dst = append(dst, v.float64At(i))
		}
		return dst
	}
	for _, x := range v.f32() {
		dst = append(dst, float64(x))
	}
	return dst
}

// Float32s returns a float32 vector over v. On little-endian hosts it aliases
// v. len(v) above MaxDims is cut off: check it first where it is possible.
func Float32s(v []float32) Vector {
	v = v[:min(len(v), MaxDims)]
	return Vector{typ: Float32, dims: len(v), data: float32Bytes(v)}
}

// Float64s returns a float64 vector holding a copy of v, of which elements
// past MaxDims are cut off.
func Float64s(v []float64) Vector {
	v = v[:min(len(v), MaxDims)]
	data := make([]byte, 0, 8*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
	}
	return Vector{typ: Float64, dims: len(v), data: data}
}

// f32 returns the elements as float32: a view of the data where the host can
// read it in place, else a copy. The result must not be written to.
func (v Vector) f32() []float32 {
	if v.Type() == Float32 {
		if f, ok := BytesToFloat32(v.data); ok {
			return f
		}
	}
	f := make([]float32, v.dims)
	v.read32(f)
	return f
}

// read32 converts the elements into dst, which holds v.dims values.
func (v Vector) read32(dst []float32) {
	switch v.Type() {
	case Float32:
		if f := view[float32](v.data); f != nil {
			copy(dst, f)
			return
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.data[4*i:]))
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(v.float64At(i))
		}
	case Bit:
		for i := range dst {
			dst[i] = -1
			if v.data[i>>3]>>(i&7)&1 != 0 {
				dst[i] = 1
			}
		}
	case Float8:
		// The conversion of the product forbids a fused multiply-add, which would
		// round differently on some processors.
		alpha, shift := v.alpha, v.shift
		for i, x := range v.data[:len(dst)] {
			dst[i] = float32(alpha*float32(x)) + shift
		}
	case Float16:
		if h := view[uint16](v.data); h != nil {
			widenF16(dst, h)
			return
		}
		for i := range dst {
			dst[i] = Float16ToFloat32(binary.LittleEndian.Uint16(v.data[2*i:]))
		}
	case BFloat16:
		data := v.data[:2*len(dst)]
		for i := range dst {
			dst[i] = BFloat16ToFloat32(binary.LittleEndian.Uint16(data[2*i:]))
		}
	}
}

func (v Vector) float64At(i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(v.data[8*i:]))
}

func growFloat32(dst []float32, n int) []float32 {
	if cap(dst)-len(dst) >= n {
		return dst[:len(dst)+n]
	}
	return append(dst, make([]float32, n)...)
}
