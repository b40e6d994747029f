package hnsw

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// measure makes the curve for one k. A probe whose answers were all found is not
// searched for with a greater ef.
func (p *prober) measure(k int) (curve, error) {
	c := curve{k: k}
	var probes []*probe
	for _, q := range p.probes {
		if q.k >= k {
			q.done = false
			probes = append(probes, q)
		}
	}
	recalls := make([]float64, len(probes))
	for _, ef := range curveEfs {
		if ef < k && ef*3/2 < k {
			continue
		}
		ef = min(max(ef, k), int(p.t.live))
		if n := len(c.points); n > 0 && c.points[n-1].ef == ef {
			continue
		}
		err := runParallel(p.ws, len(probes), func(w *worker, i int) (err error) {
			if q := probes[i]; !q.done {
				recalls[i], err = p.search(w, q, k, ef)
				q.done = recalls[i] == 1
			}
			return err
		})
		if err != nil {
			return c, err
		}
		mean, sq := 0.0, 0.0
		for _, r := range recalls {
			mean += r
			sq += r * r
		}
		n := float64(len(probes))
		mean /= n
		c.points = append(c.points, curvePoint{ef, mean, math.Sqrt(max(sq/n-mean*mean, 0) / n)})
		if mean >= fullRecall || ef == int(p.t.live) || flat(c.points) || p.spent() {
			break
		}
	}
	return c, nil
}

// spent reports whether the curves have taken their share of a build's time. Where the
// distances of all rows are about the same, hardly any ef is enough.
func (p *prober) spent() bool {
	visited := 0
	for _, w := range p.ws {
		visited += w.trav.stats.Visited
	}
	return visited > max(2e6, curveShare*int(p.t.live))
}

// flat reports whether more candidates have stopped helping: what rescoring with a
// given number of vectors misses, no ef finds.
func flat(points []curvePoint) bool {
	n := len(points)
	return n >= 5 && points[n-1].recall-points[n-4].recall < 0.0005
}

// search returns the share of a probe's k answers among the rows that a search would
// compare by their vectors: of those it returns the nearest. The probe itself is out
// of sight.
func (p *prober) search(w *worker, q *probe, k, ef int) (float64, error) {
	t := w.trav
	t.v = &w.v
	t.s.setQuery(q.vec)
	near, err := t.descend(0)
	if err != nil {
		return 0, err
	}
	t.beginNear(k, ef)
	t.visited.add(uint32(q.node))
	t.start(near)
	if err := t.run(0); err != nil {
		return 0, err
	}
	compared := t.pool.items[:min(len(t.pool.items), compares(p.ix.g.quantize, k, ef))]
	truth := q.answer
	if len(truth) > k && q.k > k { // answers for a greater k; ties there do not matter
		truth = truth[:k]
	}
	want, found := min(k, len(truth)), 0
	if want == 0 {
		return 1, nil
	}
	for _, c := range compared {
		if slices.Contains(truth, c.node()) {
			found++
		}
	}
	return float64(min(found, want)) / float64(want), nil
}

// compares is how many rows a search compares by their vectors unless told.
func compares(q Quantization, k, ef int) int { return max(min(rescoring(q, k), max(ef, k)), k) }

// A row of probes in PartConfig: u32 checksum, u8 version, then for each probe the
// rowids of its two rows (varints), the number of answers (uvarint) and their rowids
// (varints), nearest first.

func (p *prober) encode() (rows [][]byte) {
	b := []byte{0, 0, 0, 0, formatVersion}
	end := func() {
		seal(PartConfig, int64(firstProbe+len(rows)), b)
		rows = append(rows, b)
		b = []byte{0, 0, 0, 0, formatVersion}
	}
	for _, q := range p.probes {
		one := binary.AppendVarint(nil, q.source[0])
		one = binary.AppendVarint(one, q.source[1])
		answers := q.rowids[:min(len(q.rowids), q.k)]
		one = binary.AppendUvarint(one, uint64(len(answers)))
		for _, r := range answers {
			one = binary.AppendVarint(one, r)
		}
		if len(b)+len(one) > maxBlock {
			end()
		}
		b = append(b, one...)
	}
	end()
	return rows
}

// savedProbe is a probe as it is stored.
type savedProbe struct {
	source  [2]RowID
	answers []RowID
}

func decodeProbes(id int64, b []byte) (list []savedProbe, err error) {
	if err := open(PartConfig, id, b, 5); err != nil {
		return nil, err
	}
	if b[4] != formatVersion {
		return nil, corruptf(PartConfig, id, "version is %d, want %d", b[4], formatVersion)
	}
	b = b[5:]
	errBad := errors.New("probe ends early")
	signed := func() (v int64) {
		v, n := binary.Varint(b)
		if n <= 0 {
			err = errBad
			return 0
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 && err == nil {
		p := savedProbe{source: [2]RowID{signed(), signed()}}
		count, n := binary.Uvarint(b)
		if n <= 0 || count > uint64(len(b)) {
			err = errBad
			break
		}
		b = b[n:]
		for range count {
			p.answers = append(p.answers, signed())
		}
		list = append(list, p)
	}
	if err != nil {
		return nil, corruptf(PartConfig, id, "%v", err)
	}
	return list, nil
}
