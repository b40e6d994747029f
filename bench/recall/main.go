//go:build unix && !darwin

// Command recall measures recall against speed of the hnsw package in memory,
// beside an exact scan, on real vectors.
//
//	go run ./bench/recall -data DIR [-rows N] [-quantize int8] [-ef 16,32,64,128]
//
// DIR holds base.f16.gz or docs.f16.gz, queries.f16.gz and gt_cos.i32.gz
// (exact neighbors), little-endian rows without a header.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nearlite/nearlite/bench/halves"
	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/memstore"
	"github.com/nearlite/nearlite/vector"
)

func main() {
	var c config
	flag.StringVar(&c.dir, "data", "", "folder of the data set")
	flag.IntVar(&c.rows, "rows", 0, "use the first `n` rows only (0 = all)")
	flag.StringVar(&c.quantize, "quantize", "int8", "none, f16, int8 or bit")
	flag.StringVar(&c.efs, "ef", "10,16,24,32,48,64,96,128,192,256", "values of ef_search")
	flag.StringVar(&c.recalls, "recall", "", "recalls to ask for, such as 0.9,0.95,0.99, after the ef_search")
	flag.IntVar(&c.oversample, "oversample", 0, "rows rescored (0 = default)")
	flag.IntVar(&c.m, "m", 16, "links per node")
	flag.IntVar(&c.efc, "efc", 200, "ef_construction")
	flag.StringVar(&c.profile, "cpuprofile", "", "write a CPU profile of the searches to `file`")
	flag.StringVar(&c.buildProfile, "buildprofile", "", "write a CPU profile of the build to `file`")
	flag.IntVar(&c.threads, "threads", 1, "searching threads")
	flag.DurationVar(&c.time, "time", time.Second, "time per measurement")
	flag.BoolVar(&c.insert, "insert", false, "insert row by row instead of building")
	flag.Float64Var(&c.filter, "filter", 0, "search among this `share` of the rows only, chosen at random")
	flag.BoolVar(&c.verdicts, "verdicts", true, "let the search know the filter's verdicts beforehand")
	flag.BoolVar(&c.hint, "hint", true, "tell the search the filter's share")
	flag.IntVar(&c.commits, "commits", 0, "insert the last `n` rows after the build, each in its own transaction")
	flag.IntVar(&c.turnovers, "turnovers", 0, "delete and insert all rows `n` times, in random batches of a tenth, before searching")
	flag.Parse()
	if c.dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "recall:", err)
		os.Exit(1)
	}
}

type config struct {
	dir, quantize, efs, profile, buildProfile string
	recalls                                   string
	rows, oversample, m, efc, threads         int
	turnovers, commits                        int
	time                                      time.Duration
	insert, hint, verdicts                    bool
	filter                                    float64
}

// memory is the base table: row i has rowid i+1.
type memory struct {
	vecs [][]float32
}

// Vector implements hnsw.Vectors.
func (m *memory) Vector(rowid hnsw.RowID, _ []float32) ([]float32, bool, error) {
	if rowid < 1 || int(rowid) > len(m.vecs) {
		return nil, false, nil
	}
	return m.vecs[rowid-1], true, nil
}

func run(c config) error {
	base, queries, truth, err := load(c)
	if err != nil {
		return err
	}
	dims := len(base[0])
	q, err := hnsw.ParseQuantization(c.quantize)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d rows of %d dimensions, %d queries, quantize=%v, kernels %s, %d CPUs, %s\n",
		filepath.Base(c.dir), len(base), dims, len(queries), q, vector.Kernels(), runtime.GOMAXPROCS(0), runtime.Version())

	conn := memstore.New().Conn()
	p := hnsw.Params{Dims: dims, Metric: vector.Cosine, M: c.m, EfConstruction: c.efc, Quantize: q}
	if err := hnsw.Create(conn, p); err != nil {
		return err
	}
	cache := hnsw.NewCache(0)
	table := &memory{base}
	ix, err := hnsw.Open(cache, conn, table)
	if err != nil {
		return err
	}
	if err := fill(c, conn, ix, base); err != nil {
		return err
	}
	st, err := ix.Stats()
	if err != nil {
		return err
	}
	var bytes int64
	for _, n := range st.Bytes {
		bytes += n
	}
	fmt.Printf("levels %v, %d bytes of blocks, %.3f of the raw vectors\n", st.LevelNodes, bytes, float64(bytes)/float64(4*dims*len(base)))

	exact(queries, base)
	if c.profile != "" {
		f, err := os.Create(c.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("%8s %10s %10s %10s %10s %9s %9s %9s %9s\n", "ef", "recall@10", "QPS", "per CPU s", "best", "p50 µs", "p99 µs", "visited", "rescored")
	for _, s := range strings.Split(c.efs, ",") {
		ef, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return err
		}
		if err := measure(c, cache, conn, table, queries, truth, ef); err != nil {
			return err
		}
	}
	for _, s := range strings.Split(c.recalls, ",") {
		if s == "" {
			break
		}
		r, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return err
		}
		ef, err := ix.EfFor(10, r)
		if err != nil {
			return err
		}
		deep, err := ix.EfFor(100, r)
		if err != nil {
			return err
		}
		fmt.Printf("recall %v asked for: ef %d for k = 10, %d for k = 100\n", r, ef, deep)
		if err := measure(c, cache, conn, table, queries, truth, ef); err != nil {
			return err
		}
	}
	if st, err = ix.Stats(); err != nil {
		return err
	}
	fmt.Printf("estimated recall %.4f at ef %d by %d probes, %d rows changed since they were chosen\n", st.EstimatedRecall, st.EfSearch, st.Probes, st.Churn)
	return nil
}

// fill builds the index.
func fill(c config, conn *memstore.Conn, ix *hnsw.Index, base [][]float32) error {
	ctx := context.Background()
	conn.Begin()
	if err := ix.Begin(); err != nil {
		return err
	}
	if c.buildProfile != "" {
		f, err := os.Create(c.buildProfile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	built := base[:len(base)-c.commits]
	start, cpu := time.Now(), cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	if c.insert {
		for i, v := range built {
			if err := ix.Insert(int64(i+1), v); err != nil {
				return err
			}
		}
	} else {
		err := ix.Build(ctx, func(yield func(hnsw.RowID, []float32) error) error {
			for i, v := range built {
				if err := yield(int64(i+1), v); err != nil {
					return err
				}
			}
			return nil
		}, nil)
		if err != nil {
			return err
		}
	}
	graph := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	fmt.Printf("graph in %.2f s, %.2f s of CPU\n", time.Since(start).Seconds(), (graph - cpu).Seconds())
	start = time.Now()
	if err := commit(conn, ix); err != nil {
		return err
	}
	fmt.Printf("probes and commit in %.2f s, %.2f s of CPU\n", time.Since(start).Seconds(), (cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - graph).Seconds())
	if err := single(conn, ix, base, len(built)); err != nil {
		return err
	}
	for n := range c.turnovers {
		if err := turnover(conn, ix, base, uint64(n)); err != nil {
			return err
		}
	}
	return nil
}

func commit(conn *memstore.Conn, ix *hnsw.Index) error {
	if err := ix.Sync(); err != nil {
		return err
	}
	if err := conn.Commit(); err != nil {
		return err
	}
	ix.Commit()
	return nil
}

// single inserts rows, each in its own transaction.
func single(conn *memstore.Conn, ix *hnsw.Index, base [][]float32, from int) error {
	if from == len(base) {
		return nil
	}
	var times []time.Duration
	written := conn.Written
	cpu := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	for i := from; i < len(base); i++ {
		start := time.Now()
		conn.Begin()
		if err := ix.Begin(); err != nil {
			return err
		}
		if err := ix.Insert(int64(i+1), base[i]); err != nil {
			return err
		}
		if err := commit(conn, ix); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	cpu = cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - cpu
	slices.Sort(times)
	n := len(times)
	st, err := ix.Stats()
	if err != nil {
		return err
	}
	fmt.Printf("%d commits: p50 %v, p99 %v, longest %v, %v of CPU each; %d bytes of rows written each, log now %d rows of %d bytes\n", n, times[n/2],
		times[n*99/100], times[n-1], cpu/time.Duration(n), (conn.Written-written)/int64(n), st.LogRows, st.LogBytes/max(1, st.LogRows))
	return nil
}

// turnover deletes and inserts every row once.
func turnover(conn *memstore.Conn, ix *hnsw.Index, base [][]float32, seed uint64) error {
	order := make([]int64, len(base))
	for i := range order {
		order[i] = int64(i + 1)
	}
	key := func(r int64) uint64 { return (uint64(r) + seed<<40) * 0x9e3779b97f4a7c15 >> 20 }
	slices.SortFunc(order, func(a, b int64) int {
		if key(a) < key(b) {
			return -1
		}
		return 1
	})
	start := time.Now()
	for len(order) > 0 {
		batch := order[:min(len(base)/10+1, len(order))]
		order = order[len(batch):]
		conn.Begin()
		if err := ix.Begin(); err != nil {
			return err
		}
		for _, r := range batch {
			if _, err := ix.Delete(r); err != nil {
				return err
			}
		}
		for _, r := range batch {
			if err := ix.Insert(r, base[r-1]); err != nil {
				return err
			}
		}
		if err := commit(conn, ix); err != nil {
			return err
		}
	}
	fmt.Printf("turnover in %.2f s\n", time.Since(start).Seconds())
	return nil
}

// cpuTime returns the time that a thread or the process has been running: on a
// busy machine it says more than a clock.
func cpuTime(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// exact measures the scan that compares each query with every vector.
func exact(queries, base [][]float32) {
	rows := make([]*float32, len(base))
	for i, v := range base {
		rows[i] = &v[0]
	}
	dst := make([]float32, len(base))
	start, n := time.Now(), 0
	for time.Since(start) < 500*time.Millisecond {
		vector.DotBatch(queries[n%len(queries)], rows, dst)
		n++
	}
	fmt.Printf("exact scan: %.0f QPS\n", float64(n)/time.Since(start).Seconds())
}

// allows returns the filter.
func (c config) allows() hnsw.FilterFunc {
	return func(r hnsw.RowID) (bool, error) {
		return float64(uint64(r)*0x9e3779b97f4a7c15>>40)/(1<<24) < c.filter, nil
	}
}

// learn returns what the filter says about all rows.
func (c config) learn(ix *hnsw.Index) (*hnsw.Verdicts, error) {
	n, err := ix.Rows()
	if err != nil {
		return nil, err
	}
	var rows []hnsw.RowID
	for r := range n {
		if ok, _ := c.allows()(r + 1); ok {
			rows = append(rows, r+1)
		}
	}
	f := hnsw.NewVerdicts()
	return f, ix.Learn(f, rows)
}

// measure searches with all queries until the time is over.
func measure(c config, cache *hnsw.Cache, conn *memstore.Conn, table *memory, queries [][]float32, truth [][]int32, ef int) error {
	ctx := context.Background()
	opt := hnsw.SearchOptions{K: 10, EfSearch: ef, Oversample: c.oversample}
	if c.filter > 0 {
		opt.Filter = c.allows()
		if c.hint {
			opt.FilterHint = c.filter
		}
	}
	found, total := 0, 0
	var visited, rescored int
	var all []time.Duration
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	var busy time.Duration
	var best float64 // of 500 searches in a row: the least disturbed
	start := time.Now()
	for thread := range c.threads {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			cpu := cpuTime(unix.CLOCK_THREAD_CPUTIME_ID)
			ix, err := hnsw.Open(cache, conn, table)
			if err != nil {
				failed = err
				return
			}
			opt := opt
			if c.verdicts && c.filter > 0 {
				if opt.Verdicts, err = c.learn(ix); err != nil {
					failed = err
					return
				}
			}
			var times []time.Duration
			window, inWindow := cpu, 0
			for n := 0; time.Since(start) < c.time || n < len(queries); n++ {
				i := n % len(queries)
				t0 := time.Now()
				hits, stats, err := ix.Search(ctx, queries[i], opt)
				times = append(times, time.Since(t0))
				if err != nil {
					failed = err
					return
				}
				if inWindow++; inWindow == 500 {
					now := cpuTime(unix.CLOCK_THREAD_CPUTIME_ID)
					mu.Lock()
					best = max(best, float64(inWindow)/(now-window).Seconds())
					mu.Unlock()
					window, inWindow = now, 0
				}
				if thread > 0 || n >= len(queries) {
					continue
				}
				visited += stats.Visited
				rescored += stats.Rescored
				for _, h := range hits {
					if slices.Contains(truth[i][:10], int32(h.RowID-1)) {
						found++
					}
				}
				total += 10
			}
			mu.Lock()
			busy += cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) - cpu
			all = append(all, times...)
			mu.Unlock()
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	took := time.Since(start).Seconds()
	slices.Sort(all)
	micros := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))].Nanoseconds()) / 1000
	}
	fmt.Printf("%8d %10.4f %10.0f %10.0f %10.0f %9.1f %9.1f %9d %9d\n", ef, float64(found)/float64(total), float64(len(all))/took,
		float64(len(all))/busy.Seconds(), best,
		micros(0.5), micros(0.99), visited/len(queries), rescored/len(queries))
	return nil
}

// load reads a data set. With fewer rows than the set has, the neighbors are
// computed anew.
func load(c config) (base, queries [][]float32, truth [][]int32, err error) {
	var meta map[string]any
	b, err := os.ReadFile(filepath.Join(c.dir, "meta.json"))
	if err != nil {
		return nil, nil, nil, err
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return nil, nil, nil, err
	}
	dims := 0
	for _, key := range []string{"dims", "dim", "dimensions"} {
		if d, ok := meta[key].(float64); ok {
			dims = int(d)
		}
	}
	name := "base.f16.gz"
	if _, err := os.Stat(filepath.Join(c.dir, name)); err != nil {
		name = "docs.f16.gz"
	}
	if base, err = halves.Rows(filepath.Join(c.dir, name), dims); err != nil {
		return nil, nil, nil, err
	}
	if queries, err = halves.Rows(filepath.Join(c.dir, "queries.f16.gz"), dims); err != nil {
		return nil, nil, nil, err
	}
	if c.rows > 0 && c.rows < len(base) {
		base = base[:c.rows]
	}
	if c.rows > 0 || c.filter > 0 {
		queries = queries[:min(len(queries), 300)]
		return base, queries, c.neighbors(base, queries), nil
	}
	raw, err := halves.Unzip(filepath.Join(c.dir, "gt_cos.i32.gz"))
	if err != nil {
		return nil, nil, nil, err
	}
	per := len(raw) / 4 / len(queries)
	truth = make([][]int32, len(queries))
	for i := range truth {
		truth[i] = make([]int32, per)
		for j := range truth[i] {
			truth[i][j] = int32(binary.LittleEndian.Uint32(raw[4*(i*per+j):]))
		}
	}
	return base, queries, truth, nil
}

// neighbors returns the ten nearest rows of each query, exactly, among those that
// the filter allows.
func (c config) neighbors(base, queries [][]float32) [][]int32 {
	truth := make([][]int32, len(queries))
	type scored struct {
		d float64
		i int32
	}
	for n, q := range queries {
		list := make([]scored, 0, len(base))
		for i, v := range base {
			if ok, _ := c.allows()(int64(i + 1)); ok || c.filter == 0 {
				list = append(list, scored{vector.Cosine.Distance(q, v), int32(i)})
			}
		}
		slices.SortFunc(list, func(a, b scored) int {
			if a.d < b.d || a.d == b.d && a.i < b.i {
				return -1
			}
			return 1
		})
		for _, s := range list[:10] {
			truth[n] = append(truth[n], s.i)
		}
	}
	return truth
}
