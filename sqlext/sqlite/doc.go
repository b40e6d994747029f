// Package sqlite puts nearlite into a Go program: it adapts
// github.com/ncruces/go-sqlite3 (SQLite without cgo) to the interfaces of
// package host and opens database/sql handles with everything registered.
//
// There are two doors. Most programs use Open:
//
//	db, err := sqlite.Open("file:docs.db")
//
// and programs that hold a go-sqlite3 connection of their own use Register:
//
//	conn, err := sqlite3.Open("docs.db")
//	err = sqlite.Register(conn)
//
// # Concurrency
//
// A connection belongs to one goroutine at a time, as in go-sqlite3; the *sql.DB
// of Open is safe for many, because it hands each a connection of its own.
//
// # Invariants of the adapter
//
//  1. A panic below a callback becomes an SQL error that says "nearlite: internal
//     error"; it never unwinds through SQLite.
//  2. Values handed to callbacks alias SQLite's memory and are forgotten when the
//     callback returns.
//  3. Error messages cross the border without prefixes added or lost, and result
//     codes cross with them.
//  4. The steady state of a scalar function or a scan allocates nothing per row.
package sqlite
