package vector

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// littleEndian says whether the host stores numbers as the blobs do.
var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// BytesToFloat32 reads the bytes of little-endian float32 elements, such as a
// float32 vector's blob. Where the host is little-endian and may load them
// from where they are, the result is a view of blob and costs nothing; else
// it is a copy. ok is false if len(blob) is not a multiple of 4.
func BytesToFloat32(blob []byte) (v []float32, ok bool) {
	n := len(blob) / 4
	if len(blob)%4 != 0 {
		return nil, false
	}
	if n == 0 {
		return nil, true
	}
	if littleEndian && (unalignedLoads || uintptr(unsafe.Pointer(&blob[0]))%4 == 0) {
		return unsafe.Slice((*float32)(unsafe.Pointer(&blob[0])), n), true
	}
	v = make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(blob[4*i:]))
	}
	return v, true
}

// float32Bytes is the inverse of BytesToFloat32: a view on little-endian
// hosts, else a copy.
func float32Bytes(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
	}
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
