// Command tenants measures one table of many tenants under one partitioned index:
// what a tenant's top-10 takes by the size of the tenant, whether only its rows come
// back, how near they are to the exact answer, and what the partition costs on disk.
//
//	go run ./bench/tenants [-tenants n] [-dims n] [-options TEXT] [-plain=false] [-dir DIR]
//
// Of a hundred tenants, 99 have 10 rows, most of the others 100, then 1,000, and a few
// 10,000. The vectors are synthetic, clustered around 200 centers, and rows of all tenants
// are mixed in the order of the table.
package main

import (
	"database/sql"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func main() {
	tenants := flag.Int("tenants", 100_000, "number of tenants")
	dims := flag.Int("dims", 32, "dimensions")
	options := flag.String("options", "", "more options of the index, such as m=8, ef_construction=64")
	plain := flag.Bool("plain", true, "build an unpartitioned index, too, and compare")
	dir := flag.String("dir", "", "directory for the database, kept; default: a temporary one")
	flag.Parse()
	if err := run(*tenants, *dims, *options, *plain, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "tenants:", err)
		os.Exit(1)
	}
}

// sizes are the rows of a tenant, by its number.
func size(tenant, tenants int) int {
	switch {
	case tenant < tenants/10_000:
		return 10_000
	case tenant < tenants/1_000:
		return 1_000
	case tenant < tenants/100:
		return 100
	}
	return 10
}

func run(tenants, dims int, options string, plain bool, dir string) error {
	if options != "" {
		options = ", " + options
	}
	if dir == "" {
		tmp, err := os.MkdirTemp("", "nearlite-tenants")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	db, err := sqlite.Open("file:" + filepath.Join(dir, "tenants.db") + "?_pragma=journal_mode(wal)&_pragma=cache_size(-65536)&_pragma=synchronous(off)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	rows, err := load(db, tenants, dims)
	if err != nil {
		return err
	}
	fmt.Printf("%d tenants, %d rows of %d dimensions\n", tenants, rows, dims)
	bytes := map[string]int64{}
	for _, x := range []struct{ name, options string }{{"plain", ""}, {"parted", ", partition_by=tenant"}} {
		if x.name == "plain" && !plain {
			continue
		}
		before, err := used(db)
		if err != nil {
			return err
		}
		start := time.Now()
		if _, err := db.Exec(`CREATE VIRTUAL TABLE ` + x.name + ` USING hnsw(notes, e` + x.options + options + `)`); err != nil {
			return err
		}
		after, err := used(db)
		if err != nil {
			return err
		}
		n := after - before
		bytes[x.name] = n
		fmt.Printf("index %q: %.1f s, %d bytes, %.1f a row\n", x.name, time.Since(start).Seconds(), n, float64(n)/float64(rows))
		if x.name == "plain" {
			if _, err := db.Exec(`DROP TABLE plain`); err != nil {
				return err
			}
		}
	}
	if plain {
		fmt.Printf("partitioned/plain: %.3f bytes\n", float64(bytes["parted"])/float64(bytes["plain"]))
	}
	fmt.Printf("\n| rows of the tenant | searches | p50 µs | p99 µs | recall@10 | plans |\n|--:|--:|--:|--:|--:|---|\n")
	rng := rand.New(rand.NewPCG(9, 9))
	for _, class := range []struct{ from, to int }{
		{tenants / 100, tenants}, {tenants / 1_000, tenants / 100}, {tenants / 10_000, tenants / 1_000}, {0, tenants / 10_000},
	} {
		if class.from < class.to {
			if err := measure(db, rng, class.from, class.to, tenants, dims); err != nil {
				return err
			}
		}
	}
	return nil
}

// used is the bytes of the pages in use.
func used(db *sql.DB) (n int64, err error) {
	err = db.QueryRow(`SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&n)
	return n, err
}

func load(db *sql.DB, tenants, dims int) (int, error) {
	if _, err := db.Exec(fmt.Sprintf(`CREATE TABLE notes(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, e F32_BLOB(%d))`, dims)); err != nil {
		return 0, err
	}
	var order []int32
	for t := range tenants {
		for range size(t, tenants) {
			order = append(order, int32(t))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	tx, err := db.Begin()
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	st, err := tx.Prepare(`INSERT INTO notes(tenant, e) VALUES(?, ?)`)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	for _, t := range order {
		if _, err := st.Exec(t, vector(rng, dims)); err != nil {
			return 0, err
		}
	}
	return len(order), tx.Commit()
}

// vector draws a row of a cluster.
func vector(rng *rand.Rand, dims int) []byte {
	c := rand.New(rand.NewPCG(uint64(rng.IntN(200)), 77))
	b := make([]byte, 0, 4*dims)
	for range dims {
		x := float32(c.NormFloat64() + 0.7*rng.NormFloat64())
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// measure searches for rows of the tenants from and up to to.
func measure(db *sql.DB, rng *rand.Rand, from, to, tenants, dims int) error {
	const search = `SELECT id FROM vector_search('parted', ?1, 10, 'tenant = ?1', ?2)`
	var times []float64
	found, wanted := 0, 0
	plans := map[string]int{}
	for n := range 210 {
		tenant := from + rng.IntN(to-from)
		q, args := vector(rng, dims), fmt.Sprintf("[%d]", tenant)
		start := time.Now()
		ids, err := list(db, search, q, args)
		took := time.Since(start)
		if err != nil {
			return err
		}
		if n < 10 {
			continue
		}
		times = append(times, float64(took.Nanoseconds())/1000)
		exact, err := list(db, `SELECT id FROM notes WHERE tenant = ?2 ORDER BY vector_distance_cos(e, ?1), id LIMIT 10`, q, tenant)
		if err != nil {
			return err
		}
		if want := min(10, size(tenant, tenants)); len(ids) != want {
			return fmt.Errorf("tenant %d: %d rows, want %d", tenant, len(ids), want)
		}
		for _, id := range ids {
			var owner int
			if err := db.QueryRow(`SELECT tenant FROM notes WHERE id = ?`, id).Scan(&owner); err != nil || owner != tenant {
				return fmt.Errorf("tenant %d got row %d of tenant %d: %w", tenant, id, owner, err)
			}
			if slices.Contains(exact, id) {
				found++
			}
		}
		wanted += len(exact)
		if n%10 == 0 {
			var plan string
			if err := db.QueryRow(`SELECT json_extract(explain, '$.plan') FROM vector_search('parted', ?1, 10, 'tenant = ?1', ?2) LIMIT 1`, q, args).Scan(&plan); err != nil {
				return err
			}
			plans[plan]++
		}
	}
	slices.Sort(times)
	fmt.Printf("| %d | %d | %.0f | %.0f | %.3f | %v |\n", size(from, tenants), len(times), times[len(times)/2], times[len(times)*99/100], float64(found)/float64(wanted), plans)
	return nil
}

func list(db *sql.DB, query string, args ...any) ([]int64, error) {
	rows, err := db.Query(query, args...)
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
