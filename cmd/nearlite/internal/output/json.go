package output

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"strconv"
)

// jsonWriter prints each result set as an array of objects, one object a line.
// Result sets follow each other, as jq and json.Decoder read them.
type jsonWriter struct {
	w    *bufio.Writer
	keys [][]byte // the column names, encoded, each with its colon
	rows int
}

func newJSON(w io.Writer) *jsonWriter { return &jsonWriter{w: bufio.NewWriter(w)} }

func (j *jsonWriter) Begin(columns, _ []string) error {
	j.rows = 0
	j.keys = j.keys[:0]
	for _, name := range uniqueNames(columns) {
		j.keys = append(j.keys, append(quoteJSON(name), ':'))
	}
	_, err := j.w.WriteString("[")
	return err
}

func (j *jsonWriter) Row(values []any) error {
	line := []byte(",\n ")
	if j.rows == 0 {
		line = line[:0]
	}
	j.rows++
	line = append(line, '{')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, j.keys[i]...)
		line = appendJSON(line, v)
	}
	_, err := j.w.Write(append(line, '}'))
	return err
}

func (j *jsonWriter) End() error {
	if _, err := j.w.WriteString("]\n"); err != nil {
		return err
	}
	return j.w.Flush()
}

func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return append(dst, formatFloat(v)...)
	case string:
		return append(dst, quoteJSON(v)...)
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"')
	}
	return append(dst, "null"...)
}

// formatFloat prints the shortest text that reads back as v, recognizably a
// float. JSON has no infinity; 9e999 is a legal number that readers take for it,
// and SQLite reads it back as infinity too.
func formatFloat(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "9e999"
	case math.IsInf(v, -1):
		return "-9e999"
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	for _, c := range text {
		if c == '.' || c == 'e' {
			return text
		}
	}
	return text + ".0"
}

// quoteJSON quotes text without HTML's escapes; bytes that are not UTF-8 become
// U+FFFD, since JSON is UTF-8.
func quoteJSON(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return []byte(`""`) // cannot happen: a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// uniqueNames makes the keys of an object differ: of two columns named id the
// second becomes id:1, as in SQLite's own shell.
func uniqueNames(columns []string) []string {
	seen := make(map[string]bool, len(columns))
	names := make([]string, len(columns))
	for i, name := range columns {
		unique := name
		for n := 1; seen[unique]; n++ {
			unique = name + ":" + strconv.Itoa(n)
		}
		seen[unique] = true
		names[i] = unique
	}
	return names
}
