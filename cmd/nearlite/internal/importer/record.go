package importer

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a field looks like, from narrow to wide: a column takes the widest
// kind among its fields.
type kind uint8

const (
	kindNull kind = iota
	kindInteger
	kindReal
	kindText
)

// sqlType is the declared type of a column of this kind.
func (k kind) sqlType() string {
	switch k {
	case kindInteger:
		return "INTEGER"
	case kindReal:
		return "REAL"
	}
	return "TEXT"
}

// field is one value of a record. text is the value as written, for numbers too,
// so that "007" or 1e3 stay as they are in a TEXT column.
type field struct {
	name string
	kind kind
	text string
	list bool // a JSON array: may be a vector
	// blank is an empty cell of a CSV file: NULL where numbers or vectors are
	// wanted, the empty text in a TEXT column.
	blank bool
}

// record is one row of a source. Fields are borrowed until the next one is read.
type record struct {
	unit   string // "line" or "row"
	number int64
	fields []field
}

// source yields records in order. Errors: io.EOF at the end; a *RowError for a bad
// record, after which the next one can be read; anything else is final.
type source interface {
	next() (record, error)
	// columns returns the fields that every record has, in order; nil if the
	// records name their fields themselves.
	columns() []string
}

// formats of record files, by name and file ending.
var recordFormats = map[string]string{
	".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".txt": "lines",
}

// newSource returns the reader of one format: jsonl, csv, tsv or lines.
func newSource(in *input, format string) (source, error) {
	switch format {
	case "jsonl":
		return &jsonlSource{lines{in: in}}, nil
	case "csv":
		return newCSVSource(in, ',')
	case "tsv":
		return newCSVSource(in, '\t')
	case "lines":
		return &lineSource{lines{in: in}}, nil
	}
	return nil, fmt.Errorf("format is %q, want one of jsonl, csv, tsv, lines, npy, fvecs, f32, f16", format)
}

// lines reads a text file line by line.
type lines struct {
	in   *input
	line int64
	buf  []byte
}

// read returns the next line, which is valid until the next call, and its place.
func (l *lines) read() (line []byte, rec record, err error) {
	line, err = readLine(l.in.Reader, l.buf)
	if errors.Is(err, io.EOF) {
		return nil, record{}, io.EOF
	}
	l.line++
	rec = record{unit: "line", number: l.line}
	switch {
	case errors.Is(err, errLineTooLong):
		return nil, rec, &RowError{"line", l.line, err}
	case err != nil:
		return nil, rec, fmt.Errorf("line %d: %w", l.line, err)
	}
	l.buf = line
	return line, rec, nil
}

// lineSource yields each line of a text file, empty ones too, as field "text":
// line i belongs to vector i.
type lineSource struct{ lines }

func (s *lineSource) columns() []string { return []string{"text"} }

func (s *lineSource) next() (record, error) {
	line, rec, err := s.read()
	if err != nil {
		return rec, err
	}
	text := string(line)
	if i := invalidUTF8(text); i >= 0 {
		return rec, &RowError{"line", s.line, fmt.Errorf("byte %d is 0x%02x, want text in UTF-8", i+1, text[i])}
	}
	rec.fields = []field{{name: "text", kind: kindText, text: text}}
	return rec, nil
}

// invalidUTF8 returns where text stops being UTF-8, -1 if it never does.
func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i := 0; ; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

// numberKind says which kind of number text is; kindText if none, or if a number
// column would lose something: digits beyond int64, leading zeros, a plus sign.
func numberKind(text string) kind {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') {
		return kindText
	}
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return kindText
	}
	if strings.Trim(digits, "0123456789") == "" {
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return kindText
		}
		return kindInteger
	}
	if strings.Trim(digits, "0123456789.eE+-") != "" {
		return kindText // ParseFloat takes hexadecimal and underscores, too
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return kindText
	}
	return kindReal
}
