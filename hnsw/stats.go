package hnsw

// Stats describes the index. It reads every block's row once, to add up bytes
// and levels.
func (ix *Index) Stats() (Stats, error) {
	v, snap, err := ix.reader()
	if err != nil {
		return Stats{}, err
	}
	defer keepAlive(snap)
	s := Stats{
		Rows: v.rowCount, Nodes: int64(v.live), FreeNodes: int64(v.nodes - v.live),
		MaxLevel: -1, LogRows: v.logRows, LogBytes: v.logSize,
		Bytes: map[Part]int64{},
	}
	if v.entry != 0 {
		s.MaxLevel = int(v.top)
		s.LevelNodes = make([]int64, v.top+1)
		s.LevelNodes[0] = int64(v.live)
	}
	for id := range v.slots {
		slot, err := v.slot(id)
		if err != nil {
			return s, err
		}
		if meta := slot[slotMeta]; metaFlags(meta)&flagLive != 0 && metaLevel(meta) < len(s.LevelNodes) {
			s.LevelNodes[metaLevel(meta)]++
		}
	}
	for _, p := range ix.p.Parts() {
		err := ix.st.Scan(p, minRowID, func(_ int64, data []byte) (bool, error) {
			s.Bytes[p] += int64(len(data))
			return true, nil
		})
		if err != nil {
			return s, err
		}
	}
	_, s.Recall = v.setting()
	if s.EfSearch, err = ix.efFor(v, snap, probeK, 0, 0); err != nil {
		return s, err
	}
	s.Built = ix.cache.lastBuild(ix.key)
	if ix.tx != nil && ix.tx.built > 0 {
		s.Built = ix.tx.built
	}
	s.Churn = int64(v.churn)
	if s.EstimatedRecall, s.Probes, err = ix.estimate(v, s.EfSearch); err != nil {
		return s, err
	}
	s.CacheBytes = ix.cache.bytesOf(snap)
	return s, nil
}
