// Command kernels measures every kernel of package vector in every tier this
// machine has, beside plain Go, github.com/viterin/vek and the speed at which
// memory can be read at all, and prints the tables of docs/kernels.md.
//
//	go run ./bench/kernels [-rounds 101] [-dims 100,128,384,768,1536] [-gib 1] [-huge]
//
// Two settings: "L1" goes round a few rows that stay in the first-level
// cache; "memory" takes rows at random from a block too large for any cache,
// 32 to a call, as a search of an index does. Machines are rarely quiet, so
// all contestants of a table take turns in short slices, round after round; a
// cell is the median over the rounds, a ratio the median of the ratios within
// a round.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nearlite/nearlite/vector"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 101, "slices of time per cell; the median counts")
	slice := flag.Duration("slice", 300*time.Microsecond, "length of a slice: short, so that few are interrupted")
	dimList := flag.String("dims", "100,128,384,768,1536", "dimensions, separated by commas")
	gib := flag.Float64("gib", 1, "size of the block of random rows, in GiB")
	huge := flag.Bool("huge", false, "ask for pages of 2 MiB for the block (Linux)")
	flag.Parse()
	var dims []int
	for _, s := range strings.Split(*dimList, ",") {
		d, err := strconv.Atoi(s)
		if err != nil || d < 1 || d > 8192 {
			log.Fatalf("kernels: -dims: got %q, want whole numbers from 1 to 8192", s)
		}
		dims = append(dims, d)
	}
	if *rounds < 1 || *slice <= 0 || *gib < 0.01 || *gib > 64 {
		log.Fatal("kernels: want -rounds of at least 1, a -slice above 0 and -gib from 0.01 to 64")
	}
	var block []byte
	if size := int(*gib * (1 << 30)); *huge {
		var err error
		if block, err = hugeBlock(size); err != nil {
			log.Fatalf("kernels: %v", err)
		}
	} else {
		block = newBlock(size)
	}
	fill(block)
	pages := ""
	if *huge {
		pages = " in pages of 2 MiB"
	}
	run(os.Stdout, dims, *rounds, *slice, block, pages)
}

func run(w io.Writer, dims []int, rounds int, slice time.Duration, block []byte, pages string) {
	fmt.Fprintf(w, "CPU: %s, %d logical. %s %s/%s. Tiers: %s.\n",
		cpuName(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.Join(vector.KernelTiers(), ", "))
	fmt.Fprintf(w, "Median of %d rounds of %v each; random rows from %.2f GiB%s, %d to a call.\n",
		rounds, slice, float64(len(block))/(1<<30), pages, batchLen)

	small := newBlock(l1Bytes)
	fill(small)
	seq := contest([]entry{sequential(block)}, rounds, 10*slice)
	bandwidth := float64(seqBytes) / median(seq[0])
	fmt.Fprintf(w, "Sequential read: %.1f GB/s.\n", bandwidth)

	var cells []result
	for _, dim := range dims {
		for _, place := range []place{{"L1", small}, {"memory", block}} {
			entries := contestants(dim, place)
			times := contest(entries, rounds, slice)
			for i, e := range entries {
				cells = append(cells, result{entry: e, dims: dim, place: place.name, times: times[i]})
			}
		}
	}
	table(w, cells, dims)
	ratios(w, cells)
}

func cpuName() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
