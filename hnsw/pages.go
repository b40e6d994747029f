package hnsw

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

// A dir maps the ids of a part's blocks to blocks in memory. It is a list of
// pages of pageSlots pointers; a nil pointer is a block that is still on disk.
//
// Published dirs are shared by connections and never changed, but for loading
// missing blocks and evicting loaded ones, which is done with atomic pointers.
// A transaction changes copies: whoever holds the epoch that a list, page or
// block was made in may change it in place, any other copies it first. A
// savepoint therefore needs nothing but the old dir and a new epoch.
const (
	pageShift = 8
	pageSlots = 1 << pageShift
)

type page struct {
	slots [pageSlots]unsafe.Pointer
	used  [pageSlots / 32]atomic.Uint32 // blocks touched since the last eviction pass
	epoch uint64
	own   *pageOwner // nil in pages without changes of a transaction
}

type pageOwner struct {
	epochs [pageSlots]uint64      // epoch that may change the block in place
	dirty  [pageSlots / 64]uint64 // blocks that differ from the Store's
}

type dir struct {
	pages []*page
	epoch uint64
}

// newDir returns a dir of n blocks, all on disk.
func newDir(n int) dir {
	d := dir{pages: make([]*page, (n+pageSlots-1)/pageSlots)}
	all := make([]page, len(d.pages))
	for i := range d.pages {
		d.pages[i] = &all[i]
	}
	return d
}

// get returns a block's memory, nil if it is not loaded. The block must be
// within the dir.
func (d *dir) get(block uint32) unsafe.Pointer {
	return atomic.LoadPointer(&d.pages[block>>pageShift].slots[block%pageSlots])
}

// touch marks a block as used.
func (d *dir) touch(block uint32) {
	w := &d.pages[block>>pageShift].used[block%pageSlots/32]
	if bit := uint32(1) << (block % 32); w.Load()&bit == 0 {
		w.Or(bit)
	}
}

// fill puts a loaded block in its place, unless another goroutine was faster;
// it returns the block to use.
func (d *dir) fill(block uint32, p unsafe.Pointer) unsafe.Pointer {
	slot := &d.pages[block>>pageShift].slots[block%pageSlots]
	if atomic.CompareAndSwapPointer(slot, nil, p) {
		return p
	}
	if q := atomic.LoadPointer(slot); q != nil {
		return q
	}
	return p // evicted in between: use ours
}

// has reports whether the dir has a page for the block.
func (d *dir) has(block uint32) bool { return int(block>>pageShift) < len(d.pages) }

// own makes the list and the page of a block the epoch's own and returns the
// page. It appends pages for a block just past the end.
func (d *dir) own(epoch uint64, block uint32) *page {
	if d.epoch != epoch {
		d.pages = slices.Clip(slices.Clone(d.pages))
		d.epoch = epoch
	}
	at := int(block >> pageShift)
	for at >= len(d.pages) {
		d.pages = append(d.pages, &page{epoch: epoch, own: new(pageOwner)})
	}
	p := d.pages[at]
	if p.epoch == epoch {
		return p
	}
	c := &page{epoch: epoch, own: new(pageOwner)}
	for i := range p.slots { // others may fill or evict meanwhile
		c.slots[i] = atomic.LoadPointer(&p.slots[i])
	}
	if p.own != nil {
		*c.own = *p.own
	}
	d.pages[at] = c
	return c
}

// dirtyBlocks calls fn for each block that differs from the Store's.
func (d *dir) dirtyBlocks(fn func(block uint32, p unsafe.Pointer) error) error {
	for at, p := range d.pages {
		if p.own == nil {
			continue
		}
		for w, set := range p.own.dirty {
			for b := 0; set != 0; b, set = b+1, set>>1 {
				if set&1 == 0 {
					continue
				}
				i := w*64 + b
				if err := fn(uint32(at<<pageShift+i), p.slots[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// changed returns how many blocks the transaction has made or copied.
func (d *dir) changed() (n int64) {
	for _, p := range d.pages {
		if p.own == nil {
			continue
		}
		for _, e := range p.own.epochs {
			if e != 0 {
				n++
			}
		}
	}
	return n
}

// clean returns the dir as others may see it: without marks of ownership.
// Pages that the transaction owns are no longer changed by anyone.
func (d *dir) clean() {
	for _, p := range d.pages {
		if p.own != nil {
			p.own = nil
		}
	}
	d.epoch = 0
}

var epochs atomic.Uint64

// newEpoch returns a number that was never an epoch before.
func newEpoch() uint64 { return epochs.Add(1) }
