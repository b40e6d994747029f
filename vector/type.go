package vector

// Type is the element type of a vector. Its values are the type bytes of
// libSQL's blob encodings.
type Type uint8

// The element types.
const (
	Float32  Type = 1 // 4 bytes per dimension
	Float64  Type = 2 // 8 bytes per dimension
	Bit      Type = 3 // 1 bit per dimension: set is +1, clear is -1
	Float8   Type = 4 // 1 byte per dimension, linearly quantized over the vector's own range
	Float16  Type = 5 // 2 bytes per dimension, IEEE 754 half
	BFloat16 Type = 6 // 2 bytes per dimension, upper half of a float32
)

// MaxDims is the largest number of dimensions a vector may have.
const MaxDims = 65536

// String returns the lower-case name of the type: "float32", "float64",
// "float1bit", "float8", "float16", "floatb16".
func (t Type) String() string {
	switch t {
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case Bit:
		return "float1bit"
	case Float8:
		return "float8"
	case Float16:
		return "float16"
	case BFloat16:
		return "floatb16"
	}
	return "unknown"
}

// Valid reports whether t is one of the declared types.
func (t Type) Valid() bool { return t >= Float32 && t <= BFloat16 }

// elemBytes is the size of the element data of a vector of dims dimensions,
// without padding and trailer.
func (t Type) dataBytes(dims int) int {
	switch t {
	case Float64:
		return 8 * dims
	case Bit:
		return (dims + 7) / 8
	case Float8:
		return dims
	case Float16, BFloat16:
		return 2 * dims
	}
	return 4 * dims
}
