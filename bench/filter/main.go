// Command filter measures filtered vector search on a collection with exact
// answers: the planner's choice beside each plan forced, and an exact scan in SQL,
// with and without an ordinary index on the filtered columns.
//
//	go run ./bench/filter [-db FILE] [-queries n] DATA
//
// DATA is a directory with docs.jsonl.gz, docs.f16.gz, queries.f16.gz, meta.json
// and filters.json.gz (filters: where, matching_rows, top10 by query). With -db the
// database is kept and used again. Times are medians of one connection in one run.
package main

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func main() {
	file := flag.String("db", "", "database file to make or use; default: a temporary one")
	n := flag.Int("queries", 100, "queries for each filter")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: filter [-db FILE] [-queries n] DATA")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *file, *n); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

type filter struct {
	Where    string    `json:"where"`
	Matching int       `json:"matching_rows"`
	Share    float64   `json:"selectivity"`
	Top10    [][]int64 `json:"top10"`
}

func run(dir, file string, n int) error {
	if file == "" {
		tmp, err := os.MkdirTemp("", "nearlite-filter")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		file = filepath.Join(tmp, "bench.db")
	}
	filters, err := readFilters(dir)
	if err != nil {
		return err
	}
	queries, err := readQueries(dir)
	if err != nil {
		return err
	}
	db, err := sqlite.Open("file:" + file + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := load(db, dir); err != nil {
		return err
	}
	b := &bench{db: db, queries: queries, n: n}
	if _, err := db.Exec(`DROP INDEX IF EXISTS docs_columns; DROP INDEX IF EXISTS docs_columns2`); err != nil {
		return err
	}
	fmt.Println("Without an index on the filtered column")
	if err := b.sweep(filters); err != nil {
		return err
	}
	for i, column := range filteredColumns(filters) {
		if _, err := db.Exec(fmt.Sprintf(`CREATE INDEX docs_columns%s ON docs(%s)`, strings.Repeat("2", i), column)); err != nil {
			return err
		}
	}
	fmt.Println("\nWith an index on it")
	return b.sweep(filters)
}

// filteredColumns are the columns that the filters start with, at most two.
func filteredColumns(filters []filter) []string {
	var out []string
	for _, f := range filters {
		if c := strings.Fields(f.Where)[0]; !slices.Contains(out, c) && len(out) < 2 {
			out = append(out, c)
		}
	}
	return out
}

type bench struct {
	db      *sql.DB
	queries [][]byte
	n       int
}

// way is one way to answer.
type way struct {
	name string
	sql  string
}

func ways(where string) []way {
	planned := func(options string) string {
		return `SELECT id FROM vector_search('docs_vec', ?, 10, ` + quote(where) + `, NULL, ` + options + `)`
	}
	return []way{
		{"planner", planned(`NULL`)},
		{"exact scan", planned(`'{"plan":"exact scan"}'`)},
		{"filtered traversal", planned(`'{"plan":"filtered traversal"}'`)},
		{"traverse then filter", planned(`'{"plan":"traverse then filter"}'`)},
		{"rowid IN", `SELECT rowid FROM docs_vec WHERE vector MATCH ? AND k = 10 AND rowid IN (SELECT id FROM docs WHERE ` + where + `)`},
		{"SQL only", `SELECT id FROM docs WHERE ` + where + ` ORDER BY vector_distance_cos(e, ?) LIMIT 10`},
	}
}

func quote(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

func (b *bench) sweep(filters []filter) error {
	fmt.Print("| filter | share | plan |")
	for _, w := range ways("1") {
		fmt.Printf(" %s |", w.name)
	}
	fmt.Print("\n|---|--:|---|")
	for range ways("1") {
		fmt.Print("--:|")
	}
	fmt.Println()
	for _, f := range filters {
		var plan string
		err := b.db.QueryRow(`SELECT json_extract(explain, '$.plan') FROM vector_search('docs_vec', ?, 10, ?)`, b.queries[0], f.Where).Scan(&plan)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Where, err)
		}
		fmt.Printf("| %s | %.2f %% | %s |", f.Where, 100*f.Share, plan)
		for _, w := range ways(f.Where) {
			median, recall, err := b.measure(w, f)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", f.Where, w.name, err)
			}
			fmt.Printf(" %.0f µs (%.3f) |", float64(median.Nanoseconds())/1000, recall)
		}
		fmt.Println()
	}
	return nil
}

// measure runs the queries, twice when they are fast, and returns the median time
// of the last run and the mean recall.
func (b *bench) measure(w way, f filter) (time.Duration, float64, error) {
	st, err := b.db.Prepare(w.sql)
	if err != nil {
		return 0, 0, err
	}
	defer st.Close()
	n := min(b.n, len(f.Top10), len(b.queries))
	var times []time.Duration
	var recall float64
	begin := time.Now()
	for round := range 2 {
		if round == 1 && time.Since(begin) > 2*time.Second {
			break
		}
		times, recall = times[:0], 0
		for i := range n {
			if time.Since(begin) > 20*time.Second {
				n = i
				break
			}
			start := time.Now()
			ids, err := ids(st, b.queries[i])
			if err != nil {
				return 0, 0, err
			}
			times = append(times, time.Since(start))
			found := 0
			for _, id := range ids {
				if slices.Contains(f.Top10[i], id-1) {
					found++
				}
			}
			want := min(10, f.Matching)
			if len(ids) != want {
				return 0, 0, fmt.Errorf("query %d: %d rows, want %d", i, len(ids), want)
			}
			recall += float64(found) / float64(want)
		}
	}
	slices.Sort(times)
	return times[len(times)/2], recall / float64(n), nil
}

func ids(st *sql.Stmt, q []byte) ([]int64, error) {
	rows, err := st.QueryContext(context.Background(), q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

func readFilters(dir string) ([]filter, error) {
	f, err := os.Open(filepath.Join(dir, "filters.json.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var out struct{ Filters []filter }
	err = json.NewDecoder(z).Decode(&out)
	slices.SortFunc(out.Filters, func(a, b filter) int { return a.Matching - b.Matching })
	return out.Filters, err
}
