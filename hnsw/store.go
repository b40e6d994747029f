package hnsw

import "fmt"

// Part is one of the tables in which an index keeps its rows.
type Part uint8

// The parts. docs/format.md describes their rows.
const (
	PartConfig Part = iota // what the index was created with; one row, never changed
	PartLinks              // blocks of nodes: links of layer 0, rowid, flags
	PartCodes              // blocks of codes
	PartUpper              // blocks of links in layers above 0
	PartDups               // lists of rowids that share a node
	PartRows               // rowid -> node
	PartLog                // newest changes, generation token
	PartAttrs              // blocks of attributes, of an index that keeps any
	numParts
)

var partNames = [numParts]string{"config", "links", "codes", "upper", "dups", "rows", "log", "attrs"}

// String returns the part's name, the suffix of its shadow table.
func (p Part) String() string {
	if p < numParts {
		return partNames[p]
	}
	return fmt.Sprintf("part(%d)", uint8(p))
}

// Parts returns all parts.
func Parts() []Part {
	parts := make([]Part, numParts)
	for i := range parts {
		parts[i] = Part(i)
	}
	return parts
}

// Parts returns the parts of an index with these parameters.
func (p Params) Parts() []Part {
	if p.Attrs == 0 {
		return Parts()[:PartAttrs]
	}
	return Parts()
}

// Store gives access to the rows of an index, one table (id INTEGER PRIMARY
// KEY, data BLOB) per part, through one connection and inside its current
// transaction. It is used by one goroutine at a time.
type Store interface {
	// Key says where the index is. Indexes of which the process has one state in
	// memory have the same key: a connection's and another's to the same file. It
	// must tell files apart that different people may write.
	Key() string

	// Get returns the row's data, nil if there is no such row. It may use buf,
	// which it grows as needed; the result is the caller's until the next Get
	// with the same buf.
	Get(part Part, id int64, buf []byte) ([]byte, error)

	// Last returns the row with the greatest id, nil data if the part is empty.
	// Like Get it may use buf.
	Last(part Part, buf []byte) (id int64, data []byte, err error)

	// Put inserts or replaces a row. It does not keep data.
	Put(part Part, id int64, data []byte) error

	// Delete removes a row; no row is no error.
	Delete(part Part, id int64) error

	// Scan calls fn for each row with an id of at least from, in ascending order
	// of ids, until fn returns false. fn must not keep data, and must not write.
	Scan(part Part, from int64, fn func(id int64, data []byte) (more bool, err error)) error

	// Clear removes all rows of the part.
	Clear(part Part) error
}

// Vectors gives access to the vectors of the indexed table, through the same
// connection as the Store.
type Vectors interface {
	// Vector returns the vector of a row; ok is false when the row is gone or
	// holds none. It may use dst, which it grows as needed; the result is valid
	// until the next call.
	Vector(rowid RowID, dst []float32) (vec []float32, ok bool, err error)
}
