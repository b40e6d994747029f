package vector_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

// lengths are all those around the register widths, and a few real ones.
func lengths() []int {
	var ns []int
	for n := range 131 {
		ns = append(ns, n)
	}
	return append(ns, 384, 767, 768, 1000, 1536, 3072, 4099)
}

// floatsAt returns n random elements at a byte offset from a 64-byte
// boundary, with NaN on both sides: a kernel that reads past an end and uses
// what it finds gives NaN.
func floatsAt(r *rand.Rand, n, offset int, kind string) []float32 {
	buf := make([]byte, 4*n+64+192)
	for i := 0; i+4 <= len(buf); i++ {
		buf[i] = 0xff
	}
	start := int(-uintptr(unsafe.Pointer(&buf[0]))&63) + 64 + offset
	v := unsafe.Slice((*float32)(unsafe.Pointer(&buf[start])), n)
	for i := range v {
		switch kind {
		case "uniform":
			v[i] = r.Float32()*2 - 1
		case "zero":
			v[i] = 0
		case "denormal":
			v[i] = math.Float32frombits(r.Uint32() & 0x807fffff)
		case "huge":
			v[i] = (r.Float32()*2 - 1) * 1e16
		case "mixed":
			v[i] = float32(math.Ldexp(r.Float64()*2-1, r.IntN(40)-20))
		}
	}
	return v
}

var kinds = []string{"uniform", "zero", "denormal", "huge", "mixed"}

// sumBound bounds the error of a float32 sum of n terms whose magnitudes add
// up to s, each term the result of up to three roundings; u is 2^-24.
func sumBound(n int, s float64) float64 {
	return float64(n+6)*0x1p-24*s + float64(n+6)*0x1p-149
}

// reference holds the sums of one pair, in double precision, with the sums of
// their terms' magnitudes.
type reference struct{ dot, dotAbs, l2, l1, aa, bb float64 }

func refer(a, b []float32) (r reference) {
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		r.dot += x * y
		r.dotAbs += math.Abs(x * y)
		r.l2 += (x - y) * (x - y)
		r.l1 += math.Abs(x - y)
		r.aa += x * x
		r.bb += y * y
	}
	return r
}

func near(t *testing.T, what string, n int, got, want, sumAbs float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= sumBound(n, sumAbs)) {
		t.Fatalf("%s, n=%d: got %v, want %v: off by %v, allowed %v", what, n, got, want, d, sumBound(n, sumAbs))
	}
}

func TestFloatPairs(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range lengths() {
			for offset := range 64 {
				if n > 130 && offset%13 != 0 {
					continue
				}
				kind := kinds[(n+offset)%len(kinds)]
				a := floatsAt(r, n, offset, kind)
				b := floatsAt(r, n, (offset*7)%64, kind)
				want := refer(a, b)
				near(t, "Dot "+kind, n, float64(vector.Dot(a, b)), want.dot, want.dotAbs)
				near(t, "SquaredL2 "+kind, n, float64(vector.SquaredL2(a, b)), want.l2, want.l2)
				near(t, "L1Distance "+kind, n, float64(vector.L1Distance(a, b)), want.l1, want.l1)
				dot, aa, bb := vector.CosineParts(a, b)
				near(t, "CosineParts dot "+kind, n, float64(dot), want.dot, want.dotAbs)
				near(t, "CosineParts aa "+kind, n, float64(aa), want.aa, want.aa)
				near(t, "CosineParts bb "+kind, n, float64(bb), want.bb, want.bb)
			}
		}
	})
}

// TestDoublePairs holds the double precision kernels to an error 2^-29 of the
// single precision one's.
func TestDoublePairs(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, n := range lengths() {
			buf := make([]float64, 2*n+3)
			for i := range buf {
				buf[i] = r.NormFloat64()
			}
			a, b := buf[1:n+1], buf[n+2:2*n+2]
			buf[0], buf[n+1], buf[2*n+2] = math.NaN(), math.NaN(), math.NaN()
			var want reference
			for i, x := range a {
				y := b[i]
				want.dot += x * y
				want.dotAbs += math.Abs(x * y)
				want.l2 += (x - y) * (x - y)
				want.l1 += math.Abs(x - y)
				want.aa += x * x
				want.bb += y * y
			}
			check := func(what string, got, want, sumAbs float64) {
				if d := math.Abs(got - want); !(d <= float64(2*n+6)*0x1p-53*sumAbs) {
					t.Fatalf("%s, n=%d: got %v, want %v", what, n, got, want)
				}
			}
			check("Dot64", vector.Dot64(a, b), want.dot, want.dotAbs)
			check("SquaredL264", vector.SquaredL264(a, b), want.l2, want.l2)
			check("L1Distance64", vector.L1Distance64(a, b), want.l1, want.l1)
			dot, aa, bb := vector.CosineParts64(a, b)
			check("CosineParts64 dot", dot, want.dot, want.dotAbs)
			check("CosineParts64 aa", aa, want.aa, want.aa)
			check("CosineParts64 bb", bb, want.bb, want.bb)
		}
	})
}

// batchSizes run through every rest of the groups of eight and four.
var batchSizes = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 19, 33}

// guard is a value no kernel result has here; dst has one behind its end.
const guard = float32(-12345.5)

func TestFloatBatches(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, n := range lengths() {
			if n == 0 {
				continue
			}
			for _, size := range batchSizes {
				kind := kinds[(n+size)%len(kinds)]
				q := floatsAt(r, n, r.IntN(64), kind)
				rows := make([]*float32, size)
				for i := range rows {
					rows[i] = &floatsAt(r, n, r.IntN(64), kind)[0]
				}
				dst := make([]float32, size+1)
				for name, batch := range map[string]func([]float32, []*float32, []float32){
					"DotBatch": vector.DotBatch, "SquaredL2Batch": vector.SquaredL2Batch,
				} {
					dst[size] = guard
					batch(q, rows, dst)
					if dst[size] != guard {
						t.Fatalf("%s, n=%d, %d rows: wrote behind dst", name, n, size)
					}
					for i, p := range rows {
						want := refer(q, unsafe.Slice(p, n))
						if name == "DotBatch" {
							near(t, name, n, float64(dst[i]), want.dot, want.dotAbs)
						} else {
							near(t, name, n, float64(dst[i]), want.l2, want.l2)
						}
					}
				}
			}
		}
	})
}

func TestHalfBatches(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, n := range lengths() {
			if n == 0 {
				continue
			}
			for _, size := range []int{1, 3, 4, 6, 8, 21} {
				for _, brain := range []bool{false, true} {
					testHalfBatch(t, r, n, size, brain)
				}
			}
		}
	})
}

func testHalfBatch(t *testing.T, r *rand.Rand, n, size int, brain bool) {
	toFloat, fromFloat := vector.Float16ToFloat32, vector.Float32ToFloat16
	dot, l2 := vector.DotFloat16Batch, vector.SquaredL2Float16Batch
	if brain {
		toFloat, fromFloat = vector.BFloat16ToFloat32, vector.Float32ToBFloat16
		dot, l2 = vector.DotBFloat16Batch, vector.SquaredL2BFloat16Batch
	}
	q := floatsAt(r, n, r.IntN(64), "uniform")
	rows := make([]*uint16, size)
	floats := make([][]float32, size)
	for i := range rows {
		row := make([]uint16, n+2)
		row[0], row[n+1] = 0x7fff, 0x7fff // NaN in both formats
		floats[i] = make([]float32, n)
		for j := range n {
			row[j+1] = fromFloat(r.Float32()*2 - 1)
			floats[i][j] = toFloat(row[j+1])
		}
		rows[i] = &row[1]
	}
	dst := make([]float32, size+1)
	dst[size] = guard
	dot(q, rows, dst)
	for i := range rows {
		want := refer(q, floats[i])
		near(t, fmt.Sprintf("dot brain=%v", brain), n, float64(dst[i]), want.dot, want.dotAbs)
	}
	l2(q, rows, dst)
	for i := range rows {
		want := refer(q, floats[i])
		near(t, fmt.Sprintf("l2 brain=%v", brain), n, float64(dst[i]), want.l2, want.l2)
	}
	if dst[size] != guard {
		t.Fatalf("n=%d, %d rows: wrote behind dst", n, size)
	}
}

// fillBytes fills b with random bytes, or with the extremes of int8 codes.
func fillBytes(r *rand.Rand, b []byte, extreme bool) {
	for i := range b {
		b[i] = byte(r.Uint32())
		if extreme {
			b[i] = []byte{0, 1, 127, 128, 129, 254, 255}[r.IntN(7)]
		}
	}
}

// TestIntegerBatches wants the exact result of every tier: codes at both
// ends of their range, padding, all rests.
func TestIntegerBatches(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, n := range []int{0, 64, 128, 192, 256, 320, 448, 768, 1536, 4096, vector.MaxDims} {
			for _, size := range batchSizes {
				if n == vector.MaxDims && size > 9 {
					continue
				}
				testIntegerBatch(t, r, n, size)
			}
		}
	})
}

func testIntegerBatch(t *testing.T, r *rand.Rand, n, size int) {
	offset := r.IntN(64)
	q := make([]byte, n+64)[offset:][:n]
	fillBytes(r, q, size%2 == 0)
	signed := make([]int8, n)
	for i, x := range q {
		signed[i] = int8(x)
	}
	rows := make([]*uint8, size)
	for i := range rows {
		row := make([]uint8, n+66)[r.IntN(64):][:n+1]
		fillBytes(r, row, size%2 == 0)
		if i == 0 && n == vector.MaxDims { // the largest sum there can be
			for j := range row {
				row[j] = 0
				if j < n {
					q[j], signed[j] = 0, -128
				}
			}
		}
		rows[i] = &row[0]
	}
	const guard = -987654
	dst := make([]int32, size+1)
	dst[size] = guard
	udst := make([]uint32, size+1)
	udst[size] = 987654

	vector.DotU8S8Batch(signed, rows, dst)
	for i, p := range rows {
		var want int32
		for j, c := range unsafe.Slice(p, n) {
			want += int32(signed[j]) * (int32(c) - 128)
		}
		if dst[i] != want {
			t.Fatalf("DotU8S8Batch, n=%d, row %d of %d: got %d, want %d", n, i, size, dst[i], want)
		}
	}
	vector.DotCodesBatch(q, rows, dst)
	for i, p := range rows {
		var want int32
		for j, c := range unsafe.Slice(p, n) {
			want += (int32(q[j]) - 128) * (int32(c) - 128)
		}
		if dst[i] != want {
			t.Fatalf("DotCodesBatch, n=%d, row %d of %d: got %d, want %d", n, i, size, dst[i], want)
		}
		if n > 0 {
			if got := vector.DotCodes(q, unsafe.Slice(p, n)); got != want {
				t.Fatalf("DotCodes, n=%d: got %d, want %d", n, got, want)
			}
		}
	}
	vector.SumAbsDiffBatch(q, rows, udst)
	for i, p := range rows {
		var want uint32
		for j, c := range unsafe.Slice(p, n) {
			want += uint32(max(int(q[j])-int(c), int(c)-int(q[j])))
		}
		if udst[i] != want {
			t.Fatalf("SumAbsDiffBatch, n=%d, row %d of %d: got %d, want %d", n, i, size, udst[i], want)
		}
	}
	if dst[size] != guard || udst[size] != 987654 {
		t.Fatalf("n=%d, %d rows: wrote behind dst", n, size)
	}
}

func TestBitBatches(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for n := 0; n <= 1032; n += 8 {
			if n > 264 && n%256 > 8 {
				continue
			}
			for _, size := range batchSizes {
				q := make([]byte, n+64)[r.IntN(64):][:n]
				fillBytes(r, q, false)
				rows := make([]*byte, size)
				for i := range rows {
					row := make([]byte, n+66)
					fillBytes(r, row, false)
					rows[i] = &row[r.IntN(64)]
				}
				for name, k := range map[string]struct {
					batch func([]byte, []*byte, []uint32)
					op    func(x, y byte) byte
				}{
					"HammingBatch":  {vector.HammingBatch, func(x, y byte) byte { return x ^ y }},
					"AndCountBatch": {vector.AndCountBatch, func(x, y byte) byte { return x & y }},
				} {
					dst := make([]uint32, size+1)
					dst[size] = 987654
					k.batch(q, rows, dst)
					for i, p := range rows {
						var want uint32
						for j, y := range unsafe.Slice(p, n) {
							for b := k.op(q[j], y); b != 0; b &= b - 1 {
								want++
							}
						}
						if dst[i] != want {
							t.Fatalf("%s, n=%d, row %d of %d: got %d, want %d", name, n, i, size, dst[i], want)
						}
					}
					if dst[size] != 987654 {
						t.Fatalf("%s, n=%d, %d rows: wrote behind dst", name, n, size)
					}
				}
			}
		}
	})
}

// TestAllocations: no kernel allocates, in any tier.
func TestAllocations(t *testing.T) {
	vector.EachTier(t, func(t *testing.T) {
		const n, size = 768, 13
		q, q8 := make([]float32, n), make([]int8, n)
		block := make([]byte, 4*n)
		rows, halves, bytes := make([]*float32, size), make([]*uint16, size), make([]*byte, size)
		for i := range size {
			rows[i] = (*float32)(unsafe.Pointer(&block[0]))
			halves[i] = (*uint16)(unsafe.Pointer(&block[0]))
			bytes[i] = &block[0]
		}
		dst, idst, udst := make([]float32, size), make([]int32, size), make([]uint32, size)
		got := testing.AllocsPerRun(10, func() {
			vector.Dot(q, q)
			vector.SquaredL2(q, q)
			vector.L1Distance(q, q)
			vector.CosineParts(q, q)
			vector.DotBatch(q, rows, dst)
			vector.SquaredL2Batch(q, rows, dst)
			vector.DotFloat16Batch(q, halves, dst)
			vector.SquaredL2BFloat16Batch(q, halves, dst)
			vector.DotU8S8Batch(q8, bytes, idst)
			vector.DotCodesBatch(block[:n], bytes, idst)
			vector.DotCodes(block[:n], block[:n])
			vector.SumAbsDiffBatch(block[:n], bytes, udst)
			vector.HammingBatch(block[:n], bytes, udst)
			vector.AndCountBatch(block[:n], bytes, udst)
		})
		if got != 0 {
			t.Errorf("kernels allocate %v times", got)
		}
	})
}

// TestFarRows spreads the rows over more memory than a cache holds, which
// takes the prefetching loops; the others see the same rows one by one.
func TestFarRows(t *testing.T) {
	arena := make([]byte, 6<<20)
	r := rand.New(rand.NewPCG(13, 14))
	fillBytes(r, arena, false)
	floats := unsafe.Slice((*float32)(unsafe.Pointer(&arena[0])), len(arena)/4)
	for i := range floats {
		floats[i] = float32(r.IntN(17) - 8) // whole numbers: sums are exact
	}
	vector.EachTier(t, func(t *testing.T) {
		for _, n := range []int{64, 128, 448, 768, 1024, 1088, 1536} {
			for _, size := range []int{8, 11, 13, 16, 40} {
				q, q8 := floats[1<<20:][:n], make([]int8, n)
				fillBytes(r, unsafe.Slice((*byte)(unsafe.Pointer(&q8[0])), n), true)
				rows, rows8 := make([]*float32, size), make([]*uint8, size)
				for i := range rows {
					rows[i] = &floats[r.IntN(len(floats)-n)]
					rows8[i] = &arena[r.IntN(len(arena)-n)]
				}
				dot, l2 := make([]float32, size), make([]float32, size)
				dot8, codes := make([]int32, size), make([]int32, size)
				bits := make([]uint32, size)
				vector.DotBatch(q, rows, dot)
				vector.SquaredL2Batch(q, rows, l2)
				vector.DotU8S8Batch(q8, rows8, dot8)
				vector.DotCodesBatch(arena[:n], rows8, codes)
				vector.HammingBatch(arena[:n], rows8, bits)
				for i := range rows {
					want := refer(q, unsafe.Slice(rows[i], n))
					var one [1]int32
					vector.DotU8S8Batch(q8, rows8[i:i+1], one[:])
					var oneBits [1]uint32
					vector.HammingBatch(arena[:n], rows8[i:i+1], oneBits[:])
					if float64(dot[i]) != want.dot || float64(l2[i]) != want.l2 || dot8[i] != one[0] ||
						codes[i] != vector.DotCodes(arena[:n], unsafe.Slice(rows8[i], n)) || bits[i] != oneBits[0] {
						t.Fatalf("n=%d, row %d of %d: far rows differ from near ones", n, i, size)
					}
				}
			}
		}
	})
}

func TestPrefetchTakesAnyAddress(t *testing.T) {
	b := make([]byte, 1000)
	for i := range 100 {
		vector.Prefetch(unsafe.Pointer(&b[i]), len(b)-i)
	}
	vector.Prefetch(nil, 1)
}
