package vector

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// BitQuantizer turns vectors into one bit per dimension and estimates their
// distances to a float query without bias, after RaBitQ (Gao & Long, SIGMOD
// 2024): the vector, less a center, is rotated at random, and the signs of
// the result are kept, together with what undoes their systematic error.
//
// For a vector x with rotated direction o and code b (±1/√n per dimension),
// <o,p> ≈ <b,p>/<b,o> for any direction p. The error is random with a standard
// deviation of about sqrt((1-<b,o>²)/<b,o>²/(n-1)), with <b,o> near 0.8 for
// every x: see [BitTerms.Deviation]. The query keeps 4 bits per dimension, so
// that <b,p> is four population counts of and-ed words; what that adds is
// several times smaller. There is room for far more candidates in memory
// than with int8 codes, but they need more rescoring.
//
// It is immutable and may be shared. Different from the paper: a fast
// rotation (see rotation), and rounding of the query to nearest instead of
// at random, so that the same query always gives the same estimates.
type BitQuantizer struct {
	metric   Metric
	dims     int
	center   []float32 // rows and queries are taken relative to it; nil: the origin
	center2  float32
	rotation *rotation
}

// BitTerms are what a code needs besides its bits.
type BitTerms struct {
	Mul  float32 // |x-c| / (√n·<b,o>)
	Add  float32 // |x-c|² for L2, <x,c> for InnerProduct, else 0
	Ones uint32  // bits set
}

// NewBitQuantizer returns a quantizer for vectors of dims dimensions and the
// metrics Cosine, L2 or InnerProduct. center, the mean of the data or nil,
// makes codes better where the data is far from the origin; it is copied, and
// ignored for Cosine, whose vectors are normalized first. The same seed gives
// the same rotation anywhere.
func NewBitQuantizer(m Metric, dims int, center []float32, seed uint64) *BitQuantizer {
	z := &BitQuantizer{metric: m, dims: dims, rotation: newRotation((dims+63)&^63, seed)}
	if len(center) == dims && m != Cosine {
		z.center = append(z.center, center...)
		z.center2 = NormSquared(center)
	}
	return z
}

// CodeLen is the length of a code in bytes, a multiple of 8.
func (z *BitQuantizer) CodeLen() int { return z.rotation.n / 8 }

// ScratchLen is the length of the scratch slice that Encode and Query need.
func (z *BitQuantizer) ScratchLen() int { return z.rotation.n }

// direction writes the rotated direction of v, less the center, into scratch
// and returns the length it had. A vector without direction gives zeros.
func (z *BitQuantizer) direction(v, scratch []float32) (norm float32) {
	checkLens(len(v), z.dims)
	checkLens(len(scratch), z.rotation.n)
	clear(scratch[copy(scratch, v):])
	for i, c := range z.center {
		scratch[i] -= c
	}
	norm = float32(math.Sqrt(float64(NormSquared(scratch))))
	inv := 1 / norm
	if !(inv <= math.MaxFloat32) || inv == 0 {
		clear(scratch)
		return 0
	}
	for i := range scratch {
		scratch[i] *= inv
	}
	z.rotation.apply(scratch)
	if z.metric == Cosine {
		return 1
	}
	return norm
}

// Encode writes the code of v into dst, CodeLen bytes. scratch holds
// ScratchLen values and is overwritten.
func (z *BitQuantizer) Encode(dst []byte, v, scratch []float32) BitTerms {
	checkLens(len(dst), z.CodeLen())
	norm := z.direction(v, scratch)
	var t BitTerms
	var sumAbs float32
	for w := 0; w < len(scratch); w += 64 {
		var word uint64
		for i, x := range scratch[w : w+64] {
			// The sign bit, inverted: no branch.
			word |= uint64(^math.Float32bits(x)>>31) << i
			sumAbs += abs32(x)
		}
		binary.LittleEndian.PutUint64(dst[w/8:], word)
		t.Ones += uint32(bits.OnesCount64(word))
	}
	// <b,o> = Σ|o|/√n, so Mul = |x-c| / Σ|o|.
	if sumAbs > 0 {
		t.Mul = norm / sumAbs
	}
	switch z.metric {
	case L2:
		t.Add = norm * norm
	case InnerProduct:
		if z.center != nil {
			t.Add = Dot(v, z.center)
		}
	}
	return t
}

// Deviation estimates the standard deviation of the error of the dot product
// of x-c, whose terms these are, with a query of length qNorm (relative to
// the center); xNorm is |x-c|, 1 for Cosine. An error of three or four times
// that is very rare.
func (t BitTerms) Deviation(xNorm, qNorm float32, n int) float32 {
	if t.Mul == 0 {
		return 0
	}
	// Mul = |x-c|/(√n·<b,o>)
	bo := float64(xNorm) / (float64(t.Mul) * math.Sqrt(float64(n)))
	return xNorm * qNorm * float32(math.Sqrt(max(0, 1-bo*bo)/(bo*bo)/float64(max(1, n-1))))
}

// BitQuery is a query prepared for [BitQuantizer.Distances]. It may be reused
// for query after query, by one goroutine at a time.
type BitQuery struct {
	planes         [queryBits][]byte // bit j of each dimension's level
	lo, step       float32           // rotated query ≈ lo + step·level
	sum            float32           // of the rotated query, as quantized
	norm, add      float32
	scratch        []float32
	counts, weight []uint32
}

const queryBits = 4

// Query prepares q, whose length is the dimensions, reusing the memory of bq.
func (z *BitQuantizer) Query(bq *BitQuery, q []float32) {
	n := z.rotation.n
	if len(bq.scratch) != n {
		bq.scratch = make([]float32, n)
		for j := range bq.planes {
			bq.planes[j] = make([]byte, n/8)
		}
	}
	bq.norm = z.direction(q, bq.scratch)
	bq.add = 0
	if z.center != nil && z.metric == InnerProduct {
		bq.add = Dot(q, z.center) - z.center2
	}
	if z.metric == L2 {
		bq.add = bq.norm * bq.norm
	}
	lo, hi := float32(0), float32(0)
	for _, x := range bq.scratch {
		lo, hi = min(lo, x), max(hi, x)
	}
	const levels = 1<<queryBits - 1
	bq.lo, bq.step = lo, (hi-lo)/levels
	var inv float32
	if bq.step > 0 {
		inv = 1 / bq.step
	}
	total := 0
	for w := 0; w < n; w += 64 {
		var words [queryBits]uint64
		for i, x := range bq.scratch[w : w+64] {
			level := uint64(min(levels, (x-lo)*inv+0.5))
			total += int(level)
			for j := range words {
				words[j] |= level >> j & 1 << i
			}
		}
		for j, word := range words {
			binary.LittleEndian.PutUint64(bq.planes[j][w/8:], word)
		}
	}
	bq.sum = float32(n)*lo + bq.step*float32(total)
}

// Distances estimates the distance of the prepared query to rows of codes
// with their terms: Cosine 1-cos, L2 the squared Euclidean distance,
// InnerProduct -dot. dst holds at least len(rows) values. It allocates only
// when a batch is larger than any before.
func (z *BitQuantizer) Distances(bq *BitQuery, rows []*byte, terms []BitTerms, dst []float32) {
	checkLens(len(rows), len(terms))
	checkBatch(len(rows), len(dst))
	if cap(bq.counts) < len(rows) {
		bq.counts, bq.weight = make([]uint32, len(rows)), make([]uint32, len(rows))
	}
	counts, levels := bq.counts[:len(rows)], bq.weight[:len(rows)]
	clear(levels)
	for j, plane := range bq.planes {
		AndCountBatch(plane, rows, counts)
		for i, c := range counts {
			levels[i] += c << j
		}
	}
	for i, t := range terms {
		// Σ±p = 2·Σ(p where the bit is set) - Σp
		set := bq.lo*float32(t.Ones) + bq.step*float32(levels[i])
		dot := bq.norm * t.Mul * (2*set - bq.sum)
		switch z.metric {
		case Cosine:
			dst[i] = 1 - dot
		case L2:
			dst[i] = max(0, bq.add+t.Add-2*dot)
		default:
			dst[i] = -(dot + bq.add + t.Add)
		}
	}
}
