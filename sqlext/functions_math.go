package sqlext

import (
	"math"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// arithmeticFunctions build vectors from vectors. The result has the type of the
// arguments; they compute in double precision for float64, else in single.
func arithmeticFunctions() []host.Function {
	return []host.Function{
		unary("vector_dims", func(ctx host.Context, _ *scratch, v vector.Vector) {
			ctx.ResultValue(host.IntValue(int64(v.Dims())))
		}),
		unary("vector_type", func(ctx host.Context, _ *scratch, v vector.Vector) {
			ctx.ResultValue(host.TextValue(v.Type().String()))
		}),
		unary("vector_to_json", func(ctx host.Context, s *scratch, v vector.Vector) {
			s.out = vector.AppendJSON(s.out[:0], v)
			ctx.ResultValue(host.Value{Kind: host.Text, Bytes: s.out})
		}),
		withScratch("vector_normalize", 1, vectorNormalize),
		binary("vector_add", func(a, b float64) float64 { return a + b }),
		binary("vector_sub", func(a, b float64) float64 { return a - b }),
		withScratch("vector_scale", 2, vectorScale),
		withScratch("vector_slice", 3, vectorSlice),
		withScratch("vector_concat", 2, vectorConcat),
	}
}

// withScratch makes a function that reports its errors in one place.
func withScratch(name string, nArg int, call func(ctx host.Context, s *scratch, args []host.Value) error) host.Function {
	s := &scratch{}
	return host.Function{Name: name, NArg: nArg, Call: func(ctx host.Context, args []host.Value) {
		if err := call(ctx, s, args); err != nil {
			ctx.ResultError(err)
		}
	}}
}

func unary(name string, call func(ctx host.Context, s *scratch, v vector.Vector)) host.Function {
	return withScratch(name, 1, func(ctx host.Context, s *scratch, args []host.Value) error {
		v, err := decodeArg(args[0])
		if err == nil {
			call(ctx, s, v)
		}
		return err
	})
}

// binary makes a function that combines two vectors of one shape element by
// element. Sums and differences of float32 values are exact enough in float64 to
// round to what float32 arithmetic gives.
func binary(name string, combine func(a, b float64) float64) host.Function {
	return withScratch(name, 2, func(ctx host.Context, s *scratch, args []host.Value) error {
		a, err := decodeArg(args[0])
		if err != nil {
			return err
		}
		b, err := decodeArg(args[1])
		if err != nil {
			return err
		}
		if err := sameType(name, a, b); err != nil {
			return err
		}
		if a.Dims() != b.Dims() {
			return host.Errorf(host.CodeError, "nearlite: %s: got vectors of %d and %d dimensions, want the same number", name, a.Dims(), b.Dims())
		}
		if a.Type() == vector.Bit {
			return host.Errorf(host.CodeError, "nearlite: %s: got float1bit vectors, want a type that holds numbers", name)
		}
		x, y := s.doubles(a, b)
		for i := range x {
			x[i] = combine(x[i], y[i])
		}
		s.resultDoubles(ctx, x, a.Type())
		return nil
	})
}

func sameType(name string, a, b vector.Vector) error {
	if a.Type() != b.Type() {
		return host.Errorf(host.CodeError, "nearlite: %s: got vectors of type %s and %s, want the same type", name, a.Type(), b.Type())
	}
	return nil
}

// resultDoubles returns x as a vector of type t.
func (s *scratch) resultDoubles(ctx host.Context, x []float64, t vector.Type) {
	if t == vector.Float64 {
		s.resultVector(ctx, vector.Float64s(x))
		return
	}
	s.a = s.a[:0]
	for _, v := range x {
		s.a = append(s.a, float32(v))
	}
	s.resultVector(ctx, vector.Convert(vector.Float32s(s.a), t))
}

// vectorNormalize scales to length 1. A vector without direction (zero) and a
// 1-bit vector stay as they are.
func vectorNormalize(ctx host.Context, s *scratch, args []host.Value) error {
	v, err := decodeArg(args[0])
	if err != nil {
		return err
	}
	s.a64 = v.Float64s(s.a64[:0])
	if err := finite("vector_normalize", s.a64); err != nil {
		return err
	}
	norm := euclid(s.a64)
	if v.Type() == vector.Bit || norm == 0 {
		s.resultVector(ctx, v)
		return nil
	}
	for i := range s.a64 {
		s.a64[i] /= norm
	}
	s.resultDoubles(ctx, s.a64, v.Type())
	return nil
}

// finite refuses NaN and infinities.
func finite(name string, x []float64) error {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return host.Errorf(host.CodeError, "nearlite: %s: element %d is %s; vectors must be finite", name, i, shortFloat(v))
		}
	}
	return nil
}

// euclid is the length of x, whose elements are finite, without overflow.
func euclid(x []float64) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	if top == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += (v / top) * (v / top)
	}
	return top * math.Sqrt(sum)
}

// vectorScale is vector_scale(vector, number).
func vectorScale(ctx host.Context, s *scratch, args []host.Value) error {
	v, err := decodeArg(args[0])
	if err != nil {
		return err
	}
	var factor float64
	switch args[1].Kind {
	case host.Integer:
		factor = float64(args[1].Int)
	case host.Float:
		factor = args[1].Float
	default:
		return host.Errorf(host.CodeError, "nearlite: vector_scale: the factor is %s, want a number", args[1].KindName())
	}
	if v.Type() == vector.Bit {
		return host.Errorf(host.CodeError, "nearlite: vector_scale: got a float1bit vector, want a type that holds numbers")
	}
	s.a64 = v.Float64s(s.a64[:0])
	for i := range s.a64 {
		s.a64[i] *= factor
	}
	s.resultDoubles(ctx, s.a64, v.Type())
	return nil
}

// vectorSlice is vector_slice(vector, start, end): the dimensions from start,
// counted from 0, up to but not including end.
func vectorSlice(ctx host.Context, s *scratch, args []host.Value) error {
	v, err := decodeArg(args[0])
	if err != nil {
		return err
	}
	var bound [2]int64
	for i, arg := range args[1:] {
		n, ok := wholeNumber(arg)
		if !ok {
			return host.Errorf(host.CodeError, "nearlite: vector_slice: the %s is %s, want a whole number", []string{"start", "end"}[i], describe(arg))
		}
		bound[i] = n
	}
	if bound[0] < 0 || bound[0] > bound[1] || bound[1] > int64(v.Dims()) {
		return host.Errorf(host.CodeError, "nearlite: vector_slice: got start %d and end %d, want 0 <= start <= end <= %d", bound[0], bound[1], v.Dims())
	}
	s.a64 = v.Float64s(s.a64[:0])
	s.resultDoubles(ctx, s.a64[bound[0]:bound[1]], v.Type())
	return nil
}

// vectorConcat is vector_concat(a, b).
func vectorConcat(ctx host.Context, s *scratch, args []host.Value) error {
	a, err := decodeArg(args[0])
	if err != nil {
		return err
	}
	b, err := decodeArg(args[1])
	if err != nil {
		return err
	}
	if err := sameType("vector_concat", a, b); err != nil {
		return err
	}
	if n := a.Dims() + b.Dims(); n > vector.MaxDims {
		return host.Errorf(host.CodeError, "nearlite: vector_concat: the result would have %d dimensions, want at most %d", n, vector.MaxDims)
	}
	s.a64 = b.Float64s(a.Float64s(s.a64[:0]))
	s.resultDoubles(ctx, s.a64, a.Type())
	return nil
}

// wholeNumber reads an integer, or a real that is one: JavaScript sends numbers
// as reals.
func wholeNumber(v host.Value) (int64, bool) {
	switch v.Kind {
	case host.Integer:
		return v.Int, true
	case host.Float:
		if v.Float == math.Trunc(v.Float) && math.Abs(v.Float) < 1<<53 {
			return int64(v.Float), true
		}
	}
	return 0, false
}

// describe shows a small value in a message and only names the others.
func describe(v host.Value) string {
	if v.Kind == host.Float {
		return shortFloat(v.Float)
	}
	return v.KindName()
}
