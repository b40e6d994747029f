package hnsw

import (
	"context"
	"errors"
	"iter"
)

var errNotYet = errors.New("hnsw: not in this revision")

// Cache is the process-wide cache of index blocks, shared by all connections.
type Cache struct{ maxBytes int64 }

// NewCache returns a cache that holds about maxBytes; 0 means no bound.
func NewCache(maxBytes int64) *Cache { return &Cache{maxBytes: maxBytes} }

// SharedCache returns the cache of the process.
func SharedCache() *Cache { return NewCache(0) }

// SetMaxBytes changes the bound; 0 means none.
func (c *Cache) SetMaxBytes(n int64) { c.maxBytes = n }

// MaxBytes returns the bound.
func (c *Cache) MaxBytes() int64 { return c.maxBytes }

// Create writes the rows of an empty index.
func Create(st Store, p Params) error { return errNotYet }

// Index is one connection's handle of an index. It is used by one goroutine at
// a time; handles of different connections may be used concurrently.
type Index struct{}

// Open returns a handle. It reads the index's configuration only.
func Open(cache *Cache, st Store, base Vectors) (*Index, error) { return nil, errNotYet }

// Params returns what the index was created with.
func (ix *Index) Params() Params { return Params{} }

// SetEfSearch changes the stored default of EfSearch, inside a transaction.
func (ix *Index) SetEfSearch(ef int) error { return errNotYet }

// Begin starts a transaction.
func (ix *Index) Begin() error { return errNotYet }

// Savepoint remembers the state under id.
func (ix *Index) Savepoint(id int) {}

// Release forgets savepoints from id on.
func (ix *Index) Release(id int) {}

// RollbackTo restores the state of savepoint id.
func (ix *Index) RollbackTo(id int) {}

// Sync writes the pending changes to the Store.
func (ix *Index) Sync() error { return errNotYet }

// Commit publishes the transaction's state to the other connections.
func (ix *Index) Commit() {}

// Rollback drops the transaction's changes.
func (ix *Index) Rollback() {}

// Insert indexes a row, replacing what was indexed for it.
func (ix *Index) Insert(rowid RowID, vec []float32) error { return errNotYet }

// Delete removes a row and reports whether it was indexed.
func (ix *Index) Delete(rowid RowID) (bool, error) { return false, errNotYet }

// Contains reports whether a row is indexed.
func (ix *Index) Contains(rowid RowID) (bool, error) { return false, errNotYet }

// Rows returns the number of rows indexed.
func (ix *Index) Rows() (int64, error) { return 0, errNotYet }

// Source feeds Build: it calls yield for each row, in any order. yield does not
// keep vec.
type Source func(yield func(rowid RowID, vec []float32) error) error

// Build replaces the contents with the rows of src.
func (ix *Index) Build(ctx context.Context, src Source, progress func(done int64)) error {
	return errNotYet
}

// Search returns the nearest rows.
func (ix *Index) Search(ctx context.Context, q []float32, opt SearchOptions) ([]Hit, SearchStats, error) {
	return nil, SearchStats{}, errNotYet
}

// SearchRows compares the query with the given rows only, exactly; it skips
// rows that are not indexed or have no vector.
func (ix *Index) SearchRows(ctx context.Context, q []float32, k int, rows iter.Seq[RowID]) ([]Hit, SearchStats, error) {
	return nil, SearchStats{}, errNotYet
}

// Iterator yields hits in approximate order of distance, each row once.
type Iterator struct{}

// Iterate starts an iterator. opt.K is the number of hits fetched at a time.
func (ix *Index) Iterate(ctx context.Context, q []float32, opt SearchOptions) (*Iterator, error) {
	return nil, errNotYet
}

// Next returns the next hit; ok is false after the last one.
func (it *Iterator) Next() (hit Hit, ok bool, err error) { return Hit{}, false, errNotYet }

// Stats returns what the iterator has done so far.
func (it *Iterator) Stats() SearchStats { return SearchStats{} }

// Scan calls fn for each indexed rowid in ascending order until it returns
// false.
func (ix *Index) Scan(fn func(rowid RowID) (bool, error)) error { return errNotYet }

// Check verifies the index and, when base is not nil, that it holds exactly the
// rows of base. It reports each finding; err is for a check that could not be
// done.
func (ix *Index) Check(ctx context.Context, base iter.Seq2[RowID, error], report func(finding string)) error {
	return errNotYet
}

// Optimize folds the log into the blocks and gives back space.
func (ix *Index) Optimize() error { return errNotYet }

// Stats describes the index.
func (ix *Index) Stats() (Stats, error) { return Stats{}, errNotYet }
