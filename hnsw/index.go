package hnsw

import (
	"errors"
	"fmt"
	"weak"
)

// Create writes the rows of an empty index. The same parameters give the same rows.
func Create(st Store, p Params) error {
	p = p.Normalize()
	if err := p.Validate(); err != nil {
		return err
	}
	config := encodeConfig(p)
	if err := st.Put(PartConfig, configID, config); err != nil {
		return err
	}
	h := header{efSearch: breadth(p)}
	c := newChain(chainCreate, token{})
	c.row(PartConfig, configID, config)
	h.token = c.token(firstLog, &h)
	return st.Put(PartLog, firstLog, encodeLog(nil, firstLog, logCheckpoint, &h, nil))
}

// Index is one connection's handle of an index. It is used by one goroutine at
// a time; handles of different connections may be used concurrently, also when
// they share a cache.
//
// Reads outside Begin and Commit see the state that the connection's
// transaction sees; inside, they see the changes made so far.
type Index struct {
	cache *Cache
	st    Store
	base  Vectors
	g     *geometry
	p     Params
	key   familyKey

	last    weak.Pointer[snapshot] // the state seen last
	pin     bool                   // between Pin and Unpin
	pinned  *snapshot              // what reads see until Unpin
	logRow  []byte                 // buffer of the newest log row
	begun   bool
	pending []int // savepoints set before the first change
	tx      *tx
	v       view // what readers read through

	trav *traverser
	link *linker
	row  []byte // code of a vector to insert
	vec  []float32

	recalled []uint32 // nodes + 1 by a hash of their rowids, see recall
	stamp    int64    // of KeepVectors
	kept     *vectorTable
	keptRows int64 // of the index when kept was asked for
}

// Open returns a handle. It reads the index's configuration only. base is where
// vectors are taken from for rescoring.
func Open(cache *Cache, st Store, base Vectors) (*Index, error) {
	data, err := st.Get(PartConfig, configID, nil)
	if err != nil {
		return nil, err
	}
	p, id, err := decodeConfig(data)
	if err != nil {
		return nil, err
	}
	if cache == nil {
		cache = NewCache(0)
	}
	g := newGeometry(p)
	return &Index{
		cache: cache, st: st, base: base, g: g, p: p, key: familyKey{st.Key(), id},
		trav: newTraverser(g), row: make([]byte, g.rowStride), vec: make([]float32, p.Dims),
	}, nil
}

// Params returns what the index was created with. EfSearch is the value at that
// time, see [Index.EfSearch].
func (ix *Index) Params() Params { return ix.p }

// EfSearch returns the number of candidates that a search for ten rows keeps which
// names none.
func (ix *Index) EfSearch() (int, error) { return ix.EfFor(probeK, 0) }

// SetEfSearch changes what EfSearch returns, for all connections once the
// transaction commits. It ends what SetRecall began.
func (ix *Index) SetEfSearch(ef int) error {
	if ef < MinEfSearch || ef > MaxEfSearch {
		return fmt.Errorf("ef_search is %d, want a whole number from %d to %d", ef, MinEfSearch, MaxEfSearch)
	}
	t, err := ix.writer()
	if err != nil {
		return err
	}
	t.efSearch = uint32(ef)
	t.changed, t.synced = true, false
	return nil
}

// snapshot returns the state that the connection's transaction sees, and keeps
// it alive while the caller holds it.
func (ix *Index) snapshot() (s *snapshot, err error) {
	if ix.pinned != nil {
		return ix.pinned, nil
	}
	defer func() {
		if ix.pin {
			ix.pinned = s
		}
	}()
	id, data, err := ix.st.Last(PartLog, ix.logRow)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, corruptf(PartLog, 0, "no row")
	}
	ix.logRow = data
	want := peekToken(data)
	if s := ix.last.Value(); s != nil && s.token == want && s.lastLog == id {
		return s, nil
	}
	s = ix.cache.find(ix.key, want)
	if s == nil || s.lastLog != id {
		if s, err = openSnapshot(ix.g, ix.st, ix.cache, ix.key, id); err != nil {
			return nil, err
		}
		s = ix.cache.add(ix.key, s)
	}
	ix.last = weak.Make(s)
	return s, nil
}

// reader returns a view of the current state. The caller keeps the snapshot
// until it is done.
func (ix *Index) reader() (*view, *snapshot, error) {
	if ix.tx != nil {
		if ix.tx.broken != nil {
			return nil, nil, ix.tx.broken
		}
		return &ix.tx.view, ix.tx.base, nil
	}
	s, err := ix.snapshot()
	if err != nil {
		return nil, nil, err
	}
	ix.v = view{state: &s.state, g: ix.g, st: ix.st, cache: ix.cache, buf: ix.v.buf, track: ix.cache.pressed()}
	return &ix.v, s, nil
}

// writer returns the transaction, which it starts with the first change.
func (ix *Index) writer() (*tx, error) {
	if !ix.begun {
		return nil, ErrNoTransaction
	}
	if ix.tx == nil {
		s, err := ix.snapshot()
		if err != nil {
			return nil, err
		}
		ix.tx = newTx(s, ix.st, ix.cache)
		ix.tx.refresh = func() error { return ix.refreshProbes(ix.tx) }
		ix.link = nil
		for _, id := range ix.pending {
			ix.tx.savepoint(id)
		}
		ix.pending = nil
	}
	if ix.tx.broken != nil {
		return nil, ix.tx.broken
	}
	return ix.tx, nil
}

// linker returns the transaction's linker.
func (ix *Index) linker(t *tx) *linker {
	if ix.link == nil || ix.link.t != t {
		ix.link = newLinker(t)
	}
	return ix.link
}

// errBroken is returned by a transaction after a change that failed half way.
var errBroken = errors.New("hnsw: an earlier change failed, roll back first")

// guard runs a change. One that fails leaves the state half changed in memory:
// the transaction then refuses everything but rolling back.
func (t *tx) guard(change func() error) error {
	err := change()
	if err != nil {
		t.broken = fmt.Errorf("%w: %w", errBroken, err)
	}
	return err
}

// Begin starts a transaction. The state it changes is the one that the store
// shows at the first change.
func (ix *Index) Begin() error {
	if ix.begun {
		return errors.New("hnsw: transaction within a transaction")
	}
	ix.begun = true
	return nil
}

// Savepoint remembers the state under id, which is greater than those of the
// savepoints that are set.
func (ix *Index) Savepoint(id int) {
	switch {
	case ix.tx != nil:
		ix.tx.savepoint(id)
	case ix.begun:
		ix.Release(id)
		ix.pending = append(ix.pending, id)
	}
}

// Release forgets the savepoints from id on; their changes stay.
func (ix *Index) Release(id int) {
	if ix.tx != nil {
		ix.tx.release(id)
	}
	for n := len(ix.pending); n > 0 && ix.pending[n-1] >= id; n-- {
		ix.pending = ix.pending[:n-1]
	}
}

// RollbackTo restores the state of a savepoint, which stays set. The store has
// been, or will be, rolled back to the same savepoint by the database.
func (ix *Index) RollbackTo(id int) {
	ix.Release(id + 1)
	if ix.tx != nil {
		ix.tx.rollbackTo(id)
	}
}

// Sync writes the pending changes to the store. It may be called again when the
// database's COMMIT has failed.
func (ix *Index) Sync() error {
	if ix.tx == nil {
		return nil
	}
	if ix.tx.broken != nil {
		return ix.tx.broken
	}
	return ix.tx.sync()
}

// Commit ends the transaction after the database has committed, and shows its
// state to the other connections of the process. It cannot fail: should the
// state not be published, connections read it from the database.
func (ix *Index) Commit() {
	t := ix.tx
	ix.end()
	if t == nil || !t.synced {
		return
	}
	s, size, err := t.publish()
	if err != nil {
		return
	}
	s = ix.cache.add(ix.key, s)
	if t.built > 0 {
		ix.cache.built(ix.key, t.built)
	}
	ix.last = weak.Make(s)
	ix.cache.loaded(size)
}

// InStep reports whether the store shows the state that the transaction's changes were
// made to, or have been written as. It does not when the store's tables have been
// replaced by others, or are back from having been.
func (ix *Index) InStep() (bool, error) {
	if ix.tx == nil {
		return true, nil
	}
	_, data, err := ix.st.Last(PartLog, ix.logRow)
	if err != nil {
		return false, err
	}
	return data != nil && peekToken(data) == ix.tx.stored, nil
}

// Rollback ends the transaction and drops its changes.
func (ix *Index) Rollback() { ix.end() }

func (ix *Index) end() {
	ix.begun, ix.tx, ix.link, ix.pending = false, nil, nil, nil
	ix.Unpin()
}

// Pin lets all reads until Unpin see the state that the first of them finds,
// without asking the store again which it is. The caller sees to it that the
// database's transaction goes on.
func (ix *Index) Pin() { ix.pin = true }

// Unpin ends what Pin began.
func (ix *Index) Unpin() { ix.pin, ix.pinned = false, nil }

// Contains reports whether a row is indexed.
func (ix *Index) Contains(rowid RowID) (bool, error) {
	v, _, err := ix.reader()
	if err != nil {
		return false, err
	}
	_, found, err := ix.node(v, rowid)
	return found, err
}

// node returns the node of a rowid, as the transaction or v sees it.
func (ix *Index) node(v *view, rowid RowID) (NodeID, bool, error) {
	if ix.tx != nil {
		return ix.tx.node(rowid)
	}
	return v.node(rowid)
}

// Rows returns the number of rows indexed.
func (ix *Index) Rows() (int64, error) {
	v, _, err := ix.reader()
	if err != nil {
		return 0, err
	}
	return v.rowCount, nil
}

// Scan calls fn for each indexed rowid in ascending order until it returns
// false. fn must not change the index.
func (ix *Index) Scan(fn func(rowid RowID) (bool, error)) error {
	return ix.scanRows(func(rowid RowID, _ NodeID) (bool, error) { return fn(rowid) })
}

// scanRows merges the rows of the store with the changes that are still in the
// log or in memory.
func (ix *Index) scanRows(fn func(rowid RowID, node NodeID) (bool, error)) error {
	v, snap, err := ix.reader()
	if err != nil {
		return err
	}
	defer keepAlive(snap)
	if ix.tx != nil {
		ix.tx.rowsFreeze()
	}
	changed, nodes := v.rows.all()
	more := true
	emit := func(below func(RowID) bool) error {
		for more && len(changed) > 0 && below(changed[0]) {
			r := changed[0]
			changed = changed[1:]
			if n := nodes[r]; n != 0 {
				var err error
				if more, err = fn(r, NodeID(n-1)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err = v.st.Scan(PartRows, minRowID, func(rowid int64, data []byte) (bool, error) {
		if err := emit(func(r RowID) bool { return r < rowid }); err != nil || !more {
			return false, err
		}
		if _, ok := nodes[rowid]; ok {
			return true, emit(func(r RowID) bool { return r == rowid })
		}
		node, err := decodeRow(rowid, data, v.nodes)
		if err != nil {
			return false, err
		}
		more, err = fn(rowid, node)
		return more, err
	})
	if err != nil {
		return err
	}
	return emit(func(RowID) bool { return true })
}

const minRowID = -1 << 63
