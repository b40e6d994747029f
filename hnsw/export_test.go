package hnsw

import "context"

// BuildOn builds on a number of workers.
func BuildOn(ix *Index, src Source, workers int) error {
	return ix.build(context.Background(), src, nil, workers)
}
