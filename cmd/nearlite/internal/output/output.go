// Package output prints result sets of SQL statements as a table for people, or as
// JSON or CSV for programs.
//
// A Writer takes one result set after another: Begin, Row for each row, End.
// Values are int64, float64, string, []byte or nil, as SQLite has them.
package output

import (
	"fmt"
	"io"
	"strings"
)

// Writer prints result sets. It is used by one goroutine.
type Writer interface {
	// Begin starts a result set. declTypes has the declared type of the table
	// column behind each result column, "" for expressions.
	Begin(columns, declTypes []string) error
	// Row prints one row with a value for each column. It does not keep values.
	Row(values []any) error
	// End finishes the result set; everything has been written when it returns.
	End() error
}

// Formats are the names that New knows.
var Formats = []string{"table", "json", "csv"}

// New returns the writer of that format. width limits the cells of a table, in
// terminal columns; 0 is no limit.
func New(format string, w io.Writer, width int) (Writer, error) {
	switch format {
	case "table":
		return &table{w: w, limit: width}, nil
	case "json":
		return newJSON(w), nil
	case "csv":
		return newCSV(w), nil
	}
	return nil, fmt.Errorf("format is %q, want one of %s", format, strings.Join(Formats, ", "))
}
