package hnsw

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Recall is the share of the k nearest rows that a search finds. How wide a search
// must be for a given recall depends on the data, so that an index measures itself:
// see probes.go. What it has measured is a curve for each of two k.

// curve is the measured recall at growing ef.
type curve struct {
	k      int
	points []curvePoint
}

type curvePoint struct {
	ef     int
	recall float64 // mean over the probes
	err    float64 // standard error of the mean
}

// sure is the number of standard errors that the recall counts less: it is then
// underestimated 19 times in 20.
const sure = 1.64

func (p curvePoint) low() float64 { return p.recall - sure*p.err }

// curves is what row curveID of PartConfig holds.
type curves struct {
	probeRows int // rows of probes after it
	probes    int
	live      uint32 // nodes when it was measured
	byK       []curve
}

// Recalls are given as numbers between 0 and 1. In a state and on disk they are
// millionths.
const (
	million = 1_000_000

	// recallBit in header.efSearch: the other bits are a recall, not an ef.
	recallBit = 1 << 31
)

// CheckRecall reports whether a recall can be asked for.
func CheckRecall(r float64) error {
	if !(r > 0 && r < 1) {
		return fmt.Errorf("recall is %v, want a number between 0 and 1, such as 0.95", r)
	}
	return nil
}

// breadth is how wide searches are that do not say so: candidates or a recall.
func breadth(p Params) uint32 {
	if p.Recall > 0 {
		return recallWord(p.Recall)
	}
	return uint32(p.EfSearch)
}

func recallWord(r float64) uint32 {
	return recallBit | uint32(min(max(math.Round(r*million), 1), million-1))
}

// setting returns the two sides of header.efSearch; one is 0.
func (h *header) setting() (ef int, recall float64) {
	if h.efSearch&recallBit != 0 {
		return 0, float64(h.efSearch&^recallBit) / million
	}
	return int(h.efSearch), 0
}

// efFor returns the ef of a search that asks for ef, for a recall, or for neither.
func (ix *Index) efFor(v *view, snap *snapshot, k, ef int, recall float64) (int, error) {
	if ef > 0 {
		return ef, nil
	}
	if recall == 0 {
		if ef, recall = v.setting(); ef > 0 {
			return ef, nil
		}
	}
	c, err := ix.curves(snap)
	if err != nil {
		return 0, err
	}
	return min(c.ef(k, recall), max(int(v.live), 1)), nil
}

// EfFor returns how many candidates a search for the k nearest keeps that names
// neither ef nor oversampling: for the given recall, or for the index's own setting
// if that is 0.
func (ix *Index) EfFor(k int, recall float64) (int, error) {
	if recall != 0 {
		if err := CheckRecall(recall); err != nil {
			return 0, err
		}
	}
	v, snap, err := ix.reader()
	if err != nil {
		return 0, err
	}
	defer keepAlive(snap)
	return ix.efFor(v, snap, k, 0, recall)
}

// SetRecall makes searches that name neither ef nor a recall aim at a recall, for all
// connections once the transaction commits.
func (ix *Index) SetRecall(recall float64) error {
	if err := CheckRecall(recall); err != nil {
		return err
	}
	t, err := ix.writer()
	if err != nil {
		return err
	}
	t.efSearch = recallWord(recall)
	t.changed, t.synced = true, false
	return nil
}

// curves returns what was measured last; it has no curves if nothing was.
func (ix *Index) curves(snap *snapshot) (*curves, error) {
	if ix.tx == nil { // a transaction may have measured anew
		if c := snap.measured.Load(); c != nil {
			return c, nil
		}
	}
	data, err := ix.st.Get(PartConfig, curveID, nil)
	if err != nil {
		return nil, err
	}
	c := &curves{}
	if data != nil {
		if c, err = decodeCurves(data); err != nil {
			return nil, err
		}
	}
	if ix.tx == nil {
		snap.measured.Store(c)
	}
	return c, nil
}

// ef returns the least ef at which a recall of k was measured, between points and
// between the measured k by interpolation. See curvePoint.low.
func (c *curves) ef(k int, recall float64) int {
	k = max(k, 1)
	var ef float64
	switch n := len(c.byK); {
	case n == 0:
		ef = guessEf(k, recall)
	case n == 1 || k <= c.byK[0].k:
		ef = c.byK[0].ef(recall) * max(1, float64(k)/float64(c.byK[0].k))
	default:
		lo, hi := c.byK[0], c.byK[n-1]
		if k >= hi.k {
			ef = hi.ef(recall) * float64(k) / float64(hi.k)
			break
		}
		at := math.Log(float64(k)/float64(lo.k)) / math.Log(float64(hi.k)/float64(lo.k))
		ef = math.Exp((1-at)*math.Log(lo.ef(recall)) + at*math.Log(hi.ef(recall)))
	}
	return max(k, int(math.Ceil(min(ef, MaxEfSearch))))
}

// guessEf serves indexes without a curve: small ones, where it is more than enough,
// and those that an earlier program has written.
func guessEf(k int, recall float64) float64 {
	return DefaultEfSearch * math.Pow(0.1/(1-recall), 0.6) * max(1, float64(k)/probeK)
}

// ef returns the ef for a recall. Beyond the measured curve it goes on in its
// direction, but not far: where codes are coarse no ef gives what rescoring misses.
func (c *curve) ef(recall float64) float64 {
	miss := func(p curvePoint) float64 { return math.Log(max(1-p.low(), 1e-4)) }
	want := math.Log(max(1-recall, 1e-4))
	last := curvePoint{}
	for i, p := range c.points {
		if p.low() >= recall {
			if i == 0 {
				return float64(p.ef)
			}
			at := (want - miss(last)) / (miss(p) - miss(last))
			return math.Exp(math.Log(float64(last.ef)) + at*math.Log(float64(p.ef)/float64(last.ef)))
		}
		if i == 0 || p.low() > last.low() {
			last = p
		}
	}
	end := c.points[len(c.points)-1]
	return float64(end.ef) * min(4, math.Exp(miss(end)-want))
}

// Row curveID of PartConfig: u32 checksum, u8 version, then uvarints: rows of probes,
// probes, nodes when measured, curves; for each curve k and its points; for each point
// ef, recall and its error in millionths.

func (c *curves) encode() []byte {
	b := []byte{0, 0, 0, 0, formatVersion}
	put := func(v int) { b = binary.AppendUvarint(b, uint64(v)) }
	put(c.probeRows)
	put(c.probes)
	put(int(c.live))
	put(len(c.byK))
	for _, k := range c.byK {
		put(k.k)
		put(len(k.points))
		for _, p := range k.points {
			put(p.ef)
			put(int(math.Round(p.recall * million)))
			put(int(math.Round(p.err * million)))
		}
	}
	seal(PartConfig, curveID, b)
	return b
}

func decodeCurves(b []byte) (*curves, error) {
	if err := open(PartConfig, curveID, b, 5); err != nil {
		return nil, err
	}
	if b[4] != formatVersion {
		return nil, corruptf(PartConfig, curveID, "version is %d, want %d", b[4], formatVersion)
	}
	b = b[5:]
	bad := false
	number := func(most uint64) int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > most {
			bad = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	c := &curves{probeRows: number(maxProbes), probes: number(maxProbes), live: uint32(number(maxNodes))}
	c.byK = make([]curve, number(uint64(len(curveKs))))
	for i := range c.byK {
		k := &c.byK[i]
		k.k = number(1 << 20)
		k.points = make([]curvePoint, number(64))
		for j := range k.points {
			p := &k.points[j]
			p.ef = number(MaxEfSearch)
			p.recall, p.err = float64(number(million))/million, float64(number(million))/million
		}
		ascend := slices.IsSortedFunc(k.points, func(a, b curvePoint) int { return a.ef - b.ef })
		if k.k == 0 || len(k.points) == 0 || k.points[0].ef == 0 || !ascend || i > 0 && k.k <= c.byK[i-1].k {
			bad = true
			break
		}
	}
	if bad || len(b) > 0 {
		return nil, corruptf(PartConfig, curveID, "the recall curve is malformed")
	}
	return c, nil
}
