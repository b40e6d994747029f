package importer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// npy returns a .npy file of version 1.0 with the given header and body.
func npy(header string, body []byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), body...)
}

func npyHeader(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }          \n", descr, order, shape)
}

func f32s(values ...float32) []byte { return blob(values) }

func fvecs(rows ...[]float32) (b []byte) {
	for _, row := range rows {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(row)))
		b = append(b, blob(row)...)
	}
	return b
}

// readVectors reads a vector file into one text, known size or not.
func readVectors(format string, content []byte, dims int, sizeKnown bool) string {
	in := &input{Reader: bufio.NewReader(bytes.NewReader(content)), name: "v", size: -1}
	if sizeKnown {
		in.size = int64(len(content))
	}
	v, err := newVectorFile(in, format, dims)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for {
		row, err := v.next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			return strings.TrimSpace(b.String())
		case errors.As(err, &bad):
			b.WriteString("bad: " + bad.Error() + " ")
		case err != nil:
			return b.String() + "error: " + err.Error()
		default:
			b.WriteString(fmt.Sprint(row) + " ")
		}
	}
}

func TestVectorFiles(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	f8 := binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.5))
	// 1, -2, the smallest subnormal, 65504
	f2 := []byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b}
	for _, tc := range []struct {
		name, format string
		content      []byte
		dims         int
		want         string
	}{
		{"NPY", "npy", npy(npyHeader("<f4", "False", "(2, 2)"), f32s(1, 2, 3, -4)), 0, "[1 2] [3 -4]"},
		{"NPYFloat64", "npy", npy(npyHeader("<f8", "False", "(1, 1)"), f8), 1, "[0.5]"},
		{"NPYFloat16", "npy", npy(npyHeader("<f2", "False", "(2, 2)"), f2), 0, "[1 -2] [5.9604645e-08 65504]"},
		{"NPYNoRows", "npy", npy(npyHeader("<f4", "False", "(0, 2)"), nil), 0, ""},
		{"NPYNaN", "npy", npy(npyHeader("<f4", "False", "(2, 2)"), f32s(1, nan, 3, 4)), 0, "bad: row 1: element 2 is NaN; vectors must be finite [3 4]"},
		{"FVECS", "fvecs", fvecs([]float32{1, 2}, []float32{3, inf}), 0, "[1 2] bad: row 2: element 2 is infinite; vectors must be finite"},
		{"F32", "f32", f32s(1, 2, 3, 4), 2, "[1 2] [3 4]"},
		{"F16", "f16", f2, 4, "[1 -2 5.9604645e-08 65504]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, known := range []bool{true, false} {
				if got := readVectors(tc.format, tc.content, tc.dims, known); got != tc.want {
					t.Errorf("size known %v: got %s, want %s", known, got, tc.want)
				}
			}
		})
	}
}

func TestVectorFileErrors(t *testing.T) {
	good := npyHeader("<f4", "False", "(2, 2)")
	long := []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{")
	for _, tc := range []struct {
		name, format string
		content      []byte
		dims         int
		want         string
	}{
		{"NotNPY", "npy", []byte("PK\x03\x04zip"), 0, `begins with "PK\x03\x04zi", want a .npy file`},
		{"Empty", "npy", nil, 0, `begins with "", want a .npy file`},
		{"Version", "npy", []byte("\x93NUMPY\x09\x00\x10\x00"), 0, "has .npy version 9.0, want 1 to 3"},
		{"CutLength", "npy", []byte("\x93NUMPY\x01\x00\x10"), 0, "ends inside the .npy header"},
		{"CutHeader", "npy", []byte("\x93NUMPY\x01\x00\x10\x00{"), 0, "ends inside the .npy header"},
		{"HugeHeader", "npy", long, 0, "has a .npy header of 4294967295 bytes, want at most 10000"},
		{"NoDict", "npy", npy("garbage", nil), 0, `has a .npy header that is not a Python dictionary: "garbage"`},
		{"OpenString", "npy", npy("{'descr: 1}", nil), 0, "not a Python dictionary"},
		{"NoDescr", "npy", npy("{'fortran_order': False, 'shape': (1, 1)}", nil), 0, "without an element type"},
		{"BigEndian", "npy", npy(npyHeader(">f4", "False", "(2, 2)"), nil), 0, "has elements of type '>f4', want '<f4', '<f2' or '<f8'"},
		{"Structured", "npy", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", nil), 0, "has elements of type [('a', '<f4')], want"},
		{"Fortran", "npy", npy(npyHeader("<f4", "True", "(2, 2)"), nil), 0, "is stored column by column (fortran_order)"},
		{"OneAxis", "npy", npy(npyHeader("<f4", "False", "(4,)"), nil), 0, "has shape (4,), want two axes (rows, dimensions)"},
		{"ThreeAxes", "npy", npy(npyHeader("<f4", "False", "(4, 1, 1)"), nil), 0, "has shape (4, 1, 1), want two axes"},
		{"NegativeRows", "npy", npy(npyHeader("<f4", "False", "(-1, 2)"), nil), 0, "has shape (-1, 2), want rows of 1 to 65536 dimensions"},
		{"NoDims", "npy", npy(npyHeader("<f4", "False", "(2, 0)"), nil), 0, "want rows of 1 to 65536 dimensions"},
		{"HugeDims", "npy", npy(npyHeader("<f4", "False", "(1, 9999999999)"), nil), 0, "want rows of 1 to 65536 dimensions"},
		{"HugeRows", "npy", npy(npyHeader("<f4", "False", "(9223372036854775807, 2)"), f32s(1, 2)), 0, "the header promises 9223372036854775807 rows of 8 bytes, 8 bytes follow"},
		{"TooShort", "npy", npy(good, f32s(1, 2, 3)), 0, "the header promises 2 rows of 8 bytes, 12 bytes follow"},
		{"TooLong", "npy", npy(good, f32s(1, 2, 3, 4, 5)), 0, "the header promises 2 rows of 8 bytes, 20 bytes follow"},
		{"OtherDims", "npy", npy(good, f32s(1, 2, 3, 4)), 3, "has vectors of 2 dimensions, --dims is 3"},
		{"FvecsEmpty", "fvecs", nil, 0, "is empty, want rows of an int32 and that many float32"},
		{"FvecsStub", "fvecs", []byte{1, 0}, 0, "ends inside row 1"},
		{"FvecsNoDims", "fvecs", []byte{0, 0, 0, 0}, 0, "row 1 has 0 dimensions, want 1 to 65536"},
		{"FvecsNegative", "fvecs", []byte{255, 255, 255, 255}, 0, "row 1 has -1 dimensions"},
		{"FvecsHuge", "fvecs", []byte{0, 0, 0, 0x40}, 0, "row 1 has 1073741824 dimensions"},
		{"FvecsUneven", "fvecs", fvecs([]float32{1, 2}, []float32{3}), 0, "20 bytes are not a whole number of rows of 12 bytes (2 dimensions)"},
		{"FvecsChange", "fvecs", append(fvecs([]float32{1, 2}), fvecs([]float32{3}, nil)...), 0, "row 2 has 1 dimensions, want 2 as in the first"},
		{"F32NoDims", "f32", f32s(1), 0, "a .f32 file does not say its dimensions; give --dims"},
		{"F32Uneven", "f32", f32s(1, 2, 3), 2, "12 bytes are not a whole number of rows of 8 bytes (2 dimensions)"},
		{"DimsNegative", "f32", f32s(1), -1, "--dims is -1, want a whole number from 1 to 65536"},
		{"Unknown", "bvecs", nil, 0, `format is "bvecs", want one of npy, fvecs, f32, f16`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := readVectors(tc.format, tc.content, tc.dims, true); !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

// A compressed file or a pipe has no size to check: the end shows while reading.
func TestVectorFileCutStream(t *testing.T) {
	for name, tc := range map[string]struct {
		format  string
		content []byte
		want    string
	}{
		"NPY":   {"npy", npy(npyHeader("<f4", "False", "(2, 2)"), f32s(1, 2, 3)), "[1 2] error: v: ends inside row 2"},
		"Rows":  {"npy", npy(npyHeader("<f4", "False", "(9223372036854775807, 2)"), f32s(1, 2)), "[1 2] error: v: ends inside row 2"},
		"FVECS": {"fvecs", fvecs([]float32{1, 2}, []float32{3, 4})[:20], "[1 2] error: v: ends inside row 2"},
		"F32":   {"f32", f32s(1, 2, 3), "[1 2] error: v: ends inside row 2"},
	} {
		if got := readVectors(tc.format, tc.content, map[string]int{"f32": 2}[tc.format], false); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

// Whatever a vector file holds, reading it ends in vectors or an error, and a
// file of n bytes never yields more than n elements.
func FuzzVectorFile(f *testing.F) {
	f.Add("npy", npy(npyHeader("<f4", "False", "(2, 2)"), f32s(1, 2, 3, 4)), true)
	f.Add("npy", npy(npyHeader("<f8", "False", "(99999999999, 65536)"), f32s(1)), false)
	f.Add("npy", []byte("\x93NUMPY\x02\x00\xff\xff\x00\x00{'descr': ("), true)
	f.Add("fvecs", fvecs([]float32{1, 2}, []float32{3, 4}), false)
	f.Add("fvecs", []byte{255, 255, 0, 0}, true)
	f.Fuzz(func(t *testing.T, format string, content []byte, sizeKnown bool) {
		if format != "npy" && format != "fvecs" {
			t.Skip()
		}
		in := &input{Reader: bufio.NewReader(bytes.NewReader(content)), name: "v", size: -1}
		if sizeKnown {
			in.size = int64(len(content))
		}
		v, err := newVectorFile(in, format, 0)
		if err != nil {
			return
		}
		elements := 0
		for {
			row, err := v.next()
			var bad *RowError
			if err != nil && !errors.As(err, &bad) {
				return
			}
			elements += len(row)
			if elements > len(content) {
				t.Fatalf("%d bytes gave more than that many elements", len(content))
			}
		}
	})
}
