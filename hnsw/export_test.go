package hnsw

import "context"

// BuildOn builds on a number of workers.
func BuildOn(ix *Index, src Source, workers int) error {
	return ix.build(context.Background(), src.plain(), nil, workers)
}

// SetMinFold changes when the log is folded, 0 for always, and returns the
// value before.
func SetMinFold(n int) (before int) {
	before, minFold = minFold, n
	return before
}

// Reseal makes a changed row's checksum right again.
func Reseal(part Part, id int64, data []byte) {
	if part != PartRows && len(data) > 4 {
		seal(part, id, data)
	}
}
