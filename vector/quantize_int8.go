package vector

import (
	"math"
	"slices"
)

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
// 128. len(v) must be Dims, len(dst) PaddedLen. NaN elements become 0,
// infinite ones are clipped.
func (z Int8) Encode(dst []uint8, v []float32) Terms {
	checkLens(len(v), z.Dims)
	checkLens(len(dst), z.PaddedLen())
	inv, t := z.terms(v)
	for i, x := range v {
		dst[i] = uint8(roundInt8(x*inv)) ^ 0x80
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
		dst[i] = roundInt8(x * inv)
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
		if a := absOf(x); a > m {
			m = a
		}
	}
	return m
}

// roundInt8 rounds to the nearest whole number in [-127, 127]; NaN gives 0.
func roundInt8(x float32) int8 {
	switch {
	case x >= 127:
		return 127
	case x <= -127:
		return -127
	case x >= 0:
		return int8(x + 0.5)
	case x < 0:
		return int8(x - 0.5)
	}
	return 0
}

// TrainInt8 returns the quantizer whose Scale has the least expected squared
// error over the sample, rounding and clipping together. A handful of
// outliers therefore cannot stretch the range for all others. A few thousand
// vectors are plenty. For Cosine the sample is normalized first. Vectors with
// NaN or infinite elements are left out; without usable elements Scale is 0.
func TrainInt8(m Metric, dims int, sample [][]float32) Int8 {
	z := Int8{Metric: m, Dims: dims}
	var mags []float32
	for _, v := range sample {
		inv := float32(1)
		n2 := NormSquared(v)
		if !(n2 > 0 && n2 <= math.MaxFloat32) {
			continue
		}
		if m == Cosine {
			inv = float32(1 / math.Sqrt(float64(n2)))
		}
		for _, x := range v {
			if x != 0 {
				mags = append(mags, absOf(x*inv))
			}
		}
	}
	if len(mags) == 0 {
		return z
	}
	slices.Sort(mags)
	// Walk the clip point c down from the largest magnitude, keeping the sum
	// and the sum of squares of what lies above it:
	//   clipping Σ(x-c)² over x > c, rounding n·(c/127)²/12.
	n := float64(len(mags))
	best, bestErr := float64(mags[len(mags)-1]), math.Inf(1)
	var above, sum, sum2 float64
	for i := len(mags) - 1; i >= 0; i-- {
		c := float64(mags[i])
		e := sum2 - 2*c*sum + above*c*c + n*c*c/(127*127*12)
		if e < bestErr {
			best, bestErr = c, e
		}
		above++
		sum += c
		sum2 += c * c
	}
	z.Scale = float32(best / 127)
	return z
}
