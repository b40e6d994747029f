package importer

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// stream joins records and vectors: row i of one to row i of the other.
type stream struct {
	in      *input // the file named first; its bytes measure progress
	source  source // nil: vectors only
	vectors *vectorFile
	inputs  []*input

	row     int64
	ahead   []item // read to find the columns, given out again first
	pending int    // the first of ahead not given out yet
}

// item is what one call of next yields.
type item struct {
	rec    record
	vector []float32 // from the vector file; nil without one
	err    error     // a *RowError or nil
}

// openStream opens the files that opt names.
func openStream(opt Options) (_ *stream, err error) {
	s := &stream{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.in, err = openInput(opt.File, opt.Stdin); err != nil {
		return nil, err
	}
	s.inputs = append(s.inputs, s.in)
	format := strings.ToLower(opt.Format)
	if format == "" {
		if format = recordFormats[s.in.ext]; format == "" {
			format = vectorFormats[s.in.ext]
		}
		if format == "" {
			return nil, fmt.Errorf("%s: cannot tell the format from the name; give --format jsonl, csv, tsv, lines, npy, fvecs, f32 or f16", s.in.name)
		}
	}
	if slices.Contains([]string{"npy", "fvecs", "f32", "f16"}, format) {
		if opt.Vectors != "" {
			return nil, fmt.Errorf("%s holds vectors and so does --vectors %s; name the file of rows first", s.in.name, opt.Vectors)
		}
		s.vectors, err = newVectorFile(s.in, format, opt.Dims)
		return s, err
	}
	if s.source, err = newSource(s.in, format); err != nil {
		return nil, err
	}
	if opt.Vectors == "" {
		return s, nil
	}
	vin, err := openInput(opt.Vectors, nil)
	if err != nil {
		return nil, err
	}
	s.inputs = append(s.inputs, vin)
	vformat := vectorFormats[vin.ext]
	if vformat == "" {
		return nil, fmt.Errorf("--vectors %s: want a file that ends in .npy, .fvecs, .f32 or .f16", opt.Vectors)
	}
	s.vectors, err = newVectorFile(vin, vformat, opt.Dims)
	return s, err
}

func (s *stream) close() {
	for _, in := range s.inputs {
		_ = in.Close() // only read from
	}
}

// next yields the next row; io.EOF at the end. An error other than in item.err is
// final.
func (s *stream) next() (item, error) {
	if s.pending < len(s.ahead) {
		it := s.ahead[s.pending]
		s.ahead[s.pending] = item{}
		s.pending++
		return it, nil
	}
	return s.read()
}

// peek reads up to n rows ahead and returns them; next yields them again.
func (s *stream) peek(n int) ([]item, error) {
	for len(s.ahead) < n {
		it, err := s.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		it.rec.fields = slices.Clone(it.rec.fields)
		it.vector = slices.Clone(it.vector)
		s.ahead = append(s.ahead, it)
	}
	return s.ahead, nil
}

func (s *stream) read() (it item, err error) {
	atEnd := false
	if s.source != nil {
		it.rec, err = s.source.next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			atEnd = true
		case errors.As(err, &bad):
			it.err = bad
		case err != nil:
			return it, fmt.Errorf("%s: %w", s.in.name, err)
		}
	}
	if s.vectors == nil {
		if atEnd {
			return it, io.EOF
		}
		s.row++
		return it, nil
	}
	// A bad record still has its vector: both move on by one.
	it.vector, err = s.vectors.next()
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		if s.source == nil || atEnd {
			return it, io.EOF
		}
		return it, fmt.Errorf("%s has %d vectors, %s has more rows (row %d is on %s %d)",
			s.vectors.in.name, s.row, s.in.name, s.row+1, it.rec.unit, it.rec.number)
	case errors.As(err, &bad):
		if it.err == nil {
			it.err = &RowError{bad.Unit, bad.Number, fmt.Errorf("%s: %w", s.vectors.in.name, bad.Err)}
		}
	case err != nil:
		return it, err
	}
	if atEnd {
		return it, fmt.Errorf("%s has only %d rows, %s has more vectors", s.in.name, s.row, s.vectors.in.name)
	}
	s.row++
	if s.source == nil {
		it.rec = record{unit: "row", number: s.row}
	}
	return it, nil
}
