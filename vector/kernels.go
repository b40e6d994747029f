package vector

import "fmt"

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

// Dot returns the dot product of a and b, whose lengths must be equal.
func Dot(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return dotGo(a, b)
}

// SquaredL2 returns the squared Euclidean distance of a and b, whose lengths
// must be equal.
func SquaredL2(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return squaredL2Go(a, b)
}

// L1Distance returns the sum of |a-b|. The lengths must be equal.
func L1Distance(a, b []float32) float32 {
	checkLens(len(a), len(b))
	return l1Go(a, b)
}

// CosineParts returns dot(a, b), dot(a, a) and dot(b, b) from one pass. The
// lengths must be equal. See [CosineDistance].
func CosineParts(a, b []float32) (dot, aa, bb float32) {
	checkLens(len(a), len(b))
	return cosinePartsGo(a, b)
}

// NormSquared returns dot(a, a).
func NormSquared(a []float32) float32 { return Dot(a, a) }

// DotBatch sets dst[i] to the dot product of q and row i. Each row points at
// len(q) contiguous float32 of any alignment; dst holds at least len(rows)
// values. Rows may repeat and overlap.
func DotBatch(q []float32, rows []*float32, dst []float32) {
	checkBatch(len(rows), len(dst))
	dotBatchGo(q, rows, dst)
}

// SquaredL2Batch sets dst[i] to the squared Euclidean distance of q and row
// i; the arguments are as for [DotBatch].
func SquaredL2Batch(q []float32, rows []*float32, dst []float32) {
	checkBatch(len(rows), len(dst))
	squaredL2BatchGo(q, rows, dst)
}

// DotU8S8Batch sets dst[i] to the sum of q[j] * (rows[i][j] - 128): the exact
// integer dot product of an int8 query with int8 codes stored as x+128.
//
// len(q) must be a multiple of 64: pad the query with 0 and the rows, which
// are as long, with 128 ([Int8.PaddedLen] says how long). Exact while the sums fit in
// 32 bits, that is up to MaxDims.
func DotU8S8Batch(q []int8, rows []*uint8, dst []int32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	dotU8S8BatchGo(q, rows, dst)
}

// DotCodes returns the sum of (a[j]-128) * (b[j]-128): the exact dot product
// of two int8 codes stored as x+128. The lengths must be equal and a multiple
// of 64.
func DotCodes(a, b []uint8) int32 {
	checkLens(len(a), len(b))
	checkMultiple(len(a), 64)
	return dotCodesGo(a, b)
}

// DotCodesBatch sets dst[i] to DotCodes of q and row i, each len(q) bytes.
func DotCodesBatch(q []uint8, rows []*uint8, dst []int32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	dotCodesBatchGo(q, rows, dst)
}

// HammingBatch sets dst[i] to the number of bits in which q and row i differ.
// Each row points at len(q) bytes of any alignment; len(q) is a multiple of 8.
func HammingBatch(q []byte, rows []*byte, dst []uint32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 8)
	hammingBatchGo(q, rows, dst)
}

func checkMultiple(n, m int) {
	if n%m != 0 {
		panic(fmt.Sprintf("vector: kernel called with %d bytes, want a multiple of %d", n, m))
	}
}

// Kernels returns the name of the tier in force: go, avx2, avx512 or neon.
func Kernels() string { return "go" }

// SumAbsDiffBatch sets dst[i] to the sum of |q[j] - rows[i][j]|, the exact L1
// distance of codes that share a scale. Each row points at len(q) bytes;
// len(q) is a multiple of 64.
func SumAbsDiffBatch(q []uint8, rows []*uint8, dst []uint32) {
	checkBatch(len(rows), len(dst))
	checkMultiple(len(q), 64)
	sumAbsDiffBatchGo(q, rows, dst)
}
