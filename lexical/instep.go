package lexical

// InStep reports whether the store still holds the index that was opened: not another
// one that has taken its place, or the one before it that is back.
func (ix *Index) InStep() (bool, error) {
	row, err := ix.src.store.Get(PartConfig, configOptions, nil)
	if err != nil || row == nil {
		return false, err
	}
	c, err := decodeConfig(row)
	if err != nil {
		return false, err
	}
	return c.identity == ix.src.identity, nil
}
