package sqlext

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// distanceFunctions are vector_distance_cos and vector_distance_l2 of libSQL and
// ours beside them. Small is near for all.
func distanceFunctions() []host.Function {
	return []host.Function{
		distanceFunction("vector_distance_cos", distanceCos),
		distanceFunction("vector_distance_l2", distanceL2),
		distanceFunction("vector_distance_dot", distanceDot),
		distanceFunction("vector_distance_l1", distanceL1),
		distanceFunction("vector_distance_hamming", distanceHamming),
		distanceFunction("vector_distance_jaccard", distanceJaccard),
	}
}

// distance measures two vectors of one type and length. ok is false for NULL.
type distance func(s *scratch, a, b vector.Vector) (d float64, ok bool, err error)

// distanceCall is a distance function of one connection.
type distanceCall struct {
	scratch
	measure distance
	misses  int // texts kept for nothing since a kept one was last used
}

func distanceFunction(name string, measure distance) host.Function {
	f := &distanceCall{measure: measure}
	return host.Function{Name: name, NArg: 2, Call: f.call}
}

func (f *distanceCall) call(ctx host.Context, args []host.Value) {
	a, b := vectorArg(args[0]), vectorArg(args[1])
	keepA, keepB := false, false
	if args[0].Kind == host.Text {
		a, keepA = f.kept(ctx, 0, a)
	}
	if args[1].Kind == host.Text {
		b, keepB = f.kept(ctx, 1, b)
	}
	va, vb, err := vector.Pair(a, b)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	d, ok, err := f.measure(&f.scratch, va, vb)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	if ok {
		ctx.ResultValue(host.FloatValue(d))
	}
	if keepA || keepB {
		f.keep(ctx, keepA, keepB, va, vb)
	}
}

// kept replaces a text that an earlier row of the statement parsed by its vector.
// parsed is true if there is none and the caller should keep it.
func (f *distanceCall) kept(ctx host.Context, arg int, v vector.Value) (_ vector.Value, parse bool) {
	if p, ok := ctx.AuxData(arg).(*vector.Vector); ok {
		f.misses = 0
		return vector.VectorValue(*p), false
	}
	return v, true
}

// keep stores parsed texts for the next row. SQLite forgets those of arguments
// that are not constant, so after some rows without use we mostly stop trying:
// each attempt allocates.
func (f *distanceCall) keep(ctx host.Context, keepA, keepB bool, a, b vector.Vector) {
	const patience, retry = 16, 1024
	f.misses++
	if f.misses > patience && f.misses%retry != 0 {
		return
	}
	if keepA {
		ctx.SetAuxData(0, &a)
	}
	if keepB {
		ctx.SetAuxData(1, &b)
	}
}

// widen converts quantized vectors to float32 in the function's own memory;
// float32 vectors stay where they are.
func (s *scratch) widen(a, b vector.Vector) (x, y vector.Vector) {
	switch a.Type() {
	case vector.Float8, vector.Float16, vector.BFloat16:
		s.a = a.Float32s(s.a[:0])
		s.b = b.Float32s(s.b[:0])
		return vector.Float32s(s.a), vector.Float32s(s.b)
	}
	return a, b
}

// floats gives both vectors as float32 values.
func (s *scratch) floats(a, b vector.Vector) (x, y []float32) {
	s.a = a.Float32s(s.a[:0])
	s.b = b.Float32s(s.b[:0])
	return s.a, s.b
}

// doubles gives both vectors as float64 values.
func (s *scratch) doubles(a, b vector.Vector) (x, y []float64) {
	s.a64 = a.Float64s(s.a64[:0])
	s.b64 = b.Float64s(s.b64[:0])
	return s.a64, s.b64
}

func distanceCos(s *scratch, a, b vector.Vector) (float64, bool, error) {
	return vector.DistanceCos(s.widen(a, b))
}

func distanceL2(s *scratch, a, b vector.Vector) (float64, bool, error) {
	return vector.DistanceL2(s.widen(a, b))
}

// distanceDot is the negative inner product.
func distanceDot(s *scratch, a, b vector.Vector) (float64, bool, error) {
	if a.Type() == vector.Float64 {
		x, y := s.doubles(a, b)
		sum := 0.0
		for i := range x {
			sum += x[i] * y[i]
		}
		return notNaN(-sum)
	}
	x, y := s.floats(a, b)
	return notNaN(-float64(vector.Dot(x, y)))
}

// distanceL1 is the sum of absolute differences.
func distanceL1(s *scratch, a, b vector.Vector) (float64, bool, error) {
	if a.Type() == vector.Float64 {
		x, y := s.doubles(a, b)
		sum := 0.0
		for i := range x {
			sum += math.Abs(x[i] - y[i])
		}
		return notNaN(sum)
	}
	x, y := s.floats(a, b)
	return notNaN(float64(vector.L1Distance(x, y)))
}

// distanceHamming is the number of dimensions of which one value is above zero
// and the other is not: differing bits, for 1-bit vectors.
func distanceHamming(s *scratch, a, b vector.Vector) (float64, bool, error) {
	if a.Type() == vector.Bit {
		return vector.DistanceCos(a, b) // libSQL's cosine distance of bits is this
	}
	x, y := s.doubles(a, b)
	n := 0
	for i := range x {
		if (x[i] > 0) != (y[i] > 0) {
			n++
		}
	}
	return float64(n), true, nil
}

// distanceJaccard is 1 - |a ∩ b| / |a ∪ b| for 1-bit vectors and
// 1 - Σ min(a,b) / Σ max(a,b) for the others (weighted Jaccard, Ruzicka), whose
// values must not be negative. Two empty sets are equal.
func distanceJaccard(s *scratch, a, b vector.Vector) (float64, bool, error) {
	if a.Type() == vector.Bit {
		s.out = a.AppendBlob(s.out[:0])
		n := len(s.out)
		s.out = b.AppendBlob(s.out)
		both, either := countBits(s.out[:n], s.out[n:], (a.Dims()+7)/8)
		return ratioDistance(float64(both), float64(either))
	}
	x, y := s.doubles(a, b)
	lo, hi := 0.0, 0.0
	for i := range x {
		if x[i] < 0 || y[i] < 0 {
			return 0, false, host.Errorf(host.CodeError, "nearlite: vector_distance_jaccard: element %d is %s, want values of at least 0 or 1-bit vectors",
				i, shortFloat(min(x[i], y[i])))
		}
		lo += min(x[i], y[i])
		hi += max(x[i], y[i])
	}
	return ratioDistance(lo, hi)
}

func countBits(a, b []byte, n int) (both, either int) {
	for i := range n {
		both += bits.OnesCount8(a[i] & b[i])
		either += bits.OnesCount8(a[i] | b[i])
	}
	return both, either
}

func ratioDistance(part, whole float64) (float64, bool, error) {
	if whole == 0 {
		return 0, true, nil
	}
	return notNaN(1 - part/whole)
}

func notNaN(d float64) (float64, bool, error) { return d, !math.IsNaN(d), nil }

func shortFloat(x float64) string { return fmt.Sprintf("%g", x) }
