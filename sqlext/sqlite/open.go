package sqlite

import (
	"database/sql"
	"net/url"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext"
)

// Open returns a database handle whose every connection has nearlite's
// functions, virtual tables and searches registered.
//
// The data source name is a file name or a "file:" URI with the parameters of
// github.com/ncruces/go-sqlite3/driver: mode=ro|rw|rwc|memory, _pragma=name(value)
// (any number, in order), _txlock=deferred|immediate|exclusive. Without _pragma a
// busy timeout of one minute is set; who gives pragmas should begin with
// _pragma=busy_timeout(…). Where no pragma sets cache_size, the page cache may grow
// to 64 MiB a connection (SQLite's default of 2 MB holds too few vectors).
//
// Like sql.Open it connects lazily: errors of the file appear with the first
// statement. A private in-memory database (":memory:", "" or mode=memory) lives in
// one connection, so the handle is limited to one; a query left open then blocks
// the next statement.
func Open(dsn string) (*sql.DB, error) {
	db, err := openDB(dsn)
	if err != nil {
		return nil, err
	}
	if isPrivate(dsn) {
		db.SetMaxOpenConns(1)
	}
	return db, nil
}

// Register adds nearlite to one go-sqlite3 connection. It may be called again on
// the same connection, to no effect.
func Register(c *sqlite3.Conn) error {
	return sqlext.Register(newConn(c))
}

// isPrivate reports whether each connection to dsn would get a database of its
// own that vanishes with it.
func isPrivate(dsn string) bool {
	if dsn == "" || dsn == ":memory:" {
		return true
	}
	if !strings.HasPrefix(dsn, "file:") {
		return false
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return false // the first connection reports it
	}
	query := u.Query()
	if query.Get("vfs") != "" {
		return false // memdb and its like share by name
	}
	path := u.Opaque + u.Path
	return path == "" || path == ":memory:" || query.Get("mode") == "memory"
}

// CacheSize returns the most bytes of vector indexes that the process keeps in memory,
// as nearlite_cache_size() does; 0 means no bound.
func CacheSize() int64 { return sqlext.CacheSize() }

// SetCacheSize changes it for all connections of the process; 0 means no bound.
func SetCacheSize(bytes int64) { sqlext.SetCacheSize(bytes) }
