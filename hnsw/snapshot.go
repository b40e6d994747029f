package hnsw

import (
	"maps"
	"slices"
)

// openSnapshot makes the snapshot of the store's newest state, whose log row is
// given. It reads the log only.
func openSnapshot(g *geometry, st Store, cache *Cache, key familyKey, lastLog int64) (*snapshot, error) {
	from := int64(0)
	var base *snapshot
	for _, s := range cache.older(key, lastLog) {
		data, err := st.Get(PartLog, s.lastLog, nil)
		if err != nil {
			return nil, err
		}
		if peekToken(data) == s.token {
			base, from = s, s.lastLog+1
			break
		}
	}
	var s state
	if base != nil {
		s = base.state
	}
	rows := map[RowID]uint32{}
	var edits []edit
	started := base != nil
	err := st.Scan(PartLog, from, func(row int64, data []byte) (bool, error) {
		kind, h, body, err := decodeLog(row, slices.Clone(data))
		switch {
		case err != nil:
			return false, err
		case kind == logCheckpoint && started:
			return false, corruptf(PartLog, row, "is a checkpoint with older rows before it")
		case kind == logEdits && !started:
			return false, corruptf(PartLog, row, "is the oldest row but no checkpoint")
		case started && (row != s.lastLog+1 || h.previous != s.token):
			return false, corruptf(PartLog, row, "does not follow row %d", s.lastLog)
		}
		started = true
		e, r, err := parseEdits(g, &h, row, body)
		if err != nil {
			return false, err
		}
		edits = append(edits, e...)
		maps.Copy(rows, r)
		s.header, s.lastLog = h, row
		s.logRows++
		s.logSize += int64(len(body))
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if !started || s.lastLog != lastLog {
		return nil, corruptf(PartLog, lastLog, "row cannot be reached from a checkpoint")
	}
	slices.SortStableFunc(edits, func(a, b edit) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	out := &snapshot{g: g}
	if base == nil {
		log := s
		if err := boundCounts(g, st, &s.header, s.lastLog, edits); err != nil {
			return nil, err
		}
		s = newState(g, s.header, s.lastLog)
		s.logRows, s.logSize = log.logRows, log.logSize
	} else {
		// What the new edits touch must be read again; all else is shared.
		epoch := newEpoch()
		for i, e := range edits {
			if i > 0 && edits[i-1].key == e.key {
				continue
			}
			block := uint32(e.key)
			s.dirs[e.key>>32].own(epoch, block).slots[block%pageSlots] = nil
		}
		for d, n := range s.blockCounts(g) {
			if n > 0 && !s.dirs[d].has(uint32(n-1)) {
				return nil, corruptf(PartLog, lastLog, "%d blocks of %v without edits that make them", n, dirParts[d])
			}
			s.dirs[d].pages = slices.Clone(s.dirs[d].pages)
			s.dirs[d].clean()
		}
	}
	s.edits = s.edits.push(edits)
	s.rows = s.rows.push(rows)
	out.state = s
	return out, nil
}

// boundCounts verifies the numbers of blocks against what the store and the log
// hold, before memory is taken for them.
func boundCounts(g *geometry, st Store, h *header, lastLog int64, edits []edit) error {
	var most [numDirs]int64
	for _, e := range edits {
		d := e.key >> 32
		most[d] = max(most[d], int64(uint32(e.key))+1)
	}
	for d, n := range h.blockCounts(g) {
		if int64(n) <= most[d] {
			continue
		}
		last, data, err := st.Last(dirParts[d], nil)
		if err != nil {
			return err
		}
		if data == nil || last < int64(n)-1 {
			return corruptf(PartLog, lastLog, "%v has blocks up to %d, want %d", dirParts[d], last, n-1)
		}
	}
	return nil
}
