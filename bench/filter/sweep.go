package main

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

const k = 10

// cell is a filter, which may depend on the query, with the exact answers.
type cell struct {
	name    string
	share   float64
	matches int
	where   func(query int) string
	match   func(query, row int) bool // nil: the answers came with the data
	truth   [][]int64
}

var shares = []float64{0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9}

func (s *set) cells(n int) []cell {
	var out []cell
	for _, kind := range []string{"uncorrelated", "positive", "negative"} {
		for _, share := range shares {
			m := max(1, int(math.Round(share*float64(len(s.rows)))))
			low := func(q int) bool { return s.side[q] != (kind == "positive") }
			c := cell{name: kind, share: share, matches: m}
			if kind == "uncorrelated" {
				c.where = func(int) string { return fmt.Sprintf("u < %d", m) }
				c.match = func(_, row int) bool { return s.u[row] < m }
			} else {
				c.where = func(q int) string {
					if low(q) {
						return fmt.Sprintf("c < %d", m)
					}
					return fmt.Sprintf("c >= %d", len(s.rows)-m)
				}
				c.match = func(q, row int) bool {
					if low(q) {
						return s.c[row] < m
					}
					return s.c[row] >= len(s.rows)-m
				}
			}
			out = append(out, c)
		}
	}
	for _, f := range s.shipped {
		c := cell{name: f.Where, share: float64(f.Matching) / float64(len(s.rows)), matches: f.Matching, where: func(int) string { return f.Where }}
		for _, rows := range f.Top10[:min(n, len(f.Top10))] {
			ids := make([]int64, len(rows))
			for i, r := range rows {
				ids[i] = r + 1
			}
			c.truth = append(c.truth, ids)
		}
		out = append(out, c)
	}
	return out
}

// way is one way to answer.
type way struct {
	name string
	sql  string // with ?1 for the query and WHERE for the filter; "" for the rival
}

func planned(index, plan string) string {
	options := "NULL"
	if plan != "" {
		options = `'{"plan":"` + plan + `"}'`
	}
	return `SELECT id FROM vector_search('` + index + `', ?1, 10, QUOTED, NULL, ` + options + `)`
}

// forced are the plans that can be asked for.
var forced = []string{"exact scan", "filtered traversal", "traverse then filter", "code scan"}

// setup is an arrangement of indexes.
type setup struct {
	name    string
	index   string
	indexed bool // SQLite indexes on the filtered columns
	more    []way
}

var setups = []setup{
	{"included columns", "docs_inc", false, []way{
		{"sqlite-vec", ""},
		{"post-filter", `SELECT id FROM vector_search('docs_vec', ?1, 100) v WHERE EXISTS (SELECT 1 FROM docs WHERE docs.id = v.id AND (WHERE)) ORDER BY distance LIMIT 10`},
		{"SQL only", `SELECT id FROM docs WHERE WHERE ORDER BY vector_distance_cos(e, ?1) LIMIT 10`},
		{"unfiltered", `SELECT id FROM vector_search('docs_inc', ?1, 10)`},
	}},
	{"no index on the columns", "docs_vec", false, nil},
	{"SQLite index on the columns", "docs_vec", true, []way{
		{"sqlite-vec", ""},
		{"SQL only", `SELECT id FROM docs WHERE WHERE ORDER BY vector_distance_cos(e, ?1) LIMIT 10`},
	}},
}

func (u setup) ways() []way {
	ways := []way{{"planner", planned(u.index, "")}}
	for _, p := range forced {
		if p == "code scan" && u.index != "docs_inc" {
			continue
		}
		ways = append(ways, way{p, planned(u.index, p)})
	}
	return append(ways, u.more...)
}

type bench struct {
	set   *set
	db    *sql.DB
	n     int
	rival *rival
	// budget is the time for one way in one cell, after which it has been measured.
	budget time.Duration
	stmts  map[string]*sql.Stmt
}

func (b *bench) close() {
	for _, st := range b.stmts {
		_ = st.Close()
	}
}

// result is what one way did in one cell.
type result struct {
	times  []float64 // microseconds, ascending
	found  int       // of the true nearest
	wanted int
	rows   int
	short  int // answers with fewer than min(k, matches) rows
}

// seen are the times; none of a way that has not run.
func (r *result) seen() []float64 {
	if r == nil {
		return nil
	}
	return r.times
}

func (r *result) p50() float64    { return r.at(0.5) }
func (r *result) recall() float64 { return float64(r.found) / math.Max(float64(r.wanted), 1) }
func (r *result) at(share float64) float64 {
	if len(r.times) == 0 {
		return math.NaN()
	}
	return r.times[min(len(r.times)-1, int(share*float64(len(r.times))))]
}

// measured is one cell under one setup.
type measured struct {
	set, setup string
	cell       cell
	plans      string // that the planner chose
	by         map[string]*result
}

func (b *bench) sweep() ([]measured, error) {
	fmt.Fprintf(os.Stderr, "%s: exact answers", b.set.name)
	cells := b.set.cells(b.n)
	for i := range cells {
		c := &cells[i]
		for q := 0; c.match != nil && q < b.n; q++ {
			c.truth = append(c.truth, b.set.nearest(b.set.queries[q], k, func(row int) bool { return c.match(q, row) }))
		}
	}
	fmt.Fprintln(os.Stderr)
	columns := []string{"pos", "lexname", "row", "u", "c"}
	for _, c := range columns {
		if _, err := b.db.Exec(`DROP INDEX IF EXISTS docs_by_` + c); err != nil {
			return nil, err
		}
	}
	var out []measured
	for _, u := range setups {
		if u.indexed {
			for _, c := range columns {
				if _, err := b.db.Exec(`CREATE INDEX docs_by_` + c + ` ON docs(` + c + `)`); err != nil {
					return nil, err
				}
			}
		}
		header(os.Stdout, b.set, u)
		for _, c := range cells {
			m, err := b.measure(u, c)
			if err != nil {
				return nil, fmt.Errorf("%s, %s %g: %w", u.name, c.name, c.share, err)
			}
			line(os.Stdout, u, m)
			out = append(out, m)
		}
	}
	return out, nil
}

func (b *bench) measure(u setup, c cell) (measured, error) {
	m := measured{set: b.set.name, setup: u.name, cell: c, by: map[string]*result{}}
	ways := u.ways()
	spent := map[string]time.Duration{}
	plans := map[string]int{}
	n := min(b.n, len(c.truth))
	rng := rand.New(rand.NewPCG(7, 7))
	for q := -3; q < n; q++ { // the first three warm up
		query := (q + n) % n
		where := c.where(query)
		for _, turn := range rng.Perm(len(ways)) {
			w := ways[turn]
			if w.sql == "" && b.rival == nil || spent[w.name] > b.budget && (q < 0 || len(m.by[w.name].seen()) > 1) {
				continue
			}
			ids, took, err := b.ask(w, query, where)
			if err == nil && took < 20*time.Millisecond {
				// Once more, for its own time: the way before has left the caches to its own data.
				ids, took, err = b.ask(w, query, where)
			}
			if err != nil {
				return m, fmt.Errorf("%s: %s: %w", w.name, where, err)
			}
			if spent[w.name] += took; q < 0 {
				continue
			}
			r := m.by[w.name]
			if r == nil {
				r = &result{}
				m.by[w.name] = r
			}
			r.times = append(r.times, float64(took.Nanoseconds())/1000)
			r.rows += len(ids)
			if len(ids) < min(k, c.matches) {
				r.short++
			}
			r.wanted += len(c.truth[query])
			for _, id := range ids {
				if slices.Contains(c.truth[query], id) {
					r.found++
				}
			}
		}
		if q >= 0 && q < 5 {
			var plan sql.NullString
			err := b.db.QueryRow(`SELECT json_extract(explain, '$.plan') FROM vector_search('`+u.index+`', ?, 10, ?)`, blob(b.set.queries[query]), where).Scan(&plan)
			if err != nil {
				return m, err
			}
			plans[plan.String]++
		}
	}
	for p := range plans {
		m.plans += ", " + p
	}
	m.plans = strings.TrimPrefix(m.plans, ", ")
	for _, r := range m.by {
		slices.Sort(r.times)
	}
	return m, nil
}

// ask answers one query in one way.
func (b *bench) ask(w way, query int, where string) (ids []int64, took time.Duration, err error) {
	if w.sql == "" {
		return b.rival.ask(query, where)
	}
	text := strings.ReplaceAll(strings.Replace(w.sql, "QUOTED", `'`+strings.ReplaceAll(where, `'`, `''`)+`'`, 1), "WHERE WHERE", "WHERE "+where)
	text = strings.Replace(text, "(WHERE)", "("+where+")", 1)
	st := b.stmts[text]
	if st == nil {
		if st, err = b.db.Prepare(text); err != nil {
			return nil, 0, err
		}
		b.stmts[text] = st
	}
	q := blob(b.set.queries[query])
	start := time.Now()
	rows, err := st.Query(q)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, 0, err
		}
		ids = append(ids, id)
	}
	return ids, time.Since(start), rows.Err()
}
