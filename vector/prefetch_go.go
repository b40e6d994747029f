//go:build noasm || (!amd64 && !arm64)

package vector

import "unsafe"

func prefetch(unsafe.Pointer, int) {}
