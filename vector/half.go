package vector

import "math"

// Float16ToFloat32 converts an IEEE 754 half to float32, exactly. A NaN keeps
// its payload and becomes quiet, as processors do it.
func Float16ToFloat32(h uint16) float32 {
	// Exponent and mantissa moved into place are off by a factor of 2^112, for
	// subnormals too; only infinities and NaN need their exponent set.
	b := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if h&0x7c00 == 0x7c00 {
		b = 0x7f800000 | uint32(h&0x3ff)<<13
		if h&0x3ff != 0 {
			b |= 0x400000
		}
	}
	return math.Float32frombits(b | uint32(h&0x8000)<<16)
}

// Float32ToFloat16 converts to an IEEE 754 half: round to nearest even,
// overflow to infinity, subnormals kept. A NaN stays a NaN.
func Float32ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN: keep the payload's upper bits, and it quiet
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= 0x477ff000: // 65520 and above round to infinity
		return sign | 0x7c00
	case b < 0x38800000: // below the smallest normal: units of 2^-24
		// Adding 1/2 leaves the value in the lowest bits of the sum, rounded to
		// nearest even by the addition itself.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	b += 0xfff + b>>13&1 // round to nearest even; a carry moves into the exponent
	return sign | uint16((b-0x38000000)>>13)
}

// BFloat16ToFloat32 converts a bfloat16 to float32, exactly.
func BFloat16ToFloat32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// Float32ToBFloat16 converts to bfloat16 by truncation, as libSQL does. A NaN
// whose remaining bits would read as infinity is made quiet instead.
func Float32ToBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	h := uint16(b >> 16)
	if b&0x7fffffff > 0x7f800000 && h&0x7f == 0 {
		h |= 0x40
	}
	return h
}
