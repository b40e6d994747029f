package hnsw

import (
	"math"
	"slices"
)

// savedProbes reads the probes.
func (ix *Index) savedProbes() (list []savedProbe, err error) {
	var rows [][]byte
	err = ix.st.Scan(PartConfig, firstProbe, func(_ int64, data []byte) (bool, error) {
		rows = append(rows, slices.Clone(data))
		return true, nil
	})
	for i, data := range rows {
		if err != nil {
			break
		}
		var more []savedProbe
		more, err = decodeProbes(int64(firstProbe+i), data)
		list = append(list, more...)
	}
	return list, err
}

// estimate measures the recall of searches for probeK rows as the index is now: with
// the probes whose rows are left, and of their answers those that are. Rows that came
// since count as answers where they are found, so that missing one goes unnoticed.
func (ix *Index) estimate(v *view, ef int) (recall float64, probes int, err error) {
	saved, err := ix.savedProbes()
	if err != nil {
		return 0, 0, err
	}
	t := ix.trav
	t.v = v
	sum := 0.0
	for _, p := range saved {
		id, found, err := ix.node(v, p.source[0])
		if err != nil {
			return 0, 0, err
		}
		q, err := ix.query(p)
		if err != nil {
			return 0, 0, err
		}
		if !found || q == nil || v.entry == uint32(id)+1 {
			continue
		}
		rec, err := v.record(id)
		if err != nil {
			return 0, 0, err
		}
		if metaLevel(rec[recMeta]) > 0 {
			continue // the row was deleted and came back
		}
		t.s.setQuery(q)
		near, err := t.descend(0)
		if err != nil {
			return 0, 0, err
		}
		t.beginNear(probeK, max(1, min(ef, int(v.live))))
		t.visited.add(uint32(id))
		t.start(near)
		if err := t.run(0); err != nil {
			return 0, 0, err
		}
		hits, err := ix.nearestOf(v, q, ef)
		if err != nil {
			return 0, 0, err
		}
		best := newTop(probeK)
		for _, h := range hits {
			best.add(h)
		}
		for _, r := range p.answers[:min(len(p.answers), probeK)] {
			d, ok, err := ix.exact(q, r)
			if err != nil {
				return 0, 0, err
			}
			known := slices.ContainsFunc(hits, func(h Hit) bool { return h.RowID == r })
			if ok && r != p.source[0] && !known {
				best.add(Hit{r, d})
			}
		}
		if len(best.hits) == 0 {
			continue
		}
		last := best.hits[len(best.hits)-1].Distance
		n := 0
		for _, h := range hits {
			if h.Distance <= last {
				n++
			}
		}
		sum += float64(min(n, len(best.hits))) / float64(len(best.hits))
		probes++
	}
	if probes < minProbes {
		return math.NaN(), probes, nil
	}
	return sum / float64(probes), probes, nil
}

// query returns the vector of a probe, nil when a row of it is gone.
func (ix *Index) query(p savedProbe) (q []float32, err error) {
	for _, r := range p.source {
		vec, ok, err := ix.base.Vector(r, nil)
		if err != nil || !ok || checkVector(vec, ix.g.dims) != nil {
			return nil, err
		}
		if q == nil {
			q = slices.Clone(vec)
		} else {
			ix.g.blendInto(q, vec)
		}
	}
	return q, nil
}

// nearestOf returns the nearest probeK rows of the pool, one for each node, by the
// vectors of those that a search compares.
func (ix *Index) nearestOf(v *view, q []float32, ef int) ([]Hit, error) {
	items := ix.trav.pool.items
	best := newTop(probeK)
	for _, c := range items[:min(len(items), compares(ix.g.quantize, probeK, ef))] {
		rec, err := v.record(c.node())
		if err != nil {
			return nil, err
		}
		var first RowID
		err = v.rowIDs(rec, func(r RowID) (bool, error) { first = r; return false, nil })
		if err != nil {
			return nil, err
		}
		d, ok, err := ix.exact(q, first)
		if err != nil {
			return nil, err
		}
		if ok {
			best.add(Hit{first, d})
		}
	}
	return best.hits, nil
}
