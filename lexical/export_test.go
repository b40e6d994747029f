package lexical

// SetMinPatched sets how many documents a segment has at least to be patched.
func SetMinPatched(n uint32) (restore func()) {
	old := minPatched
	minPatched = n
	return func() { minPatched = old }
}

// SetLimits lowers the limits at which a transaction makes segments, stores them
// early and cuts them into pages, and returns a function that restores them.
func SetLimits(batchDocs int, freshBytes, inline int64) (restore func()) {
	a, b, c := maxBatchDocs, maxFreshBytes, inlineBytes
	maxBatchDocs, maxFreshBytes, inlineBytes = batchDocs, freshBytes, inline
	return func() { maxBatchDocs, maxFreshBytes, inlineBytes = a, b, c }
}

// MakeOld turns the options row of an index into that of the format before patches.
func MakeOld(st Store) error {
	row, err := st.Get(PartConfig, configOptions, nil)
	if err != nil {
		return err
	}
	c, err := decodeConfig(row)
	if err != nil {
		return err
	}
	c.version = formatVersion
	if row, err = c.encode(); err != nil {
		return err
	}
	return st.Put(PartConfig, configOptions, row)
}
