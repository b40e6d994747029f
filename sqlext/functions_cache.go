package sqlext

import (
	"math"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// CacheSizeVariable is the environment variable that bounds the memory of vector
// indexes in place of the default: bytes, or a number with K, M or G.
const CacheSizeVariable = "NEARLITE_CACHE_SIZE"

// Bounds of the default: a quarter of the memory there is.
const (
	cacheShare      = 4
	leastCacheBytes = 64 << 20
	mostCacheBytes  = 4 << 30
)

// cacheReady sets the process's bound, before the first connection.
var cacheReady = sync.OnceFunc(func() {
	n := defaultCacheBytes(memoryBytes())
	if text := os.Getenv(CacheSizeVariable); text != "" {
		if given, ok := parseBytes(text); ok {
			n = given
		}
	}
	hnsw.SharedCache().SetMaxBytes(n)
})

// defaultCacheBytes is the bound for a machine with that much memory; 0 is unknown.
func defaultCacheBytes(memory int64) int64 {
	if memory <= 0 {
		return hnsw.DefaultCacheBytes
	}
	return min(max(memory/cacheShare, leastCacheBytes), mostCacheBytes)
}

// CacheSize returns the most bytes of vector indexes that the process keeps in memory;
// 0 means no bound.
func CacheSize() int64 {
	cacheReady()
	return hnsw.SharedCache().MaxBytes()
}

// SetCacheSize changes it, for all connections of the process. What is too much goes
// at once. Searches are right whatever the bound; below the size of an index they read
// from the file what was dropped.
func SetCacheSize(bytes int64) {
	cacheReady()
	hnsw.SharedCache().SetMaxBytes(max(bytes, 0))
}

// cacheFunctions is nearlite_cache_size, with and without an argument.
func cacheFunctions() []host.Function {
	return []host.Function{
		{Name: "nearlite_cache_size", NArg: 0, Volatile: true, Call: func(ctx host.Context, _ []host.Value) {
			ctx.ResultValue(host.IntValue(CacheSize()))
		}},
		// Not from a view or a trigger: whoever wrote the file would set it.
		{Name: "nearlite_cache_size", NArg: 1, Volatile: true, DirectOnly: true, Call: func(ctx host.Context, args []host.Value) {
			n, ok := int64(0), false
			switch v := args[0]; v.Kind {
			case host.Integer:
				n, ok = v.Int, v.Int >= 0
			case host.Text:
				n, ok = parseBytes(v.String())
			}
			if !ok {
				ctx.ResultError(mismatchf("nearlite_cache_size: got %s, want a whole number of bytes, 0 for no bound, or text such as '512M'", describeValue(args[0])))
				return
			}
			SetCacheSize(n)
			ctx.ResultValue(host.IntValue(n))
		}},
	}
}

// parseBytes reads a number of bytes: 1000, 64K, 512M, 2G, the letters being powers of
// 1024, also written KB or KiB.
func parseBytes(text string) (int64, bool) {
	s := strings.ToUpper(strings.TrimSpace(text))
	s = strings.TrimSuffix(strings.TrimSuffix(s, "B"), "I")
	unit := int64(1)
	for i, letter := range "KMGT" {
		if rest, ok := strings.CutSuffix(s, string(letter)); ok {
			s, unit = rest, 1<<(10*(i+1))
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

// memoryBytes is how much memory the process may use, 0 if that cannot be told.
func memoryBytes() int64 {
	var least int64
	note := func(n int64, ok bool) {
		if ok && n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
				note(parseBytes(f[1] + "K"))
			}
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if b, err := os.ReadFile(file); err == nil { // "max": no limit
			note(parseBytes(string(b)))
		}
	}
	return least
}
