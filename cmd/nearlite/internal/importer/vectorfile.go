package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// vectorFile yields the vectors of a file in order. Every vector has dims
// elements; rows is how many there are, -1 if only the end of the file tells.
type vectorFile struct {
	in    *input
	dims  int
	rows  int64
	width int // bytes of an element
	// prefixed: each row begins with its dimensions as an int32 (.fvecs).
	prefixed bool
	element  func(b []byte) float32

	row  int64 // rows read
	buf  []byte
	head [4]byte
	out  []float32
}

// vectorFormats are the formats of vector files, by file ending.
var vectorFormats = map[string]string{".npy": "npy", ".fvecs": "fvecs", ".f32": "f32", ".f16": "f16"}

// newVectorFile reads the head of a vector file and checks it against the file's
// size. dims is needed for files that do not say it (f32, f16), 0 if not given; a
// file that says otherwise is an error.
func newVectorFile(in *input, format string, dims int) (*vectorFile, error) {
	if dims < 0 || dims > maxDims {
		return nil, fmt.Errorf("--dims is %d, want a whole number from 1 to %d", dims, maxDims)
	}
	v := &vectorFile{in: in, dims: dims, rows: -1, width: 4, element: float32At}
	var err error
	headBytes := 0
	switch format {
	case "npy":
		headBytes, err = v.readNPYHeader()
	case "fvecs":
		v.prefixed = true
		err = v.peekFvecs()
	case "f16":
		v.width, v.element = 2, float16At
		fallthrough
	case "f32":
		if dims == 0 {
			err = fmt.Errorf("a .%s file does not say its dimensions; give --dims", format)
		}
	default:
		err = fmt.Errorf("format is %q, want one of npy, fvecs, f32, f16", format)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	if dims != 0 && v.dims != dims {
		return nil, fmt.Errorf("%s: has vectors of %d dimensions, --dims is %d", in.name, v.dims, dims)
	}
	if err := v.checkSize(headBytes); err != nil {
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	v.buf = make([]byte, v.dims*v.width) // bounded: dims is at most maxDims
	return v, nil
}

// checkSize compares the rows promised with the bytes that are there, if the size
// is known.
func (v *vectorFile) checkSize(headBytes int) error {
	if v.in.size < 0 {
		return nil
	}
	rowBytes := int64(v.dims * v.width)
	if v.prefixed {
		rowBytes += 4
	}
	body := v.in.size - int64(headBytes)
	if v.rows >= 0 {
		// Divide rather than multiply: the promised rows are any number.
		if body/rowBytes != v.rows || body%rowBytes != 0 {
			return fmt.Errorf("the header promises %d rows of %d bytes, %d bytes follow", v.rows, rowBytes, body)
		}
		return nil
	}
	if body%rowBytes != 0 {
		return fmt.Errorf("%d bytes are not a whole number of rows of %d bytes (%d dimensions)", body, rowBytes, v.dims)
	}
	v.rows = body / rowBytes
	return nil
}

// next returns the next vector, borrowed until the following call; io.EOF at the
// end. A *RowError is a vector that is not finite; other errors are final.
func (v *vectorFile) next() ([]float32, error) {
	if v.rows >= 0 && v.row == v.rows {
		return nil, io.EOF
	}
	if v.prefixed {
		if _, err := io.ReadFull(v.in, v.head[:]); err != nil {
			return nil, v.cut(err, true)
		}
		if d := int32(binary.LittleEndian.Uint32(v.head[:])); int(d) != v.dims {
			return nil, fmt.Errorf("%s: row %d has %d dimensions, want %d as in the first", v.in.name, v.row+1, d, v.dims)
		}
	}
	if _, err := io.ReadFull(v.in, v.buf); err != nil {
		return nil, v.cut(err, !v.prefixed)
	}
	v.row++
	v.out = v.out[:0]
	for i := 0; i < len(v.buf); i += v.width {
		v.out = append(v.out, v.element(v.buf[i:]))
	}
	if err := checkFinite(v.out); err != nil {
		return nil, &RowError{"row", v.row, err}
	}
	return v.out, nil
}

// cut says where a file ends too early. An end between rows is the end of a file
// that did not promise a number of rows.
func (v *vectorFile) cut(err error, betweenRows bool) error {
	if betweenRows && errors.Is(err, io.EOF) && v.rows < 0 {
		return io.EOF
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: ends inside row %d", v.in.name, v.row+1)
	}
	return fmt.Errorf("%s: row %d: %w", v.in.name, v.row+1, err)
}

// peekFvecs takes the dimensions from the first row.
func (v *vectorFile) peekFvecs() error {
	head, err := v.in.Peek(4)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return errors.New("is empty, want rows of an int32 and that many float32")
	}
	if err != nil {
		return fmt.Errorf("ends inside row 1")
	}
	d := int32(binary.LittleEndian.Uint32(head))
	if d < 1 || d > maxDims {
		return fmt.Errorf("row 1 has %d dimensions, want 1 to %d", d, maxDims)
	}
	v.dims = int(d)
	return nil
}

func float32At(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

func float64At(b []byte) float32 {
	return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
}

// float16At widens an IEEE half; the value is exact.
func float16At(b []byte) float32 {
	h := binary.LittleEndian.Uint16(b)
	exponent, mantissa := int(h>>10)&31, float64(h&1023)
	var x float64
	switch exponent {
	case 0: // zero and subnormals
		x = math.Ldexp(mantissa, -24)
	case 31:
		x = math.Inf(1)
		if mantissa != 0 {
			x = math.NaN()
		}
	default:
		x = math.Ldexp(1024+mantissa, exponent-25)
	}
	if h>>15 != 0 {
		x = -x
	}
	return float32(x)
}
