package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

type options struct {
	data, out, source string
	sets, contestants []string
	rows, rounds      int
	inserts           int
	seconds           float64
	oneThreadBuild    bool
}

// efs are the points of the curve.
var efs = []int{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}

// point is one measured point of a curve.
type point struct {
	ef, threads           int
	recall, qps, p50, p99 float64
}

// entry is all that was measured of one contestant.
type entry struct {
	name           string
	build1, build2 float64 // seconds
	bytes, peakKiB int64
	points         []point
	first          answer
	inserts        answer
}

// result is one set's run.
type result struct {
	set       *dataset
	m, efc, k int
	rounds    int
	entries   []*entry
	rawBytes  int64
	bitBytes  int64 // of an index with quantize=bit
}

func runSet(opt options, j job, d *dataset, tmp, harness string) (*result, error) {
	j.dims, j.metric = d.dims, d.metric
	j.base = filepath.Join(tmp, d.name+".base")
	j.queries = filepath.Join(tmp, d.name+".queries")
	if err := writeRaw(j.base, d.base); err != nil {
		return nil, err
	}
	if err := writeRaw(j.queries, d.queries); err != nil {
		return nil, err
	}
	r := &result{set: d, m: j.m, efc: j.efc, k: j.k, rounds: opt.rounds, rawBytes: int64(4 * len(d.base))}
	var children []*child
	defer func() {
		for _, c := range children {
			_ = c.close()
		}
	}()
	for _, name := range opt.contestants {
		c, err := start(name, harness, j)
		if err != nil {
			return nil, err
		}
		children = append(children, c)
		e := &entry{name: name}
		r.entries = append(r.entries, e)
		if opt.oneThreadBuild && name != "exact" {
			a, err := c.ask("build 1")
			if err != nil {
				return nil, err
			}
			e.build1 = a.Seconds
		}
		a, err := c.ask("build 2")
		if err != nil {
			return nil, err
		}
		e.build2, e.bytes, e.peakKiB = a.Seconds, a.Bytes, a.PeakKiB
		fmt.Fprintf(os.Stderr, "%s: %s built in %.1f s (one thread %.1f s)\n", d.name, name, e.build2, e.build1)
	}
	for _, threads := range []int{1, 2} {
		for _, ef := range efs {
			if ef < j.k {
				continue
			}
			if err := runPoint(opt, r, children, d, tmp, ef, threads); err != nil {
				return nil, err
			}
		}
	}
	return r, runRest(opt, j, r, children, harness)
}

// runPoint lets the contestants take turns at one ef; the median round counts.
func runPoint(opt options, r *result, children []*child, d *dataset, tmp string, ef, threads int) error {
	samples := make([][]point, len(children))
	for range opt.rounds {
		for i, c := range children {
			if c.name == "exact" && ef != efs[0] {
				continue
			}
			file := filepath.Join(tmp, "answers")
			a, err := c.ask("search %d %d %g %s", ef, threads, opt.seconds, file)
			if err != nil {
				return err
			}
			p := point{ef: ef, threads: threads, qps: a.QPS, p50: a.P50, p99: a.P99}
			if p.recall, err = recall(d, file, r.k); err != nil {
				return err
			}
			samples[i] = append(samples[i], p)
			r.entries[i].peakKiB = max(r.entries[i].peakKiB, a.PeakKiB)
		}
	}
	for i, s := range samples {
		if len(s) > 0 {
			slices.SortFunc(s, func(a, b point) int { return int(a.qps - b.qps) })
			r.entries[i].points = append(r.entries[i].points, s[len(s)/2])
		}
	}
	return nil
}

// runRest measures what only contestants in a database file have: the first
// answer of a fresh process, and single-row commits.
func runRest(opt options, j job, r *result, children []*child, harness string) error {
	for i, c := range children {
		if c.name != "nearlite-sql" && c.name != "nearlite-sql-bit" && c.name != "nearlite-sql-none" {
			continue
		}
		fresh, err := start(c.name, harness, j)
		if err != nil {
			return err
		}
		r.entries[i].first, err = fresh.ask("first")
		if err := fresh.close(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if opt.inserts > 0 {
			if r.entries[i].inserts, err = c.ask("insert %d", opt.inserts); err != nil {
				return err
			}
		}
	}
	if r.set.dims < 512 || !slices.Contains(opt.contestants, "nearlite-sql") {
		return nil
	}
	// Signs alone are enough where vectors are long: how small is such an index?
	bit, err := start("nearlite-sql-bit", harness, j)
	if err != nil {
		return err
	}
	a, err := bit.ask("build 2")
	r.bitBytes = a.Bytes
	return errors.Join(err, bit.close())
}
