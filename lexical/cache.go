package lexical

import "sync"

// Cache keeps snapshots and segment pages of all indexes that the process has
// open, so that connections share them. It is safe for concurrent use. Entries
// are found by the index's random identity and by generation tokens that never
// recur, so an entry is right for whoever asks for it, also after a rollback, a
// restored file or a commit of another process.
type Cache struct {
	mu       sync.Mutex
	maxBytes int64
}

// DefaultCacheBytes bounds SharedCache.
const DefaultCacheBytes = 256 << 20

var sharedCache = NewCache(DefaultCacheBytes)

// NewCache returns a cache that holds about maxBytes; 0 or less means the default.
func NewCache(maxBytes int64) *Cache {
	if maxBytes <= 0 {
		maxBytes = DefaultCacheBytes
	}
	return &Cache{maxBytes: maxBytes}
}

// SharedCache is the cache of the process.
func SharedCache() *Cache { return sharedCache }
