package vector

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rotation is a random orthogonal map of n dimensions, n a multiple of 64,
// in O(n log n): rounds of random signs and a fast Walsh-Hadamard transform,
// alternately over the first and the last power of two that fits in n. Where
// n is no power of two a butterfly of the two halves follows each round, so
// that no part stays apart (the "Kac" step of the RaBitQ library). It keeps
// lengths and dot products and spreads any vector evenly over its dimensions.
type rotation struct {
	n     int
	signs [rounds][]uint32 // sign bits to xor, one word per element
}

const rounds = 4

func newRotation(n int, seed uint64) *rotation {
	r := &rotation{n: n}
	rng := rand.New(rand.NewPCG(seed, 0x6e6561726c697465))
	for i := range r.signs {
		r.signs[i] = make([]uint32, n)
		for j := range r.signs[i] {
			r.signs[i][j] = rng.Uint32() & 0x80000000
		}
	}
	return r
}

// apply rotates v in place; len(v) is n.
func (r *rotation) apply(v []float32) {
	k := 1 << (bits.Len(uint(r.n)) - 1) // largest power of two <= n
	scale := float32(1 / math.Sqrt(float64(k)))
	for round, signs := range r.signs {
		for i, s := range signs {
			v[i] = math.Float32frombits(math.Float32bits(v[i]) ^ s)
		}
		part := v[:k]
		if round%2 == 1 {
			part = v[r.n-k:]
		}
		hadamard(part)
		for i := range part {
			part[i] *= scale
		}
		if k < r.n {
			butterfly(v[:r.n/2], v[r.n/2:])
			for i := range v {
				v[i] *= math.Sqrt2 / 2
			}
		}
	}
}

// hadamard is the Walsh-Hadamard transform, unscaled; len(v) is a power of two.
func hadamard(v []float32) {
	for h := 1; h < len(v); h *= 2 {
		for i := 0; i < len(v); i += 2 * h {
			butterfly(v[i:i+h], v[i+h:i+2*h])
		}
	}
}

// butterfly replaces (x, y) by (x+y, x-y), element by element.
func butterfly(x, y []float32) {
	y = y[:len(x)]
	for i, a := range x {
		b := y[i]
		x[i], y[i] = a+b, a-b
	}
}
