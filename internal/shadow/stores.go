package shadow

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
)

// HNSW is an hnsw.Store over shadow tables.
type HNSW struct{ Tables *Tables }

// HNSWSuffixes are the suffixes of a vector index's shadow tables.
func HNSWSuffixes() []string { return suffixes(hnsw.Parts()) }

// Key implements hnsw.Store: the file and the name of the index. What is not in a
// file is the connection's own.
func (s HNSW) Key() string {
	t := s.Tables
	if t.key == "" {
		t.key = t.conn.Filename(t.schema)
		if t.key == "" {
			t.key = fmt.Sprint("memory ", private.Add(1))
		}
	}
	return t.key + "\x00" + strings.ToLower(t.name)
}

// private numbers the databases that are in no file.
var private atomic.Int64

// Get implements hnsw.Store.
func (s HNSW) Get(part hnsw.Part, id int64, buf []byte) ([]byte, error) {
	return s.Tables.getRow(int(part), id, buf)
}

// Last implements hnsw.Store.
func (s HNSW) Last(part hnsw.Part, buf []byte) (int64, []byte, error) {
	return s.Tables.lastRow(int(part), buf)
}

// Put implements hnsw.Store.
func (s HNSW) Put(part hnsw.Part, id int64, data []byte) error {
	return s.Tables.putRow(int(part), id, data)
}

// Delete implements hnsw.Store.
func (s HNSW) Delete(part hnsw.Part, id int64) error { return s.Tables.deleteRow(int(part), id) }

// Scan implements hnsw.Store.
func (s HNSW) Scan(part hnsw.Part, from int64, fn func(id int64, data []byte) (bool, error)) error {
	return s.Tables.scanRows(int(part), from, fn)
}

// Clear implements hnsw.Store.
func (s HNSW) Clear(part hnsw.Part) error { return s.Tables.clearRows(int(part)) }

// Lexical is a lexical.Store over shadow tables.
type Lexical struct{ Tables *Tables }

// LexicalSuffixes are the suffixes of a lexical index's shadow tables.
func LexicalSuffixes() []string { return suffixes(lexical.Parts()) }

// Get implements lexical.Store.
func (s Lexical) Get(part lexical.Part, id int64, buf []byte) ([]byte, error) {
	return s.Tables.getRow(int(part), id, buf)
}

// Put implements lexical.Store.
func (s Lexical) Put(part lexical.Part, id int64, data []byte) error {
	return s.Tables.putRow(int(part), id, data)
}

// Delete implements lexical.Store.
func (s Lexical) Delete(part lexical.Part, id int64) error {
	return s.Tables.deleteRow(int(part), id)
}

// Scan implements lexical.Store.
func (s Lexical) Scan(part lexical.Part, from int64, fn func(id int64, data []byte) (bool, error)) error {
	return s.Tables.scanRows(int(part), from, fn)
}

// Clear implements lexical.Store.
func (s Lexical) Clear(part lexical.Part) error { return s.Tables.clearRows(int(part)) }

func suffixes[P interface{ String() string }](parts []P) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.String()
	}
	return names
}
