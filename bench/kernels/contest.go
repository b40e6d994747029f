package main

import (
	"slices"
	"time"

	"github.com/nearlite/nearlite/vector"
)

// entry is one contestant: run scores rows rows and is repeated.
type entry struct {
	kernel, impl string
	tier         string // put in force before each slice
	rowBytes     int
	rows         int
	run          func()
}

// contest lets all entries take turns and returns, for each, the nanoseconds
// per row of every round.
func contest(entries []entry, rounds int, slice time.Duration) [][]float64 {
	best := vector.Kernels()
	defer use(best)
	times := make([][]float64, len(entries))
	for round := range rounds + 1 {
		for i, e := range entries {
			use(e.tier)
			e.run() // bring code and rows in
			calls := 0
			start := time.Now()
			for time.Since(start) < slice {
				// Looking at the clock takes as long as scoring a row: not too often.
				for range max(1, 64/e.rows) {
					e.run()
					calls++
				}
			}
			if round > 0 { // the first is a rehearsal
				times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/float64(calls*e.rows))
			}
		}
	}
	return times
}

func use(tier string) {
	if err := vector.SetKernels(tier); err != nil {
		panic(err) // the name came from KernelTiers
	}
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// medianRatio is the median over the rounds of a's time by b's.
func medianRatio(a, b []float64) float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return median(r)
}
