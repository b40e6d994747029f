package vector

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"
)

// The reference kernels: compiled everywhere, used where no assembly tier is.
// Partial sums let the processor overlap additions that would otherwise wait
// for each other; re-slicing both operands to constant lengths drops the
// bounds checks.

type float interface{ float32 | float64 }

func dotPair[T float](a, b []T) T {
	b = b[:len(a)]
	var s0, s1, s2, s3 T
	for len(a) >= 4 {
		x, y := a[:4], b[:4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		s0 += x * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func squaredL2Pair[T float](a, b []T) T {
	b = b[:len(a)]
	var s0, s1, s2, s3 T
	for len(a) >= 4 {
		x, y := a[:4], b[:4]
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		d := x - b[i]
		s0 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

func l1Pair[T float](a, b []T) T {
	b = b[:len(a)]
	var s0, s1 T
	for len(a) >= 2 {
		x, y := a[:2], b[:2]
		s0 += max(x[0]-y[0], y[0]-x[0])
		s1 += max(x[1]-y[1], y[1]-x[1])
		a, b = a[2:], b[2:]
	}
	for i, x := range a {
		s0 += max(x-b[i], b[i]-x)
	}
	return s0 + s1
}

func cosinePair[T float](a, b []T) (dot, aa, bb T) {
	b = b[:len(a)]
	var d0, d1, a0, a1, b0, b1 T
	for len(a) >= 2 {
		x, y := a[:2], b[:2]
		d0 += x[0] * y[0]
		a0 += x[0] * x[0]
		b0 += y[0] * y[0]
		d1 += x[1] * y[1]
		a1 += x[1] * x[1]
		b1 += y[1] * y[1]
		a, b = a[2:], b[2:]
	}
	for i, x := range a {
		d0 += x * b[i]
		a0 += x * x
		b0 += b[i] * b[i]
	}
	return d0 + d1, a0 + a1, b0 + b1
}

// abs32 has no branch: the signs of a vector's elements are unpredictable.
func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func dotF32PairGo(a, b []float32) float32       { return dotPair(a, b) }
func dotF64PairGo(a, b []float64) float64       { return dotPair(a, b) }
func squaredL2F32PairGo(a, b []float32) float32 { return squaredL2Pair(a, b) }
func squaredL2F64PairGo(a, b []float64) float64 { return squaredL2Pair(a, b) }
func l1F32PairGo(a, b []float32) float32        { return l1Pair(a, b) }
func l1F64PairGo(a, b []float64) float64        { return l1Pair(a, b) }

func cosineF32PairGo(a, b []float32) (dot, aa, bb float32) { return cosinePair(a, b) }
func cosineF64PairGo(a, b []float64) (dot, aa, bb float64) { return cosinePair(a, b) }

func dotF32BatchGo(q []float32, rows []*float32, dst []float32) {
	for i, r := range rows {
		dst[i] = dotPair(q, unsafe.Slice(r, len(q)))
	}
}

func squaredL2F32BatchGo(q []float32, rows []*float32, dst []float32) {
	for i, r := range rows {
		dst[i] = squaredL2Pair(q, unsafe.Slice(r, len(q)))
	}
}

func dotF16BatchGo(q []float32, rows []*uint16, dst []float32) {
	clear(dst[:len(rows)])
	dotF16Tail(q, 0, rows, dst)
}

func squaredL2F16BatchGo(q []float32, rows []*uint16, dst []float32) {
	clear(dst[:len(rows)])
	squaredL2F16Tail(q, 0, rows, dst)
}

func dotBF16BatchGo(q []float32, rows []*uint16, dst []float32) {
	clear(dst[:len(rows)])
	dotBF16Tail(q, 0, rows, dst)
}

func squaredL2BF16BatchGo(q []float32, rows []*uint16, dst []float32) {
	clear(dst[:len(rows)])
	squaredL2BF16Tail(q, 0, rows, dst)
}

// The …Tail functions add the elements from n on to dst.

func dotF16Tail(q []float32, n int, rows []*uint16, dst []float32) {
	if n == len(q) {
		return
	}
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		s := dst[i]
		for j := n; j < len(q); j++ {
			s += q[j] * Float16ToFloat32(row[j])
		}
		dst[i] = s
	}
}

func squaredL2F16Tail(q []float32, n int, rows []*uint16, dst []float32) {
	if n == len(q) {
		return
	}
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		s := dst[i]
		for j := n; j < len(q); j++ {
			d := q[j] - Float16ToFloat32(row[j])
			s += d * d
		}
		dst[i] = s
	}
}

func dotBF16Tail(q []float32, n int, rows []*uint16, dst []float32) {
	if n == len(q) {
		return
	}
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		s := dst[i]
		for j := n; j < len(q); j++ {
			s += q[j] * BFloat16ToFloat32(row[j])
		}
		dst[i] = s
	}
}

func squaredL2BF16Tail(q []float32, n int, rows []*uint16, dst []float32) {
	if n == len(q) {
		return
	}
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		s := dst[i]
		for j := n; j < len(q); j++ {
			d := q[j] - BFloat16ToFloat32(row[j])
			s += d * d
		}
		dst[i] = s
	}
}

func dotU8S8BatchGo(q []int8, rows []*uint8, dst []int32) {
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		var s0, s1 int32
		for j := 0; j+2 <= len(q); j += 2 {
			s0 += int32(q[j]) * (int32(row[j]) - 128)
			s1 += int32(q[j+1]) * (int32(row[j+1]) - 128)
		}
		dst[i] = s0 + s1
	}
}

func dotU8U8BatchGo(q []uint8, rows []*uint8, dst []int32) {
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		var s0, s1 int32
		for j := 0; j+2 <= len(q); j += 2 {
			s0 += (int32(q[j]) - 128) * (int32(row[j]) - 128)
			s1 += (int32(q[j+1]) - 128) * (int32(row[j+1]) - 128)
		}
		dst[i] = s0 + s1
	}
}

func sumAbsDiffBatchGo(q []uint8, rows []*uint8, dst []uint32) {
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		var s uint32
		for j, x := range q {
			d := int32(x) - int32(row[j])
			s += uint32(max(d, -d))
		}
		dst[i] = s
	}
}

func hammingBatchGo(q []byte, rows []*byte, dst []uint32) {
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		n := 0
		for j := 0; j+8 <= len(q); j += 8 {
			n += bits.OnesCount64(binary.LittleEndian.Uint64(q[j:]) ^ binary.LittleEndian.Uint64(row[j:]))
		}
		dst[i] = uint32(n)
	}
}

func andCountBatchGo(q []byte, rows []*byte, dst []uint32) {
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		n := 0
		for j := 0; j+8 <= len(q); j += 8 {
			n += bits.OnesCount64(binary.LittleEndian.Uint64(q[j:]) & binary.LittleEndian.Uint64(row[j:]))
		}
		dst[i] = uint32(n)
	}
}

// bitCounts returns in how many bits a and b, equally long, differ, and how
// many are set in both.
func bitCounts(a, b []byte) (differ, both int) {
	for ; len(a) >= 8; a, b = a[8:], b[8:] {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		differ += bits.OnesCount64(x ^ y)
		both += bits.OnesCount64(x & y)
	}
	for i, x := range a {
		differ += bits.OnesCount8(x ^ b[i])
		both += bits.OnesCount8(x & b[i])
	}
	return differ, both
}
