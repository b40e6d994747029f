// Command ann compares approximate nearest-neighbor search on one machine in
// one run: nearlite through SQL and in memory, hnswlib (C++) and an exact scan.
//
//	go run ./bench/ann -data DIR [-sets glove100,wordnet,synth768]
//
// DIR holds the folders glove100 and wordnet; bench/ann/README.md says where the
// data comes from. Each contestant is a process of its own and they take turns at
// every point of the curve, so that a slow moment of the machine hits them alike.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	var opt options
	var j job
	var sets, names, worker string
	flag.StringVar(&opt.data, "data", "", "folder of the data sets")
	flag.StringVar(&sets, "sets", "glove100,wordnet,synth768", "sets to run")
	flag.StringVar(&names, "contestants", "nearlite-sql,nearlite-mem,hnswlib,exact", "who takes part")
	flag.IntVar(&opt.rows, "rows", 0, "use only the first rows of each set; 0: all")
	flag.StringVar(&opt.out, "out", "bench/results", "folder for results.db and the plots")
	flag.StringVar(&opt.source, "source", "bench/ann", "folder of this program's source, for the C++ harness")
	flag.Float64Var(&opt.seconds, "seconds", 1, "least time for each point of the curve")
	flag.IntVar(&opt.rounds, "rounds", 3, "rounds of each point; the median counts")
	flag.IntVar(&opt.inserts, "inserts", 2000, "single-row commits to time; 0: none")
	flag.BoolVar(&opt.oneThreadBuild, "build1", true, "build on one thread, too")
	flag.IntVar(&j.m, "m", 16, "M")
	flag.IntVar(&j.efc, "ef-construction", 200, "ef_construction")
	flag.IntVar(&j.k, "k", 10, "neighbors wanted, at most 10")
	// For the child processes only.
	flag.StringVar(&worker, "worker", "", "internal: be this contestant")
	flag.StringVar(&j.base, "base", "", "internal: file of vectors")
	flag.StringVar(&j.queries, "queries", "", "internal: file of queries")
	flag.IntVar(&j.dims, "dims", 0, "internal: dimensions")
	flag.StringVar(&j.metric, "metric", "", "internal: metric")
	flag.Parse()

	var err error
	if worker != "" {
		err = runWorker(worker, j)
	} else {
		opt.sets, opt.contestants = strings.Split(sets, ","), strings.Split(names, ",")
		err = run(opt, j)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ann:", err)
		os.Exit(1)
	}
}

// runWorker serves one contestant until standard input ends.
func runWorker(name string, j job) error {
	j.quantize = contestants[name]
	var c contestant
	var asks int
	var err error
	switch {
	case strings.HasPrefix(name, "nearlite-sql"):
		c, asks, err = newThroughSQL(j)
	case strings.HasPrefix(name, "nearlite-mem"):
		c, asks, err = newInMemory(j)
	case name == "exact":
		c, asks, err = newExactScan(j)
	default:
		err = fmt.Errorf("unknown contestant %q", name)
	}
	if err != nil {
		return err
	}
	return work(c, j, asks)
}

// run measures every set and writes what it found.
func run(opt options, j job) (err error) {
	if opt.data == "" {
		return fmt.Errorf("-data is missing: the folder that holds %s", strings.Join(opt.sets, ", "))
	}
	if j.k < 1 || j.k > truthDepth {
		return fmt.Errorf("-k is %d, want 1 to %d", j.k, truthDepth)
	}
	for _, name := range opt.contestants {
		if _, ok := contestants[name]; !ok {
			return fmt.Errorf("unknown contestant %q", name)
		}
	}
	if err := os.MkdirAll(opt.out, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "nearlite-ann")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	harness := ""
	if slices.Contains(opt.contestants, "hnswlib") {
		if harness, err = buildHarness(opt.source, tmp); err != nil {
			return err
		}
	}
	store, err := openResults(filepath.Join(opt.out, "results.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.close()) }()
	for _, set := range opt.sets {
		d, err := loadDataset(opt.data, set, opt.rows)
		if err != nil {
			return err
		}
		r, err := runSet(opt, j, d, tmp, harness)
		if err != nil {
			return err
		}
		r.print(os.Stdout)
		if err := store.add(r); err != nil {
			return err
		}
		if err := r.plot(filepath.Join(opt.out, "recall-qps-"+set+".svg")); err != nil {
			return err
		}
	}
	return nil
}
