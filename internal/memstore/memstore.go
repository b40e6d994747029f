// Package memstore is an in-memory database of index rows for tests: several
// connections, one writer at a time, snapshot reads, savepoints, and writes that
// fail on demand.
package memstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nearlite/nearlite/hnsw"
)

// ErrInjected is what a write returns when its turn to fail has come.
var ErrInjected = errors.New("memstore: injected fault")

// ErrBusy is returned by the first write of a second writer, and of a writer
// that started from a state which is no longer the newest.
var ErrBusy = errors.New("memstore: database is locked")

// table holds the rows of one part. A shared table is never changed: writers
// copy it first.
type table struct {
	rows   map[int64][]byte
	shared bool
}

type state []*table

func newState() state {
	s := make(state, len(hnsw.Parts()))
	for i := range s {
		s[i] = &table{rows: map[int64][]byte{}, shared: true}
	}
	return s
}

// share marks all tables as shared and returns a copy of the list.
func (s state) share() state {
	for _, t := range s {
		t.shared = true
	}
	return slices.Clone(s)
}

// DB is the committed state, shared by its connections.
type DB struct {
	key       string
	mu        sync.Mutex
	committed state
	version   int64
	writer    *Conn
}

// New returns an empty database.
func New() *DB {
	return &DB{key: fmt.Sprint("memstore ", made.Add(1)), committed: newState()}
}

var made atomic.Int64

// Conn returns a new connection.
func (db *DB) Conn() *Conn { return &Conn{db: db, failAfter: -1, readAfter: -1} }

// Conn is one connection. It implements hnsw.Store. Outside Begin, each read
// sees the newest committed state and each write commits at once.
type Conn struct {
	db         *DB
	inTx       bool
	writing    bool
	view       state
	version    int64
	savepoints []savepoint
	failAfter  int // writes until one fails; -1 never
	readAfter  int // reads until one fails; -1 never
	fired      bool
	commitErr  error

	// Reads and Writes count calls, for tests of how often the store is asked.
	Reads, Writes int

	// Written counts the bytes of rows put.
	Written int64
}

type savepoint struct {
	id   int
	view state
}

// FailAfter makes the write after n more writes, and all later ones, fail with
// ErrInjected. A negative n never fails.
func (c *Conn) FailAfter(n int) { c.failAfter, c.fired = n, false }

// FailReadAfter does the same for reads.
func (c *Conn) FailReadAfter(n int) { c.readAfter, c.fired = n, false }

// Fired reports whether a call has failed.
func (c *Conn) Fired() bool { return c.fired }

// FailCommit makes the next Commit fail with err and leave the transaction open,
// as SQLITE_BUSY does.
func (c *Conn) FailCommit(err error) { c.commitErr = err }

// Begin starts a transaction: reads see one state until Commit or Rollback.
func (c *Conn) Begin() {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.inTx, c.writing = true, false
	c.view = c.db.committed.share()
	c.version = c.db.version
	c.savepoints = nil
}

// Commit makes the transaction's writes the committed state.
func (c *Conn) Commit() error {
	if err := c.commitErr; err != nil {
		c.commitErr = nil
		return err
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	if c.writing {
		c.db.committed = c.view.share()
		c.db.version++
		c.db.writer = nil
	}
	c.end()
	return nil
}

// Rollback drops the transaction's writes.
func (c *Conn) Rollback() {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	if c.writing {
		c.db.writer = nil
	}
	c.end()
}

func (c *Conn) end() {
	c.inTx, c.writing, c.view, c.savepoints = false, false, nil, nil
}

// Savepoint remembers the state under an id.
func (c *Conn) Savepoint(id int) {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.savepoints = append(c.savepoints, savepoint{id, c.view.share()})
}

// Release forgets the savepoints from id on.
func (c *Conn) Release(id int) {
	for len(c.savepoints) > 0 && c.savepoints[len(c.savepoints)-1].id >= id {
		c.savepoints = c.savepoints[:len(c.savepoints)-1]
	}
}

// RollbackTo restores the state of a savepoint, which stays.
func (c *Conn) RollbackTo(id int) {
	c.Release(id + 1)
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	if n := len(c.savepoints); n > 0 && c.savepoints[n-1].id == id {
		c.view = c.savepoints[n-1].view.share()
	}
}

func (c *Conn) read(part hnsw.Part) (*table, error) {
	c.Reads++
	if c.readAfter == 0 {
		c.fired = true
		return nil, ErrInjected
	}
	if c.readAfter > 0 {
		c.readAfter--
	}
	return c.table(part), nil
}

func (c *Conn) table(part hnsw.Part) *table {
	if c.inTx {
		return c.view[part]
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	t := c.db.committed[part]
	t.shared = true
	return t
}

func (c *Conn) write(part hnsw.Part, fn func(t *table)) error {
	c.Writes++
	if c.failAfter == 0 {
		c.fired = true
		return ErrInjected
	}
	if c.failAfter > 0 {
		c.failAfter--
	}
	if !c.inTx {
		c.Begin()
		if err := c.change(part, fn); err != nil {
			c.Rollback()
			return err
		}
		return c.Commit()
	}
	return c.change(part, fn)
}

func (c *Conn) change(part hnsw.Part, fn func(t *table)) error {
	if !c.writing {
		c.db.mu.Lock()
		busy := c.db.writer != nil || c.db.version != c.version
		if !busy {
			c.db.writer = c
			c.writing = true
		}
		c.db.mu.Unlock()
		if busy {
			return ErrBusy
		}
	}
	t := c.view[part]
	c.db.mu.Lock()
	shared := t.shared
	c.db.mu.Unlock()
	if shared {
		t = &table{rows: maps.Clone(t.rows)}
		c.view[part] = t
	}
	fn(t)
	return nil
}

// Key implements hnsw.Store.
func (c *Conn) Key() string { return c.db.key }

// Get implements hnsw.Store.
func (c *Conn) Get(part hnsw.Part, id int64, buf []byte) ([]byte, error) {
	t, err := c.read(part)
	if err != nil {
		return nil, err
	}
	data, ok := t.rows[id]
	if !ok {
		return nil, nil
	}
	if buf == nil {
		buf = make([]byte, 0, len(data))
	}
	return append(buf[:0], data...), nil
}

// Last implements hnsw.Store.
func (c *Conn) Last(part hnsw.Part, buf []byte) (int64, []byte, error) {
	t, err := c.read(part)
	if err != nil {
		return 0, nil, err
	}
	var last int64
	found := false
	for id := range t.rows {
		if !found || id > last {
			last, found = id, true
		}
	}
	if !found {
		return 0, nil, nil
	}
	if buf == nil {
		buf = make([]byte, 0, len(t.rows[last]))
	}
	return last, append(buf[:0], t.rows[last]...), nil
}

// Put implements hnsw.Store.
func (c *Conn) Put(part hnsw.Part, id int64, data []byte) error {
	c.Written += int64(len(data))
	return c.write(part, func(t *table) { t.rows[id] = append([]byte{}, data...) })
}

// Delete implements hnsw.Store.
func (c *Conn) Delete(part hnsw.Part, id int64) error {
	return c.write(part, func(t *table) { delete(t.rows, id) })
}

// Clear implements hnsw.Store.
func (c *Conn) Clear(part hnsw.Part) error {
	return c.write(part, func(t *table) { clear(t.rows) })
}

// Scan implements hnsw.Store.
func (c *Conn) Scan(part hnsw.Part, from int64, fn func(id int64, data []byte) (bool, error)) error {
	t, err := c.read(part)
	if err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(t.rows))
	at, _ := slices.BinarySearch(keys, from)
	var buf []byte
	for _, id := range keys[at:] {
		buf = append(buf[:0], t.rows[id]...)
		if more, err := fn(id, buf); err != nil || !more {
			return err
		}
	}
	return nil
}

// Rows returns a copy of a part's rows, for comparisons.
func (c *Conn) Rows(part hnsw.Part) map[int64][]byte {
	return maps.Clone(c.table(part).rows)
}
