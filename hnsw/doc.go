// Package hnsw is an approximate nearest-neighbor index: a hierarchical
// navigable small world graph (Malkov and Yashunin 2016) whose state is rows of
// a [Store], changed in transactions.
//
//	hnsw.Create(store, hnsw.Params{Dims: 384})
//	ix, err := hnsw.Open(hnsw.SharedCache(), store, vectors)
//	ix.Begin()
//	err = ix.Insert(rowid, embedding)
//	err = ix.Sync() // then the database commits
//	ix.Commit()
//	hits, _, err := ix.Search(ctx, query, hnsw.SearchOptions{K: 10})
//
// # Layers
//
// params, store, options and errors are what callers see. state, snapshot and pages
// hold a state of the index in memory: immutable blocks in a persistent directory,
// shared by the connections of the process through a Cache. tx makes a new state by
// copying what changes, and writes it as a log row (ops) or as blocks (codec); token
// names it. traverse, search, resume and iterate read a state; insert, delete, link,
// select and build change one; check verifies one. probes, curve, recall and measure
// know how good searches are.
//
// # Concurrency
//
// An Index belongs to one connection and is used by one goroutine at a time.
// Indexes on different connections may be used concurrently; they share states
// through the Cache, which is safe for that. Only the calling goroutine calls
// Store, Vectors and Filter; the goroutines of Build compute.
//
// # Invariants
//
// Check verifies them:
//
//  1. Links are symmetric, lead to other nodes in use of the same layer, and name
//     each once.
//  2. Each layer is connected, so that every node can be reached.
//  3. The entry point is in the highest layer that has a node.
//  4. A rowid in rows names a node in use, and the node names the rowid.
//  5. Ids that are not in use are in a free list.
//
// # Where this differs from the paper
//
// Links are symmetric (see link.go), rows with equal codes share a node, deleted
// nodes are removed at once, vectors are traversed as int8 codes and the best
// are compared in full, and Build links nodes in batches.
//
// docs/format.md describes the rows.
package hnsw
