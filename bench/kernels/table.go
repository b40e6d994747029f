package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// result is one measured cell.
type result struct {
	entry
	dims  int
	place string
	times []float64 // ns per row, by round
}

// table prints one Markdown table per setting: a line per kernel and
// implementation, a column per number of dimensions, in each cell
// nanoseconds per row and the GB of rows read per second.
func table(w io.Writer, cells []result, dims []int) {
	for _, place := range []string{"L1", "memory"} {
		fmt.Fprintf(w, "\n%s: ns/row (GB/s)\n\n| kernel | impl |", map[string]string{"L1": "Rows in the first-level cache", "memory": "Random rows from memory"}[place])
		for _, d := range dims {
			fmt.Fprintf(w, " %d |", d)
		}
		fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("--:|", len(dims)))
		type line struct{ kernel, impl string }
		var lines []line
		for _, c := range cells {
			if l := (line{c.kernel, c.impl}); !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
		slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.kernel, b.kernel) })
		for _, l := range lines {
			fmt.Fprintf(w, "| %s | %s |", l.kernel, l.impl)
			for _, d := range dims {
				c := find(cells, l.kernel, l.impl, place, d)
				ns := median(c.times)
				fmt.Fprintf(w, " %.1f (%.0f) |", ns, float64(c.rowBytes)/ns)
			}
			fmt.Fprintln(w)
		}
	}
}

func find(cells []result, kernel, impl, place string, dims int) *result {
	for i := range cells {
		if c := &cells[i]; c.kernel == kernel && c.impl == impl && c.place == place && c.dims == dims {
			return c
		}
	}
	return nil
}

// ratios prints how many times faster the hot kernels are than vek's Dot, one
// row after the other, and than plain Go.
func ratios(w io.Writer, cells []result) {
	type pair struct{ kernel, impl, base, baseImpl string }
	var pairs []pair
	one := "f32 dot, one by one"
	for _, impl := range []string{"avx2", "avx512"} {
		for _, k := range []string{one, "f32 dot, batch", "int8 query·code, batch"} {
			pairs = append(pairs, pair{k, impl, one, "vek"})
		}
	}
	for _, impl := range []string{"avx2", "avx512", "neon"} {
		for _, k := range []string{"f32 dot, batch", "f32 l2², batch", "f16 dot, batch", "int8 query·code, batch", "1-bit Hamming, batch"} {
			pairs = append(pairs, pair{k, impl, k, "go"})
		}
	}
	fmt.Fprint(w, "\nTimes faster (median of the rounds)\n\n| kernel | than | dims | L1 | memory |\n|---|---|--:|--:|--:|\n")
	var dims []int
	for _, c := range cells {
		if !slices.Contains(dims, c.dims) {
			dims = append(dims, c.dims)
		}
	}
	for _, p := range pairs {
		for _, d := range dims {
			if d != 768 && len(dims) > 1 && slices.Contains(dims, 768) {
				continue
			}
			a, b := find(cells, p.kernel, p.impl, "L1", d), find(cells, p.base, p.baseImpl, "L1", d)
			if a == nil || b == nil {
				continue
			}
			c, e := find(cells, p.kernel, p.impl, "memory", d), find(cells, p.base, p.baseImpl, "memory", d)
			fmt.Fprintf(w, "| %s, %s | %s %s | %d | %.1f | %.1f |\n", p.kernel, p.impl, p.baseImpl, p.base, d,
				medianRatio(b.times, a.times), medianRatio(e.times, c.times))
		}
	}
}
