package output

import (
	"encoding/base64"
	"encoding/csv"
	"io"
	"strconv"
)

// csvWriter prints a header line and the rows, RFC 4180 with "\n" line ends. NULL is
// an empty cell, a blob is base64. An empty line separates result sets.
type csvWriter struct {
	w     *csv.Writer
	out   io.Writer
	sets  int
	cells []string
}

func newCSV(w io.Writer) *csvWriter { return &csvWriter{w: csv.NewWriter(w), out: w} }

func (c *csvWriter) Begin(columns, _ []string) error {
	if c.sets > 0 {
		if _, err := io.WriteString(c.out, "\n"); err != nil {
			return err
		}
	}
	c.sets++
	return c.w.Write(columns)
}

func (c *csvWriter) Row(values []any) error {
	c.cells = c.cells[:0]
	for _, v := range values {
		cell := ""
		switch v := v.(type) {
		case int64:
			cell = strconv.FormatInt(v, 10)
		case float64:
			cell = formatFloat(v)
		case string:
			cell = v
		case []byte:
			cell = base64.StdEncoding.EncodeToString(v)
		}
		c.cells = append(c.cells, cell)
	}
	if len(c.cells) == 1 && c.cells[0] == "" {
		// An empty line would be no row at all to a reader of CSV.
		c.w.Flush()
		_, err := io.WriteString(c.out, "\"\"\n")
		return err
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) End() error {
	c.w.Flush()
	return c.w.Error()
}
