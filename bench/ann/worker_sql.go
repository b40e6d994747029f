package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// throughSQL is nearlite as its users meet it: a database file, database/sql, a
// prepared statement, the vector bound as a blob.
type throughSQL struct {
	job
	file    string
	queries [][]byte
	db      *sql.DB
}

const searchSQL = `SELECT rowid FROM v_idx WHERE vector MATCH ?1 AND k = ?2 AND ef_search = ?3`

func newThroughSQL(j job) (*throughSQL, int, error) {
	c := &throughSQL{job: j, file: j.base + "." + j.quantize + ".db"}
	queries, err := readRaw(j.queries)
	if err != nil {
		return nil, 0, err
	}
	for i := 0; i < len(queries); i += j.dims {
		c.queries = append(c.queries, blob(queries[i:i+j.dims]))
	}
	return c, len(c.queries), nil
}

func blob(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
	}
	return b
}

func (c *throughSQL) open() (*sql.DB, error) {
	return sqlite.Open("file:" + c.file + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
}

func (c *throughSQL) build(threads int) (answer, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	if c.db != nil {
		c.db.Close()
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(c.file + suffix); err != nil && !os.IsNotExist(err) {
			return answer{}, err
		}
	}
	base, err := readRaw(c.base)
	if err != nil {
		return answer{}, err
	}
	if c.db, err = c.open(); err != nil {
		return answer{}, err
	}
	if _, err := c.db.Exec(fmt.Sprintf(`CREATE TABLE v(id INTEGER PRIMARY KEY, e F32_BLOB(%d))`, c.dims)); err != nil {
		return answer{}, err
	}
	tx, err := c.db.Begin()
	if err != nil {
		return answer{}, err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare(`INSERT INTO v(id, e) VALUES (?, ?)`)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(base); i += c.dims {
		if _, err := insert.Exec(i/c.dims, blob(base[i:i+c.dims])); err != nil {
			return answer{}, err
		}
	}
	if err := tx.Commit(); err != nil {
		return answer{}, err
	}
	start := time.Now()
	_, err = c.db.Exec(fmt.Sprintf(`CREATE VIRTUAL TABLE v_idx USING hnsw(v, e, metric=%s, m=%d, ef_construction=%d, quantize=%s)`,
		c.metric, c.m, c.efc, c.quantize))
	if err != nil {
		return answer{}, err
	}
	a := answer{Seconds: time.Since(start).Seconds()}
	// A file as it is found later: without a log of hundreds of megabytes, which the
	// next process would have to read first.
	if _, err := c.db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return answer{}, err
	}
	// The pages of the index, whole: what the file grew by.
	err = c.db.QueryRow(`SELECT sum(pgsize) FROM dbstat WHERE name GLOB 'v_idx_*'`).Scan(&a.Bytes)
	if err != nil {
		// Without dbstat: the bytes in the rows.
		var pages, size int64
		if err := c.db.QueryRow(`SELECT page_count, page_size FROM pragma_page_count, pragma_page_size`).Scan(&pages, &size); err != nil {
			return answer{}, err
		}
		a.Bytes = pages*size - tablePages(len(base)/c.dims, c.dims, size)*size
	}
	return a, nil
}

// tablePages estimates the pages of the table of vectors, in the file beside the
// index: rows that fit a page share it, longer ones have overflow pages of their own.
func tablePages(rows, dims int, pageSize int64) int64 {
	cell := int64(4*dims + 12)
	if local := pageSize - 35; cell <= local {
		return int64(rows)/(pageSize/cell) + 1
	}
	return int64(rows) * (cell/pageSize + 1)
}

func (c *throughSQL) searcher(ef int) (func(int, []int32) error, func(), error) {
	var err error
	if c.db == nil {
		if c.db, err = c.open(); err != nil {
			return nil, nil, err
		}
	}
	ctx := context.Background()
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	st, err := conn.PrepareContext(ctx, searchSQL)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	done := func() { st.Close(); conn.Close() }
	return func(q int, dst []int32) error {
		rows, err := st.QueryContext(ctx, c.queries[q], c.k, ef)
		if err != nil {
			return err
		}
		defer rows.Close()
		for i := 0; rows.Next(); i++ {
			if err := rows.Scan(&dst[i]); err != nil {
				return err
			}
		}
		return rows.Err()
	}, done, nil
}

// first opens the file that another process built and answers one query.
func (c *throughSQL) first() (answer, error) {
	a := answer{KiBBefore: statusKiB("VmRSS:")}
	start := time.Now()
	search, done, err := c.searcher(64)
	if err != nil {
		return answer{}, err
	}
	defer done()
	err = search(0, make([]int32, c.k))
	a.Seconds = time.Since(start).Seconds()
	a.KiBAfter = statusKiB("VmRSS:")
	return a, err
}

// insert adds n rows, each in its own transaction, and says what the log grew by
// beyond what the same rows need in a table without an index.
func (c *throughSQL) insert(n int) (answer, error) {
	if c.db == nil {
		var err error
		if c.db, err = c.open(); err != nil {
			return answer{}, err
		}
	}
	c.db.SetMaxOpenConns(1)
	defer c.db.SetMaxOpenConns(0)
	if _, err := c.db.Exec(fmt.Sprintf(`CREATE TABLE IF NOT EXISTS plain(id INTEGER PRIMARY KEY, e F32_BLOB(%d))`, c.dims)); err != nil {
		return answer{}, err
	}
	var next int
	if err := c.db.QueryRow(`SELECT max(id) + 1 FROM v`).Scan(&next); err != nil {
		return answer{}, err
	}
	run := func(table string) (seconds, wal float64, err error) {
		if _, err = c.db.Exec(`PRAGMA wal_autocheckpoint = 0`); err != nil {
			return 0, 0, err
		}
		if _, err = c.db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			return 0, 0, err
		}
		st, err := c.db.Prepare(`INSERT INTO ` + table + `(id, e) VALUES (?, ?)`)
		if err != nil {
			return 0, 0, err
		}
		defer st.Close()
		start := time.Now()
		for i := range n {
			if _, err := st.Exec(next+i, c.queries[i%len(c.queries)]); err != nil {
				return 0, 0, err
			}
		}
		seconds = time.Since(start).Seconds()
		info, err := os.Stat(c.file + "-wal")
		if err != nil {
			return 0, 0, err
		}
		return seconds, float64(info.Size()), nil
	}
	_, plain, err := run("plain")
	if err != nil {
		return answer{}, err
	}
	seconds, wal, err := run("v")
	if err != nil {
		return answer{}, err
	}
	if _, err := c.db.Exec(`DELETE FROM v WHERE id >= ?`, next); err != nil {
		return answer{}, err
	}
	for _, restore := range []string{`DROP TABLE plain`, `PRAGMA wal_autocheckpoint = 1000`} {
		if _, err := c.db.Exec(restore); err != nil {
			return answer{}, err
		}
	}
	return answer{PerSecond: float64(n) / seconds, WALBytes: (wal - plain) / float64(n)}, nil
}
