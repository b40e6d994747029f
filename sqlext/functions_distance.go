package sqlext

import (
	"math"
	"strconv"

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

// distance measures two vectors of one type and length. A NaN is SQL's NULL.
type distance struct {
	// floats serves float32 vectors, where they lie, and quantized ones, converted.
	floats func(x, y []float32) (float64, error)
	// others serves float64 and 1-bit vectors.
	others func(s *scratch, a, b vector.Vector) (float64, error)
}

// distanceCall is a distance function of one connection.
type distanceCall struct {
	scratch
	distance
	misses int // texts kept for nothing since a kept one was last used
}

func distanceFunction(name string, d distance) host.Function {
	f := &distanceCall{distance: d}
	return host.Function{Name: name, NArg: 2, Call: f.call}
}

// keptVector is a text argument that an earlier row of the statement parsed.
type keptVector struct {
	vector vector.Vector
	floats []float32
}

func (f *distanceCall) call(ctx host.Context, args []host.Value) {
	// Nearly every row of a scan goes this way: two float32 vectors.
	x, kept0, ok := f.view(ctx, args, 0)
	if ok {
		if y, kept1, ok := f.view(ctx, args, 1); ok && len(x) == len(y) {
			if kept0 != nil || kept1 != nil {
				f.misses = 0
			}
			f.result(ctx, x, y)
			return
		}
	}
	a, b := f.value(ctx, args, 0), f.value(ctx, args, 1)
	va, vb, err := vector.Pair(a, b)
	if err != nil {
		ctx.ResultError(err)
		return
	}
	switch va.Type() {
	case vector.Float64, vector.Bit:
		d, err := f.others(&f.scratch, va, vb)
		f.deliver(ctx, d, err)
	default:
		f.a = va.Float32s(f.a[:0])
		f.b = vb.Float32s(f.b[:0])
		f.result(ctx, f.a, f.b)
	}
	f.keep(ctx, args, va, vb)
}

// view gives an argument as float32 values without decoding anything: a float32
// blob, or a text that was kept.
func (f *distanceCall) view(ctx host.Context, args []host.Value, i int) (x []float32, kept *keptVector, ok bool) {
	switch v := &args[i]; v.Kind {
	case host.BlobKind:
		if len(v.Bytes) <= 4*vector.MaxDims { // an odd length is not divisible by 4
			x, ok = vector.BytesToFloat32(v.Bytes)
		}
	case host.Text:
		kept, ok = ctx.AuxData(i).(*keptVector)
		if ok {
			x = kept.floats
		}
	}
	return x, kept, ok
}

func (f *distanceCall) value(ctx host.Context, args []host.Value, i int) vector.Value {
	if args[i].Kind == host.Text {
		if kept, ok := ctx.AuxData(i).(*keptVector); ok {
			return vector.VectorValue(kept.vector)
		}
	}
	return vectorArg(args[i])
}

func (f *distanceCall) result(ctx host.Context, x, y []float32) {
	d, err := f.floats(x, y)
	f.deliver(ctx, d, err)
}

func (f *distanceCall) deliver(ctx host.Context, d float64, err error) {
	switch {
	case err != nil:
		ctx.ResultError(err)
	case !math.IsNaN(d):
		ctx.ResultValue(host.Value{Kind: host.Float, Float: d})
	}
}

// keep stores parsed texts for the next row. SQLite forgets those of arguments
// that are not constant, so after some rows without use we mostly stop trying:
// each attempt allocates.
func (f *distanceCall) keep(ctx host.Context, args []host.Value, vectors ...vector.Vector) {
	const patience, retry = 16, 1024
	if args[0].Kind != host.Text && args[1].Kind != host.Text {
		return
	}
	f.misses++
	if f.misses > patience && f.misses%retry != 0 {
		return
	}
	for i, v := range vectors {
		if args[i].Kind == host.Text && ctx.AuxData(i) == nil {
			ctx.SetAuxData(i, &keptVector{v, v.Float32s(nil)})
		}
	}
}

// doubles gives both vectors as float64 values.
func (s *scratch) doubles(a, b vector.Vector) (x, y []float64) {
	s.a64 = a.Float64s(s.a64[:0])
	s.b64 = b.Float64s(s.b64[:0])
	return s.a64, s.b64
}

// orNaN is the result of a distance of package vector: NaN stands for NULL.
func orNaN(d float64, ok bool, err error) (float64, error) {
	if !ok {
		d = math.NaN()
	}
	return d, err
}

var distanceCos = distance{
	floats: func(x, y []float32) (float64, error) {
		return orNaN(vector.DistanceCos(vector.Float32s(x), vector.Float32s(y)))
	},
	others: func(_ *scratch, a, b vector.Vector) (float64, error) { return orNaN(vector.DistanceCos(a, b)) },
}

var distanceL2 = distance{
	floats: func(x, y []float32) (float64, error) {
		return orNaN(vector.DistanceL2(vector.Float32s(x), vector.Float32s(y)))
	},
	others: func(_ *scratch, a, b vector.Vector) (float64, error) { return orNaN(vector.DistanceL2(a, b)) },
}

// distanceDot is the negative inner product.
var distanceDot = distance{
	floats: func(x, y []float32) (float64, error) { return 0 - float64(vector.Dot(x, y)), nil },
	others: func(s *scratch, a, b vector.Vector) (float64, error) {
		x, y := s.doubles(a, b)
		sum := 0.0
		for i := range x {
			sum += x[i] * y[i]
		}
		return 0 - sum, nil // not -sum, which would print as -0.0
	},
}

// distanceL1 is the sum of absolute differences.
var distanceL1 = distance{
	floats: func(x, y []float32) (float64, error) { return float64(vector.L1Distance(x, y)), nil },
	others: func(s *scratch, a, b vector.Vector) (float64, error) {
		x, y := s.doubles(a, b)
		sum := 0.0
		for i := range x {
			sum += math.Abs(x[i] - y[i])
		}
		return sum, nil
	},
}

// distanceHamming is the number of dimensions of which one value is above zero
// and the other is not: differing bits, for 1-bit vectors.
var distanceHamming = distance{
	floats: func(x, y []float32) (float64, error) { return vector.Hamming.Distance(x, y), nil },
	others: func(s *scratch, a, b vector.Vector) (float64, error) {
		if a.Type() == vector.Bit {
			return orNaN(vector.DistanceCos(a, b)) // libSQL's cosine distance of bits is this
		}
		x, y := s.doubles(a, b)
		n := 0
		for i := range x {
			if (x[i] > 0) != (y[i] > 0) {
				n++
			}
		}
		return float64(n), nil
	},
}

// distanceJaccard is 1 - |a ∩ b| / |a ∪ b| for 1-bit vectors and
// 1 - Σ min(a,b) / Σ max(a,b) for the others (weighted Jaccard, Ruzicka), whose
// values must not be negative. Two empty sets are equal.
var distanceJaccard = distance{
	floats: func(x, y []float32) (float64, error) { return weightedJaccard(x, y) },
	others: func(s *scratch, a, b vector.Vector) (float64, error) {
		x, y := s.doubles(a, b)
		if a.Type() == vector.Bit {
			for i := range x { // clear bits decode as -1
				x[i], y[i] = max(x[i], 0), max(y[i], 0)
			}
		}
		return weightedJaccard(x, y)
	},
}

func weightedJaccard[F float32 | float64](x, y []F) (float64, error) {
	lo, hi := 0.0, 0.0
	for i := range x {
		if x[i] < 0 || y[i] < 0 {
			return 0, host.Errorf(host.CodeError, "nearlite: vector_distance_jaccard: element %d is %s, want values of at least 0 or 1-bit vectors",
				i, shortFloat(float64(min(x[i], y[i]))))
		}
		lo += float64(min(x[i], y[i]))
		hi += float64(max(x[i], y[i]))
	}
	if hi == 0 {
		return 0, nil
	}
	return 1 - lo/hi, nil
}

func shortFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
