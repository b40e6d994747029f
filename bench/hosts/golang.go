package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"time"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sys/unix"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

//go:embed search.py
var searchPy string

// databaseSQL is the Go driver as most programs use it.
type databaseSQL struct {
	set *dataset
	db  *sql.DB
	st  *sql.Stmt
	at  int
}

func newDatabaseSQL(file, query string, set *dataset) (host, error) {
	db, err := sqlite.Open("file:" + file)
	if err != nil {
		return nil, err
	}
	h := &databaseSQL{set: set, db: db}
	h.st, err = db.Prepare(query)
	return h, err
}

// search reads the rows and their distances, as search.py does.
func (h *databaseSQL) search(query []byte, ids []int64) ([]int64, error) {
	rows, err := h.st.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var distance float64
		if err := rows.Scan(&id, &distance); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (h *databaseSQL) answers() ([][]int64, error) { return answers(h.set, h.search) }

func (h *databaseSQL) measure(seconds float64) (speed, error) {
	return measure(h.set, &h.at, seconds, h.search)
}

func (h *databaseSQL) Close() error {
	return errors.Join(h.st.Close(), h.db.Close())
}

// direct is the same SQLite without database/sql, with the page cache that sqlite.Open
// gives a connection.
type direct struct {
	set *dataset
	db  *sqlite3.Conn
	st  *sqlite3.Stmt
	at  int
}

func newDirect(file, query string, set *dataset) (host, error) {
	db, err := sqlite3.Open("file:" + file)
	if err != nil {
		return nil, err
	}
	h := &direct{set: set, db: db}
	if err := sqlite.Register(db); err != nil {
		return nil, err
	}
	if err := db.Exec("PRAGMA cache_size = -65536"); err != nil {
		return nil, err
	}
	h.st, _, err = db.PrepareFlags(query, sqlite3.PREPARE_PERSISTENT)
	return h, err
}

func (h *direct) search(query []byte, ids []int64) ([]int64, error) {
	if err := h.st.BindBlob(1, query); err != nil {
		return nil, err
	}
	for h.st.Step() {
		ids = append(ids, h.st.ColumnInt64(0))
		_ = h.st.ColumnFloat(1)
	}
	if err := h.st.Err(); err != nil {
		return nil, err
	}
	return ids, h.st.Reset()
}

func (h *direct) answers() ([][]int64, error) { return answers(h.set, h.search) }

func (h *direct) measure(seconds float64) (speed, error) {
	return measure(h.set, &h.at, seconds, h.search)
}

func (h *direct) Close() error {
	return errors.Join(h.st.Close(), h.db.Close())
}

func answers(set *dataset, search func([]byte, []int64) ([]int64, error)) ([][]int64, error) {
	out := make([][]int64, set.asks())
	for i := range out {
		var err error
		if out[i], err = search(set.query(i), nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func measure(set *dataset, at *int, seconds float64, search func([]byte, []int64) ([]int64, error)) (speed, error) {
	buf := make([]int64, 0, k)
	n, start, cpu := 0, time.Now(), processorTime()
	for time.Since(start).Seconds() < seconds {
		for range 20 {
			if _, err := search(set.query(*at), buf); err != nil {
				return speed{}, err
			}
			*at = (*at + 1) % set.asks()
		}
		n += 20
	}
	took := time.Since(start)
	return speed{float64(n) / took.Seconds(), (processorTime() - cpu).Seconds() * 1e6 / float64(n)}, nil
}

// processorTime is what all threads of this process have used.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
