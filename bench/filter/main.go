// Command filter measures filtered vector search: the planner's choice beside each
// plan forced, taking the hits of an unfiltered search that pass, an exact scan in
// SQL, and sqlite-vec's brute force with the filtered column as its metadata.
//
//	go run ./bench/filter [-dir DIR] [-queries n] [-budget TIME] [-vec0 FILE] [-python COMMAND] DATA...
//
// Each DATA is a directory with docs.f16.gz or base.f16.gz, docs.jsonl.gz or
// words.txt.gz, queries.f16.gz, meta.json and filters.json.gz (filters: where,
// matching_rows, top10 by query). Filters pass 0.01 to 90 % of the rows: a random
// column (uncorrelated with the queries), one end of the direction in which the
// vectors differ most (the end where the query is, or the other one), and those that
// come with the data. Each is searched under three setups: columns included in the
// index, an ordinary SQLite index on them, neither.
//
// Times are those of one connection. All ways of a cell take turns, query by query and in
// changing order, so that what else the machine does hits all alike; those that are fast
// run twice, and the second time counts. With -dir the databases are kept and
// used again. -vec0 is the path of sqlite-vec's extension; without it that way is left
// out. The last lines compare the table with what was promised.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func main() {
	dir := flag.String("dir", "", "directory for the databases, kept; default: a temporary one")
	n := flag.Int("queries", 40, "queries for each filter")
	vec0 := flag.String("vec0", "", "sqlite-vec's extension (vec0.so)")
	budget := flag.Duration("budget", time.Second, "time for one way to answer under one filter; it runs twice at least")
	python := flag.String("python", "/usr/bin/python3", "a Python whose sqlite3 loads extensions")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: filter [-dir DIR] [-queries n] [-vec0 FILE] DATA...")
		os.Exit(2)
	}
	if err := run(*dir, *n, *budget, *vec0, *python, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

func run(dir string, n int, budget time.Duration, vec0, python string, data []string) error {
	if dir == "" {
		tmp, err := os.MkdirTemp("", "nearlite-filter")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	var all []measured
	for _, d := range data {
		s, err := readSet(d)
		if err != nil {
			return err
		}
		cells, err := runSet(s, filepath.Join(dir, s.name+".db"), n, budget, vec0, python)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, cells...)
	}
	verdict(os.Stdout, all)
	return nil
}

// open opens the database with a page cache of so many KiB: a large one for the
// searches, so that no way reads from disk, and a small one for building.
func open(file string, cache int) (*sql.DB, error) {
	db, err := sqlite.Open(fmt.Sprintf("file:%s?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=cache_size(-%d)", file, cache))
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func runSet(s *set, file string, n int, budget time.Duration, vec0, python string) ([]measured, error) {
	db, err := open(file, 16<<10)
	if err != nil {
		return nil, err
	}
	err = load(db, s)
	_ = db.Close()
	if err != nil {
		return nil, err
	}
	if db, err = open(file, 200<<10); err != nil {
		return nil, err
	}
	defer db.Close()
	b := &bench{set: s, db: db, n: min(n, len(s.queries)), budget: budget, stmts: map[string]*sql.Stmt{}}
	defer b.close()
	if vec0 != "" {
		if b.rival, err = startRival(python, vec0, file, s); err != nil {
			return nil, err
		}
		defer b.rival.close()
	}
	return b.sweep()
}

// load makes the table and its two indexes unless they are there.
func load(db *sql.DB, s *set) error {
	var there int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name IN ('docs_vec', 'docs_inc')`).Scan(&there); err != nil || there == 2 {
		return err
	}
	start := time.Now()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.Exec(fmt.Sprintf(`DROP TABLE IF EXISTS docs; CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, text TEXT, pos TEXT, lexname TEXT, row INT, u INT, c INT, e F32_BLOB(%d))`, s.dims))
	if err != nil {
		return err
	}
	st, err := tx.Prepare(`INSERT INTO docs VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer st.Close()
	for i, v := range s.rows {
		d := s.docs[i]
		if _, err := st.Exec(i+1, d.Title, d.Text, d.Pos, d.Lexname, i, s.u[i], s.c[i], blob(v)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d rows in %.1f s", s.name, len(s.rows), time.Since(start).Seconds())
	for _, sql := range []string{`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e)`, `CREATE VIRTUAL TABLE docs_inc USING hnsw(docs, e, include=(pos, lexname, row, u, c))`} {
		start = time.Now()
		if _, err := db.Exec(sql); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, ", index in %.1f s", time.Since(start).Seconds())
	}
	fmt.Fprintln(os.Stderr)
	return nil
}
