package hnsw

import (
	"math/bits"
	"slices"
)

// Verdicts remember what a Filter said about the nodes of an index, for later
// searches under the same filter: SearchOptions.Verdicts. A search asks Filter about a
// node at most once as long as neither the index nor what the filter looks at has
// changed. The first is noticed here, by the index's token; the second is up to the
// caller, who calls Forget.
//
// Nodes whose rows differ (rows with one and the same vector) are not remembered, and
// nothing is within a transaction that writes. Memory: two bits a node. Used by one
// goroutine at a time.
type Verdicts struct {
	state      token
	nodes      uint32 // of that state
	words      []verdictWord
	yes, known int64
}

// verdictWord are 64 nodes.
type verdictWord struct{ known, yes uint64 }

// NewVerdicts returns a memory without any knowledge.
func NewVerdicts() *Verdicts { return &Verdicts{} }

// Forget drops all knowledge and keeps the memory.
func (f *Verdicts) Forget() { f.state, f.nodes = token{}, 0 }

// VerdictBytes is the memory of Verdicts about an index of so many rows.
func VerdictBytes(rows int64) int64 { return rows/4 + 64 }

// settle makes the verdicts those about v, of which none may be known yet. It
// reports whether they can be used.
func (f *Verdicts) settle(v *view, inTx bool) bool {
	if f == nil || inTx {
		return false
	}
	if f.state == v.token && f.nodes == v.nodes && v.nodes > 0 {
		return true
	}
	n := (int(v.nodes) + 63) / 64
	if cap(f.words) < n {
		f.words = make([]verdictWord, n, n+n/16+1)
	} else {
		f.words = f.words[:n]
		clear(f.words)
	}
	f.state, f.nodes = v.token, v.nodes
	f.yes, f.known = 0, 0
	return true
}

// node decides about a node: ask means that nothing is known.
func (f *Verdicts) node(id NodeID) (yes, ask bool) {
	w, bit := &f.words[id/64], uint64(1)<<(id%64)
	return w.yes&bit != 0, w.known&bit == 0
}

// learn takes down the verdict about a node.
func (f *Verdicts) learn(id NodeID, yes bool) {
	w, bit := &f.words[id/64], uint64(1)<<(id%64)
	if w.known&bit != 0 {
		return
	}
	w.known |= bit
	f.known++
	if yes {
		w.yes |= bit
		f.yes++
	}
}

// Known returns what the verdicts say about the index as it is now: All is always
// set, and nodes that nothing is known of are among Ask.
func (ix *Index) Known(f *Verdicts) (AttrCount, error) {
	v, snap, err := ix.reader()
	if err != nil {
		return AttrCount{}, err
	}
	defer keepAlive(snap)
	if !f.settle(v, ix.tx != nil) {
		return AttrCount{Nodes: int64(v.nodes), Ask: int64(v.nodes), All: true}, nil
	}
	return AttrCount{Nodes: int64(v.nodes), Yes: f.yes, Ask: int64(v.nodes) - f.known, All: true}, nil
}

// Learn tells the verdicts about all rows: those of the list, which is ascending, pass,
// no other does. Rows that are not indexed are skipped. Cost: a look into the
// store for each row of a short list, else one at the record of each node.
func (ix *Index) Learn(f *Verdicts, rows []RowID) error {
	v, snap, err := ix.reader()
	if err != nil {
		return err
	}
	defer keepAlive(snap)
	if !f.settle(v, ix.tx != nil) {
		return nil
	}
	if len(rows)/sweepRows > int(v.nodes)/64 {
		err = f.learnNodes(v, rows)
	} else {
		err = f.learnRows(v, rows)
	}
	if err != nil {
		f.Forget()
		return err
	}
	f.yes, f.known = 0, 0
	for _, w := range f.words {
		f.yes += int64(bits.OnesCount64(w.yes))
		f.known += int64(bits.OnesCount64(w.known))
	}
	return nil
}

// sweepRows is how many of 64 nodes' rows are looked up one by one at most.
const sweepRows = 2

// learnNodes looks the rows of each node up in the list.
func (f *Verdicts) learnNodes(v *view, rows []RowID) error {
	in := members(rows)
	for id := NodeID(0); uint32(id) < v.nodes; id++ {
		rec, err := v.record(id)
		if err != nil {
			return err
		}
		w, bit := &f.words[id/64], uint64(1)<<(id%64)
		w.known |= bit
		if metaFlags(rec[recMeta])&flagLive == 0 {
			continue
		}
		all, some := true, false
		if err := v.rowIDs(rec, func(r RowID) (bool, error) {
			ok := in(r)
			all, some = all && ok, some || ok
			return all || !some, nil
		}); err != nil {
			return err
		}
		switch {
		case all:
			w.yes |= bit
		case some:
			w.known &^= bit
		}
	}
	return nil
}

// members returns the test for membership of an ascending list.
func members(rows []RowID) func(RowID) bool {
	n := len(rows)
	if n == 0 {
		return func(RowID) bool { return false }
	}
	low := rows[0]
	span := uint64(rows[n-1]) - uint64(low)
	if span/64 > uint64(16*n) {
		return func(r RowID) bool { _, ok := slices.BinarySearch(rows, r); return ok }
	}
	set := make([]uint64, span/64+1)
	for _, r := range rows {
		at := uint64(r) - uint64(low)
		set[at/64] |= 1 << (at % 64)
	}
	return func(r RowID) bool {
		at := uint64(r) - uint64(low)
		return at <= span && set[at/64]>>(at%64)&1 != 0
	}
}

// learnRows looks the nodes of the rows up.
func (f *Verdicts) learnRows(v *view, rows []RowID) error {
	for i := range f.words {
		f.words[i] = verdictWord{known: ^uint64(0)}
	}
	if used := v.nodes % 64; used != 0 {
		f.words[len(f.words)-1].known = 1<<used - 1
	}
	shared := map[NodeID]int{} // rows of the list, of nodes that have several
	for _, rowid := range rows {
		id, found, err := v.node(rowid)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		rec, err := v.record(id)
		if err != nil {
			return err
		}
		f.words[id/64].yes |= 1 << (id % 64)
		if metaFlags(rec[recMeta])&flagShared != 0 {
			shared[id]++
		}
	}
	for id, passing := range shared {
		rec, err := v.record(id)
		if err == nil {
			err = v.rowIDs(rec, func(RowID) (bool, error) { passing--; return true, nil })
		}
		if err != nil {
			return err
		}
		if passing != 0 { // some rows of the node pass and others do not
			f.words[id/64].known &^= 1 << (id % 64)
			f.words[id/64].yes &^= 1 << (id % 64)
		}
	}
	return nil
}
