//go:build !noasm

package vector

import "unsafe"

//go:noescape
func prefetch(p unsafe.Pointer, n int)
