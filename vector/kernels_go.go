package vector

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The reference kernels: compiled everywhere, used where no assembly tier is.
// Four partial sums let the processor overlap the additions; the compiler
// drops the bounds checks because every slice is cut to the same length.

func dotGo(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func squaredL2Go(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(a); i++ {
		d := a[i] - b[i]
		s0 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

func l1Go(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1 float32
	i := 0
	for ; i+2 <= len(a); i += 2 {
		s0 += abs32(a[i] - b[i])
		s1 += abs32(a[i+1] - b[i+1])
	}
	for ; i < len(a); i++ {
		s0 += abs32(a[i] - b[i])
	}
	return s0 + s1
}

func cosinePartsGo(a, b []float32) (dot, aa, bb float32) {
	b = b[:len(a)]
	var d0, d1, a0, a1, b0, b1 float32
	i := 0
	for ; i+2 <= len(a); i += 2 {
		x0, y0, x1, y1 := a[i], b[i], a[i+1], b[i+1]
		d0 += x0 * y0
		a0 += x0 * x0
		b0 += y0 * y0
		d1 += x1 * y1
		a1 += x1 * x1
		b1 += y1 * y1
	}
	if i < len(a) {
		d0 += a[i] * b[i]
		a0 += a[i] * a[i]
		b0 += b[i] * b[i]
	}
	return d0 + d1, a0 + a1, b0 + b1
}

func dotBatchGo(q []float32, rows []*float32, dst []float32) {
	for i, r := range rows {
		dst[i] = dotGo(q, unsafe.Slice(r, len(q)))
	}
}

func squaredL2BatchGo(q []float32, rows []*float32, dst []float32) {
	for i, r := range rows {
		dst[i] = squaredL2Go(q, unsafe.Slice(r, len(q)))
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

func dotCodesGo(a, b []uint8) int32 {
	b = b[:len(a)]
	var s int32
	for i, x := range a {
		s += (int32(x) - 128) * (int32(b[i]) - 128)
	}
	return s
}

func dotCodesBatchGo(q []uint8, rows []*uint8, dst []int32) {
	for i, r := range rows {
		dst[i] = dotCodesGo(q, unsafe.Slice(r, len(q)))
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

func abs32(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
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

// hammingBytes counts the bits in which a and b, equally long, differ.
func hammingBytes(a, b []byte) int {
	n := 0
	for ; len(a) >= 8; a, b = a[8:], b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b))
	}
	for i, x := range a {
		n += bits.OnesCount8(x ^ b[i])
	}
	return n
}
