package vector_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// half is the value of an IEEE half, from its definition.
func half(h uint16) float64 {
	exp, man := int(h>>10)&31, float64(h&0x3ff)
	v := math.Ldexp(man+1024, exp-25)
	switch {
	case exp == 0:
		v = math.Ldexp(man, -24)
	case exp == 31 && man == 0:
		v = math.Inf(1)
	case exp == 31:
		return math.NaN()
	}
	if h>>15 != 0 {
		v = -v
	}
	return v
}

// TestFloat16Exhaustive converts every half to float32 and back.
func TestFloat16Exhaustive(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := vector.Float16ToFloat32(h)
		want := half(h)
		if math.IsNaN(want) {
			if f == f {
				t.Fatalf("%#04x: got %v, want NaN", h, f)
			}
			if back := vector.Float32ToFloat16(f); back != h|0x200 {
				t.Fatalf("NaN %#04x came back as %#04x", h, back)
			}
			continue
		}
		if float64(f) != want || math.Signbit(float64(f)) != math.Signbit(want) {
			t.Fatalf("%#04x: got %v, want %v", h, f, want)
		}
		if back := vector.Float32ToFloat16(f); back != h {
			t.Fatalf("%v: %#04x came back as %#04x", f, h, back)
		}
	}
}

// TestFloat16Slices wants the conversions of slices to agree with those of
// single numbers, in every tier, at every length and offset.
func TestFloat16Slices(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for n := range 70 {
			f, h := make([]float32, n+1), make([]uint16, n+1)
			for i := range f {
				f[i] = math.Float32frombits(r.Uint32())
				h[i] = uint16(r.Uint32())
			}
			gotH, gotF := make([]uint16, n+1), make([]float32, n+1)
			gotH[n], gotF[n] = 12345, 12345
			vector.EncodeFloat16(gotH[:n], f[1:])
			vector.DecodeFloat16(gotF[:n], h[1:])
			for i := range n {
				if want := vector.Float32ToFloat16(f[i+1]); gotH[i] != want {
					t.Fatalf("%x: got %#04x, want %#04x", math.Float32bits(f[i+1]), gotH[i], want)
				}
				if want := vector.Float16ToFloat32(h[i+1]); math.Float32bits(gotF[i]) != math.Float32bits(want) {
					t.Fatalf("%#04x: got %v, want %v", h[i+1], gotF[i], want)
				}
			}
			if gotH[n] != 12345 || gotF[n] != 12345 {
				t.Fatalf("n=%d: wrote behind the end", n)
			}
		}
	})
}

// TestFloat16Rounding: between two neighbors the nearer one is chosen, in the
// middle the even one.
func TestFloat16Rounding(t *testing.T) {
	for i := range 0x7c00 {
		lo, hi := half(uint16(i)), half(uint16(i+1))
		if i+1 == 0x7c00 {
			hi = 65536
		}
		mid := float32((lo + hi) / 2) // exact: one more bit than a half has
		for _, c := range []struct {
			f    float32
			want int
		}{
			{math.Nextafter32(mid, 0), i},
			{mid, i + i&1},
			{math.Nextafter32(mid, math.MaxFloat32), i + 1},
		} {
			if got := vector.Float32ToFloat16(c.f); int(got) != c.want {
				t.Fatalf("%v: got %#04x, want %#04x", c.f, got, c.want)
			}
			if got := vector.Float32ToFloat16(-c.f); int(got) != c.want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
}

func TestBFloat16(t *testing.T) {
	for i := range 1 << 16 {
		f := vector.BFloat16ToFloat32(uint16(i))
		if got := vector.Float32ToBFloat16(f); got != uint16(i) {
			t.Fatalf("%#04x came back as %#04x", i, got)
		}
	}
	for f, want := range map[float32]uint16{70000: 0x4788, 1.999: 0x3fff, -1.999: 0xbfff} {
		if got := vector.Float32ToBFloat16(f); got != want {
			t.Errorf("%v: got %#04x, want %#04x (truncated)", f, got, want)
		}
	}
	signaling := math.Float32frombits(0x7f800001) // its upper half alone would be infinity
	if got := vector.Float32ToBFloat16(signaling); vector.BFloat16ToFloat32(got) == vector.BFloat16ToFloat32(got) {
		t.Errorf("NaN became %#04x", got)
	}
}

// TestAppendTextRounds compares six digits with exact decimal arithmetic:
// rounded half up, as SQLite prints them.
func TestAppendTextRounds(t *testing.T) {
	for _, x := range []float64{
		1, 0.1, 123456, 1234567, 1234565, 1234575, 999999.5, 9999995, 99999.95, 0.00001234, 0.0001, 0.00012345675,
		1e20, 1e-20, 3.4028235e38, 5e-324, 1.7976931348623157e308, 2.5, 1e5, 1e6, 100000.5, 0.5, 1.0 / 3, 2.0 / 3,
	} {
		got := string(vector.AppendText(nil, vector.Float64s([]float64{x})))
		got = got[1 : len(got)-1]
		g, _, err := big.ParseFloat(got, 10, 2000, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		// |got - x| is at most half a unit of the sixth digit, and a tie is not below x.
		exp := int(math.Floor(math.Log10(x)))
		unit := new(big.Float).SetPrec(2000).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp-5, 5-exp))), nil))
		if exp-5 < 0 {
			unit.Quo(new(big.Float).SetPrec(2000).SetInt64(1), unit)
		}
		diff := new(big.Float).SetPrec(2000).Sub(g, new(big.Float).SetFloat64(x))
		twice := new(big.Float).SetPrec(2000).Mul(diff, big.NewFloat(2))
		if twice.Cmp(unit) > 0 || new(big.Float).Neg(twice).Cmp(unit) >= 0 {
			t.Errorf("%v printed as %s: off by %v, unit %v", x, got, diff, unit)
		}
	}
}
