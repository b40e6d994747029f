package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxNPYHeader bounds the header of a .npy file. NumPy writes about 100 bytes and
// itself refuses to read more than 10,000.
const maxNPYHeader = 10_000

// readNPYHeader reads the head of a NumPy file: a magic number, a version, the
// header's length, and a Python dictionary with the element type, the order and the
// shape. It returns how many bytes that took. Format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func (v *vectorFile) readNPYHeader() (int, error) {
	var head [8]byte
	if _, err := io.ReadFull(v.in, head[:]); err != nil || string(head[:6]) != "\x93NUMPY" {
		return 0, fmt.Errorf("begins with %q, want a .npy file (\"\\x93NUMPY\")", strings.TrimRight(string(head[:6]), "\x00"))
	}
	lengthBytes := 2
	switch major := head[6]; major {
	case 1:
	case 2, 3:
		lengthBytes = 4
	default:
		return 0, fmt.Errorf("has .npy version %d.%d, want 1 to 3", major, head[7])
	}
	var length [4]byte
	if _, err := io.ReadFull(v.in, length[:lengthBytes]); err != nil {
		return 0, errors.New("ends inside the .npy header")
	}
	size := binary.LittleEndian.Uint32(length[:])
	if size > maxNPYHeader {
		return 0, fmt.Errorf("has a .npy header of %d bytes, want at most %d", size, maxNPYHeader)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(v.in, header); err != nil {
		return 0, errors.New("ends inside the .npy header")
	}
	if err := v.parseNPY(string(header)); err != nil {
		return 0, err
	}
	return 8 + lengthBytes + int(size), nil
}

// parseNPY takes element type, order and shape from a header such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (500, 512)}.
func (v *vectorFile) parseNPY(header string) error {
	entries, err := parsePythonDict(header)
	if err != nil {
		return fmt.Errorf("has a .npy header that is %w", err)
	}
	switch descr := entries["descr"]; descr {
	case "'<f4'":
	case "'<f2'":
		v.width, v.element = 2, float16At
	case "'<f8'":
		v.width, v.element = 8, float64At
	case "":
		return errors.New("has a .npy header without an element type (descr)")
	default:
		return fmt.Errorf("has elements of type %s, want '<f4', '<f2' or '<f8'; convert with astype('<f4')", short(descr))
	}
	switch order := entries["fortran_order"]; order {
	case "False":
	case "True":
		return errors.New("is stored column by column (fortran_order); save numpy.ascontiguousarray(…) instead")
	default:
		return fmt.Errorf("has a .npy header with fortran_order %q, want False", short(order))
	}
	shape := entries["shape"]
	inner, opened := strings.CutPrefix(shape, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed {
		return fmt.Errorf("has a .npy header with shape %q, want (rows, dimensions)", short(shape))
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimSpace(inner), ","), ",")
	if len(parts) != 2 {
		return fmt.Errorf("has shape %s, want two axes (rows, dimensions)", short(shape))
	}
	rows, err1 := strconv.ParseInt(strings.TrimSpace(parts[0]), 10, 64)
	dims, err2 := strconv.ParseInt(strings.TrimSpace(parts[1]), 10, 64)
	if err1 != nil || err2 != nil || rows < 0 || dims < 1 || dims > maxDims {
		return fmt.Errorf("has shape %s, want rows of 1 to %d dimensions", short(shape), maxDims)
	}
	v.rows, v.dims = rows, int(dims)
	return nil
}

// parsePythonDict reads a flat dictionary literal with string keys; values stay
// text. It knows as much of Python as .npy headers use: strings, words, tuples.
func parsePythonDict(text string) (map[string]string, error) {
	errNot := fmt.Errorf("not a Python dictionary: %q", short(text))
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return nil, errNot
	}
	text = strings.TrimSpace(text[1 : len(text)-1])
	entries := map[string]string{}
	for text != "" {
		if text[0] != '\'' {
			return nil, errNot
		}
		key, rest, ok := strings.Cut(text[1:], "'")
		if !ok {
			return nil, errNot
		}
		rest, ok = strings.CutPrefix(strings.TrimSpace(rest), ":")
		if !ok {
			return nil, errNot
		}
		rest = strings.TrimSpace(rest)
		end := valueLen(rest)
		entries[key] = strings.TrimSpace(rest[:end])
		text = strings.TrimSpace(strings.TrimPrefix(rest[end:], ","))
	}
	return entries, nil
}

// valueLen returns where the value at the start of text ends: at the first comma
// outside of strings, parentheses and brackets, or at the end.
func valueLen(text string) int {
	depth, inString := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			inString = !inString
		case inString:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth <= 0:
			return i
		}
	}
	return len(text)
}

func short(text string) string {
	const longest = 60
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}
