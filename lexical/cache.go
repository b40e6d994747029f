package lexical

import (
	"sync"
	"sync/atomic"
)

// Cache keeps snapshots and segment pages of all indexes that the process has
// open, so that connections share them. It is safe for concurrent use. Entries
// are found by the index's random identity and by generation tokens that never
// recur, so an entry is right for whoever asks for it, also after a rollback, a
// restored file or a commit of another process.
type Cache struct {
	maxBytes int64
	bytes    atomic.Int64

	// mu guards what follows. No other lock is taken while it is held.
	mu      sync.Mutex
	ring    []cached // what can be evicted; hand goes round it
	hand    int
	indexes map[uint64]*cachedIndex
	clock   int64
}

// cached is one evictable entry: a page or a decoded block of documents.
type cached struct {
	page  *atomic.Pointer[page]
	block *atomic.Pointer[docBlock]
	bytes int64
}

// cachedIndex holds the newest snapshots of one index.
type cachedIndex struct {
	snapshots []*snapshot // newest last
	used      int64
}

// Bounds of what is kept beside the pages.
const (
	DefaultCacheBytes  = 256 << 20
	maxCachedSnapshots = 4
	maxCachedIndexes   = 1024
)

var sharedCache = NewCache(DefaultCacheBytes)

// NewCache returns a cache that holds about maxBytes of pages; 0 or less means
// DefaultCacheBytes.
func NewCache(maxBytes int64) *Cache {
	if maxBytes <= 0 {
		maxBytes = DefaultCacheBytes
	}
	return &Cache{maxBytes: maxBytes, indexes: map[uint64]*cachedIndex{}}
}

// SharedCache is the cache of the process.
func SharedCache() *Cache { return sharedCache }

// Bytes is the size of the pages and blocks held.
func (c *Cache) Bytes() int64 { return c.bytes.Load() }

// addPage publishes a page under slot and evicts others when there are too many.
func (c *Cache) addPage(slot *atomic.Pointer[page], data []byte) {
	p := &page{data: data}
	p.used.Store(true)
	if slot.CompareAndSwap(nil, p) {
		c.add(cached{page: slot, bytes: int64(cap(data)) + 64})
	}
}

// addBlock accounts for a block that the caller has stored in its slot.
func (c *Cache) addBlock(slot *atomic.Pointer[docBlock], b *docBlock) {
	c.add(cached{block: slot, bytes: int64(8*len(b.rows)+4*len(b.lengths)+24*len(b.patches)) + 96})
}

func (c *Cache) add(e cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring = append(c.ring, e)
	total := c.bytes.Add(e.bytes)
	// A full turn clears all marks, so two turns find victims.
	for tries := 2 * len(c.ring); total > c.maxBytes && len(c.ring) > 0 && tries > 0; tries-- {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		v := c.ring[c.hand]
		if v.page != nil {
			if p := v.page.Load(); p != nil && p.used.Swap(false) {
				c.hand++
				continue
			}
			v.page.Store(nil)
		} else {
			v.block.Store(nil)
		}
		total = c.bytes.Add(-v.bytes)
		last := len(c.ring) - 1
		c.ring[c.hand] = c.ring[last]
		c.ring[last] = cached{}
		c.ring = c.ring[:last]
	}
}

// snapshot returns the snapshot of a token, nil if it is not cached.
func (c *Cache) snapshot(identity uint64, t token) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	ci := c.indexes[identity]
	if ci == nil {
		return nil
	}
	c.clock++
	ci.used = c.clock
	for i := len(ci.snapshots) - 1; i >= 0; i-- {
		if ci.snapshots[i].token == t {
			return ci.snapshots[i]
		}
	}
	return nil
}

// parts returns a cached segment, and its delete bitmap if that is cached in the
// wanted state; found says which.
func (c *Cache) segment(identity, uid, deletes uint64) (seg *segment, state *segmentState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ci := c.indexes[identity]
	if ci == nil {
		return nil, nil
	}
	for i := len(ci.snapshots) - 1; i >= 0; i-- {
		for _, list := range [][]*segmentState{ci.snapshots[i].segments, ci.snapshots[i].patches} {
			for _, s := range list {
				if s.seg.uid != uid {
					continue
				}
				if s.deletes == deletes {
					return s.seg, s
				}
				seg = s.seg
			}
		}
	}
	return seg, nil
}

// publish adds a snapshot of a committed state.
func (c *Cache) publish(identity uint64, s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ci := c.indexes[identity]
	if ci == nil {
		ci = &cachedIndex{}
		c.indexes[identity] = ci
		if len(c.indexes) > maxCachedIndexes {
			c.dropOldest(identity)
		}
	}
	c.clock++
	ci.used = c.clock
	for _, have := range ci.snapshots {
		if have.token == s.token {
			return
		}
	}
	ci.snapshots = append(ci.snapshots, s)
	if len(ci.snapshots) > maxCachedSnapshots {
		copy(ci.snapshots, ci.snapshots[1:])
		ci.snapshots[maxCachedSnapshots] = nil
		ci.snapshots = ci.snapshots[:maxCachedSnapshots]
	}
}

// dropOldest forgets the index that was used least recently, but not keep. Linear
// in maxCachedIndexes, and only when one more index than that is opened.
func (c *Cache) dropOldest(keep uint64) {
	var oldest uint64
	used := int64(-1)
	for id, ci := range c.indexes {
		if id != keep && (used < 0 || ci.used < used) {
			oldest, used = id, ci.used
		}
	}
	delete(c.indexes, oldest)
}
