package hnsw

// Size returns the rows indexed and about how many bytes they take in the database, by
// the header alone.
func (ix *Index) Size() (rows, bytes int64, err error) {
	v, _, err := ix.reader()
	if err != nil {
		return 0, 0, err
	}
	g := v.g
	bytes = int64(v.nodes)*int64(4*g.recWords+g.codeBytes) + int64(v.slots)*int64(4*g.slotWords) + v.logSize
	for _, n := range v.blockCounts(g) {
		bytes += int64(n) * blockHeader
	}
	const row = 12 // of PartRows: a rowid, a number, what SQLite adds
	return v.rowCount, bytes + v.rowCount*row, nil
}
