//go:build noasm || !(amd64 || arm64)

package vector

func dotF32Pair(a, b []float32) float32       { return dotF32PairGo(a, b) }
func dotF64Pair(a, b []float64) float64       { return dotF64PairGo(a, b) }
func squaredL2F32Pair(a, b []float32) float32 { return squaredL2F32PairGo(a, b) }
func squaredL2F64Pair(a, b []float64) float64 { return squaredL2F64PairGo(a, b) }
func l1F32Pair(a, b []float32) float32        { return l1F32PairGo(a, b) }
func l1F64Pair(a, b []float64) float64        { return l1F64PairGo(a, b) }

func cosineF32Pair(a, b []float32) (dot, aa, bb float32) { return cosineF32PairGo(a, b) }
func cosineF64Pair(a, b []float64) (dot, aa, bb float64) { return cosineF64PairGo(a, b) }

func dotF32Batch(q []float32, rows []*float32, dst []float32) { dotF32BatchGo(q, rows, dst) }
func squaredL2F32Batch(q []float32, rows []*float32, dst []float32) {
	squaredL2F32BatchGo(q, rows, dst)
}
func dotF16Batch(q []float32, rows []*uint16, dst []float32)       { dotF16BatchGo(q, rows, dst) }
func squaredL2F16Batch(q []float32, rows []*uint16, dst []float32) { squaredL2F16BatchGo(q, rows, dst) }
func dotBF16Batch(q []float32, rows []*uint16, dst []float32)      { dotBF16BatchGo(q, rows, dst) }
func squaredL2BF16Batch(q []float32, rows []*uint16, dst []float32) {
	squaredL2BF16BatchGo(q, rows, dst)
}
func dotU8S8Batch(q []int8, rows []*uint8, dst []int32)      { dotU8S8BatchGo(q, rows, dst) }
func dotU8U8Batch(q []uint8, rows []*uint8, dst []int32)     { dotU8U8BatchGo(q, rows, dst) }
func sumAbsDiffBatch(q []uint8, rows []*uint8, dst []uint32) { sumAbsDiffBatchGo(q, rows, dst) }
func hammingBatch(q []byte, rows []*byte, dst []uint32)      { hammingBatchGo(q, rows, dst) }
func andCountBatch(q []byte, rows []*byte, dst []uint32)     { andCountBatchGo(q, rows, dst) }
