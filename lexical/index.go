package lexical

import (
	"context"
	"errors"
)

// Index is one connection's handle. Open makes it.
type Index struct {
	cache  *Cache
	store  Store
	params Params
}

var errWIP = errors.New("lexical: not built yet")

// Create writes the rows of an empty index. The store must hold no rows yet.
func Create(st Store, p Params) error { return errWIP }

// Open returns a handle on the index in st. It reads the config row only. A nil
// cache means SharedCache.
func Open(cache *Cache, st Store) (*Index, error) { return nil, errWIP }

// Params returns the options of the index, defaults filled in.
func (ix *Index) Params() Params { return ix.params }

// Begin opens a write transaction. Begin inside a transaction changes nothing.
func (ix *Index) Begin() error { return errWIP }

// Savepoint marks the present state under id, which must not be below the ids
// already marked.
func (ix *Index) Savepoint(id int) error { return errWIP }

// Release forgets the savepoints from id on and keeps what was done since.
func (ix *Index) Release(id int) error { return errWIP }

// RollbackTo restores the state of savepoint id, exactly, and keeps that savepoint.
// The caller has rolled back the Store's rows to the same point.
func (ix *Index) RollbackTo(id int) error { return errWIP }

// Sync writes all that is pending to the Store. It does everything that can fail
// before a commit, and may be called again when the COMMIT after it failed.
func (ix *Index) Sync() error { return errWIP }

// Commit ends the transaction after the Store's rows have been committed, and
// publishes its state to other connections.
func (ix *Index) Commit() {}

// Rollback ends the transaction after the Store's rows have been rolled back.
func (ix *Index) Rollback() {}

// Insert indexes texts, one a column ("" = absent), under rowid. An entry that
// rowid already has is replaced. Needs Begin.
func (ix *Index) Insert(rowid int64, texts []string) error { return errWIP }

// Delete removes rowid's entry and reports whether there was one. Needs Begin.
func (ix *Index) Delete(rowid int64) (found bool, err error) { return false, errWIP }

// Contains reports whether rowid has an entry, as this transaction sees it.
func (ix *Index) Contains(rowid int64) (bool, error) { return false, errWIP }

// Rows is the number of entries this transaction sees.
func (ix *Index) Rows() (int64, error) { return 0, errWIP }

// Source yields documents: it calls yield for each, in any order, and returns
// the first error of yield at once. rowids must differ. texts may be reused
// between calls.
type Source func(yield func(rowid int64, texts []string) error) error

// Build replaces the contents by the documents of src. progress, which may be
// nil, is told now and then how many documents are done. Needs Begin.
func (ix *Index) Build(ctx context.Context, src Source, progress func(done int64)) error {
	return errWIP
}

// Optimize merges everything into one segment and drops deleted documents.
// Needs Begin.
func (ix *Index) Optimize(ctx context.Context) error { return errWIP }

// Scan visits the rowids of all entries in ascending order.
func (ix *Index) Scan(fn func(rowid int64) (more bool, err error)) error { return errWIP }

// Check verifies the invariants of the package comment and, if src is not nil,
// that the index holds exactly the documents of src. Findings go to report as
// text; err is for a check that could not be done.
func (ix *Index) Check(ctx context.Context, src Source, report func(finding string)) error {
	return errWIP
}

// Stats describes the size of an index.
type Stats struct {
	Rows      int64     // live documents
	Deleted   int64     // documents deleted but still in a segment
	Segments  int       // segments of the last Sync
	Pending   int       // documents not yet in a segment
	Terms     int64     // dictionary entries, counted once per segment
	Bytes     int64     // bytes of the segment, page and delete rows
	Tokens    []int64   // tokens per column
	AvgLength []float64 // Tokens / Rows
}

// Stats reads the index's figures as this transaction sees them.
func (ix *Index) Stats() (Stats, error) { return Stats{}, errWIP }
