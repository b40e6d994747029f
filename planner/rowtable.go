package planner

import "math/bits"

// rowTable finds the place of a row in a list by its rowid: a hash table with linear
// probing, for the short lists of a search.
type rowTable struct {
	slots []rowSlot
	shift uint
}

type rowSlot struct {
	rowid int64
	at    int32 // place + 1; 0: empty
}

// reset empties the table and makes room for n rows.
func (t *rowTable) reset(n int) {
	size := max(4, bits.Len(uint(n))+1) // at most half full
	if cap(t.slots) < 1<<size {
		t.slots = make([]rowSlot, 1<<size)
	}
	t.slots = t.slots[:1<<size]
	clear(t.slots)
	t.shift = uint(64 - size)
}

// slot is where the row is or would be.
func (t *rowTable) slot(rowid int64) *rowSlot {
	mask := len(t.slots) - 1
	i := int(uint64(rowid) * 0x9e3779b97f4a7c15 >> t.shift)
	for t.slots[i].at != 0 && t.slots[i].rowid != rowid {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

// find returns the row's place, -1 if it has none.
func (t *rowTable) find(rowid int64) int { return int(t.slot(rowid).at) - 1 }
