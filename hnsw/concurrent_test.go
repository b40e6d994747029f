package hnsw_test

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
)

// TestConcurrent has readers with a shared, much too small cache beside a writer
// that commits, rolls back and builds. Each reader must see whole states: the
// rows of one version, found by a search for all.
func TestConcurrent(t *testing.T) {
	defer hnsw.SetMinFold(hnsw.SetMinFold(20000))
	const dims = 8
	p := hnsw.Params{Dims: dims, M: 4, EfConstruction: 20}
	db := memstore.New()
	wconn := db.Conn()
	if err := hnsw.Create(wconn, p); err != nil {
		t.Fatal(err)
	}
	cache := hnsw.NewCache(60000)
	vecs := random(12, 600, dims)
	all := table{} // rowid r always has vecs[r], so that readers need no versions
	for i, v := range vecs {
		all[hnsw.RowID(i)] = v
	}
	rows := table{}
	writer, err := hnsw.Open(cache, wconn, all)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	counts := map[int]bool{0: true} // numbers of rows of committed versions
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			conn := db.Conn()
			ix, err := hnsw.Open(cache, conn, all)
			if err != nil {
				t.Error(err)
				return
			}
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				conn.Begin()
				hits, _, err := ix.Search(context.Background(), vecs[n%len(vecs)], hnsw.SearchOptions{K: len(vecs)})
				if err != nil {
					t.Error(err)
					return
				}
				if n%20 == 0 {
					if err := ix.Check(context.Background(), nil, func(f string) { t.Error("check:", f) }); err != nil {
						t.Error(err)
						return
					}
				}
				conn.Rollback()
				mu.Lock()
				ok := counts[len(hits)]
				mu.Unlock()
				if !ok {
					t.Errorf("search saw %d rows, which no version has", len(hits))
					return
				}
			}
		})
	}
	for n := range 150 {
		wconn.Begin()
		if err := writer.Begin(); err != nil {
			t.Fatal(err)
		}
		next := maps.Clone(rows)
		for i := range 1 + n%7 {
			r := hnsw.RowID((n*31 + i*17) % len(vecs))
			next[r] = vecs[r]
			if err := writer.Insert(r, vecs[r]); err != nil {
				t.Fatal(err)
			}
			if n%3 == 0 {
				d := hnsw.RowID((n*13 + i*29) % len(vecs))
				delete(next, d)
				if _, err := writer.Delete(d); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n%40 == 39 {
			if err := writer.Build(context.Background(), next.source, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Sync(); err != nil {
			t.Fatal(err)
		}
		if n%5 == 4 {
			wconn.Rollback()
			writer.Rollback()
			continue
		}
		rows = next
		mu.Lock()
		counts[len(rows)] = true
		mu.Unlock()
		if err := wconn.Commit(); err != nil {
			t.Fatal(err)
		}
		writer.Commit()
	}
	close(done)
	wg.Wait()
}
