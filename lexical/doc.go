// Package lexical is full-text search inside a transaction: bleve's analyzers,
// query language and BM25 scoring over postings of our own, kept in rows behind
// the Store interface.
//
//	st := ...                                  // rows of one database transaction
//	err := lexical.Create(st, lexical.Params{
//		Columns:  []lexical.Column{{Name: "title", Boost: 2}, {Name: "body"}},
//		Analyzer: "en",
//	})
//	ix, err := lexical.Open(lexical.SharedCache(), st)
//	err = ix.Begin()
//	err = ix.Insert(1, []string{"Vector search", "Finding what is near."})
//	err = ix.Sync()                            // rows are in st now
//	ix.Commit()                                // after the transaction committed
//	hits, stats, err := ix.Search(ctx, lexical.Request{Query: "near?", K: 10})
//
// # Concurrency
//
// An Index and its Store belong to one database connection: one goroutine at a
// time. All calls of Store happen on the calling goroutine; Insert and Build use
// worker goroutines that only compute, and that end before the call returns. A
// Cache is shared by all connections of the process and is safe for concurrent use.
//
// # Structure
//
// Documents live in immutable segments and in one pending buffer per transaction.
// Sync turns the buffer into a segment and merges small segments by size tiers; a
// delete sets a bit in a bitmap beside the segment. A manifest row lists the
// segments under a generation token; whoever reads the token knows the whole
// state, so that snapshots are shared between connections and a reader keeps the
// state of its own transaction.
//
// # Invariants
//
// Check cites them by number.
//
//  1. Every row carries a CRC-32C that covers its key and its bytes.
//  2. The manifest's segments exist, in ascending order of number, and no other
//     segment, page or delete row exists.
//  3. Within a segment rowids ascend strictly; a rowid is live in one segment only.
//  4. Terms ascend strictly in byte order; document numbers of a posting list
//     ascend strictly and lie below the segment's document count.
//  5. A document's length in a column is the sum of its frequencies there.
//  6. The manifest's row count and token totals are those of the live documents.
//  7. A delete bitmap lies within its segment and counts what the manifest says.
//  8. A live document of a patch is a part of the live document of the same rowid
//     that it names; no document has parts in two patches.
//
// The bytes are described in docs/format-lexical.md.
//
// # Scoring
//
// Scores are those of bleve's BM25, with the statistics that the model asks for:
// document frequencies without deleted documents, and the average field length
// from token totals.
package lexical
