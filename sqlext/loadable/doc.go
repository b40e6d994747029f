// Package loadable makes nearlite a run-time loadable extension of any SQLite
// from 3.38 on: the second host of the engine, beside sqlext/sqlite.
//
// It needs cgo and SQLite's header sqlite3ext.h (Debian: libsqlite3-dev), so all of
// it but this comment is behind the build tag "loadable". The shared library is
// built from the package below it, lib:
//
//	go build -tags loadable -buildmode=c-shared -o dist/nearlite.so ./sqlext/loadable/lib
//
// The C files hold what must be C: the entry point, the calls through SQLite's
// table of routines, and the cursor. Next, Eof, Column and Rowid of a scan are
// answered in C from a batch of rows that Go filled, because a call from C to Go
// costs some hundred nanoseconds.
//
// Invariants:
//   - Go memory is never kept by C. C keeps runtime/cgo handles, which the
//     destructor of the function, module, table, cursor or value releases.
//   - A panic in a callback becomes an SQL error: it would end the host's process.
//   - All statements and blobs of nearlite are closed before SQLite asks whether the
//     connection is busy (closing.go); sqlite3_close would refuse otherwise.
//   - SQLite is called only by the thread that called us.
//
// Concurrency: as package host says, one connection belongs to one thread at a time;
// different connections may be used by different threads.
package loadable
