package vector

import (
	"fmt"
	"math"
	"strings"
)

// Metric is a way to measure how far two vectors are apart. Small is near for
// all of them.
type Metric uint8

// The metrics; the comment says what [Metric.Distance] reports. The metric
// that SQL calls dot is named InnerProduct here, because [Dot] is the kernel.
const (
	Cosine       Metric = iota // 1 - cos(a, b), from 0 to 2
	L2                         // Euclidean distance, not squared
	InnerProduct               // -dot(a, b)
	L1                         // sum of |a-b|
	Hamming                    // number of dimensions whose signs (value > 0) differ
)

// metricNames are the names SQL uses, indexed by Metric.
var metricNames = [...]string{"cosine", "l2", "dot", "l1", "hamming"}

// String returns the metric's name in SQL: cosine, l2, dot, l1 or hamming.
func (m Metric) String() string {
	if int(m) < len(metricNames) {
		return metricNames[m]
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

// ParseMetric returns the metric of that name, in any letter case.
func ParseMetric(name string) (Metric, error) {
	for i, n := range metricNames {
		if strings.EqualFold(n, name) {
			return Metric(i), nil
		}
	}
	return 0, fmt.Errorf("unknown metric %q, want one of %s", name, strings.Join(metricNames[:], ", "))
}

// Distance returns the distance of a and b under m. Their lengths must be
// equal. Sums are accumulated in single precision. The cosine distance to a
// vector without direction (norm zero) is 1, as if it were orthogonal; NaN
// elements give NaN.
func (m Metric) Distance(a, b []float32) float64 {
	switch m {
	case Cosine:
		dot, aa, bb := CosineParts(a, b)
		return CosineDistance(dot, aa, bb)
	case L2:
		return math.Sqrt(float64(SquaredL2(a, b)))
	case InnerProduct:
		return -float64(Dot(a, b))
	case L1:
		return float64(L1Distance(a, b))
	case Hamming:
		checkLens(len(a), len(b))
		n := 0
		for i, x := range a {
			if (x > 0) != (b[i] > 0) {
				n++
			}
		}
		return float64(n)
	}
	return math.NaN()
}

// CosineDistance turns the three sums of [CosineParts] into the cosine
// distance, kept inside 0..2 against rounding. A zero norm gives 1, an
// infinite or NaN sum gives NaN.
func CosineDistance(dot, aa, bb float32) float64 {
	if aa == 0 || bb == 0 {
		return 1
	}
	d := 1 - float64(dot)/normProduct(float64(aa), float64(bb))
	switch {
	case d < 0:
		return 0
	case d > 2:
		return 2
	}
	return d
}
