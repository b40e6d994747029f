// Package lexicaltest has a Store in memory for tests: transactions, savepoints
// and injected faults, without a database.
package lexicaltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/nearlite/nearlite/lexical"
)

// ErrInjected is what a store made to fail returns.
var ErrInjected = errors.New("injected fault")

type key struct {
	part lexical.Part
	id   int64
}

// File is the committed content that connections share.
type File struct {
	rows map[key][]byte
}

// NewFile returns an empty file.
func NewFile() *File { return &File{rows: map[key][]byte{}} }

// Clone copies the file, for tests that damage it.
func (f *File) Clone() *File {
	g := NewFile()
	for k, v := range f.rows {
		g.rows[k] = slices.Clone(v)
	}
	return g
}

// Keys lists the committed rows in order.
func (f *File) Keys() (parts []lexical.Part, ids []int64) {
	keys := slices.SortedFunc(maps.Keys(f.rows), compareKeys)
	for _, k := range keys {
		parts = append(parts, k.part)
		ids = append(ids, k.id)
	}
	return parts, ids
}

// Row returns the committed bytes of a row, nil if there is none.
func (f *File) Row(part lexical.Part, id int64) []byte { return f.rows[key{part, id}] }

// SetRow replaces or, with nil, removes a committed row.
func (f *File) SetRow(part lexical.Part, id int64, data []byte) {
	if data == nil {
		delete(f.rows, key{part, id})
		return
	}
	f.rows[key{part, id}] = slices.Clone(data)
}

// Bytes is the size of all committed rows.
func (f *File) Bytes() (n int64) {
	for _, v := range f.rows {
		n += int64(len(v))
	}
	return n
}

// Store is one connection to a File. Outside a transaction it reads the committed
// rows and a write is an error; inside it works on a view of its own.
type Store struct {
	file       *File
	view       map[key][]byte
	savepoints []savepoint

	// FailWrite makes the write with this number (from 0, counted since the
	// field was set) return ErrInjected; negative: none.
	FailWrite int
	writes    int
	// FailRead is the same for Get and Scan.
	FailRead int
	reads    int

	Gets, Puts int64 // calls so far
}

type savepoint struct {
	id   int
	rows map[key][]byte
}

// Open returns a connection to the file.
func (f *File) Open() *Store { return &Store{file: f, FailWrite: -1, FailRead: -1} }

// New returns a connection to a new file.
func New() *Store { return NewFile().Open() }

// File is the file behind the store.
func (s *Store) File() *File { return s.file }

// Begin opens a transaction that sees the rows committed so far.
func (s *Store) Begin() { s.view = maps.Clone(s.file.rows); s.savepoints = nil }

// BeginRead is Begin: a transaction that only reads keeps its view.
func (s *Store) BeginRead() { s.Begin() }

// Commit makes the transaction's rows the file's.
func (s *Store) Commit() { s.file.rows, s.view, s.savepoints = s.view, nil, nil }

// Rollback drops the transaction.
func (s *Store) Rollback() { s.view, s.savepoints = nil, nil }

// Savepoint, Release and RollbackTo have SQL's meaning.
func (s *Store) Savepoint(id int) {
	s.savepoints = append(s.savepoints, savepoint{id, maps.Clone(s.view)})
}

// Release forgets the savepoints from id on.
func (s *Store) Release(id int) {
	s.savepoints = slices.DeleteFunc(s.savepoints, func(p savepoint) bool { return p.id >= id })
}

// RollbackTo restores the rows of savepoint id and keeps it.
func (s *Store) RollbackTo(id int) {
	i := slices.IndexFunc(s.savepoints, func(p savepoint) bool { return p.id == id })
	s.view = maps.Clone(s.savepoints[i].rows)
	s.savepoints = s.savepoints[:i+1]
}

// Fired reports whether an injected fault has happened.
func (s *Store) Fired() bool {
	return s.FailWrite >= 0 && s.writes > s.FailWrite || s.FailRead >= 0 && s.reads > s.FailRead
}

// Arm makes write number w and read number r fail, counted from now; negative: none.
func (s *Store) Arm(w, r int) { s.FailWrite, s.writes, s.FailRead, s.reads = w, 0, r, 0 }

func (s *Store) current() map[key][]byte {
	if s.view != nil {
		return s.view
	}
	return s.file.rows
}

func (s *Store) read() error {
	s.reads++
	if s.reads-1 == s.FailRead {
		return ErrInjected
	}
	return nil
}

func (s *Store) write(part lexical.Part, id int64) error {
	s.writes++
	if s.writes-1 == s.FailWrite {
		return ErrInjected
	}
	if s.view == nil {
		return fmt.Errorf("write of %v %d outside a transaction", part, id)
	}
	return nil
}

// Get implements lexical.Store.
func (s *Store) Get(part lexical.Part, id int64, buf []byte) ([]byte, error) {
	s.Gets++
	if err := s.read(); err != nil {
		return nil, err
	}
	v, ok := s.current()[key{part, id}]
	if !ok {
		return nil, nil
	}
	if buf = append(buf[:0], v...); buf == nil {
		buf = []byte{}
	}
	return buf, nil
}

// Put implements lexical.Store.
func (s *Store) Put(part lexical.Part, id int64, data []byte) error {
	s.Puts++
	if err := s.write(part, id); err != nil {
		return err
	}
	s.view[key{part, id}] = append([]byte{}, data...)
	return nil
}

// Delete implements lexical.Store.
func (s *Store) Delete(part lexical.Part, id int64) error {
	if err := s.write(part, id); err != nil {
		return err
	}
	delete(s.view, key{part, id})
	return nil
}

// Scan implements lexical.Store.
func (s *Store) Scan(part lexical.Part, from int64, fn func(int64, []byte) (bool, error)) error {
	if err := s.read(); err != nil {
		return err
	}
	rows := s.current()
	var keys []key
	for k := range rows {
		if k.part == part && k.id >= from {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareKeys)
	for _, k := range keys {
		more, err := fn(k.id, slices.Clone(rows[k]))
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Clear implements lexical.Store.
func (s *Store) Clear(part lexical.Part) error {
	if err := s.write(part, -1); err != nil {
		return err
	}
	maps.DeleteFunc(s.view, func(k key, _ []byte) bool { return k.part == part })
	return nil
}

func compareKeys(a, b key) int {
	if a.part != b.part {
		return int(a.part) - int(b.part)
	}
	switch {
	case a.id < b.id:
		return -1
	case a.id > b.id:
		return 1
	}
	return 0
}
