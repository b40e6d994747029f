package hnsw

import (
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/vector"
)

// NodeID names a node of the graph. Ids are dense: a deleted node's id is given
// to a later one.
type NodeID uint32

// RowID is the rowid of the indexed table.
type RowID = int64

// Quantization says how the index keeps the vectors it traverses.
type Quantization uint8

// The quantizations. Int8 is the default; L1 defaults to F16 and Hamming to Bit.
const (
	DefaultQuantization Quantization = iota // resolved by Normalize
	None                                    // float32: no rescoring is needed
	F16                                     // half precision
	Int8                                    // one byte per dimension and a scale per vector
	Bit                                     // one bit per dimension: its sign
)

var quantizationNames = [...]string{"default", "none", "f16", "int8", "bit"}

// String returns the name that the option quantize takes.
func (q Quantization) String() string {
	if int(q) < len(quantizationNames) {
		return quantizationNames[q]
	}
	return fmt.Sprintf("quantization(%d)", uint8(q))
}

// ParseQuantization returns the quantization of that name, in any letter case.
func ParseQuantization(name string) (Quantization, error) {
	for q := None; q <= Bit; q++ {
		if strings.EqualFold(name, quantizationNames[q]) {
			return q, nil
		}
	}
	return 0, fmt.Errorf("unknown quantize %q, want one of none, f16, int8, bit", name)
}

// Defaults and limits of the parameters.
const (
	DefaultM              = 16
	DefaultEfConstruction = 200
	DefaultEfSearch       = 64

	MinM, MaxM                           = 2, 100
	MinEfConstruction, MaxEfConstruction = 4, 10000
	MinEfSearch, MaxEfSearch             = 1, 100000
	MaxDims                              = 65536
)

// Params are what an index is created with. All but EfSearch and Recall are fixed for
// its life; an index that is opened does not say what Recall was.
type Params struct {
	Dims           int           // dimensions of every vector, 1 to MaxDims
	Metric         vector.Metric // cosine unless set
	M              int           // links of a node in the upper layers; twice as many in layer 0. 0 means DefaultM
	EfConstruction int           // candidates looked at when a node is linked. 0 means DefaultEfConstruction
	EfSearch       int           // candidates kept by a search that names none. 0 means DefaultEfSearch
	Recall         float64       // instead of EfSearch: the recall that such searches aim at. 0 means EfSearch
	Quantize       Quantization  // 0 means int8 (f16 for l1, bit for hamming)
	Seed           uint64        // decides, with the rowid, on the layers of a node
	Attrs          int           // attributes kept of each row, 0 to MaxAttrs
}

// Normalize returns p with defaults in place of zero values.
func (p Params) Normalize() Params {
	if p.M == 0 {
		p.M = DefaultM
	}
	if p.EfConstruction == 0 {
		p.EfConstruction = max(DefaultEfConstruction, p.M)
	}
	if p.EfSearch == 0 {
		p.EfSearch = DefaultEfSearch
	}
	if p.Quantize == DefaultQuantization {
		switch p.Metric {
		case vector.L1:
			p.Quantize = F16
		case vector.Hamming:
			p.Quantize = Bit
		default:
			p.Quantize = Int8
		}
	}
	return p
}

// Validate reports the first parameter that is out of range, after defaults
// have been put in place. Its text starts with the name of the option.
func (p Params) Validate() error {
	p = p.Normalize()
	ranges := []struct {
		name        string
		got, lo, hi int
	}{
		{"dims", p.Dims, 1, MaxDims},
		{"m", p.M, MinM, MaxM},
		{"ef_construction", p.EfConstruction, max(MinEfConstruction, p.M), MaxEfConstruction},
		{"ef_search", p.EfSearch, MinEfSearch, MaxEfSearch},
		{"attributes", p.Attrs, 0, MaxAttrs},
	}
	for _, r := range ranges {
		if r.got < r.lo || r.got > r.hi {
			return fmt.Errorf("%s is %d, want a whole number from %d to %d", r.name, r.got, r.lo, r.hi)
		}
	}
	if p.Recall != 0 {
		if err := CheckRecall(p.Recall); err != nil {
			return err
		}
	}
	if p.Metric > vector.Hamming {
		return fmt.Errorf("metric is %v, want one of cosine, l2, dot, l1, hamming", p.Metric)
	}
	switch {
	case p.Quantize > Bit:
		return fmt.Errorf("quantize is %v, want one of none, f16, int8, bit", p.Quantize)
	case p.Metric == vector.L1 && p.Quantize > F16:
		return fmt.Errorf("quantize is %v, want none or f16 with metric=l1", p.Quantize)
	case p.Metric == vector.Hamming && p.Quantize != Bit:
		return fmt.Errorf("quantize is %v, want bit with metric=hamming", p.Quantize)
	}
	return nil
}
