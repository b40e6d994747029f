package sqlext_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var habitRuns = flag.Int("habits", 4, "files that connections with habits of their own share, in TestHabits")

// TestHabits lets connections that each do one thing only, for as long as they are open,
// share a file: what a connection has not been asked for (to search, to find the table,
// to read what others wrote) it may do wrong when a threshold asks for it. There are
// enough rows to pass those: probes, folded logs, merged segments. Between two checks
// nobody looks; at a check, everybody must see the same, and hold up nobody.
func TestHabits(t *testing.T) {
	runs := *habitRuns
	if testing.Short() {
		runs = 1
	}
	for run := range runs {
		h := &habits{rng: rand.New(rand.NewPCG(11, uint64(run)))}
		journal := pick(h.rng, "wal", "delete", "truncate", "persist", "memory")
		index := pick(h.rng, habitIndexes...)
		dims := pick(h.rng, 2, 8, 32)
		t.Run(fmt.Sprintf("%d %s %d %s", run, journal, dims, index), func(t *testing.T) {
			h.t, h.dims, h.dsn = t, dims, "file:"+filepath.Join(t.TempDir(), "habits.db")+"?_pragma=busy_timeout(0)&_pragma=foreign_keys(1)"
			h.make(journal, index)
			for range 3 {
				for range 80 {
					h.turn()
				}
				h.check()
			}
		})
	}
}

// habitIndexes are the vector index, in its forms.
var habitIndexes = []string{
	`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, metric=cosine)`,
	`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, metric=l2, include=(lang), quantize=f16)`,
	`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, metric=cosine, partition_by=lang, m=6)`,
	`CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))`,
}

var habitWords = strings.Fields("apple river stone cloud bright engine paper green window silver music ocean tiger lamp")

// habits are the connections to one file.
type habits struct {
	t     *testing.T
	rng   *rand.Rand
	dims  int
	dsn   string
	conns []*habitual
	last  int64 // about the largest id
}

// habitual is a connection and the one thing it does.
type habitual struct {
	*testDB
	name string
	do   func(*habits, *habitual)
	open int // BEGIN and the savepoints inside
}

var habitRoles = []struct {
	name string
	do   func(*habits, *habitual)
}{
	{"insert", (*habits).insert},
	{"insert", (*habits).insert},
	{"delete", func(h *habits, c *habitual) {
		h.run(c, `DELETE FROM docs WHERE id % 37 = ? AND id > ?`, h.rng.IntN(37), h.id())
	}},
	{"vectors", func(h *habits, c *habitual) {
		h.run(c, `UPDATE docs SET e = ?1 WHERE id BETWEEN ?2 AND ?2 + 3`, h.vector(), h.id())
	}},
	{"columns", func(h *habits, c *habitual) {
		h.run(c, `UPDATE docs SET lang = (lang + 1) % 5 WHERE id % 11 = ?`, h.rng.IntN(11))
	}},
	{"texts", func(h *habits, c *habitual) {
		h.run(c, `UPDATE docs SET body = ? WHERE id % 101 = ?`, h.text(), h.rng.IntN(101))
	}},
	{"replace", (*habits).replace},
	{"cascade", (*habits).cascade},
	{"search", (*habits).search},
	{"upkeep", (*habits).upkeep},
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func (h *habits) make(journal, index string) {
	d := connect(h.t, h.dsn)
	defer d.shut()
	d.exec(`PRAGMA journal_mode = ` + journal)
	d.exec(`CREATE TABLE parents(id INTEGER PRIMARY KEY)`)
	d.exec(fmt.Sprintf(`CREATE TABLE docs(id INTEGER PRIMARY KEY, lang INT, body TEXT, e F32_BLOB(%d), n INT CHECK(n >= 0),
		parent INT REFERENCES parents(id) ON DELETE CASCADE)`, h.dims))
	d.exec(`CREATE TABLE audit(id)`)
	d.exec(`CREATE TRIGGER docs_audit AFTER DELETE ON docs BEGIN INSERT INTO audit VALUES(old.id); END`)
	d.exec(index)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)`)
	for _, r := range habitRoles {
		c := &habitual{connect(h.t, h.dsn), r.name, r.do, 0}
		h.conns = append(h.conns, c)
		h.t.Cleanup(func() { c.shut() })
	}
}

// turn lets one of them do some of what it does.
func (h *habits) turn() {
	c := h.conns[min(h.rng.IntN(len(h.conns)+3), len(h.conns)+2)%len(h.conns)]
	for n := h.rng.IntN(4); n >= 0 || c.open > 0 && h.rng.IntN(12) > 0; n-- {
		if h.rng.IntN(25) == 0 || c.open > 0 && h.rng.IntN(3) == 0 {
			h.transaction(c)
		} else {
			c.do(h, c)
		}
	}
	if c.open == 0 && h.rng.IntN(40) == 0 {
		c.shut()
		c.testDB = connect(h.t, h.dsn)
	}
}

// run runs a statement, which may fail only for what the test itself has done: broken
// a constraint, or left a transaction open elsewhere.
func (h *habits) run(c *habitual, query string, args ...any) bool {
	h.t.Helper()
	_, err := c.ExecContext(context.Background(), query, args...)
	if err == nil {
		return true
	}
	text := err.Error()
	waits := slices.ContainsFunc(h.conns, func(o *habitual) bool { return o != c && o.open > 0 })
	if !(waits && strings.Contains(text, "locked") || strings.Contains(text, "constraint failed")) {
		h.t.Fatalf("%s: %.100s: %v", c.name, query, err)
	}
	return false
}

func (h *habits) transaction(c *habitual) {
	switch {
	case c.open == 0:
		if h.run(c, pick(h.rng, `BEGIN`, `BEGIN IMMEDIATE`)) {
			c.open = 1
		}
	case c.open < 4 && h.rng.IntN(3) == 0:
		h.run(c, fmt.Sprintf(`SAVEPOINT s%d`, c.open))
		c.open++
	case c.open > 1:
		c.open--
		if h.rng.IntN(2) == 0 {
			h.run(c, fmt.Sprintf(`ROLLBACK TO s%d`, c.open))
		}
		h.run(c, fmt.Sprintf(`RELEASE s%d`, c.open))
	default:
		if h.rng.IntN(4) == 0 || !h.run(c, `COMMIT`) {
			h.run(c, `ROLLBACK`)
		}
		c.open = 0
	}
}

func (h *habits) insert(c *habitual) {
	var places []string
	var args []any
	for range 1 + h.rng.IntN(40) {
		places = append(places, `(?,?,?,?)`)
		var v any = h.vector()
		if h.rng.IntN(30) == 0 {
			v = nil
		}
		args = append(args, h.rng.IntN(5), h.text(), v, h.rng.IntN(1000))
		h.last++
	}
	h.run(c, `INSERT INTO docs(lang, body, e, n) VALUES `+strings.Join(places, ","), args...)
}

func (h *habits) replace(c *habitual) {
	id := h.id()
	switch row := []any{id, h.rng.IntN(5), h.text(), h.vector()}; h.rng.IntN(5) {
	case 0:
		h.run(c, `INSERT OR REPLACE INTO docs(id, lang, body, e) VALUES(?,?,?,?)`, row...)
	case 1:
		h.run(c, `INSERT INTO docs(id, lang, body, e) VALUES(?,?,?,?) ON CONFLICT(id) DO UPDATE SET e = excluded.e, body = excluded.body`, row...)
	case 2:
		h.run(c, `INSERT OR IGNORE INTO docs(id, lang, body, e) VALUES(?,?,?,?)`, row...)
	case 3:
		h.run(c, `UPDATE OR REPLACE docs SET id = ? WHERE id = ?`, h.id(), id)
	case 4: // breaks a constraint in the middle
		h.run(c, `INSERT INTO docs(lang, body, e, n) SELECT lang, body, e, iif(id % 7 = 3, -5, n) FROM docs WHERE id BETWEEN ?1 AND ?1 + 20`, id)
	}
}

func (h *habits) cascade(c *habitual) {
	switch h.rng.IntN(3) {
	case 0:
		h.run(c, `INSERT OR IGNORE INTO parents VALUES(?)`, h.rng.IntN(20))
	case 1:
		h.run(c, `UPDATE docs SET parent = (SELECT max(id) FROM parents WHERE id <= ?) WHERE id % 53 = ?`, h.rng.IntN(20), h.rng.IntN(53))
	case 2:
		h.run(c, `DELETE FROM parents WHERE id = ?`, h.rng.IntN(20))
	}
}

func (h *habits) search(c *habitual) {
	h.run(c, `SELECT count(*) FROM vector_search('docs_vec', ?, 10, 'lang = ?1', '[2]')`, h.vector())
	h.run(c, `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'apple river', ?, 10)`, h.vector())
}

func (h *habits) upkeep(c *habitual) {
	if h.rng.IntN(6) > 0 || slices.ContainsFunc(h.conns, func(o *habitual) bool { return o.open > 0 }) {
		return
	}
	switch h.rng.IntN(7) {
	case 0:
		h.run(c, `VACUUM`)
	case 1:
		h.run(c, fmt.Sprintf(`ALTER TABLE docs ADD COLUMN x%d`, h.rng.Int64()))
	case 2:
		h.run(c, `INSERT INTO docs_text(docs_text) VALUES('optimize')`)
	case 3:
		h.run(c, `REINDEX`)
	case 4:
		h.run(c, `ALTER TABLE docs RENAME TO papers`)
		h.run(c, `ALTER TABLE papers RENAME TO docs`)
	case 5:
		h.run(c, `PRAGMA wal_checkpoint(TRUNCATE)`)
	case 6:
		h.run(c, `CREATE INDEX IF NOT EXISTS docs_n ON docs(n)`)
	}
}

// check ends what is open. Then each connection can have the file for itself, and all
// find the rows that are there.
func (h *habits) check() {
	h.t.Helper()
	for _, c := range h.conns {
		if c.open > 0 {
			c.exec(`ROLLBACK`)
			c.open = 0
		}
	}
	for _, c := range h.conns {
		h.run(c, `BEGIN EXCLUSIVE`)
		h.run(c, `COMMIT`)
	}
	h.conns[0].check()
	ids := strings.Fields(h.conns[0].rows(`SELECT id FROM docs WHERE e IS NOT NULL ORDER BY id`))
	for _, c := range h.conns {
		lost := 0
		for range 10 {
			const near = `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', (SELECT e FROM docs WHERE id = ?), 20, NULL, NULL, ?)`
			id := pick(h.rng, ids...)
			got, want := strings.Fields(c.rows(near, id, `{}`)), strings.Fields(c.rows(near, id, `{"exact": true}`))
			if len(got) != len(want) {
				h.t.Fatalf("%s: %d rows near row %s, want %d", c.name, len(got), id, len(want))
			}
			for _, w := range want {
				if !slices.Contains(got, w) {
					lost++
				}
			}
		}
		if lost > 40 { // m=6 is little for random vectors
			h.t.Errorf("%s: %d of 200 near rows were not found", c.name, lost)
		}
		word := pick(h.rng, habitWords...)
		c.wants(c.rows(`SELECT count(*) FROM docs WHERE ' ' || body || ' ' LIKE '% ' || ? || ' %'`, word), `SELECT count(*) FROM lexical_search('docs_text', ?, 100000)`, word)
	}
}

func (h *habits) id() int64 { return 1 + h.rng.Int64N(max(h.last, 1)) }

func (h *habits) vector() []byte {
	var b []byte
	for range h.dims {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(h.rng.NormFloat64())))
	}
	return b
}

func (h *habits) text() string {
	var words []string
	for range 3 + h.rng.IntN(8) {
		words = append(words, pick(h.rng, habitWords...))
	}
	return strings.Join(words, " ")
}
