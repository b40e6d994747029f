package vector_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

var allTypes = []vector.Type{vector.Float32, vector.Float64, vector.Bit, vector.Float8, vector.Float16, vector.BFloat16}

// TestDistances compares the SQL distances of every type with a float64
// computation over the elements as they are stored.
func TestDistances(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 7))
		for _, typ := range allTypes {
			for _, n := range []int{1, 2, 7, 8, 9, 64, 255, 256, 257, 1000, 1536} {
				a, b := make([]float32, n), make([]float32, n)
				for i := range a {
					a[i], b[i] = r.Float32()*2-1, r.Float32()*2-1
				}
				va, vb := vector.Convert(vector.Float32s(a), typ), vector.Convert(vector.Float32s(b), typ)
				ref := refer(va.Float32s(nil), vb.Float32s(nil))
				cos, l2 := 1-ref.dot/math.Sqrt(ref.aa*ref.bb), math.Sqrt(ref.l2)
				if typ == vector.Bit {
					cos = ref.l2 / 4
				}
				d, ok, err := vector.DistanceCos(va, vb)
				if !ok || err != nil || !(math.Abs(d-cos) <= 1e-5*max(1, cos)) {
					t.Errorf("%v, n=%d: DistanceCos = %v, %v, %v, want %v", typ, n, d, ok, err, cos)
				}
				d, ok, err = vector.DistanceL2(va, vb)
				if typ == vector.Bit {
					if err == nil {
						t.Errorf("DistanceL2 of bits: no error")
					}
				} else if !ok || err != nil || !(math.Abs(d-l2) <= 1e-5*max(1, l2)) {
					t.Errorf("%v, n=%d: DistanceL2 = %v, %v, %v, want %v", typ, n, d, ok, err, l2)
				}
				if allocs := testing.AllocsPerRun(3, func() { _, _, _ = vector.DistanceCos(va, vb) }); allocs != 0 {
					t.Errorf("%v: DistanceCos allocates %v times", typ, allocs)
				}
			}
		}
	})
}

// TestDistanceNull wants NULL where there is no direction.
func TestDistanceNull(t *testing.T) {
	for _, c := range []struct{ a, b []float32 }{
		{nil, nil},
		{[]float32{0, 0}, []float32{1, 2}},
		{[]float32{float32(math.NaN()), 1}, []float32{1, 2}},
		{[]float32{float32(math.Inf(1)), 1}, []float32{1, 2}},
	} {
		if d, ok, err := vector.DistanceCos(vector.Float32s(c.a), vector.Float32s(c.b)); ok || err != nil {
			t.Errorf("DistanceCos(%v, %v) = %v, %v, %v, want NULL", c.a, c.b, d, ok, err)
		}
	}
	if d, ok, err := vector.DistanceL2(vector.Vector{}, vector.Vector{}); d != 0 || !ok || err != nil {
		t.Errorf("DistanceL2 of empty vectors = %v, %v, %v, want 0", d, ok, err)
	}
}

// TestDistanceErrors fixes texts and order: kinds, types, lengths, contents.
func TestDistanceErrors(t *testing.T) {
	text := func(s string) vector.Value { return vector.TextValue([]byte(s)) }
	blob := func(s string, typ vector.Type) vector.Value {
		v, err := vector.Parse([]byte(s), typ)
		if err != nil {
			t.Fatal(err)
		}
		return vector.BlobValue(v.AppendBlob(nil))
	}
	for _, c := range []struct {
		a, b vector.Value
		want string
	}{
		{text("[1,2]"), text("[1,2,3]"), "vector_distance: vectors must have the same length: 2 != 3"},
		{text("[1]"), text("[a]"), "vector_distance: vectors must have the same length: 1 != 0"},
		{text("abc"), text("[1]"), "vector_distance: vectors must have the same length: 0 != 1"},
		{text(""), text(""), "vector: must start with '['"},
		{text("[1,2"), blob("[1,2]", vector.Float32), "vector: must end with ']'"},
		{text("["), vector.OtherValue("NULL"), "vector: unexpected value type: got NULL, expected TEXT or BLOB"},
		{vector.OtherValue("FLOAT"), vector.OtherValue("INTEGER"), "vector: unexpected value type: got FLOAT, expected TEXT or BLOB"},
		{blob("[1,2]", vector.Float16), blob("[1]", vector.BFloat16), "vector_distance: vectors must have the same type: 5 != 6"},
		{vector.BlobValue([]byte{0, 0, 0}), vector.OtherValue("NULL"), "vector: unexpected binary type: 0"},
		{vector.BlobValue([]byte{1, 2}), vector.BlobValue(nil), "vector: unexpected data part size: type=1, dims=0, 2 != 0"},
	} {
		_, _, err := vector.ValueDistanceCos(c.a, c.b)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
