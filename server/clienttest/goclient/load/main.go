// Command load is the part of bench/server that is libsql-client-go: load URL
// CONNECTIONS QUERIES. QUERIES is a file: the number of bytes of a vector (uint32),
// then the vectors.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	_ "github.com/tursodatabase/libsql-client-go/libsql"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

type answer struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_ms"`
	Took    []int64 `json:"took_us"`
	Errors  int     `json:"errors"`
	First   string  `json:"first"`
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("got %d arguments, want URL CONNECTIONS QUERIES", len(args))
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	data, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	size := int(binary.LittleEndian.Uint32(data))
	var queries [][]byte
	for data = data[4:]; len(data) >= size; data = data[size:] {
		queries = append(queries, data[:size:size])
	}
	db, err := sql.Open("libsql", args[0])
	if err != nil {
		return err
	}
	defer db.Close()
	var conns []*sql.Conn
	for range n {
		c, err := db.Conn(context.Background())
		if err != nil {
			return err
		}
		defer c.Close()
		conns = append(conns, c)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var kind string
		var seconds float64
		if _, err := fmt.Sscan(lines.Text(), &kind, &seconds); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(load(conns, queries, kind, seconds)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func load(conns []*sql.Conn, queries [][]byte, kind string, seconds float64) answer {
	var mu sync.Mutex
	a := answer{Took: []int64{}}
	var wg sync.WaitGroup
	cpu, begin := used(), time.Now()
	for _, c := range conns {
		wg.Go(func() {
			var took []int64
			for time.Since(begin).Seconds() < seconds {
				t := time.Now()
				var err error
				if kind == "select1" {
					err = count(c, 1, "SELECT 1")
				} else {
					err = count(c, 10, "SELECT id FROM vector_top_k('docs_vec', ?, 10)", queries[rand.IntN(len(queries))])
				}
				if err != nil {
					mu.Lock()
					a.Errors++
					a.First = err.Error()
					stop := a.Errors > 1000
					mu.Unlock()
					if stop {
						break
					}
					continue
				}
				took = append(took, time.Since(t).Microseconds())
			}
			mu.Lock()
			a.Took = append(a.Took, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	a.Seconds = time.Since(begin).Seconds()
	a.CPU = float64((used() - cpu).Microseconds()) / 1000
	return a
}

// count runs a query and compares the number of its rows.
func count(c *sql.Conn, want int, text string, args ...any) error {
	rows, err := c.QueryContext(context.Background(), text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	got := 0
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return err
		}
		got++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%d rows, want %d", got, want)
	}
	return nil
}

// used is the processor time of this program.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
