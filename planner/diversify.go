package planner

// Diversify reorders the first k of n rows by maximal marginal relevance
// (Carbonell and Goldstein 1998): each next row is the one with the greatest
//
//	lambda · relevance(i) − (1 − lambda) · max over chosen j of similarity(i, j)
//
// It returns indices into the n rows. lambda 1 keeps the order, 0 looks for
// difference alone. relevance has to be on similarity's scale, 0 to 1. Equal values
// go to the row that came first. Cost: about k·n similarities.
func Diversify(n, k int, lambda float64, relevance func(i int) float64, similarity func(i, j int) float64) []int {
	k = min(k, n)
	out := make([]int, 0, k)
	taken := make([]bool, n)
	nearest := make([]float64, n) // greatest similarity to a chosen row
	for len(out) < k {
		best, bestValue := -1, 0.0
		for i := range n {
			if taken[i] {
				continue
			}
			v := lambda * relevance(i)
			if len(out) > 0 {
				v -= (1 - lambda) * nearest[i]
			}
			if best < 0 || v > bestValue {
				best, bestValue = i, v
			}
		}
		taken[best] = true
		for i := range n {
			if taken[i] {
				continue
			}
			if s := similarity(i, best); len(out) == 0 || s > nearest[i] {
				nearest[i] = s
			}
		}
		out = append(out, best)
	}
	return out
}

// Group keeps at most limit rows of each group among n rows in their order, and at
// most k in all. key names the group of row i. It returns indices, and whether all
// n rows were looked at without finding k: more rows could then add to the result.
func Group(n, k, limit int, key func(i int) string) (kept []int, short bool) {
	count := map[string]int{}
	for i := range n {
		if len(kept) == k {
			return kept, false
		}
		g := key(i)
		if count[g] < limit {
			count[g]++
			kept = append(kept, i)
		}
	}
	return kept, len(kept) < k
}
