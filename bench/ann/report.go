package main

import (
	"database/sql"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
	"github.com/nearlite/nearlite/vector"
)

// levels are the recalls at which curves are compared.
var levels = []float64{0.90, 0.95, 0.99}

// at interpolates the QPS at a recall, in the logarithm of QPS between the two
// points around it; NaN when the curve does not reach it.
func (e *entry) at(recall float64, threads int) float64 {
	var curve []point
	for _, p := range e.points {
		if p.threads == threads {
			curve = append(curve, p)
		}
	}
	slices.SortFunc(curve, func(a, b point) int { return a.ef - b.ef })
	for i, p := range curve {
		if p.recall < recall {
			continue
		}
		if i == 0 || p.recall == curve[i-1].recall {
			return p.qps
		}
		before := curve[i-1]
		f := (recall - before.recall) / (p.recall - before.recall)
		return math.Exp(math.Log(before.qps) + f*(math.Log(p.qps)-math.Log(before.qps)))
	}
	return math.NaN()
}

// print writes the tables of one set.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "\n## %s: %d x %d, %s, M=%d, ef_construction=%d, k=%d, median of %d rounds\n\n",
		r.set.name, r.set.rows(), r.set.dims, r.set.metric, r.m, r.efc, r.k, r.rounds)
	fmt.Fprintln(w, "| contestant | build 1 thread, s | build 2 threads, s | index bytes / raw vectors | peak RSS, MiB |"+
		" QPS at 0.90 | 0.95 | 0.99 | 2 threads: 0.90 | 0.95 | 0.99 |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, e := range r.entries {
		fmt.Fprintf(w, "| %s | %.1f | %.1f | %.3f | %d |", e.name, e.build1, e.build2, float64(e.bytes)/float64(r.rawBytes), e.peakKiB/1024)
		for _, threads := range []int{1, 2} {
			for _, l := range levels {
				fmt.Fprintf(w, " %.0f |", e.at(l, threads))
			}
		}
		fmt.Fprintln(w)
	}
	r.printRatios(w)
	fmt.Fprintln(w, "\n| contestant | threads | ef | recall@10 | QPS | p50, us | p99, us |\n|---|--:|--:|--:|--:|--:|--:|")
	for _, e := range r.entries {
		for _, p := range e.points {
			fmt.Fprintf(w, "| %s | %d | %d | %.4f | %.0f | %.1f | %.1f |\n", e.name, p.threads, p.ef, p.recall, p.qps, p.p50, p.p99)
		}
	}
	for _, e := range r.entries {
		if e.first.Seconds > 0 {
			fmt.Fprintf(w, "\n%s: first answer of a fresh process %.1f ms after open, RSS %d -> %d MiB",
				e.name, e.first.Seconds*1e3, e.first.KiBBefore/1024, e.first.KiBAfter/1024)
		}
		if e.inserts.PerSecond > 0 {
			fmt.Fprintf(w, "\n%s: single-row commits %.0f/s, %.1f KiB of WAL each beyond the row's own",
				e.name, e.inserts.PerSecond, e.inserts.WALBytes/1024)
		}
	}
	if r.bitBytes > 0 {
		fmt.Fprintf(w, "\nnearlite-sql, quantize=bit: index bytes / raw vectors %.3f", float64(r.bitBytes)/float64(r.rawBytes))
	}
	fmt.Fprintln(w)
}

func (r *result) printRatios(w io.Writer) {
	i := slices.IndexFunc(r.entries, func(e *entry) bool { return e.name == "hnswlib" })
	if i < 0 {
		return
	}
	peer := r.entries[i]
	fmt.Fprintln(w, "\n| QPS as a multiple of hnswlib's | 0.90 | 0.95 | 0.99 | 2 threads: 0.90 | 0.95 | 0.99 | build, 2 threads |\n|---|--:|--:|--:|--:|--:|--:|--:|")
	for _, e := range r.entries {
		if e == peer || e.name == "exact" {
			continue
		}
		fmt.Fprintf(w, "| %s |", e.name)
		for _, threads := range []int{1, 2} {
			for _, l := range levels {
				fmt.Fprintf(w, " %.2f |", e.at(l, threads)/peer.at(l, threads))
			}
		}
		fmt.Fprintf(w, " %.2f |\n", e.build2/peer.build2)
	}
}

// results keeps runs as rows of a SQLite file.
type results struct{ db *sql.DB }

const resultsSchema = `
CREATE TABLE IF NOT EXISTS run(
  id INTEGER PRIMARY KEY, at TEXT, revision TEXT, go TEXT, kernels TEXT, cpus INT,
  dataset TEXT, rows INT, dims INT, metric TEXT, m INT, ef_construction INT, k INT);
CREATE TABLE IF NOT EXISTS contestant(
  run INT REFERENCES run, name TEXT, build1_s REAL, build2_s REAL, bytes INT, peak_kib INT,
  first_s REAL, inserts_per_s REAL, wal_bytes_per_insert REAL);
CREATE TABLE IF NOT EXISTS point(
  run INT REFERENCES run, name TEXT, threads INT, ef INT, recall REAL, qps REAL, p50_us REAL, p99_us REAL);`

func openResults(file string) (*results, error) {
	db, err := sqlite.Open("file:" + file)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(resultsSchema); err != nil {
		return nil, err
	}
	return &results{db}, nil
}

func (s *results) close() error { return s.db.Close() }

func (s *results) add(r *result) error {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, kv := range info.Settings {
			if kv.Key == "vcs.revision" {
				revision = kv.Value
			}
		}
	}
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	res, err := tx.Exec(`INSERT INTO run(at, revision, go, kernels, cpus, dataset, rows, dims, metric, m, ef_construction, k)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		time.Now().UTC().Format(time.RFC3339), revision, runtime.Version(), vector.Kernels(), runtime.NumCPU(),
		r.set.name, r.set.rows(), r.set.dims, r.set.metric, r.m, r.efc, r.k)
	if err != nil {
		return err
	}
	run, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, e := range r.entries {
		if _, err := tx.Exec(`INSERT INTO contestant VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, run, e.name, e.build1, e.build2,
			e.bytes, e.peakKiB, e.first.Seconds, e.inserts.PerSecond, e.inserts.WALBytes); err != nil {
			return err
		}
		for _, p := range e.points {
			if _, err := tx.Exec(`INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, run, e.name, p.threads, p.ef, p.recall, p.qps, p.p50, p.p99); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
