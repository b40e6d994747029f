// Package server answers libSQL's clients: it puts SQLite with nearlite behind the
// Hrana protocol, over HTTP (/v2/pipeline, /v3/pipeline, /v3/cursor) and over
// WebSocket (hrana1, hrana2, hrana3).
//
//	srv, err := server.New(server.Config{File: "docs.db"})
//	http.Serve(listener, srv.Handler())
//	srv.Close()
//
// The package knows nothing of indexes; it speaks SQL through sqlext/sqlite.
//
// # How the parts stand to each other
//
//	request -> gate (how many at once) -> authorizer (who, which databases)
//	        -> databases (open files) -> stream (baton, stored SQL, transaction)
//	        -> link (one SQLite connection, the writer's turn) -> SQL
//
// # Invariants
//
//  1. A link is used by one request at a time, and its transaction is undone before
//     anybody else gets it.
//  2. Who writes holds the database's turn, from the first statement that writes to
//     the end of its transaction. Turns are given in the order in which they were
//     asked for.
//  3. A baton is good for one request. It cannot be guessed, and it is bound to the
//     database and to the permission it was made under.
//  4. A read-only token gets connections that cannot write.
//  5. A panic ends its request and its connection, nothing else.
package server
