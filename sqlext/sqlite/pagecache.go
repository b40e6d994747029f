package sqlite

import "github.com/ncruces/go-sqlite3"

// SQLite's own page cache holds 2 MB, which is some hundred vectors: searches that
// look thirty of them up would read most from the file again, at about 2 µs a page.
const (
	sqliteCacheSize  = "-2000"  // SQLite's default, in KiB
	defaultCacheSize = "-65536" // ours: at most 64 MiB a connection, taken as pages are read
)

// growPageCache gives a connection the page cache that searches want, unless its
// pragmas say otherwise. A file that cannot be read is left for the first statement
// to report.
func growPageCache(c *sqlite3.Conn) {
	st, _, err := c.Prepare(`PRAGMA cache_size`)
	if err != nil {
		return
	}
	same := st.Step() && st.ColumnText(0) == sqliteCacheSize
	if err := st.Close(); err == nil && same {
		_ = c.Exec(`PRAGMA cache_size = ` + defaultCacheSize)
	}
}
