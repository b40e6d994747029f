package hnsw

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
	"weak"
)

// snapshot is a committed state that connections share. Its blocks are loaded as
// they are needed and may be evicted at any time.
type snapshot struct {
	state
	g        *geometry
	measured atomic.Pointer[curves] // nil when not read yet
}

// keepSnapshots is how many states of an index the cache itself keeps alive.
// Older ones live as long as a search uses them.
const keepSnapshots = 3

// Cache holds the blocks of all indexes of the process, found by where an index is
// and the token of its state. It is safe for concurrent use.
type Cache struct {
	mu       sync.Mutex
	families map[familyKey]*family

	maxBytes atomic.Int64
	bytes    atomic.Int64 // counted at the last pass, and loaded since
	evicting atomic.Bool
	vecs     vectorPool
}

// familyKey tells indexes apart: Store.Key and the identity. Equal tokens mean equal
// states in any two indexes that this program has written. But whoever can write a
// file can write any token into it: states are found among those of the same place
// only, so that one tenant's file cannot stand in for another's.
type familyKey struct {
	place string
	id    identity
}

// family is the states of one index.
type family struct {
	recent []*snapshot // most recently used first
	all    map[token]weak.Pointer[snapshot]
	most   int           // entries of all at which the dead are forgotten
	built  time.Duration // what the last build that was committed took
}

// NewCache returns a cache that holds about maxBytes of blocks; 0 means no
// bound. Changes that are not committed yet are not counted.
func NewCache(maxBytes int64) *Cache {
	c := &Cache{families: map[familyKey]*family{}}
	c.maxBytes.Store(maxBytes)
	return c
}

var shared = sync.OnceValue(func() *Cache { return NewCache(DefaultCacheBytes) })

// DefaultCacheBytes bounds the process's cache until SetMaxBytes changes it.
const DefaultCacheBytes = 1 << 30

// SharedCache returns the cache of the process.
func SharedCache() *Cache { return shared() }

// SetMaxBytes changes the bound; 0 means none.
func (c *Cache) SetMaxBytes(n int64) {
	c.maxBytes.Store(n)
	c.vecs.dropAll()
	c.loaded(0)
}

// MaxBytes returns the bound.
func (c *Cache) MaxBytes() int64 { return c.maxBytes.Load() }

// Bytes returns about how many bytes of blocks are held.
func (c *Cache) Bytes() int64 { return c.bytes.Load() }

// find returns the snapshot of a token, nil if the process does not have it.
func (c *Cache) find(key familyKey, t token) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[key]
	if f == nil {
		return nil
	}
	for i, s := range f.recent {
		if s.token == t {
			if i > 0 {
				copy(f.recent[1:], f.recent[:i])
				f.recent[0] = s
			}
			return s
		}
	}
	s := f.all[t].Value()
	if s != nil {
		f.remember(s)
	}
	return s
}

// older returns the recent snapshots with a log row before lastLog, newest first.
// Some may be of times before a build, when ids of log rows began anew.
func (c *Cache) older(key familyKey, lastLog int64) (list []*snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[key]
	if f == nil {
		return nil
	}
	for _, s := range f.recent {
		if s.lastLog < lastLog {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *snapshot) int { return cmp.Compare(b.lastLog, a.lastLog) })
	return list
}

// add makes a snapshot known and returns the one to use: another goroutine may
// have been faster.
func (c *Cache) add(key familyKey, s *snapshot) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[key]
	if f == nil {
		f = &family{all: map[token]weak.Pointer[snapshot]{}}
		c.families[key] = f
	}
	if old := f.all[s.token].Value(); old != nil {
		s = old
	}
	f.all[s.token] = weak.Make(s)
	f.remember(s)
	return s
}

// built remembers how long a build took.
func (c *Cache) built(key familyKey, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.families[key]; f != nil {
		f.built = took
	}
}

// lastBuild returns it, 0 if there was none.
func (c *Cache) lastBuild(key familyKey) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.families[key]; f != nil {
		return f.built
	}
	return 0
}

// remember moves s to the front of the recent ones.
func (f *family) remember(s *snapshot) {
	if i := slices.Index(f.recent, s); i >= 0 {
		f.recent = slices.Delete(f.recent, i, i+1)
	}
	f.recent = slices.Insert(f.recent, 0, s)
	if len(f.recent) > keepSnapshots {
		clear(f.recent[keepSnapshots:])
		f.recent = f.recent[:keepSnapshots]
	}
	if len(f.all) > max(64, f.most) { // forget the dead
		for t, w := range f.all {
			if w.Value() == nil {
				delete(f.all, t)
			}
		}
		f.most = 2 * len(f.all)
	}
}

// pressed reports whether searches should mark the blocks they use, so that
// eviction can spare them.
func (c *Cache) pressed() bool {
	most := c.maxBytes.Load()
	return most > 0 && c.bytes.Load() > most/2
}

// loaded counts bytes of new blocks, and evicts when there are too many.
func (c *Cache) loaded(n int64) {
	most := c.maxBytes.Load()
	if c.bytes.Add(n) <= most || most <= 0 {
		return
	}
	if c.evicting.CompareAndSwap(false, true) {
		c.evict(most - most/8)
		c.evicting.Store(false)
	}
}

// evict drops blocks until target bytes are left: first those that no search
// has used since the last pass. A block shared by several snapshots goes from
// all of them. It counts anew, which corrects for snapshots that are gone.
func (c *Cache) evict(target int64) {
	c.vecs.dropAll() // they keep blocks of codes
	type held struct {
		size int64
		used bool
	}
	blocks := map[unsafe.Pointer]held{}
	seen := map[*page]bool{}
	var pages []*page
	var total int64

	c.mu.Lock()
	var snaps []*snapshot
	for key, f := range c.families {
		alive := false
		for t, w := range f.all {
			if s := w.Value(); s != nil {
				snaps = append(snaps, s)
				alive = true
			} else {
				delete(f.all, t)
			}
		}
		if !alive {
			delete(c.families, key)
		}
	}
	c.mu.Unlock()

	for _, s := range snaps {
		for d := range s.dirs {
			size := int64(s.g.blockSize(d))
			for _, p := range s.dirs[d].pages {
				if seen[p] {
					continue
				}
				seen[p] = true
				pages = append(pages, p)
				for i := range p.slots {
					b := atomic.LoadPointer(&p.slots[i])
					if b == nil {
						continue
					}
					h, ok := blocks[b]
					if !ok {
						total += size
					}
					h.size = size
					h.used = h.used || p.used[i/32].Load()>>(i%32)&1 != 0
					blocks[b] = h
				}
				for i := range p.used {
					p.used[i].Store(0)
				}
			}
		}
	}
	drop := map[unsafe.Pointer]bool{}
	for _, used := range []bool{false, true} {
		for b, h := range blocks {
			if total <= target {
				break
			}
			if h.used == used && !drop[b] {
				drop[b] = true
				total -= h.size
			}
		}
	}
	for _, p := range pages {
		for i := range p.slots {
			if b := atomic.LoadPointer(&p.slots[i]); b != nil && drop[b] {
				atomic.CompareAndSwapPointer(&p.slots[i], b, nil)
			}
		}
	}
	c.bytes.Store(total)
}

// bytesOf returns the bytes in memory of an index's newest snapshot.
func (c *Cache) bytesOf(s *snapshot) (n int64) {
	for d := range s.dirs {
		size := int64(s.g.blockSize(d))
		for _, p := range s.dirs[d].pages {
			for i := range p.slots {
				if atomic.LoadPointer(&p.slots[i]) != nil {
					n += size
				}
			}
		}
	}
	return n
}
