package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The contestants are child processes that speak one protocol, a line a request
// on standard input and a line of JSON an answer on standard output:
//
//	build THREADS                    -> {seconds, bytes, peak_kib}
//	search EF THREADS SECONDS FILE   -> {qps, p50_us, p99_us, peak_kib}
//	first                            -> {seconds, kib_before, kib_after}
//	insert N                         -> {per_second, wal_bytes}
//
// search goes through all queries, again and again until SECONDS have passed, and
// writes the answers as int32 row numbers, k a query, into FILE. first opens what
// an earlier process built and answers one query; insert commits N rows one by
// one. A contestant that has no such thing answers {"error": ...}.

// answer is what a contestant says to any request.
type answer struct {
	Error     string  `json:"error,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
	Bytes     int64   `json:"bytes,omitempty"`
	QPS       float64 `json:"qps,omitempty"`
	P50       float64 `json:"p50_us,omitempty"`
	P99       float64 `json:"p99_us,omitempty"`
	PeakKiB   int64   `json:"peak_kib,omitempty"`
	KiBBefore int64   `json:"kib_before,omitempty"`
	KiBAfter  int64   `json:"kib_after,omitempty"`
	PerSecond float64 `json:"per_second,omitempty"`
	WALBytes  float64 `json:"wal_bytes,omitempty"`
}

// job is what a worker is started with.
type job struct {
	base, queries string // files of float32
	dims          int
	metric        string
	m, efc, k     int
	quantize      string
}

// contestant is the Go side of a worker.
type contestant interface {
	build(threads int) (answer, error)
	// searcher returns a function that answers query q with k row numbers; each
	// thread has its own.
	searcher(ef int) (search func(q int, dst []int32) error, done func(), err error)
}

// work serves requests until standard input ends.
func work(c contestant, j job, asks int) error {
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		a, err := serve(c, j, asks, strings.Fields(in.Text()))
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if a.PeakKiB == 0 {
			a.PeakKiB = statusKiB("VmHWM:")
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}

func serve(c contestant, j job, asks int, words []string) (answer, error) {
	switch {
	case len(words) == 2 && words[0] == "build":
		threads, err := strconv.Atoi(words[1])
		if err != nil {
			return answer{}, err
		}
		return c.build(threads)
	case len(words) == 5 && words[0] == "search":
		ef, err1 := strconv.Atoi(words[1])
		threads, err2 := strconv.Atoi(words[2])
		least, err3 := strconv.ParseFloat(words[3], 64)
		if err1 != nil || err2 != nil || err3 != nil {
			return answer{}, fmt.Errorf("bad request %q", words)
		}
		return measure(c, j, asks, ef, threads, time.Duration(least*float64(time.Second)), words[4])
	case len(words) == 1 && words[0] == "first":
		if f, ok := c.(interface{ first() (answer, error) }); ok {
			return f.first()
		}
	case len(words) == 2 && words[0] == "insert":
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return answer{}, err
		}
		if f, ok := c.(interface{ insert(n int) (answer, error) }); ok {
			return f.insert(n)
		}
	}
	return answer{}, fmt.Errorf("no answer to %q", words)
}

func measure(c contestant, j job, asks, ef, threads int, least time.Duration, file string) (answer, error) {
	ids := make([]int32, asks*j.k)
	for i := range ids {
		ids[i] = -1
	}
	latencies := make([][]float64, threads)
	errs := make([]error, threads)
	searchers := make([]func(int, []int32) error, threads)
	for t := range threads {
		search, done, err := c.searcher(ef)
		if err != nil {
			return answer{}, err
		}
		defer done()
		// Not counted: what the first query of a connection loads or prepares.
		if err := search(t, ids[t*j.k:(t+1)*j.k]); err != nil {
			return answer{}, err
		}
		searchers[t] = search
	}
	var wg sync.WaitGroup
	start := time.Now()
	for t := range threads {
		wg.Go(func() {
			for first := true; first || time.Since(start) < least; first = false {
				for q := t; q < asks; q += threads {
					q0 := time.Now()
					if errs[t] = searchers[t](q, ids[q*j.k:(q+1)*j.k]); errs[t] != nil {
						return
					}
					latencies[t] = append(latencies[t], float64(time.Since(q0).Nanoseconds())/1e3)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	for _, err := range errs {
		if err != nil {
			return answer{}, err
		}
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	raw := make([]byte, 4*len(ids))
	for i, id := range ids {
		binary.LittleEndian.PutUint32(raw[4*i:], uint32(id))
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		return answer{}, err
	}
	return answer{QPS: float64(len(all)) / took, P50: all[len(all)/2], P99: all[len(all)*99/100]}, nil
}

// statusKiB reads a field of this process's status; 0 where there is none.
func statusKiB(field string) int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}
