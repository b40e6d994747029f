package lexical

// SetLimits lowers the limits at which a transaction makes segments, stores them
// early and cuts them into pages, and returns a function that restores them.
func SetLimits(batchDocs int, freshBytes, inline int64) (restore func()) {
	a, b, c := maxBatchDocs, maxFreshBytes, inlineBytes
	maxBatchDocs, maxFreshBytes, inlineBytes = batchDocs, freshBytes, inline
	return func() { maxBatchDocs, maxFreshBytes, inlineBytes = a, b, c }
}
