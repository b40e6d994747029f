package hnsw

import (
	"fmt"
	"math"

	"github.com/nearlite/nearlite/vector"
)

// growth says how far a row's neighbors are, as a function of their rank r:
//
//	distance(r) = near · (r / nearRank)^exponent
//
// Distances are the traversal's. The exponent is the inverse of the local intrinsic
// dimension (twice that for squared distances); near and exponent are means over
// the rows, in logarithms, as their own insertion saw them. Zero means unknown.
//
// A search uses it to turn ef_search into a distance. HNSW stops when the
// nearest candidate left is not among the ef nearest nodes found, whatever the query;
// with this it stops where the rank ef would be for an average query. Queries whose
// candidates are crowded behind the k nearest, the hard ones, expand more than ef
// nodes, others fewer: at equal mean recall 5 to 35 % fewer distances. The idea of
// a bound relative to the k-th distance is from Al-Jazzazi et al., "Distance
// adaptive beam search for provably accurate graph-based nearest neighbor search", 2025;
// tying it to ef through the growth is ours.
type growth struct {
	near, exponent float32
}

const (
	// nearRank is the rank that near belongs to. First ranks say little: their
	// distances vary much from row to row.
	nearRank = 10
	// growthRanks is how many neighbors a row must have seen to count.
	growthRanks = 40
	// patience bounds what a hard query may expand: patience·ef nodes.
	patience = 4
)

// sample is one row's logarithm of near and exponent; ok is false for a row that
// says nothing.
type sample struct {
	near, exponent float64
	ok             bool
}

// sampleOf takes a sample from the neighbors found for a new node, sorted.
func sampleOf(g *geometry, found []candidate) (s sample) {
	n := len(found)
	if n < growthRanks || g.metric == vector.InnerProduct { // -dot has no zero to grow from
		return s
	}
	a, b := float64(found[nearRank-1].dist), float64(found[n-1].dist)
	if !(a > 0 && b >= a && b < math.MaxFloat32) {
		return s
	}
	return sample{math.Log(a), math.Log(b/a) / math.Log(float64(n)/nearRank), true}
}

// learn makes the sample count for the share w.
func (x *growth) learn(s sample, w float64) {
	if !s.ok {
		return
	}
	if x.near == 0 {
		w, x.near = 1, 1
	}
	ln := math.Log(float64(x.near))
	*x = growth{float32(math.Exp(ln + w*(s.near-ln))), x.exponent + float32(w*(s.exponent-float64(x.exponent)))}
	if x.validate() != nil { // out of float32's range
		*x = growth{}
	}
}

// mean is the growth of many samples.
func mean(samples []sample) (x growth) {
	var sum sample
	n := 0
	for _, s := range samples {
		if s.ok {
			sum.near += s.near
			sum.exponent += s.exponent
			n++
		}
	}
	if n > 0 {
		x.learn(sample{sum.near / float64(n), sum.exponent / float64(n), true}, 1)
	}
	return x
}

// validate refuses numbers that learn never makes.
func (x growth) validate() error {
	for _, f := range []float32{x.near, x.exponent} {
		if f < 0 || !finite(f) {
			return fmt.Errorf("growth of distances is %g, %g", x.near, x.exponent)
		}
	}
	return nil
}

// slack returns the part of near by which a candidate may be farther than the
// one of the given rank, when ef nodes are asked for.
func (x growth) slack(rank, ef int) float32 {
	if x.near == 0 || rank > ef {
		return 0
	}
	return float32(math.Pow(float64(ef)/float64(rank), float64(x.exponent)) - 1)
}

// nearAt returns the average distance of a rank.
func (x growth) nearAt(rank int) float32 {
	return x.near * float32(math.Pow(float64(rank)/nearRank, float64(x.exponent)))
}
