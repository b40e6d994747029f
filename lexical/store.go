package lexical

// Store holds the rows of one index, seen through ONE database connection inside
// its current transaction. Rows are keyed by (Part, id). Reads see the writes of
// the same transaction; whatever undoes the transaction or a savepoint undoes
// Put, Delete and Clear as well.
//
// Every part is one shadow table named <index>_<part> with the same shape; DDL
// gives its columns:
//
//	CREATE TABLE <index>_config   (id INTEGER PRIMARY KEY, data BLOB NOT NULL)
//	CREATE TABLE <index>_segments (id INTEGER PRIMARY KEY, data BLOB NOT NULL)
//	CREATE TABLE <index>_pages    (id INTEGER PRIMARY KEY, data BLOB NOT NULL)
//	CREATE TABLE <index>_deletes  (id INTEGER PRIMARY KEY, data BLOB NOT NULL)
//
// All calls come from the goroutine that called into Index.
type Store interface {
	// Get returns the row's bytes, or nil without an error when there is none. It
	// may use buf's capacity for them. The bytes are the caller's until the next
	// call that is handed the same buf; the Store does not touch them afterwards.
	Get(part Part, id int64, buf []byte) ([]byte, error)
	// Put writes a row, replacing any under the same id. It does not keep data.
	Put(part Part, id int64, data []byte) error
	// Delete removes a row; a missing row is no error.
	Delete(part Part, id int64) error
	// Scan visits the rows with ids from the given one on, ascending, until fn
	// returns false or an error. data is valid during the call only. fn must not
	// write to the Store.
	Scan(part Part, from int64, fn func(id int64, data []byte) (more bool, err error)) error
	// Clear removes all rows of a part.
	Clear(part Part) error
}

// Part names one group of rows, that is one shadow table.
type Part uint8

// The parts of an index.
const (
	PartConfig   Part = iota // id 0: options and identity; id 1: the manifest
	PartSegments             // id: segment number; its directory, and all of a small segment
	PartPages                // id: segment number << 24 | page number
	PartDeletes              // id: segment number << 16 | group of 65536 documents
	numParts
)

var partNames = [numParts]string{"config", "segments", "pages", "deletes"}

// Parts lists all parts.
func Parts() []Part {
	return []Part{PartConfig, PartSegments, PartPages, PartDeletes}
}

// String is the suffix of the part's shadow table.
func (p Part) String() string {
	if p < numParts {
		return partNames[p]
	}
	return "unknown"
}

// DDL is the column list of the part's shadow table, in parentheses.
func (p Part) DDL() string {
	return "(id INTEGER PRIMARY KEY, data BLOB NOT NULL)"
}
