//go:build arm64 && !noasm

package vector

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestWithoutDotProd compares the kernels for processors that lack SDOT with
// plain Go; the other tests take those with it where the processor has it.
func TestWithoutDotProd(t *testing.T) {
	old := hasDotProd
	defer func() { hasDotProd = old }()
	r := rand.New(rand.NewPCG(1, 2))
	const n = 448
	block := make([]byte, 40*n)
	for i := range block {
		block[i] = byte(r.Uint32())
	}
	q := unsafe.Slice((*int8)(unsafe.Pointer(&block[0])), n)
	for size := range 20 {
		rows := make([]*uint8, size)
		for i := range rows {
			rows[i] = &block[r.IntN(len(block)-n)]
		}
		want, got := make([]int32, size), make([]int32, size)
		for _, hasDotProd = range []bool{false, old} {
			dotU8S8BatchGo(q, rows, want)
			dotU8S8Batch(q, rows, got)
			for i := range rows {
				if got[i] != want[i] {
					t.Fatalf("dotU8S8, SDOT %v, row %d of %d: got %d, want %d", hasDotProd, i, size, got[i], want[i])
				}
			}
			dotU8U8BatchGo(block[:n], rows, want)
			dotU8U8Batch(block[:n], rows, got)
			for i := range rows {
				if got[i] != want[i] {
					t.Fatalf("dotU8U8, SDOT %v, row %d of %d: got %d, want %d", hasDotProd, i, size, got[i], want[i])
				}
			}
		}
	}
}
