package vector

import "math"

// DistanceCos returns the cosine distance of two vectors as libSQL's
// vector_distance_cos does: they must have the same type and length, the
// result is computed in single precision, and 1-bit vectors give their
// Hamming distance. ok is false where SQL wants NULL: a vector without
// direction (zero or empty), or NaN.
func DistanceCos(a, b Vector) (d float64, ok bool, err error) {
	if err := comparable2(a.Type(), b.Type(), a.dims, b.dims); err != nil {
		return 0, false, err
	}
	switch a.Type() {
	case Bit:
		differ, _ := bitCounts(a.data, b.data)
		return float64(differ), true, nil
	case Float64:
		var dot, aa, bb float64
		for i := range a.dims {
			x, y := a.float64At(i), b.float64At(i)
			dot += x * y
			aa += x * x
			bb += y * y
		}
		d = float64(float32(1 - dot/math.Sqrt(aa*bb)))
	default:
		dot, aa, bb := CosineParts(a.f32(), b.f32())
		d = float64(float32(1 - float64(dot)/math.Sqrt(float64(aa)*float64(bb))))
	}
	return d, !math.IsNaN(d), nil
}

// DistanceL2 returns the Euclidean distance of two vectors as libSQL's
// vector_distance_l2 does; see [DistanceCos]. 1-bit vectors are an error. ok
// is false for NaN.
func DistanceL2(a, b Vector) (d float64, ok bool, err error) {
	if err := comparable2(a.Type(), b.Type(), a.dims, b.dims); err != nil {
		return 0, false, err
	}
	switch a.Type() {
	case Bit:
		return 0, false, valueError("vector_distance: l2 distance is not supported for float1bit vectors")
	case Float64:
		var s float64
		for i := range a.dims {
			x := a.float64At(i) - b.float64At(i)
			s += x * x
		}
		d = float64(float32(math.Sqrt(s)))
	default:
		d = float64(float32(math.Sqrt(float64(SquaredL2(a.f32(), b.f32())))))
	}
	return d, !math.IsNaN(d), nil
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
