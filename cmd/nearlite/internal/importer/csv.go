package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvSource reads comma- or tab-separated values with a header line (RFC 4180). An
// empty cell is NULL in a column of numbers or vectors, the empty text elsewhere.
type csvSource struct {
	r      *csv.Reader
	header []string
	fields []field
}

func newCSVSource(in *input, comma rune) (*csvSource, error) {
	r := csv.NewReader(in.Reader)
	r.Comma = comma
	r.ReuseRecord = true
	r.FieldsPerRecord = -1 // counted here, for a message that names both numbers
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty, want a header line with the names of the columns", in.name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: header: %w", in.name, csvError(err))
	}
	s := &csvSource{r: r, header: make([]string, len(header)), fields: make([]field, len(header))}
	seen := map[string]bool{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		switch folded := strings.ToLower(name); {
		case name == "":
			return nil, fmt.Errorf("%s: header: column %d has no name", in.name, i+1)
		case invalidUTF8(name) >= 0:
			return nil, fmt.Errorf("%s: header: column %d: want text in UTF-8", in.name, i+1)
		case seen[folded]:
			return nil, fmt.Errorf("%s: header: column %q is there twice", in.name, name)
		default:
			seen[folded] = true
		}
		s.header[i] = name
	}
	return s, nil
}

func (s *csvSource) columns() []string { return s.header }

func (s *csvSource) next() (record, error) {
	cells, err := s.r.Read()
	if errors.Is(err, io.EOF) {
		return record{}, io.EOF
	}
	rec := record{unit: "line"}
	if err != nil {
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			rec.number = int64(parse.StartLine)
			return rec, &RowError{"line", rec.number, csvError(err)}
		}
		return rec, err
	}
	line, _ := s.r.FieldPos(0)
	rec.number = int64(line)
	if len(cells) != len(s.header) {
		return rec, &RowError{"line", rec.number, fmt.Errorf("got %d cells, want %d as in the header", len(cells), len(s.header))}
	}
	for i, cell := range cells {
		if at := invalidUTF8(cell); at >= 0 {
			return rec, &RowError{"line", rec.number, fmt.Errorf("%s: byte %d is 0x%02x, want text in UTF-8", s.header[i], at+1, cell[at])}
		}
		f := field{name: s.header[i], text: cell, blank: cell == ""}
		if cell != "" {
			f.kind = numberKind(cell)
		}
		s.fields[i] = f
	}
	rec.fields = s.fields
	return rec, nil
}

// csvError drops the position that the caller puts in front.
func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("column %d: %w", parse.Column, parse.Err)
	}
	return err
}
