// Package shadow keeps the rows of an index in shadow tables: it satisfies the
// Store interfaces that hnsw and lexical declare, through one database connection
// and inside that connection's current transaction.
//
//	tables := shadow.NewTables(conn, "main", "docs_vec", shadow.HNSWSuffixes())
//	err := tables.Create()
//	st := shadow.HNSW{Tables: tables}
//	err = hnsw.Create(st, params)
//
// Every part of an index is one table "<index>_<part>" of the shape
// (id INTEGER PRIMARY KEY, data BLOB NOT NULL). Statements are prepared once, on
// first use, and kept until Close; SQLite prepares them again by itself when the
// schema changes.
//
// Concurrency: like the connection, one goroutine at a time, the one that is
// inside the SQLite call.
//
// Invariants:
//
//  1. No statement stays active after a method returns: an active statement would
//     keep the read transaction open and lock its table against DROP.
//  2. last_insert_rowid() is as it was before Put: the user's own INSERT sets it.
package shadow
