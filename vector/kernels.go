package vector

import "fmt"

//go:generate go run -C _gen . -dir ..

// checkLens panics when a kernel is called with slices of different length:
// that is a bug of the caller, never of the data.
func checkLens(a, b int) {
	if a != b {
		panic(fmt.Sprintf("vector: kernel called with slices of length %d and %d", a, b))
	}
}

// checkBatch panics when dst cannot hold one result per row.
func checkBatch(rows, dst int) {
	if dst < rows {
		panic(fmt.Sprintf("vector: batch kernel called with %d rows and room for %d results", rows, dst))
	}
}

func checkMultiple(n, m int) {
	if n%m != 0 {
		panic(fmt.Sprintf("vector: kernel called with %d bytes, want a multiple of %d", n, m))
	}
}

// Dot returns the dot product of a and b, whose lengths must be equal.
func Dot(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return dotF32Pair(a, b)
}

// SquaredL2 returns the squared Euclidean distance of a and b, whose lengths
// must be equal.
func SquaredL2(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return squaredL2F32Pair(a, b)
}

// L1Distance returns the sum of |a-b|. The lengths must be equal.
func L1Distance(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return l1F32Pair(a, b)
}

// CosineParts returns dot(a, b), dot(a, a) and dot(b, b) from one pass. The
// lengths must be equal. See [CosineDistance].
func CosineParts(a, b []float32) (dot, aa, bb float32) {
	checkLens(len(a), len(b))
	return cosineF32Pair(a, b)
}

// NormSquared returns dot(a, a).
func NormSquared(a []float32) float32 { return dotF32Pair(a, a) }

// Dot64 is [Dot] in double precision.
func Dot64(a, b []float64) float64 {
	checkLens(len(a), len(b))
	return dotF64Pair(a, b)
}

// SquaredL264 is [SquaredL2] in double precision.
func SquaredL264(a, b []float64) float64 {
	checkLens(len(a), len(b))
	return squaredL2F64Pair(a, b)
}

// L1Distance64 is [L1Distance] in double precision.
func L1Distance64(a, b []float64) float64 {
	checkLens(len(a), len(b))
	return l1F64Pair(a, b)
}

// CosineParts64 is [CosineParts] in double precision.
func CosineParts64(a, b []float64) (dot, aa, bb float64) {
	checkLens(len(a), len(b))
	return cosineF64Pair(a, b)
}

// DotBatch sets dst[i] to the dot product of q and row i. Each row points at
// len(q) contiguous float32 of any alignment; dst holds at least len(rows)
// values. Rows may repeat and overlap. No batch kernel allocates.
func DotBatch(q []float32, rows []*float32, dst []float32) {
	checkBatch(len(rows), len(dst))
	dotF32Batch(q, rows, dst)
}

// SquaredL2Batch sets dst[i] to the squared Euclidean distance of q and row
// i; the arguments are as for [DotBatch].
func SquaredL2Batch(q []float32, rows []*float32, dst []float32) {
	checkBatch(len(rows), len(dst))
	squaredL2F32Batch(q, rows, dst)
}

// DotFloat16Batch is [DotBatch] over rows of IEEE halves.
func DotFloat16Batch(q []float32, rows []*uint16, dst []float32) {
	checkBatch(len(rows), len(dst))
	dotF16Batch(q, rows, dst)
}

// SquaredL2Float16Batch is [SquaredL2Batch] over rows of IEEE halves.
func SquaredL2Float16Batch(q []float32, rows []*uint16, dst []float32) {
	checkBatch(len(rows), len(dst))
	squaredL2F16Batch(q, rows, dst)
}

// DotBFloat16Batch is [DotBatch] over rows of bfloat16.
func DotBFloat16Batch(q []float32, rows []*uint16, dst []float32) {
	checkBatch(len(rows), len(dst))
	dotBF16Batch(q, rows, dst)
}

// SquaredL2BFloat16Batch is [SquaredL2Batch] over rows of bfloat16.
func SquaredL2BFloat16Batch(q []float32, rows []*uint16, dst []float32) {
	checkBatch(len(rows), len(dst))
	squaredL2BF16Batch(q, rows, dst)
}

// DotU8S8Batch sets dst[i] to the sum of q[j] * (rows[i][j] - 128): the exact
// integer dot product of an int8 query with int8 codes stored as x+128.
//
// len(q) must be a multiple of 64: pad the query with 0; the rows are as long
// ([Int8.PaddedLen]). Any byte is allowed on either side. The sums fit in 32
// bits up to MaxDims.
func DotU8S8Batch(q []int8, rows []*uint8, dst []int32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	dotU8S8Batch(q, rows, dst)
}

// DotCodes returns the sum of (a[j]-128) * (b[j]-128): the exact dot product
// of two int8 codes stored as x+128 and padded with 128. The lengths must be
// equal and a multiple of 64.
func DotCodes(a, b []uint8) int32 {
	checkLens(len(a), len(b))
	if len(a) == 0 {
		return 0
	}
	rows := [1]*uint8{&b[0]}
	var dst [1]int32
	DotCodesBatch(a, rows[:], dst[:])
	return dst[0]
}

// DotCodesBatch sets dst[i] to DotCodes of q and row i, each len(q) bytes.
func DotCodesBatch(q []uint8, rows []*uint8, dst []int32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	dotU8U8Batch(q, rows, dst)
}

// SumAbsDiffBatch sets dst[i] to the sum of |q[j] - rows[i][j]|, the exact L1
// distance of codes that share a scale. Each row points at len(q) bytes;
// len(q) is a multiple of 64.
func SumAbsDiffBatch(q []uint8, rows []*uint8, dst []uint32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	sumAbsDiffBatch(q, rows, dst)
}

// HammingBatch sets dst[i] to the number of bits in which q and row i differ.
// Each row points at len(q) bytes of any alignment; len(q) is a multiple of 8.
func HammingBatch(q []byte, rows []*byte, dst []uint32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 8)
	hammingBatch(q, rows, dst)
}

// AndCountBatch sets dst[i] to the number of bits set in both q and row i; the
// arguments are as for [HammingBatch]. With the result h of HammingBatch the
// Jaccard distance is h / (h + both).
func AndCountBatch(q []byte, rows []*byte, dst []uint32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 8)
	andCountBatch(q, rows, dst)
}
