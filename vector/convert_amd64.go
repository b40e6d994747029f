//go:build amd64 && !noasm

package vector

import "unsafe"

// widenF16 converts halves to float32; the lengths are equal.
func widenF16(dst []float32, src []uint16) {
	n := 0
	if tier != tierGo {
		n = len(src) &^ 7
		widenF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
	}
	for i, x := range src[n:] {
		dst[n+i] = Float16ToFloat32(x)
	}
}

// narrowF16 converts float32 to halves; the lengths are equal.
func narrowF16(dst []uint16, src []float32) {
	n := 0
	if tier != tierGo {
		n = len(src) &^ 7
		narrowF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
	}
	for i, x := range src[n:] {
		dst[n+i] = Float32ToFloat16(x)
	}
}
