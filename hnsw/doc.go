// Package hnsw is an approximate nearest-neighbor index: a hierarchical
// navigable small world graph (Malkov and Yashunin 2016) whose state is rows of
// a [Store], changed in transactions.
package hnsw
