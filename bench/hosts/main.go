// Command hosts measures one search in two hosts: through the Go driver, and through
// the extension in Python's sqlite3 module.
//
//	make bench-hosts                 generated vectors
//	make bench-hosts DATA=DIR        the set wordnet of bench/ann
//
// Both open the same file with their default settings, prepare one statement and bind
// the vector as a blob. They take turns and the median of the rounds counts. The answers
// of all hosts must be equal; recall against an exact scan is printed beside the
// speed. The last column is the speed as a share of the Go driver's.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	dims = 512
	k    = 10
)

// statements search at a given ef_search. They have no second parameter, so that a host
// has nothing to do but bind the vector.
var statements = []struct{ name, sql string }{
	{"hnsw", "SELECT rowid, distance FROM v_idx WHERE vector MATCH ?1 AND k = 10 AND ef_search = %d"},
	{"vector_search", `SELECT id, distance FROM vector_search('v_idx', ?1, 10, NULL, NULL, '{"ef_search": %d}')`},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench/hosts: ")
	var opt options
	flag.StringVar(&opt.data, "data", "", "folder with the set wordnet, see bench/ann; without it vectors are generated")
	flag.StringVar(&opt.extension, "extension", "dist/nearlite.so", "the extension to measure")
	flag.StringVar(&opt.python, "python", "/usr/bin/python3", "the Python to measure it in")
	flag.IntVar(&opt.rows, "rows", 50_000, "rows of the table")
	flag.IntVar(&opt.rounds, "rounds", 7, "rounds, of which the median counts")
	flag.Float64Var(&opt.seconds, "seconds", 1, "seconds a host measures in each round")
	flag.Parse()
	if err := run(opt, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	data, extension, python string
	rows, rounds            int
	seconds                 float64
}

// host is a searcher: it answers all queries once, then runs them for some seconds.
type host interface {
	// answers returns the rows found for each query.
	answers() ([][]int64, error)
	// measure runs queries for the given time.
	measure(seconds float64) (speed, error)
	Close() error
}

// speed is queries a second, and microseconds of processor time a query. The second
// says more on a machine that does other work.
type speed struct{ QPS, CPU float64 }

func run(opt options, out io.Writer) error {
	tmp, err := os.MkdirTemp("", "bench-hosts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	set, err := loadSet(opt)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d rows, %d dimensions, %d queries, cosine, k=%d\n", set.name, set.rows(), dims, set.asks(), k)
	file := filepath.Join(tmp, "bench.db")
	queries := filepath.Join(tmp, "queries.f32")
	if err := os.WriteFile(queries, set.queries, 0o644); err != nil {
		return err
	}
	if err := build(file, set); err != nil {
		return err
	}
	truth := exact(set)
	fmt.Fprintf(out, "%-13s  %-12s %4s  %10s  %8s  %9s  %8s  %s\n", "statement", "host", "ef", "recall@10", "QPS", "us/query", "CPU us", "share of database/sql")
	for _, st := range statements {
		for _, ef := range []int{32, 64, 128} {
			if err := compare(opt, out, file, queries, set, truth, st.name, fmt.Sprintf(st.sql, ef), ef); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare measures one statement in every host.
func compare(opt options, out io.Writer, file, queries string, set *dataset, truth [][]int64, statement, sql string, ef int) (err error) {
	names := []string{"database/sql", "go-sqlite3", "python"}
	hosts := make([]host, len(names))
	for i, open := range []func() (host, error){
		func() (host, error) { return newDatabaseSQL(file, sql, set) },
		func() (host, error) { return newDirect(file, sql, set) },
		func() (host, error) { return newPython(opt, file, sql, queries) },
	} {
		if hosts[i], err = open(); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		defer func() { err = errors.Join(err, hosts[i].Close()) }()
	}
	var first [][]int64
	for i, h := range hosts {
		got, err := h.answers()
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		if first == nil {
			first = got
		}
		for q := range got {
			if !slices.Equal(got[q], first[q]) {
				return fmt.Errorf("query %d: %s finds rows %v, %s finds %v", q, names[i], got[q], names[0], first[q])
			}
		}
	}
	qps, cpu := make([][]float64, len(hosts)), make([][]float64, len(hosts))
	for range opt.rounds {
		for i, h := range hosts {
			v, err := h.measure(opt.seconds)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			qps[i], cpu[i] = append(qps[i], v.QPS), append(cpu[i], v.CPU)
		}
	}
	// The share is taken round by round: neighbors on the machine disturb a whole round.
	for i, name := range names {
		shares := make([]float64, opt.rounds)
		for r := range shares {
			shares[r] = qps[i][r] / qps[0][r]
		}
		m := median(qps[i])
		fmt.Fprintf(out, "%-13s  %-12s %4d  %10.4f  %8.0f  %9.1f  %8.1f  %.0f %%\n", statement, name, ef, recall(first, truth), m, 1e6/m, median(cpu[i]), 100*median(shares))
	}
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// python is search.py in a process of its own.
type python struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func newPython(opt options, file, sql, queries string) (host, error) {
	extension, err := filepath.Abs(opt.extension)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(map[string]any{"file": file, "sql": sql, "queries": queries, "dims": dims, "extension": extension})
	if err != nil {
		return nil, err
	}
	p := &python{cmd: exec.Command(opt.python, "-c", searchPy, string(settings))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(stdout)
	return p, p.cmd.Start()
}

// ask sends one line and reads one line of JSON.
func (p *python) ask(line string, answer any) error {
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		return err
	}
	text, err := p.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

func (p *python) answers() (rows [][]int64, err error) { return rows, p.ask("answers", &rows) }

func (p *python) measure(seconds float64) (s speed, err error) {
	return s, p.ask(strconv.FormatFloat(seconds, 'g', -1, 64), &s)
}

func (p *python) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}
