package vector

import "math"

// DistanceCos returns the cosine distance of two vectors as libSQL's
// vector_distance_cos does: they must have the same type and length, the
// result is computed in single precision, and 1-bit vectors give their
// Hamming distance. ok is false where SQL wants NULL: a vector without
// direction (zero or empty), or NaN. It does not allocate.
func DistanceCos(a, b Vector) (d float64, ok bool, err error) {
	if err := comparable2(a.Type(), b.Type(), a.dims, b.dims); err != nil {
		return 0, false, err
	}
	var dot, aa, bb float64
	switch a.Type() {
	case Bit:
		differ, _ := bitCounts(a.data, b.data)
		return float64(differ), true, nil
	case Float64:
		dot, aa, bb = blocks64(a, b, true)
	default:
		dot, aa, bb = blocks32(a, b, true)
	}
	d = float64(float32(1 - dot/normProduct(aa, bb)))
	return d, !math.IsNaN(d), nil
}

// DistanceL2 returns the Euclidean distance of two vectors as libSQL's
// vector_distance_l2 does; see [DistanceCos]. 1-bit vectors are an error. ok
// is false for NaN. It does not allocate.
func DistanceL2(a, b Vector) (d float64, ok bool, err error) {
	if err := comparable2(a.Type(), b.Type(), a.dims, b.dims); err != nil {
		return 0, false, err
	}
	var sum float64
	switch a.Type() {
	case Bit:
		return 0, false, errBitL2
	case Float64:
		sum, _, _ = blocks64(a, b, false)
	default:
		sum, _, _ = blocks32(a, b, false)
	}
	d = float64(float32(math.Sqrt(sum)))
	return d, !math.IsNaN(d), nil
}

// normProduct returns √(aa·bb): in one step, which is exact for aa = bb,
// unless the product leaves the range of float64.
func normProduct(aa, bb float64) float64 {
	if p := aa * bb; p >= 0x1p-1000 && p <= math.MaxFloat64 {
		return math.Sqrt(p)
	}
	return math.Sqrt(aa) * math.Sqrt(bb)
}

// comparable2 checks that two vectors have one type and one length.
func comparable2(typeA, typeB Type, dimsA, dimsB int) error {
	if typeA != typeB {
		return errf("vector_distance: vectors must have the same type: %d != %d", typeA, typeB)
	}
	if dimsA != dimsB {
		return errf("vector_distance: vectors must have the same length: %d != %d", dimsA, dimsB)
	}
	return nil
}

// blockLen is how many elements blocks32 and blocks64 convert at a time, on
// the stack.
const blockLen = 256

// blocks32 adds up, over vectors of one type and length that fit float32, the
// three sums of the cosine, or the squared distance alone. float32 elements
// are used where they are, others converted block by block.
func blocks32(a, b Vector, cosine bool) (sum, aa, bb float64) {
	if a.Type() == Float32 {
		x, y := view[float32](a.data), view[float32](b.data)
		switch {
		case x == nil || y == nil:
		case cosine:
			d, xx, yy := cosineF32Pair(x, y)
			return float64(d), float64(xx), float64(yy)
		default:
			return float64(squaredL2F32Pair(x, y)), 0, 0
		}
	}
	var x, y [blockLen]float32
	for i := 0; i < a.dims; i += blockLen {
		n := min(blockLen, a.dims-i)
		a.slice(i, n).read32(x[:n])
		b.slice(i, n).read32(y[:n])
		if !cosine {
			sum += float64(squaredL2F32Pair(x[:n], y[:n]))
			continue
		}
		d, xx, yy := cosineF32Pair(x[:n], y[:n])
		sum, aa, bb = sum+float64(d), aa+float64(xx), bb+float64(yy)
	}
	return sum, aa, bb
}

// blocks64 is blocks32 for float64 vectors.
func blocks64(a, b Vector, cosine bool) (sum, aa, bb float64) {
	if x, y := view[float64](a.data), view[float64](b.data); x != nil && y != nil {
		if cosine {
			return cosineF64Pair(x, y)
		}
		return squaredL2F64Pair(x, y), 0, 0
	}
	var x, y [blockLen]float64
	for i := 0; i < a.dims; i += blockLen {
		n := min(blockLen, a.dims-i)
		for j := range n {
			x[j], y[j] = a.float64At(i+j), b.float64At(i+j)
		}
		if !cosine {
			sum += squaredL2F64Pair(x[:n], y[:n])
			continue
		}
		d, xx, yy := cosineF64Pair(x[:n], y[:n])
		sum, aa, bb = sum+d, aa+xx, bb+yy
	}
	return sum, aa, bb
}

// slice returns n elements from i on; i is a multiple of 8.
func (v Vector) slice(i, n int) Vector {
	t := v.Type()
	v.data = v.data[t.dataBytes(i):t.dataBytes(i+n)]
	v.dims = n
	return v
}
