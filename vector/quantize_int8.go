package vector

import "math"

// Int8 is the int8 quantizer of one index: a vector v becomes whole numbers
// x in [-127, 127] with v[i] ≈ scale·x[i], stored as bytes x+128, and a pair
// of [Terms]. Distances are estimated from the integer dot product of two
// codes, which [DotU8S8Batch] (a query against rows) and [DotCodesBatch]
// (rows against a row) compute exactly:
//
//	z := vector.Int8{Metric: vector.Cosine, Dims: 384}
//	code := make([]uint8, z.PaddedLen())
//	t := z.Encode(code, v)                      // keep code and t (8 bytes)
//
//	q := make([]int8, z.PaddedLen())
//	qt := z.EncodeQuery(q, query)
//	vector.DotU8S8Batch(q, rows, dots)
//	d := z.Distance(qt, t, dots[i])             // L2: squared
//
// Scale is the step of the whole index; [TrainInt8] finds a good one, robust
// to outliers: elements beyond ±127·Scale are clipped. With Scale zero each
// vector has its own step, max|v|/127: nothing to train, nothing is clipped,
// any magnitude is represented with the same relative precision, and a vector
// that comes later can be of any size. That is the right choice for an index
// that grows by single rows; the price is that Terms differ by row.
//
// Cosine normalizes vectors before it quantizes them, so magnitudes do not
// matter there. Only Cosine, L2 and InnerProduct follow from a dot product;
// for L1 see [SumAbsDiffBatch], which needs a common Scale.
//
// Error: without clipping |v[i] - scale·x[i]| <= scale/2, so that the
// estimate of dot(a, b) is off by at most scaleA/2·Σ|b| + scaleB/2·Σ|a| +
// dims·scaleA·scaleB/4; roundings are random in practice and the typical
// error is smaller by a factor of about sqrt(dims). See [Int8.DotErrorBound].
//
// An Int8 is immutable and may be shared. No method allocates.
type Int8 struct {
	Metric Metric
	Dims   int
	Scale  float32 // step of the whole index; 0: each vector has its own
}

// Terms are what a code needs besides its bytes to estimate distances.
type Terms struct {
	Mul float32 // value of one step, divided by the norm for Cosine
	Add float32 // squared norm for L2, else 0
}

// PaddedLen is the length of a code: Dims rounded up to a multiple of 64.
func (z Int8) PaddedLen() int { return (z.Dims + 63) &^ 63 }

// Encode writes the code of v, x+128 per element, into dst and pads it with
// 128. len(v) must be Dims, len(dst) PaddedLen. A vector whose norm is zero or
// not finite (Cosine), or whose elements are all zero, becomes a code of zeros.
func (z Int8) Encode(dst []uint8, v []float32) Terms {
	checkLens(len(v), z.Dims)
	checkLens(len(dst), z.PaddedLen())
	inv, t := z.terms(v)
	if z.Scale == 0 { // nothing to clip
		for i, x := range v {
			dst[i] = uint8(nearest(x*inv)) ^ 0x80
		}
	} else {
		for i, x := range v {
			dst[i] = uint8(nearest(min(max(x*inv, -127), 127))) ^ 0x80
		}
	}
	for i := len(v); i < len(dst); i++ {
		dst[i] = 128
	}
	return t
}

// EncodeQuery is Encode for the query side of [DotU8S8Batch]: signed bytes,
// padded with 0.
func (z Int8) EncodeQuery(dst []int8, q []float32) Terms {
	checkLens(len(q), z.Dims)
	checkLens(len(dst), z.PaddedLen())
	// A query always has its own step: it is never compared with clipped codes
	// of its own kind, and none of its range should be lost.
	z.Scale = 0
	inv, t := z.terms(q)
	for i, x := range q {
		dst[i] = int8(nearest(x * inv))
	}
	clear(dst[len(q):])
	return t
}

// Distance estimates the distance of two vectors from their terms and the
// integer dot product of their codes: Cosine 1-cos, L2 the squared Euclidean
// distance, InnerProduct -dot. NaN for the other metrics.
func (z Int8) Distance(a, b Terms, dot int32) float32 {
	p := a.Mul * b.Mul * float32(dot)
	switch z.Metric {
	case Cosine:
		return 1 - p
	case L2:
		return max(0, a.Add+b.Add-2*p)
	case InnerProduct:
		return -p
	}
	return float32(math.NaN())
}

// Distances is Distance for a batch: dst[i] is the distance of q and the row
// with terms rows[i] and dot product dots[i].
func (z Int8) Distances(q Terms, rows []Terms, dots []int32, dst []float32) {
	dots, dst = dots[:len(rows)], dst[:len(rows)]
	for i, t := range rows {
		dst[i] = z.Distance(q, t, dots[i])
	}
}

// Decode appends the vector that the code stands for. For Cosine it is
// normalized to length one.
func (z Int8) Decode(dst []float32, code []uint8, t Terms) []float32 {
	for _, c := range code[:z.Dims] {
		dst = append(dst, t.Mul*(float32(c)-128))
	}
	return dst
}

// DotErrorBound bounds |dot(a, b) - estimate| for vectors that were not
// clipped, given their steps (Terms.Mul) and their sums of |element|. For
// Cosine, a and b are the normalized vectors. Rounding in float32 comes on
// top: a few units of the last place of Σ|a·b|.
func (z Int8) DotErrorBound(stepA, sumAbsA, stepB, sumAbsB float64) float64 {
	return stepA/2*sumAbsB + stepB/2*sumAbsA + float64(z.Dims)*stepA*stepB/4
}

// terms returns the factor that turns elements of v into whole numbers, and
// the terms of v.
func (z Int8) terms(v []float32) (inv float32, t Terms) {
	var norm float32 = 1
	n2 := NormSquared(v)
	if z.Metric == Cosine {
		norm = float32(math.Sqrt(float64(n2)))
	}
	step := z.Scale // in units of the (normalized) elements
	if step == 0 {
		step = maxAbs(v) / 127 / norm
	}
	inv = 1 / (step * norm)
	if !(inv > 0 && inv <= math.MaxFloat32) || !(step <= math.MaxFloat32) {
		// Zero, without direction, or beyond float32: a code of zeros, which
		// is orthogonal to everything.
		inv, step = 0, 0
	}
	t.Mul = step
	if z.Metric == L2 {
		t.Add = n2
	}
	return inv, t
}

func maxAbs(v []float32) float32 {
	var m float32
	for _, x := range v {
		if a := abs32(x); a > m {
			m = a
		}
	}
	return m
}

// nearest rounds x, within ±2^21, to the nearest whole number, halves to even.
// Adding 1.5·2^23 leaves it in the lowest bits of the sum, without a branch.
// The conversion keeps the compiler from fusing the addition with the product
// that x is. NaN and larger numbers give some number.
func nearest(x float32) int32 {
	return int32(math.Float32bits(float32(x)+0x1.8p23)) - 0x4b400000
}

// TrainInt8 returns the quantizer whose Scale gives the sample's vectors the
// least mean relative error: rounding and clipping, squared, as a part of the
// vector's squared length, and at most 1. What a few outlying elements can
// cost is thus bounded by the vectors they are in, and they cannot stretch
// the range for all others. A thousand vectors are plenty; of more, evenly
// spaced ones are used. For Cosine they are normalized first. Vectors that
// are zero or not finite are left out; if none is usable, Scale is 0.
func TrainInt8(m Metric, dims int, sample [][]float32) Int8 {
	z := Int8{Metric: m, Dims: dims}
	const most = 1024
	var vs [][]float32
	var scales, norms []float64 // of the elements as quantized; squared
	var largest float64
	for i := range min(len(sample), most) {
		v := sample[i*len(sample)/min(len(sample), most)]
		n2 := float64(NormSquared(v))
		if !(n2 > 0 && n2 <= math.MaxFloat32) {
			continue
		}
		scale := 1.0
		if m == Cosine {
			scale = 1 / math.Sqrt(n2)
		}
		vs, scales, norms = append(vs, v), append(scales, scale), append(norms, n2*scale*scale)
		largest = max(largest, scale*float64(maxAbs(v)))
	}
	best, bestErr := 0.0, math.Inf(1)
	for k := range 4 * 40 { // limits from the largest element down to 2^-40 of it
		limit := largest * math.Exp2(-float64(k)/4)
		rounding := float64(dims) * limit * limit / (12 * 127 * 127)
		var sum, clipped float64
		for i, v := range vs {
			e := 0.0
			for _, x := range v {
				if over := scales[i]*float64(abs32(x)) - limit; over > 0 {
					e += over * over
				}
			}
			clipped += min(1, e/norms[i])
			sum += min(1, (e+rounding)/norms[i])
		}
		if clipped > bestErr {
			break // a smaller limit only clips more
		}
		if sum < bestErr {
			best, bestErr = limit, sum
		}
	}
	z.Scale = float32(best / 127)
	return z
}
