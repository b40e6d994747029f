//go:build linux

package vector_test

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nearlite/nearlite/vector"
)

// TestGuardPages puts vectors right before a page that must not be read: a
// kernel that reads one byte past an end faults.
func TestGuardPages(t *testing.T) {
	page := unix.Getpagesize()
	block := 8 * page // holds 4099 float64
	mem, err := unix.Mmap(-1, 0, block+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Skipf("mmap: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mprotect(mem[block:], unix.PROT_NONE); err != nil {
		t.Skipf("mprotect: %v", err)
	}
	end := mem[:block:block]
	tail := func(n int) unsafe.Pointer { return unsafe.Pointer(&end[len(end)-n]) }
	vector.EachTier(t, func(t *testing.T) {
		for _, n := range lengths() {
			if n == 0 || 8*n > block {
				continue
			}
			f := unsafe.Slice((*float32)(tail(4*n)), n)
			d := unsafe.Slice((*float64)(tail(8*n)), n)
			h := unsafe.Slice((*uint16)(tail(2*n)), n)
			vector.Dot(f, f)
			vector.SquaredL2(f, f)
			vector.L1Distance(f, f)
			vector.CosineParts(f, f)
			vector.Dot64(d, d)
			vector.SquaredL264(d, d)
			vector.L1Distance64(d, d)
			vector.CosineParts64(d, d)
			vector.EncodeFloat16(make([]uint16, n), f)
			vector.DecodeFloat16(make([]float32, n), h)
			padded := (n + 63) &^ 63
			q8 := unsafe.Slice((*int8)(tail(padded)), padded)
			codes := end[len(end)-padded:]
			bits := end[len(end)-(n+7)&^7:]
			for _, size := range []int{1, 2, 5, 8, 11} {
				rows, halves := make([]*float32, size), make([]*uint16, size)
				rows8, rows1 := make([]*uint8, size), make([]*uint8, size)
				for i := range size {
					rows[i], halves[i], rows8[i], rows1[i] = &f[0], &h[0], &codes[0], &bits[0]
				}
				dst, idst, udst := make([]float32, size), make([]int32, size), make([]uint32, size)
				vector.DotBatch(f, rows, dst)
				vector.SquaredL2Batch(f, rows, dst)
				vector.DotFloat16Batch(f, halves, dst)
				vector.SquaredL2Float16Batch(f, halves, dst)
				vector.DotBFloat16Batch(f, halves, dst)
				vector.SquaredL2BFloat16Batch(f, halves, dst)
				vector.DotU8S8Batch(q8, rows8, idst)
				vector.DotCodesBatch(codes, rows8, idst)
				vector.SumAbsDiffBatch(codes, rows8, udst)
				vector.HammingBatch(bits, rows1, udst)
				vector.AndCountBatch(bits, rows1, udst)
			}
		}
	})
}
