package lexical

// A phrase is a list of slots, each with the positions of its words in one
// document and its distance from the slot before. A path through the slots costs
// the sum of the steps' displacements; a phrase with slop s matches along paths of
// cost s or less. The cheapest path to every position is found slot by slot, so
// that the work grows with positions times slop, however often words repeat.

// unreachable is a cost above any slop.
const unreachable = 1 << 30

// pathCosts returns, for the positions of one slot, the least cost of a path to
// them from the positions of the slot before, whose least costs are given. step is
// the distance at which the slot follows; it is negative when walking backwards.
// Positions ascend. It reports whether any position can be reached within slop.
func pathCosts(prev []uint64, costs []int, positions []uint64, step int64, slop int, out []int) ([]int, bool) {
	out = out[:0]
	reached := false
	lo := 0
	for _, p := range positions {
		best := unreachable
		for lo < len(prev) && int64(prev[lo])+step < int64(p)-int64(slop) {
			lo++
		}
		for i := lo; i < len(prev) && int64(prev[i])+step <= int64(p)+int64(slop); i++ {
			if prev[i] == p {
				continue // one word cannot fill two slots in a row
			}
			d := int64(prev[i]) + step - int64(p)
			if d < 0 {
				d = -d
			}
			if c := costs[i] + int(d); c < best {
				best = c
			}
		}
		if best > slop {
			best = unreachable
		} else {
			reached = true
		}
		out = append(out, best)
	}
	return out, reached
}

// matchPhrase reports whether some path through the slots costs slop or less.
// at(k) are the positions of slot k.
func matchPhrase(slots int, at func(k int) []uint64, offset func(k int) int, slop int, scratch *[2][]int) bool {
	costs := scratch[0][:0]
	for range at(0) {
		costs = append(costs, 0)
	}
	next := scratch[1]
	reached := len(costs) > 0
	for k := 1; k < slots && reached; k++ {
		next, reached = pathCosts(at(k-1), costs, at(k), int64(offset(k)-offset(k-1)), slop, next)
		costs, next = next, costs
	}
	scratch[0], scratch[1] = costs, next
	return reached
}
