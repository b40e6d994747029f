package hnsw

import (
	"math"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// powerLaw is n candidates at near·(rank/10)^exponent.
func powerLaw(n int, near, exponent float64) []candidate {
	list := make([]candidate, n)
	for i := range list {
		list[i] = candidate{float32(near * math.Pow(float64(i+1)/nearRank, exponent)), uint32(i)}
	}
	return list
}

func TestGrowthIsThatOfThePowerLaw(t *testing.T) {
	g := newGeometry(Params{Dims: 8, Metric: vector.Cosine, M: 16, Quantize: Int8})
	s := sampleOf(g, powerLaw(200, 0.3, 0.12))
	x := mean([]sample{s, {}, s})
	if math.Abs(float64(x.near)-0.3) > 1e-5 || math.Abs(float64(x.exponent)-0.12) > 1e-5 {
		t.Fatalf("got %v, want 0.3 and 0.12", x)
	}
	for range 2000 { // forgets what rows were like long ago
		x.learn(sampleOf(g, powerLaw(100, 0.2, 0.2)), 0.01)
	}
	if math.Abs(float64(x.near)-0.2) > 1e-4 || math.Abs(float64(x.exponent)-0.2) > 1e-4 {
		t.Fatalf("got %v, want 0.2 and 0.2", x)
	}
	if got, want := x.nearAt(40)*(1+x.slack(40, 160)), x.nearAt(160); math.Abs(float64(got-want)) > 1e-5 {
		t.Errorf("the bound for an average query is %g, want the distance of rank ef, %g", got, want)
	}
}

func TestGrowthOfOddNeighbors(t *testing.T) {
	g := newGeometry(Params{Dims: 8, Metric: vector.L2, M: 16, Quantize: Int8})
	dot := newGeometry(Params{Dims: 8, Metric: vector.InnerProduct, M: 16, Quantize: Int8})
	for name, s := range map[string]sample{
		"few":          sampleOf(g, powerLaw(growthRanks-1, 1, 1)),
		"equal":        sampleOf(g, make([]candidate, 200)),
		"dot":          sampleOf(dot, powerLaw(200, 1, 1)),
		"huge":         sampleOf(g, powerLaw(200, math.MaxFloat32, 0.1)),
		"not a number": sampleOf(g, powerLaw(200, math.NaN(), 1)),
	} {
		if s.ok {
			t.Errorf("%s: got %v, want nothing", name, s)
		}
	}
	var x growth
	x.learn(sample{400, 1, true}, 1)
	if x != (growth{}) {
		t.Errorf("got %v for a distance beyond float32, want nothing", x)
	}
	if s := x.slack(10, 100); s != 0 {
		t.Errorf("unknown growth has slack %g", s)
	}
}

// A pool that follows a distance keeps what a sorted list of everything would show
// up to the bound, and says so when it left something out.
func TestPoolFollows(t *testing.T) {
	var p pool
	p.reset(1000)
	p.follow(10, 0.5, 0.2)
	for i := range 200 {
		p.add(1-float32(i*7%200)/400, uint32(i))
	}
	bound := p.items[9].dist + 0.2*0.5
	for n := 0; ; n++ {
		c, ok := p.next()
		if !ok {
			if n == 0 || p.items[n].dist <= bound {
				t.Errorf("stopped after %d, at %g, bound %g", n, p.items[n].dist, bound)
			}
			break
		}
		if c.dist > bound {
			t.Errorf("expanded %g, bound %g", c.dist, bound)
		}
	}
	if !p.cut {
		t.Error("nothing is said to be left out")
	}
}
