package planner

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Method is a way to join two ranked lists.
type Method string

// The fusion methods.
const (
	// Auto weighs the legs query by query without any label; see fuseAuto.
	Auto Method = "auto"
	// RRF is reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): the sum of
	// weight / (RankConstant + rank), ranks from 1.
	RRF Method = "rrf"
	// Convex is a weighted sum of normalized scores (Bruch, Gai and Ingber 2023).
	Convex Method = "convex"
	// DBSF is distribution-based score fusion: each leg's scores are mapped so that
	// mean ± 3 standard deviations become 0 and 1, clipped, and added.
	DBSF Method = "dbsf"
)

// Methods lists the fusion methods.
func Methods() []Method { return []Method{Auto, RRF, Convex, DBSF} }

// Normalization maps the scores of a leg to a common scale for Convex.
type Normalization string

// The normalizations.
const (
	// MinMax maps the least and the greatest score of the leg's list to 0 and 1.
	MinMax Normalization = "min-max"
	// TheoreticalMin maps the least score the leg's function can give to 0, and the
	// greatest of the list to 1: the last row of a list keeps what it deserves.
	TheoreticalMin Normalization = "theoretical-min"
)

// Defaults of FuseOptions.
const (
	DefaultRankConstant = 60
	// DefaultConvexWeight is the vector leg's weight under Convex.
	DefaultConvexWeight = 0.3
)

// Item is one row of a leg. Larger scores are better.
type Item struct {
	RowID int64
	Score float64
}

// Leg is one ranked list, best row first.
type Leg struct {
	Items []Item
	// Known holds scores of rows that are not in Items but are known all the same,
	// because they were computed for the other leg's rows. Such a row has a score
	// in this leg but no rank. In any order; may be nil.
	Known []Item
	// Complete says that Items holds every row that has a score: the list ended by
	// itself, not at the depth asked for.
	Complete bool
	// Least is the least score this leg's function can give, or NaN or -Inf when
	// there is none.
	Least float64
}

// FuseOptions steers Fuse. The zero value is the default: Auto.
type FuseOptions struct {
	Method Method
	// Weight of the vector leg, 0 to 1; the lexical leg has the rest. Used when
	// HasWeight is set; otherwise each method has its own default: Auto derives it
	// from the lists, Convex takes 0.3, RRF and DBSF treat both legs alike.
	Weight    float64
	HasWeight bool
	// RankConstant of RRF; 0 means 60.
	RankConstant float64
	// Normalize for Convex; "" means MinMax.
	Normalize Normalization
}

// Fused is a row of the joined list.
type Fused struct {
	RowID int64
	Score float64
	// LexicalRank and VectorRank count from 1; 0: the row is not in that list.
	LexicalRank, VectorRank int
	// LexicalScore and VectorScore are the legs' own scores, NaN when unknown.
	LexicalScore, VectorScore float64
}

// Fusion describes how Fuse worked.
type Fusion struct {
	Method Method
	Weight float64 // of the vector leg, as used
	// Open says, for Auto, that a row of neither list could be among the Keep best: deeper
	// lists might change them.
	Open bool
	// Support is, for Auto, what the lexical leg thinks of the vector leg's best
	// rows, 0 to about 1.
	Support float64
}

// Fuse joins a lexical and a vector leg and returns the rows of both, best first,
// ties by rowid. When one leg is empty the result is the other leg in its order.
//
// Errors: an unknown method or normalization, a weight outside 0..1, a negative
// rank constant.
func Fuse(lexical, vector Leg, opt FuseOptions) ([]Fused, Fusion, error) {
	return new(Fuser).Fuse(lexical, vector, opt)
}

// Fuser is Fuse with memory that is used again: the rows it returns are overwritten by
// the next call. Not for concurrent use.
type Fuser struct {
	// Keep bounds the rows returned, the best ones; 0: all.
	Keep int

	rows  union
	alone []int
	out   []Fused
	keys  []fusedKey
	// Scores of both legs as fuseAuto sees them: assumed where nobody knows them.
	lexical, vector []float64
}

// Count is the number of rows of the last union of legs.
func (f *Fuser) Count() int { return len(f.rows.ids) }

// Fuse is the function of that name.
func (f *Fuser) Fuse(lexical, vector Leg, opt FuseOptions) ([]Fused, Fusion, error) {
	f.Join(lexical.Items, vector.Items)
	return f.Joined(lexical, vector, opt)
}

// Join is the first part of Fuse. It returns the places in the lexical list of the rows
// that the vector leg did not find, in order: their vector scores can be Known by the
// time that Joined is called. The result is valid until the next call.
func (f *Fuser) Join(lexical, vector []Item) []int {
	f.alone = f.rows.join(lexical, vector, f.alone[:0])
	return f.alone
}

// Joined is the second part of Fuse, of the lists that Join was called with.
func (f *Fuser) Joined(lexical, vector Leg, opt FuseOptions) ([]Fused, Fusion, error) {
	if opt.Method == "" {
		opt.Method = Auto
	}
	info := Fusion{Method: opt.Method, Weight: opt.Weight}
	if err := opt.validate(); err != nil {
		return nil, info, err
	}
	u := &f.rows
	u.know(lexical.Known, vector.Known)
	switch {
	case len(lexical.Items) == 0:
		info.Weight = 1
		copy(u.score, u.vector)
	case len(vector.Items) == 0:
		info.Weight = 0
		copy(u.score, u.lexical)
	case opt.Method == RRF:
		info.Weight = u.fuseRRF(opt)
	case opt.Method == Convex:
		info.Weight = u.fuseConvex(lexical, vector, opt)
	case opt.Method == DBSF:
		info.Weight = u.fuseDBSF(lexical, vector, opt)
	default:
		var bound float64
		info.Weight, info.Support, bound = f.fuseAuto(lexical, vector, opt)
		best := f.best()
		info.Open = f.Keep > 0 && (len(best) < f.Keep || best[f.Keep-1].Score < bound) && !(lexical.Complete && vector.Complete)
		return best, info, nil
	}
	return f.best(), info, nil
}

// fusedKey orders a row. Keys are sorted in place of the rows, which are wide.
type fusedKey struct {
	score float64
	rowid int64
	at    int
}

func compareFused(a, b fusedKey) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c // one of them is no number
	}
	return cmp.Compare(a.rowid, b.rowid)
}

// best orders the rows and keeps the best.
func (f *Fuser) best() []Fused {
	keys := f.keys[:0]
	u := &f.rows
	keep := f.Keep
	if keep <= 0 || keep > len(u.ids) {
		keep = len(u.ids)
	}
	if keep > 32 {
		for i, id := range u.ids {
			keys = append(keys, fusedKey{u.score[i], id, i})
		}
		slices.SortFunc(keys, compareFused)
		keys = keys[:keep]
	} else {
		for i, id := range u.ids {
			k := fusedKey{u.score[i], id, i}
			n := len(keys)
			switch {
			case n < keep:
				keys = append(keys, k)
			case n > 0 && compareFused(k, keys[n-1]) < 0:
				n--
			default:
				continue
			}
			for n > 0 && compareFused(k, keys[n-1]) < 0 {
				keys[n] = keys[n-1]
				n--
			}
			keys[n] = k
		}
	}
	out := f.out[:0]
	for _, k := range keys {
		out = append(out, u.row(k.at))
	}
	f.keys, f.out = keys, out
	return out
}

func (o FuseOptions) validate() error {
	if !slices.Contains(Methods(), o.Method) {
		return fmt.Errorf("fusion is %q, want one of auto, rrf, convex, dbsf", o.Method)
	}
	switch o.Normalize {
	case "", MinMax, TheoreticalMin:
	default:
		return fmt.Errorf("normalize is %q, want one of min-max, theoretical-min", o.Normalize)
	}
	if o.HasWeight && !(o.Weight >= 0 && o.Weight <= 1) {
		return fmt.Errorf("weight is %v, want a number from 0 to 1", o.Weight)
	}
	if !(o.RankConstant >= 0) || math.IsInf(o.RankConstant, 0) {
		return fmt.Errorf("rank_constant is %v, want a number from 0 up", o.RankConstant)
	}
	return nil
}

func (u *union) fuseRRF(opt FuseOptions) (weight float64) {
	k := opt.RankConstant
	if k == 0 {
		k = DefaultRankConstant
	}
	weight = 0.5
	if opt.HasWeight {
		weight = opt.Weight
	}
	// Weights of 2(1-w) and 2w: without a choice both are 1, the published form.
	for i := range u.score {
		s := 0.0
		if r := u.lexicalRank[i]; r > 0 {
			s += 2 * (1 - weight) / (k + float64(r))
		}
		if r := u.vectorRank[i]; r > 0 {
			s += 2 * weight / (k + float64(r))
		}
		u.score[i] = s
	}
	return weight
}

// fuseConvex adds normalized scores. A row that is missing from a list counts 0
// there, as in the published form, even when its score is known.
func (u *union) fuseConvex(lexical, vector Leg, opt FuseOptions) (weight float64) {
	weight = DefaultConvexWeight
	if opt.HasWeight {
		weight = opt.Weight
	}
	lex, vec := scale(lexical, opt.Normalize), scale(vector, opt.Normalize)
	for i := range u.score {
		s := 0.0
		if u.lexicalRank[i] > 0 {
			s += (1 - weight) * lex(u.lexical[i])
		}
		if u.vectorRank[i] > 0 {
			s += weight * vec(u.vector[i])
		}
		u.score[i] = s
	}
	return weight
}

// scale returns the map of a leg's scores to 0..1. A list of one score maps to 1.
func scale(l Leg, n Normalization) func(float64) float64 {
	best, least := l.Items[0].Score, l.Items[len(l.Items)-1].Score
	if n == TheoreticalMin && !math.IsNaN(l.Least) && !math.IsInf(l.Least, 0) {
		least = l.Least
	}
	if span := best - least; span > 0 && !math.IsInf(span, 0) {
		return func(s float64) float64 { return (s - least) / span }
	}
	return func(float64) float64 { return 1 }
}

func (u *union) fuseDBSF(lexical, vector Leg, opt FuseOptions) (weight float64) {
	weight = 0.5
	if opt.HasWeight {
		weight = opt.Weight
	}
	lm, ls := momentsOf(lexical.Items)
	vm, vs := momentsOf(vector.Items)
	norm := func(s, mean, sd float64) float64 {
		if sd == 0 {
			return 0.5
		}
		return math.Min(1, math.Max(0, (s-mean)/(6*sd)+0.5))
	}
	for i := range u.score {
		s := 0.0
		if u.lexicalRank[i] > 0 {
			s += 2 * (1 - weight) * norm(u.lexical[i], lm, ls)
		}
		if u.vectorRank[i] > 0 {
			s += 2 * weight * norm(u.vector[i], vm, vs)
		}
		u.score[i] = s
	}
	return weight
}

// Constants of fuseAuto, chosen on 22 settings of four judged collections; the
// neighborhood is flat, see docs/hybrid.md.
const (
	supportDepth  = 10   // best rows of the vector leg that are asked about
	leastWeight   = 0.15 // of the vector leg, when the text leg knows none of its rows
	supportWeight = 0.3  // what full support adds
	missingText   = 0.75 // score assumed of rows below the text list's end, times its last
)

// fuseAuto is the default. It does two things that the published methods do not,
// found by the study in docs/hybrid.md:
//
//  1. It uses both scores of every row. A row that one leg found has a score in
//     the other leg too; it was only below the depth. The vector leg's is computed
//     (Leg.Known). A missing text score is 0 when the text list is complete, else
//     3/4 of the list's last score. Then each leg's scores over the union are
//     standardized (mean 0, deviation 1) and added with weights.
//
//  2. It derives the vector leg's weight from the query: 0.15 + 0.3 · support, the
//     support being the mean text score of the vector leg's ten best rows over that
//     of the text leg's ten best. Rows chosen by a weak encoder have little of the
//     query's words (support 0.3 to 0.5); where the encoder is as good as the words
//     are, the lists agree (0.75 to 0.95). A weight given by the user replaces this.
//
// No row outside of the lists has a score above bound: in neither leg is it better than
// the last row of the list.
func (f *Fuser) fuseAuto(lexical, vector Leg, opt FuseOptions) (weight, support, bound float64) {
	u := &f.rows
	floor := lexicalFloor(lexical)
	assumed := floor
	if !lexical.Complete {
		assumed = floor + missingText*(lexical.Items[len(lexical.Items)-1].Score-floor)
	}
	last := vector.Items[len(vector.Items)-1].Score // also what rows without a vector get
	f.lexical = fill(f.lexical[:0], u.lexical, assumed)
	f.vector = fill(f.vector[:0], u.vector, last)
	support = f.support(lexical)
	weight = leastWeight + supportWeight*support
	if opt.HasWeight {
		weight = opt.Weight
	}
	lm, vm, ls, vs := moments(f.lexical, f.vector)
	for i, l := range f.lexical {
		u.score[i] = (1-weight)*standard(l, lm, ls) + weight*standard(f.vector[i], vm, vs)
	}
	if !lexical.Complete {
		floor = lexical.Items[len(lexical.Items)-1].Score
	} // else a row of neither list has none of the words
	bound = (1-weight)*standard(floor, lm, ls) + weight*standard(last, vm, vs)
	return weight, support, bound
}

// lexicalFloor is the score of a row without any of the words.
func lexicalFloor(lexical Leg) float64 {
	if math.IsNaN(lexical.Least) || math.IsInf(lexical.Least, 0) {
		return 0
	}
	return lexical.Least
}

// fill appends scores to dst, with an assumed one for each that is unknown.
func fill(dst, scores []float64, assumed float64) []float64 {
	for _, s := range scores {
		if s != s {
			s = assumed
		}
		dst = append(dst, s)
	}
	return dst
}

// support is the mean text score of the vector leg's best rows over the mean text
// score of the text leg's best, between 0 and 1.
func (f *Fuser) support(lexical Leg) float64 {
	var of, own float64
	var n int
	for i, r := range f.rows.vectorRank {
		if r >= 1 && r <= supportDepth {
			of += f.lexical[i]
			n++
		}
	}
	best := lexical.Items[:min(supportDepth, len(lexical.Items))]
	for _, it := range best {
		own += it.Score
	}
	of /= float64(n)
	own /= float64(len(best))
	if !(own > 0) || !(of > 0) {
		return 0
	}
	return math.Min(1, of/own)
}

// moments returns means and standard deviations of two lists of equal length, which
// has a row at least: one sum waits for its last addition while the other adds.
func moments(a, b []float64) (meanA, meanB, sdA, sdB float64) {
	b = b[:len(a)]
	for i, x := range a {
		meanA += x
		meanB += b[i]
	}
	n := float64(len(a))
	meanA /= n
	meanB /= n
	for i, x := range a {
		d, e := x-meanA, b[i]-meanB
		sdA += d * d
		sdB += e * e
	}
	return meanA, meanB, math.Sqrt(sdA / n), math.Sqrt(sdB / n)
}

// momentsOf returns mean and standard deviation of a list's scores.
func momentsOf(items []Item) (mean, sd float64) {
	for _, it := range items {
		mean += it.Score
	}
	mean /= float64(len(items))
	for _, it := range items {
		d := it.Score - mean
		sd += d * d
	}
	return mean, math.Sqrt(sd / float64(len(items)))
}

func standard(x, mean, sd float64) float64 {
	if sd == 0 || math.IsNaN(sd) || math.IsInf(sd, 0) {
		return 0
	}
	return (x - mean) / sd
}
