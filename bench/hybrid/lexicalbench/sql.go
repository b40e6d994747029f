package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// measureSQL measures an index through SQL on a file: building, inserting row by
// row, bytes, and queries of 1, 3 and 10 words drawn from the texts. With a path,
// the queries are written there, for another program to run the same ones.
func measureSQL(dir, analyzer, queriesPath string, rounds int) error {
	docs, err := readTexts(filepath.Join(dir, "docs.jsonl.gz"))
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "lexicalbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "bench.db")
	db, err := sqlite.Open("file:" + file)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(q string, args ...any) time.Duration {
		start := time.Now()
		if _, e := db.Exec(q, args...); e != nil && err == nil {
			err = fmt.Errorf("%s: %w", q, e)
		}
		return time.Since(start)
	}
	insertAll := func(table string) (time.Duration, error) {
		start := time.Now()
		tx, err := db.Begin()
		if err != nil {
			return 0, err
		}
		defer tx.Rollback()
		st, err := tx.Prepare("INSERT INTO " + table + "(id, title, text) VALUES (?, ?, ?)")
		if err != nil {
			return 0, err
		}
		for i, d := range docs {
			if _, err := st.Exec(i+1, d.Title, d.Text); err != nil {
				return 0, err
			}
		}
		err = tx.Commit()
		return time.Since(start), err
	}
	rate := func(d time.Duration) float64 { return float64(len(docs)) / d.Seconds() }

	exec("PRAGMA journal_mode=wal")
	exec("CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, text TEXT)")
	if err != nil {
		return err
	}
	plain, err := insertAll("docs")
	if err != nil {
		return err
	}
	exec("PRAGMA wal_checkpoint(truncate)")
	before, _ := os.Stat(file)
	build := exec("CREATE VIRTUAL TABLE docs_text USING lexical(docs, title, text, analyzer=" + analyzer + ")")
	exec("PRAGMA wal_checkpoint(truncate)")
	if err != nil {
		return err
	}
	after, _ := os.Stat(file)
	fmt.Printf("%d documents: build %.0f/s, index %d bytes\n", len(docs), rate(build), after.Size()-before.Size())

	exec("CREATE TABLE live(id INTEGER PRIMARY KEY, title TEXT, text TEXT)")
	exec("CREATE VIRTUAL TABLE live_text USING lexical(live, title, text, analyzer=" + analyzer + ")")
	if err != nil {
		return err
	}
	rows, err := insertAll("live")
	if err != nil {
		return err
	}
	fmt.Printf("row by row, one transaction: %.0f/s (the table alone %.0f/s)\n", rate(rows), rate(plain))

	r := rand.New(rand.NewPCG(1, 1))
	var words []string
	for _, d := range docs {
		for _, w := range strings.FieldsFunc(strings.ToLower(d.Text), func(c rune) bool { return c < 'a' || c > 'z' }) {
			if len(w) > 2 {
				words = append(words, w)
			}
		}
	}
	st, err := db.Prepare("SELECT rowid, score FROM docs_text WHERE docs_text MATCH ? ORDER BY score DESC LIMIT 10")
	if err != nil {
		return err
	}
	all := map[string][][]string{}
	for _, n := range []int{1, 3, 10} {
		var times []time.Duration
		for range 300 {
			q := make([]string, n)
			for i := range q {
				q[i] = words[r.IntN(len(words))]
			}
			all[fmt.Sprint(n)] = append(all[fmt.Sprint(n)], q)
			for range rounds {
				start := time.Now()
				if err := drain(st, strings.Join(q, " ")); err != nil {
					return err
				}
				times = append(times, time.Since(start))
			}
		}
		slices.Sort(times)
		fmt.Printf("%d words: p50 %.0f µs, p99 %.0f µs\n", n, micros(times[len(times)/2]), micros(times[len(times)*99/100]))
	}
	if queriesPath == "" {
		return nil
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(queriesPath, b, 0o600)
}

func drain(st *sql.Stmt, args ...any) error {
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var id int64
	var score float64
	for rows.Next() {
		if err := rows.Scan(&id, &score); err != nil {
			return err
		}
	}
	return rows.Err()
}
