package sqlite

import (
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/ext/rtree"
)

// registerModules adds what libSQL's SQLite has built in and go-sqlite3 does not: files
// that come from libSQL may hold FTS5 and R-Tree tables.
func registerModules(db *sqlite3.Conn) error {
	if err := fts5.Register(db); err != nil {
		return err
	}
	return rtree.Register(db)
}
