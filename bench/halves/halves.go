// Package halves reads vectors kept in half precision: gzip of little-endian float16,
// row after row, without a header. The benchmarks' data comes that way.
package halves

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/nearlite/nearlite/vector"
)

// Unzip returns what is in a gzip file.
func Unzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return raw, nil
}

// Read returns the elements of a file.
func Read(path string) ([]float32, error) {
	raw, err := Unzip(path)
	if err != nil {
		return nil, err
	}
	if len(raw)%2 != 0 {
		return nil, fmt.Errorf("%s: %d bytes are no whole number of float16", path, len(raw))
	}
	out := make([]float32, len(raw)/2)
	for i := range out {
		out[i] = vector.Float16ToFloat32(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out, nil
}

// Rows returns the vectors of a file, which share memory.
func Rows(path string, dims int) ([][]float32, error) {
	all, err := Read(path)
	if err != nil {
		return nil, err
	}
	if dims <= 0 || len(all)%dims != 0 {
		return nil, fmt.Errorf("%s: %d elements are not rows of %d dimensions", path, len(all), dims)
	}
	rows := make([][]float32, len(all)/dims)
	for i := range rows {
		rows[i] = all[i*dims : (i+1)*dims : (i+1)*dims]
	}
	return rows, nil
}
