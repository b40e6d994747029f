package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// plot draws recall against queries a second, one thread, as SVG: QPS on a
// logarithmic axis, recall on one that spreads the end (-log10 of what is missed).
func (r *result) plot(file string) error {
	const width, height, left, right, top, bottom = 720, 440, 70, 170, 40, 50
	missed := func(recall float64) float64 { return -math.Log10(max(1-recall, 5e-4)) }
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, e := range r.entries {
		for _, p := range e.points {
			if p.threads == 1 {
				lo, hi = min(lo, p.qps), max(hi, p.qps)
			}
		}
	}
	lo, hi = math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	x := func(recall float64) float64 {
		return left + (width-left-right)*(missed(recall)-missed(0.6))/(missed(1)-missed(0.6))
	}
	y := func(qps float64) float64 { return top + (height-top-bottom)*(hi-math.Log10(qps))/(hi-lo) }

	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="white"/><text x="%d" y="22" font-size="15">%s: %d x %d, one thread, k=%d</text>`+"\n",
		width, height, left, r.set.name, r.set.rows(), r.set.dims, r.k)
	for _, v := range []float64{0.6, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999} {
		fmt.Fprintf(&s, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x(v), top, height-bottom, x(v), height-bottom+16, v)
	}
	for e := lo; e <= hi; e++ {
		fmt.Fprintf(&s, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			left, y(math.Pow(10, e)), width-right, left-6, y(math.Pow(10, e))+4, math.Pow(10, e))
	}
	fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="middle">recall@%d</text><text x="16" y="%d" transform="rotate(-90 16 %d)" text-anchor="middle">queries a second</text>`+"\n",
		(left+width-right)/2, height-12, r.k, height/2, height/2)
	colors := []string{"#1b6ca8", "#d1495b", "#2e933c", "#8d5a97", "#edae49", "#5c677d", "#000000"}
	for i, e := range r.entries {
		color := colors[i%len(colors)]
		var line []string
		for _, p := range e.points {
			if p.threads == 1 && p.recall >= 0.6 {
				line = append(line, fmt.Sprintf("%.1f,%.1f", x(p.recall), y(p.qps)))
				fmt.Fprintf(&s, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.recall), y(p.qps), color)
			}
		}
		fmt.Fprintf(&s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(line, " "), color)
		fmt.Fprintf(&s, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", width-right+12, top+14+18*i, color, e.name)
	}
	s.WriteString("</svg>\n")
	return os.WriteFile(file, []byte(s.String()), 0o644)
}
