package hnsw

// Optimize folds the log into the blocks, inside a transaction. Sync writes the
// result.
func (ix *Index) Optimize() error {
	t, err := ix.writer()
	if err != nil {
		return err
	}
	t.direct, t.changed, t.synced = true, true, false
	return nil
}
