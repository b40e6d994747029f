package vector

import "unsafe"

// farApart guesses from three rows of a batch whether its rows lie further
// apart than the second-level cache is large, and so are worth prefetching.
// The addresses are only compared.
func farApart(first, middle, last unsafe.Pointer) bool {
	const cacheBytes = 1 << 20
	a, b, c := uintptr(first), uintptr(middle), uintptr(last)
	// A difference in [-cacheBytes, cacheBytes] becomes one in [0, 2·cacheBytes].
	return a-b+cacheBytes > 2*cacheBytes || b-c+cacheBytes > 2*cacheBytes
}

// Prefetch asks the processor to bring n bytes at p into its caches, and does not
// wait. It is a hint: it does nothing where there is no such instruction. p need
// not be aligned, and may be anything: prefetching never faults.
func Prefetch(p unsafe.Pointer, n int) { prefetch(p, n) }
