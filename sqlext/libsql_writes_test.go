package sqlext_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

// TestAnchoredRandomWrites compares vector_top_k with a scan of the table after random
// statements of every kind, in and out of transactions.
func TestAnchoredRandomWrites(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomWrites(t, seed) })
	}
}

func randomWrites(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	d, path := openTemp(t)
	without := ""
	if seed%3 == 2 {
		without = " WITHOUT ROWID"
	}
	d.exec(`PRAGMA synchronous = off`)
	d.exec(`CREATE TABLE p(id INTEGER PRIMARY KEY, u INT UNIQUE, cat INT, e F32_BLOB(2))` + without)
	d.exec(`CREATE INDEX ix ON p(libsql_vector_idx(e, 'metric=l2'))`)
	d.exec(`CREATE INDEX part ON p(libsql_vector_idx(e, 'metric=l2', 'compress_neighbors=float32')) WHERE cat > 2`)
	if seed%2 == 1 {
		d.exec(`CREATE TRIGGER mine AFTER INSERT ON p WHEN new.cat = 1 BEGIN UPDATE p SET e = vector32('[9,9]') WHERE id = new.id; END`)
	}
	vec := func() string {
		if r.IntN(12) == 0 {
			return "NULL"
		}
		return fmt.Sprintf("vector32('[%d.%d,%d]')", r.IntN(40), r.IntN(100), r.IntN(40))
	}
	inside, names := false, []string{"p"}
	for step := range 250 {
		id, u, cat := r.IntN(40), r.IntN(40), r.IntN(6)
		p := names[0]
		values := fmt.Sprintf("(%d, %d, %d, %s)", id, u, cat, vec())
		var sql string
		switch n := r.IntN(100); {
		case n < 25:
			sql = "INSERT OR IGNORE INTO " + p + " VALUES" + values
		case n < 35:
			sql = "INSERT OR REPLACE INTO " + p + " VALUES" + values
		case n < 45:
			sql = "INSERT INTO " + p + " VALUES" + values + " ON CONFLICT(id) DO UPDATE SET e = excluded.e, cat = excluded.cat ON CONFLICT DO NOTHING"
		case n < 55:
			sql = fmt.Sprintf("UPDATE %s SET e = %s WHERE id %% 5 = %d", p, vec(), id%5)
		case n < 60:
			sql = fmt.Sprintf("UPDATE %s SET cat = %d WHERE id < %d", p, cat, id)
		case n < 65:
			sql = fmt.Sprintf("UPDATE OR REPLACE %s SET id = %d WHERE id = %d", p, u, id)
		case n < 68:
			sql = fmt.Sprintf("UPDATE OR IGNORE %s SET u = %d, e = %s WHERE id > %d", p, u, vec(), id)
		case n < 76:
			sql = fmt.Sprintf("DELETE FROM %s WHERE id = %d", p, id)
		case n < 77:
			sql = "DELETE FROM " + p
		case n < 79: // fails, and must leave nothing
			d.fails("dimensions are different: 1 != 2", fmt.Sprintf("INSERT INTO %s VALUES(1000, 1000, 5, vector32('[1,2]')), (1001, 1001, 5, vector32('[1]'))", p))
			continue
		case n < 81:
			sql = "REINDEX part"
		case n < 82:
			to := "p2"
			if p == to {
				to = "p"
			}
			sql, names[0] = "ALTER TABLE "+p+" RENAME TO "+to, to
		case n < 84 && !inside:
			sql = "DROP INDEX part"
			d.exec(sql)
			sql = "CREATE INDEX part ON " + p + "(libsql_vector_idx(e, 'metric=l2', 'compress_neighbors=float32')) WHERE cat > 2"
		case n < 90:
			if inside {
				sql = []string{"COMMIT", "ROLLBACK"}[r.IntN(2)]
				if sql == "ROLLBACK" {
					names[0] = names[1]
				}
				names = names[:1]
			} else {
				sql = "BEGIN"
				names = append(names[:1], names[0])
			}
			inside = !inside
		case n < 95 && inside:
			d.exec("SAVEPOINT s")
			d.exec("INSERT OR REPLACE INTO " + p + " VALUES" + values)
			d.exec("DELETE FROM " + p + " WHERE id > 20")
			if r.IntN(2) == 0 {
				d.exec("ROLLBACK TO s")
			}
			sql = "RELEASE s"
		default:
			sql = "SELECT 1"
		}
		d.exec(sql)
		for _, x := range []struct{ index, where string }{{"ix", "1"}, {"part", "cat > 2"}} {
			qx, qy := r.IntN(40), r.IntN(40)
			got := d.rows(fmt.Sprintf("SELECT group_concat(id, ' ') FROM vector_top_k('%s', '[%d,%d]', 7)", x.index, qx, qy))
			want := d.exactNearest(names[0], x.where, float64(qx), float64(qy), 7)
			if without != "" { // equal distances come in the order of the index's own numbers
				got, want = d.distances(names[0], qx, qy, got), d.distances(names[0], qx, qy, want)
			}
			if got != want {
				t.Fatalf("seed %d, step %d: after %s\n%s finds %s\nwant %s", seed, step, sql, x.index, got, want)
			}
		}
	}
	if inside {
		d.exec("COMMIT")
	}
	if got := d.rows("PRAGMA integrity_check"); got != "ok" {
		d.exec("REINDEX") // rows that REPLACE removed may linger in the index
	}
	d.exec("VACUUM")
	e := openFile(t, "file:"+path)
	got := e.rows("SELECT group_concat(id, ' ') FROM vector_top_k('ix', '[3,3]', 20)")
	want := e.exactNearest(names[0], "1", 3, 3, 20)
	if got, want = e.distances(names[0], 3, 3, got), e.distances(names[0], 3, 3, want); got != want {
		t.Errorf("after VACUUM another connection finds %s\nwant %s", got, want)
	}
}

// distances lists the distances of rows from (x, y).
func (d *testDB) distances(table string, x, y int, ids string) string {
	d.t.Helper()
	var out []string
	for _, id := range strings.Fields(ids) {
		out = append(out, d.rows(fmt.Sprintf("SELECT round(vector_distance_l2(e, '[%d,%d]'), 3) FROM %s WHERE id = %s", x, y, table, id)))
	}
	return strings.Join(out, " ")
}

// exactNearest lists the k nearest rows by a scan, equal distances by id.
func (d *testDB) exactNearest(table, where string, x, y float64, k int) string {
	d.t.Helper()
	type hit struct {
		id   int
		dist float64
	}
	var hits []hit
	for _, line := range strings.Fields(d.rows("SELECT id || vector_extract(e) FROM " + table + " WHERE e IS NOT NULL AND " + where + " ORDER BY id")) {
		var h hit
		var a, b float64
		if _, err := fmt.Sscanf(line, "%d[%g,%g]", &h.id, &a, &b); err != nil {
			d.t.Fatal(line, err)
		}
		// As the index has it: single precision, so that ties are ties.
		h.dist = math.Hypot(float64(float32(a))-x, float64(float32(b))-y)
		hits = append(hits, h)
	}
	sort.SliceStable(hits, func(i, j int) bool { return float32(hits[i].dist) < float32(hits[j].dist) })
	var out []string
	for _, h := range hits[:min(k, len(hits))] {
		out = append(out, fmt.Sprint(h.id))
	}
	if len(out) == 0 {
		return "NULL"
	}
	return strings.Join(out, " ")
}
