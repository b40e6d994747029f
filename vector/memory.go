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
	if v = view[float32](blob); v != nil {
		return v, true
	}
	v = make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(blob[4*i:]))
	}
	return v, true
}

// view returns the little-endian numbers in data without copying them, or nil
// if there are none or the host cannot read them where they are.
func view[T uint16 | float32 | float64](data []byte) []T {
	var x T
	size := unsafe.Sizeof(x)
	n := len(data) / int(size)
	if n == 0 || !littleEndian || !unalignedLoads && uintptr(unsafe.Pointer(&data[0]))%size != 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), n)
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
