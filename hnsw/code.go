package hnsw

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/nearlite/nearlite/vector"
)

// Codes. A code is what the graph knows of a vector. In memory a code is a row
// of rowStride bytes that kernels read in place; on disk it is packed.
//
//	int8   round(x/scale)+128 per dimension, where scale = max|x|/127
//	none   the float32 elements
//	f16    half precision on disk, float32 in memory
//	bit    the signs, a bit set for x > 0
//
// All but bit have two numbers behind the elements: the scale (1 for floats)
// and the squared norm of the decoded vector. Under cosine the vector is made
// unit length first. Traversal measures distances between decoded vectors on
// both sides, because the rounding errors of two near vectors then weigh less.

// checkVector reports a wrong length or an element that is not finite.
func checkVector(v []float32, dims int) error {
	if len(v) != dims {
		return &DimsError{Got: len(v), Want: dims}
	}
	if s := vector.NormSquared(v); s-s == 0 { // a finite sum has finite parts only
		return nil
	}
	for i, x := range v {
		if !finite(x) {
			return &ValueError{Element: i, Value: x}
		}
	}
	return nil
}

// topBits returns the bits of the greatest |x|. Absolute values order as their
// bits do, and those of infinities and NaN are the greatest.
func topBits(v []float32) uint32 {
	var a, b, c, d uint32
	for len(v) >= 4 {
		a = max(a, math.Float32bits(v[0])&0x7fffffff)
		b = max(b, math.Float32bits(v[1])&0x7fffffff)
		c = max(c, math.Float32bits(v[2])&0x7fffffff)
		d = max(d, math.Float32bits(v[3])&0x7fffffff)
		v = v[4:]
	}
	for _, x := range v {
		a = max(a, math.Float32bits(x)&0x7fffffff)
	}
	return max(a, b, c, d)
}

// unit returns the factor that makes v unit length, 0 for a zero vector.
func unit(v []float32) float64 {
	s := float64(vector.NormSquared(v))
	if s < 1e-30 || s > 1e30 { // float32 sums lose precision or overflow out there
		s = 0
		for _, x := range v {
			s += float64(x) * float64(x)
		}
	}
	if s == 0 {
		return 0
	}
	return 1 / math.Sqrt(s)
}

// encode writes the code of v into row, which has rowStride bytes.
func (g *geometry) encode(row []byte, v []float32) {
	clear(row)
	factor := 1.0
	if g.metric == vector.Cosine {
		factor = unit(v)
	}
	switch g.quantize {
	case Bit:
		for i, x := range v {
			if x > 0 {
				row[i>>3] |= 1 << (i & 7)
			}
		}
		return
	case Int8:
		scale := float64(math.Float32frombits(topBits(v))) * factor / 127
		for i := g.dims; i < g.kernelLen; i++ {
			row[i] = 128
		}
		var sum int64
		if by := float32(factor / scale); scale > 0 && finite(by) {
			sum = roundInt8(row[:len(v)], v, by)
		} else if scale > 0 { // nothing but tiny elements
			for i, x := range v {
				c := int64(math.Round(float64(x) * factor / scale))
				row[i] = uint8(c + 128)
				sum += c * c
			}
		} else {
			for i := range row[:g.dims] {
				row[i] = 128
			}
		}
		g.setMeta(row, float32(scale), float32(min(float64(sum)*scale*scale, math.MaxFloat32)))
	default:
		var sum float64
		for i, x := range v {
			f := float32(float64(x) * factor)
			if g.quantize == F16 {
				f = vector.Float16ToFloat32(vector.Float32ToFloat16(clampHalf(f)))
			}
			binary.NativeEndian.PutUint32(row[4*i:], math.Float32bits(f))
			sum += float64(f) * float64(f)
		}
		g.setMeta(row, 1, float32(min(sum, math.MaxFloat32)))
	}
	if g.metric == vector.Cosine && factor == 0 {
		scale, _ := g.meta(row)
		g.setMeta(row, scale, 1) // distance 1 to everything, as vector.CosineDistance has it
	}
}

// roundInt8 sets dst[i] to v[i]·by + 128, rounded to the nearest whole number,
// and returns the sum of squares before 128 is added. No |v[i]·by| is greater than
// 127 but for rounding. Adding 1.5·2^23 leaves the rounded number in the low bits.
func roundInt8(dst []byte, v []float32, by float32) int64 {
	const magic = 3 << 22
	dst = dst[:len(v)]
	var sum int64
	for i, x := range v {
		c := int32(math.Float32bits(float32(x*by)+magic)) - 0x4b400000
		dst[i] = uint8(c + 128)
		sum += int64(c * c)
	}
	return sum
}

// clampHalf keeps f within the range of half precision.
func clampHalf(f float32) float32 { return max(-65504, min(65504, f)) }

func (g *geometry) setMeta(row []byte, scale, norm float32) {
	binary.NativeEndian.PutUint32(row[g.metaOff:], math.Float32bits(scale))
	binary.NativeEndian.PutUint32(row[g.metaOff+4:], math.Float32bits(norm))
}

func (g *geometry) meta(row []byte) (scale, norm float32) {
	if g.metaOff < 0 {
		return 1, 0
	}
	return math.Float32frombits(binary.NativeEndian.Uint32(row[g.metaOff:])),
		math.Float32frombits(binary.NativeEndian.Uint32(row[g.metaOff+4:]))
}

// pack appends the code of a row as it is on disk.
func (g *geometry) pack(b, row []byte) []byte {
	switch g.quantize {
	case Bit:
		return append(b, row[:g.codeBytes]...)
	case Int8:
		b = append(b, row[:g.dims]...)
	case F16:
		for i := range g.dims {
			f := math.Float32frombits(binary.NativeEndian.Uint32(row[4*i:]))
			b = binary.LittleEndian.AppendUint16(b, vector.Float32ToFloat16(f))
		}
	default:
		for i := range g.dims {
			b = binary.LittleEndian.AppendUint32(b, binary.NativeEndian.Uint32(row[4*i:]))
		}
	}
	scale, norm := g.meta(row)
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(scale))
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(norm))
}

// unpack writes the row of a code of codeBytes bytes; ok is false when it holds
// numbers that encode never makes.
func (g *geometry) unpack(row, code []byte) (ok bool) {
	code = code[:g.codeBytes]
	switch g.quantize {
	case Bit:
		copy(row, code)
		clear(row[len(code):])
		return true
	case Int8:
		n := copy(row, code[:g.dims])
		for i := n; i < g.kernelLen; i++ {
			row[i] = 128
		}
	case F16:
		for i := range g.dims {
			f := vector.Float16ToFloat32(binary.LittleEndian.Uint16(code[2*i:]))
			binary.NativeEndian.PutUint32(row[4*i:], math.Float32bits(f))
		}
	default:
		for i := range g.dims {
			binary.NativeEndian.PutUint32(row[4*i:], binary.LittleEndian.Uint32(code[4*i:]))
		}
	}
	scale := math.Float32frombits(binary.LittleEndian.Uint32(code[g.codeBytes-8:]))
	norm := math.Float32frombits(binary.LittleEndian.Uint32(code[g.codeBytes-4:]))
	g.setMeta(row, scale, norm)
	return finite(scale) && finite(norm)
}

func finite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }

// scorer measures the distance of one vector to rows, as traversal sees it:
// squared for L2, negative dot products for dot.
type scorer struct {
	g     *geometry
	q8    []int8
	qf    []float32
	row   []byte    // the query's own row, for bit
	asked []float32 // the query that the rest is of; empty: a row
	scale float32
	norm  float32
	a, b  float32 // distance = a + b*norm + f*scale*dot
	f     float32
	ints  []int32
}

func newScorer(g *geometry) *scorer {
	s := &scorer{g: g, row: make([]byte, g.rowStride)}
	switch g.quantize {
	case Int8:
		s.q8 = make([]int8, g.kernelLen)
	case None, F16:
		s.qf = make([]float32, g.dims)
	}
	return s
}

// setQuery prepares for distances to a vector. That of the call before is known again.
func (s *scorer) setQuery(v []float32) {
	if len(v) == len(s.asked) && string(memoryOf(v)) == string(memoryOf(s.asked)) {
		return
	}
	s.g.encode(s.row, v)
	s.setRow(s.row)
	s.asked = append(s.asked[:0], v...)
}

// memoryOf is a vector's bytes in memory.
func memoryOf(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// setRow prepares for distances to a row.
func (s *scorer) setRow(row []byte) {
	g := s.g
	s.asked = s.asked[:0]
	switch g.quantize {
	case Bit:
		if &row[0] != &s.row[0] {
			copy(s.row, row)
		}
		return
	case Int8:
		flip(s.q8, row)
		clear(s.q8[min(g.metaOff, len(s.q8)):])
	default:
		for i := range s.qf {
			s.qf[i] = math.Float32frombits(binary.NativeEndian.Uint32(row[4*i:]))
		}
	}
	s.scale, s.norm = g.meta(row)
	switch g.metric {
	case vector.Cosine:
		s.a, s.b, s.f = 0.5*s.norm, 0.5, -s.scale
	case vector.InnerProduct:
		s.a, s.b, s.f = 0, 0, -s.scale
	default:
		s.a, s.b, s.f = s.norm, 1, -2*s.scale
	}
}

// flip turns codes x+128 into x. The query's padding must be 0, to leave the
// numbers behind a row's code out of every dot product.
func flip(dst []int8, row []byte) {
	n := len(dst)
	d := unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), n)
	row = row[:n]
	for i := 0; i+8 <= n; i += 8 {
		binary.NativeEndian.PutUint64(d[i:], binary.NativeEndian.Uint64(row[i:])^0x8080808080808080)
	}
}

// batch sets dst[i] to the distance to rows[i].
func (s *scorer) batch(rows []*byte, dst []float32) {
	n := len(rows)
	if n == 0 {
		return
	}
	dst = dst[:n]
	g := s.g
	switch {
	case g.quantize == Int8:
		if cap(s.ints) < n {
			s.ints = make([]int32, n+64)
		}
		ints := s.ints[:n]
		vector.DotU8S8Batch(s.q8, rows, ints)
		a, b, f, off := s.a, s.b, s.f, uintptr(g.metaOff)
		for i, r := range rows {
			m := (*[2]float32)(unsafe.Add(unsafe.Pointer(r), off))
			dst[i] = float32(a+float32(b*m[1])) + float32(float32(f*m[0])*float32(ints[i]))
		}
	case g.quantize == Bit:
		if cap(s.ints) < n {
			s.ints = make([]int32, n+64)
		}
		ints := unsafe.Slice((*uint32)(unsafe.Pointer(&s.ints[:n][0])), n)
		vector.HammingBatch(s.row, rows, ints)
		for i := range dst {
			dst[i] = float32(ints[i])
		}
		return
	case g.metric == vector.L1:
		for i, r := range rows {
			dst[i] = vector.L1Distance(s.qf, unsafe.Slice((*float32)(unsafe.Pointer(r)), g.dims))
		}
		return
	default:
		frows := unsafe.Slice((**float32)(unsafe.Pointer(&rows[0])), n)
		if g.metric == vector.L2 {
			vector.SquaredL2Batch(s.qf, frows, dst)
			return
		}
		vector.DotBatch(s.qf, frows, dst)
		for i, r := range rows {
			m := (*[2]float32)(unsafe.Add(unsafe.Pointer(r), uintptr(g.metaOff)))
			dst[i] = float32(s.a+float32(s.b*m[1])) + float32(s.f*dst[i])
		}
	}
	if g.metric != vector.Cosine { // sums of huge elements overflow; keep an order
		for i, d := range dst {
			if d != d {
				dst[i] = math.MaxFloat32
			}
		}
	}
}
