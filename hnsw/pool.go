package hnsw

import (
	"math"
	"math/bits"
)

// expandedBit marks a candidate whose links have been followed. Node ids leave
// the bit free.
const expandedBit = 1 << 31

// candidate is a node and its distance to the query.
type candidate struct {
	dist float32
	id   uint32
}

func (c candidate) node() NodeID { return NodeID(c.id &^ expandedBit) }

// key orders as less does.
func (c candidate) key() uint64 {
	b := int32(math.Float32bits(c.dist))
	return uint64(uint32(b^(b>>31|math.MinInt32)))<<32 | uint64(c.id&^expandedBit)
}

// less orders by distance, then by id, so that results do not depend on the
// order in which candidates were found.
func less(ad float32, aid uint32, bd float32, bid uint32) bool {
	return ad < bd || ad == bd && aid&^expandedBit < bid&^expandedBit
}

// pool keeps the nearest candidates found, sorted. A cursor goes to the nearest
// one that is not expanded.
type pool struct {
	items  []candidate
	most   int
	cursor int
	worst  float32 // distance beyond which nothing is added

	// With a rank, worst follows the distance of that rank, and the pool ends there.
	rank        int
	near, slack float32
	limit       float32 // another bound of worst
	cut         bool    // something was not added, taken out or passed over
}

func (p *pool) reset(most int) {
	if cap(p.items) < most {
		p.items = make([]candidate, 0, most+most/4)
	}
	p.items = p.items[:0]
	p.most, p.cursor, p.worst = most, 0, float32(math.Inf(1))
	p.rank, p.cut = 0, false
	p.limit = p.worst
}

// follow makes the pool keep what is not farther than the candidate of a rank plus a
// share of near, or of that candidate's distance if it is less. A query that is
// far from all rows has distances that grow from an offset, and slowly.
func (p *pool) follow(rank int, near, slack float32) {
	p.rank, p.near, p.slack = rank, near, slack
}

// bound returns the distance beyond which nothing is kept.
func (p *pool) bound() float32 {
	worst := p.limit
	if len(p.items) == p.most {
		worst = min(worst, p.items[p.most-1].dist)
	}
	if p.rank > 0 && len(p.items) >= p.rank {
		d := p.items[p.rank-1].dist
		// Where distances are those of rounding, near rows need some room.
		worst = min(worst, d+p.slack*max(min(d, p.near), p.near/8))
	}
	return worst
}

// add inserts a candidate that is not in the pool yet.
func (p *pool) add(dist float32, id uint32) {
	n := len(p.items)
	if n == p.most {
		p.cut = true
		if last := p.items[n-1]; !less(dist, id, last.dist, last.id) {
			return
		}
		n--
	} else {
		p.items = p.items[:n+1]
	}
	// Without branches: they would be guessed wrong half of the time.
	lo, key := 0, candidate{dist, id}.key()
	for size := n; size > 0; {
		half := (size + 1) / 2
		_, before := bits.Sub64(p.items[lo+half-1].key(), key, 0)
		lo += half & -int(before)
		size /= 2
	}
	copy(p.items[lo+1:n+1], p.items[lo:n])
	p.items[lo] = candidate{dist, id}
	if lo < p.cursor {
		p.cursor = lo
	}
	if n+1 == p.most || lo < p.rank {
		p.worst = p.bound()
	}
}

// next returns the nearest candidate that is not expanded and marks it.
func (p *pool) next() (c candidate, ok bool) {
	for ; p.cursor < len(p.items); p.cursor++ {
		if c = p.items[p.cursor]; c.id&expandedBit == 0 {
			if c.dist > p.worst {
				p.cut = true
				return c, false
			}
			p.items[p.cursor].id |= expandedBit
			p.cursor++
			return c, true
		}
	}
	return c, false
}
