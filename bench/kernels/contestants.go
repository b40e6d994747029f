package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"unsafe"

	"github.com/viterin/vek/vek32"

	"github.com/nearlite/nearlite/vector"
)

// place is memory that rows are taken from.
type place struct {
	name  string
	block []byte
}

const (
	l1Bytes  = 24 << 10 // of rows at most: leaves room for the query in 32 KiB
	batchLen = 32
	seqBytes = 1 << 20
)

// newBlock returns memory that starts at a cache line.
func newBlock(size int) []byte {
	buf := make([]byte, size+64)
	return buf[-uintptr(unsafe.Pointer(&buf[0]))&63:][:size&^63]
}

// fill writes random float32 values in [1, 2). Memory that was never written
// would be one page of zeros, seen at many addresses.
func fill(block []byte) {
	f := unsafe.Slice((*float32)(unsafe.Pointer(&block[0])), len(block)/4)
	x := uint32(2463534242)
	for i := range f {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		f[i] = math.Float32frombits(0x3f800000 | x>>9)
	}
}

// sequential reads the block from one end to the other, a MiB a call.
func sequential(block []byte) entry {
	at := 0
	sum := float32(0)
	return entry{tier: vector.Kernels(), rows: 1, run: func() {
		if at+seqBytes > len(block) {
			at = 0
		}
		f := unsafe.Slice((*float32)(unsafe.Pointer(&block[at])), seqBytes/4)
		sum += vector.NormSquared(f)
		at += seqBytes
	}}
}

// feed hands out batches of row pointers: round and round over the few rows
// of a small block, at random from a large one.
type feed[T any] struct {
	rows []*T
	at   int
	size int
}

func newFeed[T any](p place, rowBytes int) *feed[T] {
	count := len(p.block) / rowBytes
	f := &feed[T]{size: batchLen}
	if p.name == "L1" {
		f.size = min(count, batchLen)
		for i := range f.size {
			f.rows = append(f.rows, (*T)(unsafe.Pointer(&p.block[i*rowBytes])))
		}
		return f
	}
	r := rand.New(rand.NewPCG(1, uint64(rowBytes)))
	// More bytes than any cache holds before the order repeats, and the table
	// of pointers, read in order, costs nothing to speak of.
	n := max(1<<16, 1<<28/rowBytes) / batchLen * batchLen
	for range n {
		f.rows = append(f.rows, (*T)(unsafe.Pointer(&p.block[r.IntN(count)*rowBytes])))
	}
	return f
}

func (f *feed[T]) next() []*T {
	if f.at == len(f.rows) {
		f.at = 0
	}
	f.at += f.size
	return f.rows[f.at-f.size : f.at]
}

// contestants lists what is measured for one number of dimensions.
func contestants(dims int, p place) []entry {
	var all []entry
	padded := (dims + 63) &^ 63 // of int8 codes
	bitBytes := (dims + 63) / 64 * 8
	q := make([]float32, dims)
	for i := range q {
		q[i] = float32(i%7) / 7
	}
	q8, qc := make([]int8, padded), make([]uint8, padded)
	for i := range q8 {
		q8[i], qc[i] = int8(i%255-127), uint8(i)
	}
	dst, dst32, dstu := make([]float32, batchLen), make([]int32, batchLen), make([]uint32, batchLen)

	f32 := newFeed[float32](p, 4*dims)
	f16 := newFeed[uint16](p, 2*dims)
	f8 := newFeed[uint8](p, padded)
	f1 := newFeed[uint8](p, bitBytes)
	for _, tier := range vector.KernelTiers() {
		add := func(kernel string, rowBytes, rows int, run func()) {
			all = append(all, entry{kernel: kernel, impl: tier, tier: tier, rowBytes: rowBytes, rows: rows, run: run})
		}
		add("f32 dot, one by one", 4*dims, f32.size, func() {
			for i, row := range f32.next() {
				dst[i] = vector.Dot(q, unsafe.Slice(row, dims))
			}
		})
		add("f32 dot, batch", 4*dims, f32.size, func() { vector.DotBatch(q, f32.next(), dst) })
		add("f32 l2², batch", 4*dims, f32.size, func() { vector.SquaredL2Batch(q, f32.next(), dst) })
		add("f16 dot, batch", 2*dims, f16.size, func() { vector.DotFloat16Batch(q, f16.next(), dst) })
		add("bf16 dot, batch", 2*dims, f16.size, func() { vector.DotBFloat16Batch(q, f16.next(), dst) })
		add("int8 query·code, batch", padded, f8.size, func() { vector.DotU8S8Batch(q8, f8.next(), dst32) })
		add("int8 code·code, batch", padded, f8.size, func() { vector.DotCodesBatch(qc, f8.next(), dst32) })
		add("1-bit Hamming, batch", bitBytes, f1.size, func() { vector.HammingBatch(qc[:bitBytes], f1.next(), dstu) })
	}
	if slices.Contains(vector.KernelTiers(), "avx2") { // vek does not ask the processor itself
		all = append(all, entry{kernel: "f32 dot, one by one", impl: "vek", tier: vector.Kernels(), rowBytes: 4 * dims, rows: f32.size, run: func() {
			for i, row := range f32.next() {
				dst[i] = vek32.Dot(q, unsafe.Slice(row, dims))
			}
		}})
	}
	return all
}
