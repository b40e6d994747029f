// Package importer loads files of rows and vectors into a table.
//
// A source (JSONL, CSV, lines of text) yields records, a vector file (.npy, .fvecs,
// raw floats) yields vectors; row i of one belongs to row i of the other, and
// either may be missing. Run looks at the first records to find the columns and
// their types, creates the table or checks that it fits, inserts the rows inside
// transactions, and builds the indexes that were asked for.
//
// Nothing from a file is trusted: headers are checked against the size of the
// file before anything is allocated, lines have a longest length, and vectors
// must be finite.
package importer

import "fmt"

// RowError is what is wrong with one record: the import can go on without it.
type RowError struct {
	Unit   string // "line" or "row"
	Number int64  // counted from 1
	Err    error
}

func (e *RowError) Error() string { return fmt.Sprintf("%s %d: %v", e.Unit, e.Number, e.Err) }

func (e *RowError) Unwrap() error { return e.Err }
