// Package nearlite is vector and hybrid search inside SQLite: an HNSW vector
// index and a BM25 text index as virtual tables, with their state in ordinary
// rows of the database file, so that they commit and roll back with the rows
// they index.
//
// This package exports nothing; it is the map. A program opens a database with
//
//	import "github.com/nearlite/nearlite/sqlext/sqlite"
//
//	db, err := sqlite.Open("app.db")
//
// and speaks SQL from there. Below that door:
//
//   - sqlext: SQL functions, virtual tables, search functions, written once
//     against the small host interface of sqlext/host
//   - planner: which plan answers a filtered search, and how two ranked lists
//     become one; pure
//   - hnsw: the graph, its search and its persistent form
//   - lexical: analysis, query language and scoring over our own postings
//   - vector: element types, encodings, distances and their kernels
//   - internal/shadow: rows of the shadow tables as the stores of the two indexes
//
// ARCHITECTURE.md follows one INSERT and one hybrid SELECT through these
// packages.
package nearlite
