// Package vector is the ground floor of nearlite: vector element types, their
// text and blob encodings, distances, quantizers and the kernels under them.
//
// A [Vector] is a decoded value of any [Type]. [Parse] reads libSQL's text
// grammar, [Decode] its blob encodings, [Vector.AppendBlob] writes them:
//
//	v, err := vector.Parse([]byte("[1, 2.5, -3]"), vector.Float32)
//	blob := v.AppendBlob(nil)                 // 12 bytes, little-endian
//	w, err := vector.Decode(blob)             // aliases blob
//	d, ok, err := vector.DistanceCos(v, w)    // libSQL's checks and texts
//
// Searches work on plain slices through the kernels: [Dot], [SquaredL2],
// [DotBatch], [DotU8S8Batch], [HammingBatch] and so on. The batch forms score
// many rows, given by pointer, against one query and keep four rows in
// flight, which hides most of the latency of rows that are not in the cache.
//
// # Tiers
//
// Each kernel exists in plain Go and, where the machine has them, for
// AVX2+FMA, AVX-512 (with VNNI and VPOPCNTDQ) and NEON. The best tier the
// processor supports is chosen once, at start; [Kernels] names it, and the
// environment variable NEARLITE_KERNELS (go, avx2, avx512, neon) forces one.
// The build tag noasm leaves only plain Go. Integer kernels give the same
// result in every tier; float sums are reordered, so their last bits differ
// by tier.
//
// # Concurrency
//
// Functions are pure and safe to call from any number of goroutines, except
// [SetKernels]; types are immutable, except [BitQuery]. Nothing does I/O or
// knows SQL.
//
// # Source
//
// The assembly and the Go functions around it are written by _gen; run go
// generate after a change. kernels_go.go is the reference and the fallback,
// kernels.go the checked door, docs/kernels.md has the figures.
//
// # Invariants
//
//  1. A Vector's data is a whole number of elements of its type, and its
//     dimension count lies in 0..MaxDims.
//  2. No input, text or bytes, makes a function of this package panic;
//     kernels panic only when their caller breaks a stated precondition on
//     slice lengths.
//  3. Nothing is written outside a destination slice, and nothing is read
//     outside a source slice: tails are read by masked or shorter loads.
package vector
