package sqlext

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// The planner's prices are those of one machine. Two measurements, made once for the
// process by the first planned search, carry them over to this one: how fast codes
// come out of memory and are compared, and how fast the host runs a statement. Each
// takes the least of several short runs, so that what else the machine does is left
// out, and both together take about 2 ms.

// pricesPinned keeps the prices as they are written down, for tests whose plans must
// not depend on the machine.
var pricesPinned atomic.Bool

var calibration struct {
	once  sync.Once
	graph float64
	host  float64
}

// What the measurements gave where the prices were taken.
const (
	referenceCode = 26.0  // ns for a code of 512 dimensions
	referenceStep = 300.0 // ns for a row of calibrationSQL
)

// costs are the prices on this machine.
func (cat *catalog) costs() plans.Costs {
	graph, sql := cat.calibrate()
	return plans.DefaultCosts().Scaled(graph, sql)
}

// calibrate returns the factors of the graph's and of the host's prices.
func (cat *catalog) calibrate() (graph, sql float64) {
	if pricesPinned.Load() {
		return 1, 1
	}
	c := &calibration
	c.once.Do(func() {
		c.graph = factor(timeCodes(), referenceCode)
		c.host = factor(timeRows(cat.conn), referenceStep)
	})
	return c.graph, c.host
}

// factor is measured/reference to two digits, and 1 if there was no measurement.
func factor(measured, reference float64) float64 {
	f := measured / reference
	if !(f > 0) || math.IsInf(f, 0) {
		return 1
	}
	f = math.Min(math.Max(f, 1.0/16), 16)
	unit := math.Pow(10, math.Floor(math.Log10(f))-1)
	return round6(math.Round(f/unit) * unit)
}

// timeCodes is the time to compare one code, of many all over 4 MiB.
func timeCodes() float64 {
	const (
		stride, rows, batch, runs = 512, 8192, 32, 8
		perRun                    = 512
	)
	data := make([]byte, stride*rows)
	for i := range data {
		data[i] = byte(i * 7)
	}
	query := make([]int8, stride)
	for i := range query {
		query[i] = int8(i)
	}
	ptrs, out := make([]*byte, batch), make([]int32, batch)
	rng := rand.New(rand.NewPCG(1, 1))
	best := math.Inf(1)
	for range runs {
		start := time.Now()
		for range perRun / batch {
			for i := range ptrs {
				ptrs[i] = &data[stride*rng.IntN(rows)]
			}
			vector.DotU8S8Batch(query, ptrs, out)
		}
		best = math.Min(best, float64(time.Since(start).Nanoseconds())/perRun)
	}
	return best
}

// calibrationSQL is a statement of calibrationRows rows that does a little with each.
const (
	calibrationSQL  = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT count(*), max(i % 7) FROM n"
	calibrationRows = 300
)

// timeRows is the time of one row of calibrationSQL; NaN if it cannot be run.
func timeRows(c host.Conn) float64 {
	st, err := c.Prepare(calibrationSQL)
	if err != nil {
		return math.NaN()
	}
	defer func() { _ = st.Close() }()
	best := math.Inf(1)
	for range 12 {
		start := time.Now()
		ok, err := st.Step()
		if err != nil || !ok || st.Reset() != nil {
			return math.NaN()
		}
		best = math.Min(best, float64(time.Since(start).Nanoseconds())/calibrationRows)
	}
	return best
}
