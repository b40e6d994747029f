package vector_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// sample returns count vectors around a common mean, of differing lengths.
func sample(r *rand.Rand, count, dims int, mean float64) [][]float32 {
	vs := make([][]float32, count)
	for i := range vs {
		vs[i] = make([]float32, dims)
		size := math.Exp(r.NormFloat64())
		for j := range vs[i] {
			vs[i][j] = float32(size * (r.NormFloat64() + mean))
		}
	}
	return vs
}

// exact returns what Int8.Distance and BitQuantizer.Distances estimate.
func exact(m vector.Metric, a, b []float32) float64 {
	r := refer(a, b)
	switch m {
	case vector.Cosine:
		if r.aa == 0 || r.bb == 0 {
			return 1
		}
		return 1 - r.dot/math.Sqrt(r.aa*r.bb)
	case vector.L2:
		return r.l2
	}
	return -r.dot
}

func sums(v []float32) (norm, sumAbs float64) {
	for _, x := range v {
		norm += float64(x) * float64(x)
		sumAbs += math.Abs(float64(x))
	}
	return math.Sqrt(norm), sumAbs
}

// TestInt8Bound holds the estimates of unclipped codes to their stated bound,
// for a query against a row and for a row against a row.
func TestInt8Bound(t *testing.T) {
	for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
		for _, dims := range []int{1, 3, 63, 64, 65, 100, 384, 768} {
			t.Run(fmt.Sprintf("metric=%v/dims=%d", m, dims), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(dims), 1))
				z := vector.Int8{Metric: m, Dims: dims}
				vs := sample(r, 20, dims, 0.3)
				vs[3][0] *= 1000 // an outlier
				codes := make([][]uint8, len(vs))
				rows := make([]*uint8, len(vs))
				terms := make([]vector.Terms, len(vs))
				for i, v := range vs {
					codes[i] = make([]uint8, z.PaddedLen())
					terms[i] = z.Encode(codes[i], v)
					rows[i] = &codes[i][0]
				}
				q := make([]int8, z.PaddedLen())
				dots, got := make([]int32, len(vs)), make([]float32, len(vs))
				check := func(what string, a, b []float32, ta, tb vector.Terms, got float32) {
					normA, absA := sums(a)
					normB, absB := sums(b)
					scale := 1.0
					if m == vector.Cosine {
						absA, absB = absA/normA, absB/normB
						normA, normB = 1, 1
					}
					bound := z.DotErrorBound(float64(ta.Mul), absA, float64(tb.Mul), absB)
					if m == vector.L2 {
						scale = 2
					}
					want := exact(m, a, b)
					rounding := 0x1p-20 * (normA + normB + 1) * (normA + normB + 1)
					if d := math.Abs(float64(got) - want); !(d <= scale*bound+rounding) {
						t.Errorf("%s: got %v, want %v: off by %v, allowed %v", what, got, want, d, scale*bound+rounding)
					}
				}
				for i, v := range vs {
					qt := z.EncodeQuery(q, v)
					vector.DotU8S8Batch(q, rows, dots)
					z.Distances(qt, terms, dots, got)
					for j := range vs {
						check("query", v, vs[j], qt, terms[j], got[j])
					}
					vector.DotCodesBatch(codes[i], rows, dots)
					for j := range vs {
						check("row", v, vs[j], terms[i], terms[j], z.Distance(terms[i], terms[j], dots[j]))
					}
				}
			})
		}
	}
}

// TestInt8Clips: with a common scale, elements beyond the range are clipped
// to the last code and nothing else changes.
func TestInt8Clips(t *testing.T) {
	z := vector.Int8{Metric: vector.L2, Dims: 5, Scale: 0.5}
	code := make([]uint8, z.PaddedLen())
	terms := z.Encode(code, []float32{1000, -1000, 1, -0.5, 0})
	want := []uint8{255, 1, 130, 127, 128}
	for i, w := range want {
		if code[i] != w {
			t.Errorf("element %d: got %d, want %d", i, code[i], w)
		}
	}
	if terms.Mul != 0.5 {
		t.Errorf("got a step of %v, want 0.5", terms.Mul)
	}
	if got := z.Decode(nil, code, terms); got[0] != 63.5 || got[2] != 1 {
		t.Errorf("decoded %v", got)
	}
}

// TestTrainInt8: a thousandth of outliers, ten thousand times larger, must not
// decide over the range, and without outliers the range is about the data's.
func TestTrainInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	clean := make([][]float32, 200)
	for i := range clean {
		clean[i] = make([]float32, 100)
		for j := range clean[i] {
			clean[i][j] = r.Float32()*2 - 1
		}
	}
	z := vector.TrainInt8(vector.L2, 100, clean)
	if limit := 127 * z.Scale; limit < 0.9 || limit > 1.001 {
		t.Errorf("range of uniform data in ±1: got ±%v", limit)
	}
	normal := make([][]float32, 500)
	for i := range normal {
		normal[i] = make([]float32, 100)
		for j := range normal[i] {
			normal[i][j] = float32(r.NormFloat64())
		}
	}
	normal[7][7] = 1e6
	normal[8][9] = -1e4
	z = vector.TrainInt8(vector.L2, 100, normal)
	if limit := 127 * z.Scale; limit < 2.5 || limit > 6 {
		t.Errorf("range of normal data with two outliers: got ±%v standard deviations", limit)
	}
	if z := vector.TrainInt8(vector.Cosine, 3, [][]float32{{0, 0, 0}, {float32(math.NaN()), 1, 1}}); z.Scale != 0 {
		t.Errorf("nothing usable: got scale %v, want 0", z.Scale)
	}
}

// TestInt8Odd: vectors without direction, NaN, infinities and extreme
// magnitudes give no panic, and finite ones a finite distance.
func TestInt8Odd(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
		z := vector.Int8{Metric: m, Dims: 3}
		a, b := make([]uint8, z.PaddedLen()), make([]uint8, z.PaddedLen())
		for _, v := range [][]float32{
			{0, 0, 0}, {1e-45, 0, 0}, {1e-30, 1e-30, 0}, {3e38, 3e38, -3e38}, {inf, 1, 1}, {-inf, inf, 0}, {nan, 1, 2}, {nan, nan, nan},
		} {
			ta := z.Encode(a, v)
			tb := z.Encode(b, []float32{1, 2, 3})
			d := z.Distance(ta, tb, vector.DotCodes(a, b))
			if m == vector.Cosine && !(d >= -0.1 && d <= 2.1) {
				t.Errorf("%v: cosine distance %v", v, d)
			}
		}
	}
}

// TestBitEstimate: the estimates are unbiased, and their errors follow the
// stated deviation.
func TestBitEstimate(t *testing.T) {
	for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
		for _, dims := range []int{64, 100, 384, 512, 768} {
			t.Run(fmt.Sprintf("metric=%v/dims=%d", m, dims), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(dims), 3))
				mean := 1.0
				if m == vector.Cosine {
					mean = 0.1 // no center is taken off, and a common part would err in common
				}
				vs := sample(r, 300, dims, mean)
				var center []float32
				if m != vector.Cosine {
					center = make([]float32, dims)
					for _, v := range vs {
						for j, x := range v {
							center[j] += x / float32(len(vs))
						}
					}
				}
				z := vector.NewBitQuantizer(m, dims, center, 7)
				scratch := make([]float32, z.ScratchLen())
				rows, terms := make([]*byte, len(vs)), make([]vector.BitTerms, len(vs))
				for i, v := range vs {
					code := make([]byte, z.CodeLen())
					terms[i] = z.Encode(code, v, scratch)
					rows[i] = &code[0]
				}
				var bq vector.BitQuery
				got := make([]float32, len(vs))
				var sum, sum2 float64
				n, within := 0, 0
				less := func(v []float32) float64 {
					w := append([]float32(nil), v...)
					for i, c := range center {
						w[i] -= c
					}
					norm, _ := sums(w)
					return norm
				}
				for _, q := range vs[:20] {
					z.Query(&bq, q)
					z.Distances(&bq, rows, terms, got)
					for j, v := range vs {
						xn, qn, scale := less(v), less(q), -1.0
						switch m {
						case vector.Cosine:
							xn, qn = 1, 1
						case vector.L2:
							scale = -2
						}
						dev := float64(terms[j].Deviation(float32(xn), float32(qn), z.ScratchLen()))
						e := (float64(got[j]) - exact(m, q, v)) / scale / dev
						if got[j] == 0 && m == vector.L2 {
							continue // cut off at zero
						}
						sum += e
						sum2 += e * e
						n++
						if math.Abs(e) < 4 {
							within++
						}
					}
				}
				bias, dev := sum/float64(n), math.Sqrt(sum2/float64(n))
				if math.Abs(bias) > 0.2 || dev > 1.5 || float64(within) < 0.99*float64(n) {
					t.Errorf("errors in units of the stated deviation: mean %.3f, deviation %.3f, %d of %d within 4", bias, dev, within, n)
				}
			})
		}
	}
}

// TestHalfError holds the 16-bit codes to the stated error per element.
func TestHalfError(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	v := make([]float32, 1000)
	for i := range v {
		v[i] = float32(math.Ldexp(r.Float64()*2-1, r.IntN(30)-20))
	}
	h, got := make([]uint16, len(v)), make([]float32, len(v))
	vector.EncodeFloat16(h, v)
	vector.DecodeFloat16(got, h)
	for i, x := range v {
		if d := math.Abs(float64(got[i] - x)); d > max(0x1p-11*math.Abs(float64(x)), 0x1p-25) {
			t.Errorf("float16 of %v: got %v", x, got[i])
		}
	}
	vector.EncodeBFloat16(h, v)
	vector.DecodeBFloat16(got, h)
	for i, x := range v {
		if d := math.Abs(float64(got[i] - x)); d > 0x1p-8*math.Abs(float64(x)) {
			t.Errorf("bfloat16 of %v: got %v", x, got[i])
		}
	}
}
