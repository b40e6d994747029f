package sqlext

import (
	"math"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// vectorSum is vector_sum(vector) and vector_avg(vector). NULLs are left out;
// without any vector the result is NULL. The result is float64 for float64
// vectors and float32 for all others.
//
// Sums are kept in double precision with the error of each addition beside them
// (Neumaier 1974), so that a window that slides on does not collect the rounding
// errors of rows that have left it.
type vectorSum struct {
	name string
	mean bool

	n     int64
	typ   vector.Type
	sum   []float64
	lost  []float64
	value []float64
	s     scratch
}

func (a *vectorSum) Step(ctx host.Context, args []host.Value) { a.add(ctx, args[0], 1) }

// Inverse takes a row out of the window.
func (a *vectorSum) Inverse(ctx host.Context, args []host.Value) { a.add(ctx, args[0], -1) }

func (a *vectorSum) add(ctx host.Context, arg host.Value, sign int64) {
	if arg.IsNull() {
		return
	}
	v, err := decodeArg(arg)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	if a.n == 0 {
		a.typ = v.Type()
		a.sum = append(a.sum[:0], make([]float64, v.Dims())...)
		a.lost = append(a.lost[:0], make([]float64, v.Dims())...)
	}
	switch {
	case v.Type() != a.typ:
		ctx.ResultError(host.Errorf(host.CodeError, "nearlite: %s: got vectors of type %s and %s, want the same type", a.name, a.typ, v.Type()))
		return
	case v.Dims() != len(a.sum):
		ctx.ResultError(host.Errorf(host.CodeError, "nearlite: %s: got vectors of %d and %d dimensions, want the same number", a.name, len(a.sum), v.Dims()))
		return
	}
	a.value = v.Float64s(a.value[:0])
	if err := finite(a.name, a.value); err != nil {
		ctx.ResultError(err)
		return
	}
	for i, x := range a.value {
		x *= float64(sign)
		s := a.sum[i]
		t := s + x
		if math.Abs(s) >= math.Abs(x) {
			a.lost[i] += (s - t) + x
		} else {
			a.lost[i] += (x - t) + s
		}
		a.sum[i] = t
	}
	a.n += sign
}

func (a *vectorSum) Value(ctx host.Context) {
	if a.n == 0 {
		return
	}
	a.value = a.value[:0]
	for i, s := range a.sum {
		x := s + a.lost[i]
		if a.mean {
			x /= float64(a.n)
		}
		a.value = append(a.value, x)
	}
	t := vector.Float32
	if a.typ == vector.Float64 {
		t = vector.Float64
	}
	a.s.resultDoubles(ctx, a.value, t)
}
