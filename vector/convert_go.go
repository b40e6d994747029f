//go:build noasm || !amd64

package vector

// widenF16 converts halves to float32; the lengths are equal.
func widenF16(dst []float32, src []uint16) {
	for i, x := range src {
		dst[i] = Float16ToFloat32(x)
	}
}

// narrowF16 converts float32 to halves; the lengths are equal.
func narrowF16(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = Float32ToFloat16(x)
	}
}
