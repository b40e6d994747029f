package lexical

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// transaction is the state of a write transaction: the segments it sees, those
// it made and has not stored, and the documents it has not made a segment of.
type transaction struct {
	state
	epoch      int // counts savepoints: what an older epoch made is not changed
	savepoints []savepoint
	base       *snapshot // the state at Begin
	synced     *snapshot // the state of the last Sync, nil if none or changed since
	flushed    int64     // bytes of new segments stored, for the merge budget

	// broken is the error that left rows and state apart. Only rolling back
	// helps: to a savepoint older than the error, or all.
	broken error
}

// state is what a savepoint restores. Its parts are copied before they change
// when a savepoint may hold them.
type state struct {
	next     int64
	rows     int64
	tokens   []int64
	segments []*segmentState
	patches  []*segmentState
	buffer   *buffer
	ops      int // operations of buffer that count
	dirty    bool
}

// savepoint is a marked state.
type savepoint struct {
	id int
	state
}

// buffer holds operations on documents that are not in a segment: inserts, and
// deletes of what it inserted itself.
type buffer struct {
	ops   []operation
	live  map[int64]int // rowid -> index of its insert
	bytes int           // of the texts
}

type operation struct {
	document
	isDelete bool
}

func newBuffer() *buffer { return &buffer{live: map[int64]int{}} }

// truncate undoes all operations after the first n.
func (b *buffer) truncate(n int) {
	if n == len(b.ops) {
		return
	}
	clear(b.ops[n:])
	b.ops = b.ops[:n]
	b.bytes = 0
	clear(b.live)
	for i, op := range b.ops {
		if op.isDelete {
			delete(b.live, op.rowid)
			continue
		}
		b.live[op.rowid] = i
		b.bytes += textBytes(op.texts)
	}
}

func textBytes(texts []string) int {
	n := 64
	for _, t := range texts {
		n += len(t)
	}
	return n
}

// documents returns the live documents in the order of their rowids: whole ones, and
// those of which some columns changed.
func (b *buffer) documents() (docs, parts []document) {
	docs = make([]document, 0, len(b.live))
	for _, rowid := range slices.Sorted(maps.Keys(b.live)) {
		d := b.ops[b.live[rowid]].document
		if d.changed != 0 {
			parts = append(parts, d)
		} else {
			docs = append(docs, d)
		}
	}
	return docs, parts
}

// Begin opens a write transaction. Begin inside a transaction changes nothing.
func (ix *Index) Begin() error {
	if ix.tx != nil {
		return nil
	}
	snap, err := ix.refresh()
	if err != nil {
		return err
	}
	ix.tx = &transaction{base: snap, state: state{
		next: snap.next, rows: snap.rows, tokens: slices.Clone(snap.tokens),
		segments: snap.segments, patches: snap.patches, buffer: newBuffer(),
	}, epoch: 1}
	return nil
}

// Savepoint marks the present state under id. Marks with that id or a higher one
// are forgotten.
func (ix *Index) Savepoint(id int) error {
	tx := ix.tx
	if tx == nil {
		return nil // nothing was written, so there is nothing to restore
	}
	if err := ix.Release(id); err != nil { // those with this id or above have ended
		return err
	}
	s := savepoint{id: id, state: tx.state}
	s.tokens = slices.Clone(tx.tokens)
	tx.savepoints = append(tx.savepoints, s)
	tx.epoch++
	return nil
}

// Release forgets the savepoints from id on and keeps what was done since.
func (ix *Index) Release(id int) error {
	if tx := ix.tx; tx != nil {
		tx.savepoints = slices.DeleteFunc(tx.savepoints, func(s savepoint) bool { return s.id >= id })
	}
	return nil
}

// RollbackTo restores the state of savepoint id, exactly, and keeps that savepoint.
// The caller has rolled back the Store's rows to the same point, or does so next.
func (ix *Index) RollbackTo(id int) error {
	tx := ix.tx
	if tx == nil {
		return nil
	}
	// SQLite tells a table only of savepoints opened since its first write, so
	// the state at an unknown id is that at the first one known after it.
	i := slices.IndexFunc(tx.savepoints, func(s savepoint) bool { return s.id >= id })
	if i < 0 {
		return nil
	}
	s := &tx.savepoints[i]
	s.id = id
	tx.state = s.state
	tx.tokens = slices.Clone(s.tokens)
	tx.buffer.truncate(tx.ops)
	tx.savepoints = tx.savepoints[:i+1]
	tx.epoch++
	tx.synced, tx.broken = nil, nil
	return nil
}

// Rollback ends the transaction after the Store's rows have been rolled back.
func (ix *Index) Rollback() { ix.tx = nil }

// Commit ends the transaction after the Store's rows have been committed, and
// publishes its state to other connections.
func (ix *Index) Commit() {
	tx := ix.tx
	ix.tx = nil
	if tx != nil && tx.synced != nil {
		ix.snap = tx.synced
		ix.src.cache.publish(ix.src.identity, tx.synced)
	}
}

// writable returns the open transaction if it can go on.
func (ix *Index) writable() (*transaction, error) {
	if ix.tx == nil {
		return nil, ErrNoTransaction
	}
	if ix.tx.broken != nil {
		return nil, fmt.Errorf("an earlier write of this transaction failed, roll back: %w", ix.tx.broken)
	}
	return ix.tx, nil
}

// storing runs a function that writes rows and remembers when it failed half way.
func (ix *Index) storing(write func() error) error {
	err := write()
	if err != nil {
		ix.tx.broken = err
	}
	return err
}

// Sync writes all that is pending to the Store. It does everything that can fail
// before a commit, and may be called again when the COMMIT after it failed.
func (ix *Index) Sync() error {
	if ix.tx == nil {
		return nil
	}
	tx, err := ix.writable()
	if err != nil || !tx.dirty {
		return err
	}
	return ix.storing(ix.sync)
}

func (ix *Index) sync() error {
	tx := ix.tx
	if err := ix.sealBuffer(); err != nil {
		return err
	}
	if err := ix.storeSegments(); err != nil {
		return err
	}
	budget := max(minMergeBudget, mergeFanIn*tx.flushed)
	for {
		picked := planMerge(tx.segments, budget, tx.patches)
		if picked == nil {
			if picked = planMerge(tx.patches, budget, nil); picked == nil {
				break
			}
		}
		for _, s := range picked {
			budget -= s.bytes
		}
		if err := ix.mergeStored(context.Background(), picked); errors.Is(err, errTooBig) {
			break
		} else if err != nil {
			return err
		}
	}
	if err := ix.dropEmpty(); err != nil {
		return err
	}
	return ix.storeManifest()
}

// sealBuffer turns the buffered documents into a segment in memory.
func (ix *Index) sealBuffer() error {
	tx := ix.tx
	if tx.ops == 0 {
		return nil
	}
	docs, parts := tx.buffer.documents()
	if err := ix.storing(func() error { return ix.sealPatches(parts) }); err != nil {
		return err
	}
	if len(docs) > 0 {
		seg, err := invert(ix.schema, docs, nil)
		if err != nil {
			return err
		}
		for c, n := range seg.tokens {
			tx.tokens[c] += n
		}
		tx.segments = append(slices.Clip(tx.segments), &segmentState{seg: seg, bytes: seg.streamBytes(), epoch: tx.epoch})
	}
	tx.buffer, tx.ops = newBuffer(), 0
	return ix.mergeFresh(mergeFanIn)
}

// mergeFresh merges the segments in memory when there are atLeast of them, tier
// by tier, so that searches between many small writes stay cheap.
func (ix *Index) mergeFresh(atLeast int) error {
	if err := ix.mergeFreshOf(&ix.tx.segments, atLeast); err != nil {
		return err
	}
	return ix.mergeFreshOf(&ix.tx.patches, atLeast)
}

func (ix *Index) mergeFreshOf(list *[]*segmentState, atLeast int) error {
	for {
		tiers := map[int][]*segmentState{}
		var picked []*segmentState
		for _, s := range *list {
			if s.seg.number >= 0 {
				continue
			}
			t := 0
			if atLeast > 2 {
				t = tier(s.bytes)
			}
			tiers[t] = append(tiers[t], s)
			if len(tiers[t]) >= atLeast {
				picked = tiers[t]
			}
		}
		if picked == nil {
			return nil
		}
		seg, err := mergeSegments(context.Background(), &ix.src, picked, nil)
		if errors.Is(err, errTooBig) {
			return nil
		}
		if err != nil {
			return err
		}
		ix.replaceSegments(list, picked, seg, 0)
	}
}

// replaceSegments takes the picked segments out of one of the state's lists and puts
// merged in, if it is not nil.
func (ix *Index) replaceSegments(list *[]*segmentState, picked []*segmentState, merged *segment, bytes int64) {
	tx := ix.tx
	kept := make([]*segmentState, 0, len(*list))
	for _, s := range *list {
		if !slices.Contains(picked, s) {
			kept = append(kept, s)
		}
	}
	if merged != nil {
		if bytes == 0 {
			bytes = merged.streamBytes()
		}
		kept = append(kept, &segmentState{seg: merged, bytes: bytes, epoch: tx.epoch})
	}
	*list = kept
}

// storeSegments writes the segments that are in memory, merged into one if they
// fit together.
func (ix *Index) storeSegments() error {
	if err := ix.mergeFresh(2); err != nil {
		return err
	}
	if err := ix.storeFresh(&ix.tx.segments); err != nil {
		return err
	}
	return ix.storeFresh(&ix.tx.patches)
}

func (ix *Index) storeFresh(list *[]*segmentState) error {
	tx := ix.tx
	segments := slices.Clone(*list)
	for i, s := range segments {
		if s.seg.number >= 0 {
			continue
		}
		stored, bytes, err := s.seg.store(&ix.src, tx.next)
		if err != nil {
			return err
		}
		tx.next++
		tx.flushed += bytes
		n := &segmentState{seg: stored, del: s.del, bytes: bytes, epoch: s.epoch}
		if s.del != nil {
			n.dirty = map[uint32]bool{}
			for g := range groups(stored.docs) {
				n.dirty[g] = true
			}
		}
		segments[i] = n
	}
	*list = segments
	return nil
}

// mergeStored replaces stored segments, or patches, by one that holds their live
// documents; segments take in what patches have of them.
func (ix *Index) mergeStored(ctx context.Context, picked []*segmentState) error {
	tx := ix.tx
	list, patches := &tx.segments, tx.patches
	if picked[0].seg.isPatch {
		list, patches = &tx.patches, nil
	}
	if !slices.ContainsFunc(picked, func(s *segmentState) bool { return s.patched > 0 }) {
		patches = nil
	}
	merged, err := mergeSegments(ctx, &ix.src, picked, patches)
	if err != nil {
		return err
	}
	var bytes int64
	if merged != nil {
		if merged, bytes, err = merged.store(&ix.src, tx.next); err != nil {
			return err
		}
		tx.next++
	}
	for _, s := range picked {
		if err := ix.removeRows(s); err != nil {
			return err
		}
	}
	if patches != nil {
		if err := ix.takenIn(picked); err != nil {
			return err
		}
	}
	ix.replaceSegments(list, picked, merged, bytes)
	return nil
}

// removeRows deletes a stored segment's rows.
func (ix *Index) removeRows(s *segmentState) error {
	if s.seg.number < 0 {
		return nil
	}
	st := ix.src.store
	if err := st.Delete(PartSegments, s.seg.number); err != nil {
		return err
	}
	for i := int64(0); i < s.seg.pageCount(); i++ {
		if err := st.Delete(PartPages, pageID(s.seg.number, i)); err != nil {
			return err
		}
	}
	if s.del == nil {
		return nil
	}
	for g := range groups(s.seg.docs) {
		if err := st.Delete(PartDeletes, deletesID(s.seg.number, g)); err != nil {
			return err
		}
	}
	return nil
}

// dropEmpty removes segments without a live document.
func (ix *Index) dropEmpty() error {
	for _, list := range []*[]*segmentState{&ix.tx.segments, &ix.tx.patches} {
		var empty []*segmentState
		for _, s := range *list {
			if s.live() == 0 {
				if err := ix.removeRows(s); err != nil {
					return err
				}
				empty = append(empty, s)
			}
		}
		if empty != nil {
			ix.replaceSegments(list, empty, nil, 0)
		}
	}
	return nil
}

// storeManifest writes changed delete bitmaps, the manifest and the token.
func (ix *Index) storeManifest() error {
	tx, src := ix.tx, &ix.src
	r, err := randomUint64()
	if err != nil {
		return err
	}
	m := manifest{token: token{tx.base.token.counter + 1, r}, next: tx.next, rows: tx.rows, tokens: tx.tokens}
	segments := slices.Concat(tx.segments, tx.patches)
	slices.SortFunc(segments, func(a, b *segmentState) int { return cmp.Compare(a.seg.number, b.seg.number) })
	for i, s := range segments {
		if len(s.dirty) > 0 {
			for g := range s.dirty {
				id := deletesID(s.seg.number, g)
				row := seal(src.identity, PartDeletes, id, encodeDeletes(s.del, g))
				if err := src.store.Put(PartDeletes, id, row); err != nil {
					return err
				}
			}
			s = &segmentState{seg: s.seg, del: s.del, bytes: s.bytes, deletes: r, patched: s.patched, blocks: s.blocks}
			segments[i] = s
		}
		m.segments = append(m.segments, segmentEntry{
			number: s.seg.number, uid: s.seg.uid, docs: s.seg.docs, deleted: s.deleted(), deletes: s.deletes,
			bytes: s.bytes, pages: uint32(s.seg.pageCount()), isPatch: s.seg.isPatch, minRow: s.seg.minRow, maxRow: s.seg.maxRow,
		})
	}
	if err := src.store.Put(PartConfig, configManifest, m.encode(src.identity)); err != nil {
		return err
	}
	if err := src.store.Put(PartConfig, configToken, m.token.encode(src.identity)); err != nil {
		return err
	}
	// From here on the states belong to a snapshot: an epoch of 0 never matches,
	// so that later writes of this transaction copy them first.
	tx.segments, tx.patches = nil, nil
	for _, s := range segments {
		if s.epoch != 0 || s.dirty != nil {
			s = &segmentState{seg: s.seg, del: s.del, deletes: s.deletes, bytes: s.bytes, patched: s.patched, blocks: s.blocks}
		}
		if s.seg.isPatch {
			tx.patches = append(tx.patches, s)
		} else {
			tx.segments = append(tx.segments, s)
		}
	}
	tx.dirty = false
	tx.synced = &snapshot{
		token: m.token, next: m.next, rows: m.rows, tokens: slices.Clone(m.tokens), segments: tx.segments, patches: tx.patches,
	}
	return nil
}

// deleteDoc marks a document of segment i as deleted.
func (ix *Index) deleteDoc(i int, doc uint32, rowid int64) error {
	tx := ix.tx
	s := tx.segments[i]
	lengths, err := s.lengths(&ix.src, int(doc/docBlockDocs))
	if err != nil {
		return err
	}
	if err := ix.unpatch(s, doc, rowid); err != nil {
		return err
	}
	patched := s.patchedColumns(doc) != 0
	s = ix.own(tx.segments, i, &tx.segments)
	s.delete(doc)
	if patched {
		s.patched--
	}
	j := int(doc%docBlockDocs) * ix.src.columns
	for c, n := range lengths[j : j+ix.src.columns] {
		tx.tokens[c] -= int64(n)
	}
	return nil
}

// own returns the state of segment i of a list for changing: a copy, unless it was made
// in this epoch.
func (ix *Index) own(list []*segmentState, i int, to *[]*segmentState) *segmentState {
	s := list[i]
	if s.epoch == ix.tx.epoch {
		return s
	}
	n := &segmentState{
		seg: s.seg, deletes: s.deletes, bytes: s.bytes, dirty: maps.Clone(s.dirty), epoch: ix.tx.epoch,
		patched: s.patched, blocks: slices.Clone(s.blocks), id: stateIDs.Add(1),
	}
	if s.del != nil {
		n.del = s.del.Clone()
	}
	*to = slices.Clone(list)
	(*to)[i] = n
	return n
}

// delete marks a document as deleted. The state is the caller's to change.
func (s *segmentState) delete(doc uint32) {
	if s.del == nil {
		s.del = roaring.New()
	}
	s.del.Add(doc)
	if s.seg.number >= 0 {
		if s.dirty == nil {
			s.dirty = map[uint32]bool{}
		}
		s.dirty[doc>>groupShift] = true
	}
}
