package planner

import "math"

// Sample limits: a first look at FirstSample rows settles broad filters, which is
// where the time counts most because the search itself is fast; a filter that
// passes too rarely to be estimated is probed up to MaxSample times, which costs
// less than the listing it may save.
const (
	FirstSample = 24
	MaxSample   = 384
	// enoughPassed ends the sampling: the relative error is then about one third.
	enoughPassed = 8
)

// Selectivity is a share of rows estimated from a sample.
type Selectivity struct {
	Probed int // rows drawn at random
	Passed int // of them that passed the filter
	// Limit ends the sampling early where listing all matching rows costs no more:
	// see SampleLimit. 0 means MaxSample.
	Limit int
}

// SampleLimit is how many rows of a table are worth probing before all matching
// ones are listed instead: probes that cost half of the listing, and no fewer than
// the first sample.
func SampleLimit(rows int64, c Costs) int {
	return int(min(MaxSample, max(FirstSample, 0.5*float64(rows)*c.ListScan/c.Probe)))
}

// Add counts one probed row.
func (s *Selectivity) Add(passed bool) {
	s.Probed++
	if passed {
		s.Passed++
	}
}

// More reports how many rows to probe next; 0 ends the sampling.
func (s Selectivity) More() int {
	limit := s.Limit
	if limit == 0 {
		limit = MaxSample
	}
	switch {
	case s.Probed == 0:
		return min(FirstSample, limit)
	case s.Passed >= enoughPassed || s.Probed >= limit:
		return 0
	}
	return min(s.Probed, limit-s.Probed) // double it
}

// Share is the estimate: (passed + 1/2) / (probed + 1), Jeffreys' rule, which is
// neither 0 nor 1 after a finite sample. Without a sample it is 1/2.
func (s Selectivity) Share() float64 {
	return (float64(s.Passed) + 0.5) / (float64(s.Probed) + 1)
}

// Error is one standard error of the share.
func (s Selectivity) Error() float64 {
	p := s.Share()
	return math.Sqrt(p * (1 - p) / (float64(s.Probed) + 1))
}
