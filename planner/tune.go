package planner

import (
	"context"
	"math"
	"slices"
)

// Judged is a query whose answers are known, with what the two legs say.
type Judged struct {
	// Lexical and Vector are the legs. Vector.Known holds the scores of the lexical
	// leg's other rows, which Auto uses.
	Lexical, Vector Leg
	// Grades are the rows that answer the query and how well they do: above 0.
	Grades map[int64]float64
}

// Tuning is what Tune found.
type Tuning struct {
	// Options are the best on all queries; Auto's own when nothing is better.
	Options FuseOptions
	// Before is the mean nDCG@10 with the options in force.
	Before float64
	// After is what the search for options is worth on queries that it has not seen:
	// the mean nDCG@10 of each query under the options that are best on the other
	// folds. It says how Options will do; Fitted is more than that.
	After float64
	// Fitted is the mean nDCG@10 of Options on the queries they were chosen by.
	Fitted float64
	// Folds of the cross-validation, Tried ways to fuse.
	Folds, Tried int
}

// Bounds of Tune.
const (
	// MinJudged is how many judged queries tell anything.
	MinJudged = 5
	tuneFolds = 5
	tuneSteps = 20 // weights from 0 to 1
	tuneDepth = 10 // of nDCG
)

// Tune looks for the method, weight and normalization that put the best rows first,
// among all methods with weights in steps of 0.05. Query i belongs to fold i modulo 5.
//
// The score of a weight is averaged with its neighbors': what is good at one weight
// alone is good by luck.
//
// Errors: those of Fuse, and ctx.Err(). judged must hold at least MinJudged queries.
func Tune(ctx context.Context, judged []Judged, now FuseOptions) (Tuning, error) {
	families := tuneCandidates()
	var options []FuseOptions
	var scores [][]float64 // by candidate, by query
	var bounds []int       // first candidate of each family, and the end
	for _, family := range families {
		bounds = append(bounds, len(options))
		for _, o := range family {
			s, err := judge(ctx, judged, o)
			if err != nil {
				return Tuning{}, err
			}
			options, scores = append(options, o), append(scores, s)
		}
	}
	bounds = append(bounds, len(options))
	before, err := judge(ctx, judged, now)
	if err != nil {
		return Tuning{}, err
	}
	t := Tuning{Folds: min(tuneFolds, len(judged)), Tried: len(options), Before: meanOf(before, nil)}
	for fold := range t.Folds {
		best := bestCandidate(scores, bounds, func(q int) bool { return q%t.Folds != fold })
		for q := fold; q < len(judged); q += t.Folds {
			t.After += scores[best][q] / float64(len(judged))
		}
	}
	best := bestCandidate(scores, bounds, nil)
	if t.After <= meanOf(scores[0], nil) {
		best = 0 // what was learned is worth nothing on other queries
	}
	t.Options, t.Fitted = options[best], meanOf(scores[best], nil)
	if best == 0 {
		t.After = t.Fitted // nothing was fitted
	}
	return t, nil
}

// tuneCandidates lists what is tried, weights of a family in order. The first is Auto,
// which wins ties.
func tuneCandidates() [][]FuseOptions {
	families := [][]FuseOptions{{{Method: Auto}}}
	for _, o := range []FuseOptions{
		{Method: Auto}, {Method: Convex, Normalize: MinMax}, {Method: Convex, Normalize: TheoreticalMin}, {Method: DBSF}, {Method: RRF},
	} {
		var family []FuseOptions
		for i := range tuneSteps + 1 {
			o.HasWeight, o.Weight = true, float64(i)/tuneSteps
			family = append(family, o)
		}
		families = append(families, family)
	}
	return families
}

// judge returns the nDCG@10 of each query.
func judge(ctx context.Context, judged []Judged, o FuseOptions) ([]float64, error) {
	out := make([]float64, len(judged))
	for i, j := range judged {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows, _, err := Fuse(j.Lexical, j.Vector, o)
		if err != nil {
			return nil, err
		}
		out[i] = NDCG(len(rows), func(i int) int64 { return rows[i].RowID }, j.Grades, tuneDepth)
	}
	return out, nil
}

// bestCandidate is the candidate with the best mean over the queries that in allows
// (nil: all); the first of equal ones.
func bestCandidate(scores [][]float64, bounds []int, in func(q int) bool) int {
	means := make([]float64, len(scores))
	for c := range scores {
		means[c] = meanOf(scores[c], in)
	}
	best, top := 0, math.Inf(-1)
	for f := range len(bounds) - 1 {
		from, to := bounds[f], bounds[f+1]
		for c := from; c < to; c++ {
			smooth := (means[max(c-1, from)] + 2*means[c] + means[min(c+1, to-1)]) / 4
			if smooth > top+1e-12 {
				best, top = c, smooth
			}
		}
	}
	return best
}

func meanOf(scores []float64, in func(q int) bool) float64 {
	sum, n := 0.0, 0
	for q, s := range scores {
		if in == nil || in(q) {
			sum += s
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// NDCG is the normalized discounted cumulative gain of the first k of n rows (Järvelin
// and Kekäläinen 2002), with the grades as gains: 1 when the best rows come first in
// order of their grades, 0 when none is there, or none exists.
func NDCG(n int, row func(i int) int64, grades map[int64]float64, k int) float64 {
	discount := func(i int) float64 { return 1 / math.Log2(float64(i)+2) }
	var got, ideal float64
	for i := range min(n, k) {
		got += grades[row(i)] * discount(i)
	}
	best := make([]float64, 0, len(grades))
	for _, g := range grades {
		best = append(best, g)
	}
	slices.Sort(best)
	slices.Reverse(best)
	for i := range min(len(best), k) {
		ideal += best[i] * discount(i)
	}
	if !(ideal > 0) {
		return 0
	}
	return got / ideal
}
