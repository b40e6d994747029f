package hnsw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A chunk's bytes: flags (1 live), next chunk + 1, number of rowids, the first
// rowid zigzag, then the differences to the one before. All varints.

func appendChunk(b []byte, c *chunk) []byte {
	if c.live {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(c.next))
	b = binary.AppendUvarint(b, uint64(len(c.rowids)))
	for i, r := range c.rowids {
		if i == 0 {
			b = binary.AppendVarint(b, r)
		} else {
			b = binary.AppendUvarint(b, uint64(r)-uint64(c.rowids[i-1]))
		}
	}
	return b
}

func readChunk(b []byte) (c chunk, err error) {
	if len(b) == 0 || b[0] > 1 {
		return c, errors.New("chunk has no flags")
	}
	c.live = b[0] == 1
	b = b[1:]
	next, n := binary.Uvarint(b)
	if n <= 0 || next > maxNodes {
		return c, errors.New("chunk has no successor field")
	}
	c.next = uint32(next)
	b = b[n:]
	count, n := binary.Uvarint(b)
	if n <= 0 || count > maxChunk || count > uint64(len(b)) {
		return c, fmt.Errorf("chunk of %d rowids", count)
	}
	b = b[n:]
	c.rowids = make([]RowID, count)
	for i := range c.rowids {
		if i == 0 {
			c.rowids[0], n = binary.Varint(b)
		} else {
			var delta uint64
			delta, n = binary.Uvarint(b)
			c.rowids[i] = RowID(uint64(c.rowids[i-1]) + delta)
		}
		if n <= 0 || i > 0 && c.rowids[i] <= c.rowids[i-1] {
			return c, fmt.Errorf("chunk's rowid %d is out of order", i)
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return c, fmt.Errorf("chunk has %d bytes too many", len(b))
	}
	return c, nil
}

// rowIDs calls fn for the rowids of a node in ascending order until it returns
// false.
func (v *view) rowIDs(rec []uint32, fn func(rowid RowID) (bool, error)) error {
	if metaFlags(rec[recMeta])&flagShared == 0 {
		_, err := fn(recRowID(rec))
		return err
	}
	at := uint32(recRowID(rec)) + 1
	for steps := uint32(0); at != 0; steps++ {
		c, err := v.chunk(at - 1)
		if err != nil {
			return err
		}
		if !c.live || steps > v.chunks {
			return corruptf(PartDups, int64(at-1), "list of rowids leads to a free chunk or in a circle")
		}
		for _, r := range c.rowids {
			if more, err := fn(r); err != nil || !more {
				return err
			}
		}
		at = c.next
	}
	return nil
}

// addRow adds a rowid to a node that has one already.
func (t *tx) addRow(id NodeID, rowid RowID) error {
	rec, err := t.record(id)
	if err != nil {
		return err
	}
	if metaFlags(rec[recMeta])&flagShared == 0 {
		first := recRowID(rec)
		if first == rowid {
			return nil
		}
		at, c, err := t.newChunk()
		if err != nil {
			return err
		}
		c.rowids = []RowID{min(first, rowid), max(first, rowid)}
		t.logChunk(at, c)
		return t.setNodeRow(id, true, RowID(at))
	}
	at := uint32(recRowID(rec))
	for steps := uint32(0); ; steps++ { // find the chunk whose range the rowid falls into
		c, err := t.chunk(at)
		if err != nil {
			return err
		}
		if !c.live || steps > t.chunks {
			return corruptf(PartDups, int64(at), "list of rowids leads to a free chunk or in a circle")
		}
		if c.next == 0 || len(c.rowids) > 0 && rowid <= c.rowids[len(c.rowids)-1] {
			break
		}
		at = c.next - 1
	}
	c, err := t.mutableChunk(at)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearch(c.rowids, rowid)
	if found {
		return nil
	}
	if len(c.rowids) >= maxChunk {
		half := len(c.rowids) / 2
		if i == len(c.rowids) {
			half = i // ascending rowids leave full chunks behind
		}
		more, d, err := t.newChunk()
		if err != nil {
			return err
		}
		d.rowids = append(d.rowids, c.rowids[half:]...)
		d.next = c.next
		if c, err = t.mutableChunk(at); err != nil {
			return err
		}
		c.rowids = c.rowids[:half:half]
		c.next = more + 1
		if i >= half && (i > half || half == maxChunk) {
			d.rowids = slices.Insert(d.rowids, i-half, rowid)
		} else {
			c.rowids = slices.Insert(c.rowids, i, rowid)
		}
		t.logChunk(more, d)
	} else {
		c.rowids = slices.Insert(c.rowids, i, rowid)
	}
	t.logChunk(at, c)
	return nil
}

// removeRow removes one of a node's several rowids.
func (t *tx) removeRow(id NodeID, rowid RowID) error {
	rec, err := t.record(id)
	if err != nil {
		return err
	}
	first := uint32(recRowID(rec))
	before, at := uint32(0), first
	for steps := uint32(0); ; steps++ {
		c, err := t.chunk(at)
		if err != nil {
			return err
		}
		if _, found := slices.BinarySearch(c.rowids, rowid); found {
			break
		}
		if c.next == 0 || !c.live || steps > t.chunks {
			return corruptf(PartRows, rowid, "names node %d, which does not have the row", id)
		}
		before, at = at+1, c.next-1
	}
	c, err := t.mutableChunk(at)
	if err != nil {
		return err
	}
	i, _ := slices.BinarySearch(c.rowids, rowid)
	c.rowids = slices.Delete(c.rowids, i, i+1)
	if len(c.rowids) == 0 && before != 0 {
		prev, err := t.mutableChunk(before - 1)
		if err != nil {
			return err
		}
		prev.next = c.next
		t.logChunk(before-1, prev)
		if err := t.releaseChunk(at); err != nil {
			return err
		}
	} else if len(c.rowids) == 0 { // the first chunk: the next one takes its place
		next := c.next
		if next == 0 {
			return corruptf(PartDups, int64(at), "is a shared node's only chunk and holds one rowid")
		}
		if err := t.releaseChunk(at); err != nil {
			return err
		}
		first = next - 1
		if err := t.setNodeRow(id, true, RowID(first)); err != nil {
			return err
		}
	} else {
		t.logChunk(at, c)
	}
	// One rowid left: back to the plain form.
	if c, err = t.chunk(first); err != nil {
		return err
	}
	if len(c.rowids) == 1 && c.next == 0 {
		last := c.rowids[0]
		if err := t.releaseChunk(first); err != nil {
			return err
		}
		if err := t.setNodeRow(id, false, last); err != nil {
			return err
		}
		return t.touch(id) // the row may have come with another vector than it once had here
	}
	return nil
}

// newChunk takes a chunk from the free list or makes one.
func (t *tx) newChunk() (uint32, *chunk, error) {
	at := t.chunks
	if t.freeChunk != 0 {
		at = t.freeChunk - 1
		c, err := t.mutableChunk(at)
		if err != nil {
			return 0, nil, err
		}
		if c.live {
			return 0, nil, corruptf(PartDups, int64(at), "is in the free list and in use")
		}
		t.freeChunk = c.next
		*c = chunk{live: true}
		return at, c, nil
	}
	if at >= maxNodes {
		return 0, nil, ErrTooLarge
	}
	t.chunks++
	t.addBlock(dirDups, at)
	c, err := t.mutableChunk(at)
	if err != nil {
		return 0, nil, err
	}
	*c = chunk{live: true}
	return at, c, nil
}

func (t *tx) releaseChunk(at uint32) error {
	c, err := t.mutableChunk(at)
	if err != nil {
		return err
	}
	*c = chunk{next: t.freeChunk}
	t.freeChunk = at + 1
	t.logChunk(at, c)
	return nil
}

func (t *tx) mutableChunk(at uint32) (*chunk, error) {
	p, err := t.mutable(dirDups, at)
	return (*chunk)(p), err
}

// logChunk records a chunk's new contents.
func (t *tx) logChunk(at uint32, c *chunk) {
	if !t.logging() {
		return
	}
	body := appendChunk(nil, c)
	t.ops.put(opChunk, at, uint32(len(body)))
	t.ops.b = append(t.ops.b, body...)
}
