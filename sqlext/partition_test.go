package sqlext_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

// tenants makes a table of tenants with 1 to 900 rows, and a partitioned index.
func (d *testDB) tenants(options string) (sizes map[string]int, rng *rand.Rand) {
	d.t.Helper()
	d.exec(`CREATE TABLE notes(id INTEGER PRIMARY KEY, tenant TEXT COLLATE NOCASE, kind INT, e F32_BLOB(8))`)
	d.exec(`CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, e` + options + `)`)
	sizes = map[string]int{}
	rng = rand.New(rand.NewPCG(5, 5))
	d.exec(`BEGIN`)
	for i := range 40 {
		tenant := fmt.Sprintf("t%d", i)
		sizes[tenant] = 1 + i*i*i/70
		for range sizes[tenant] {
			d.note(rng, tenant)
		}
	}
	d.exec(`COMMIT`)
	return sizes, rng
}

func (d *testDB) note(rng *rand.Rand, tenant any) {
	d.t.Helper()
	v := make([]float32, 8)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	if rng.IntN(5) == 0 {
		v = []float32{1, 2, 3, 4, 5, 6, 7, 8} // of many tenants: they share a node
	}
	d.exec(`INSERT INTO notes(tenant, kind, e) VALUES(?, ?, ?)`, tenant, rng.IntN(3), floats(v))
}

// No search for one tenant's rows returns another's, whichever plan runs, while rows
// come, go and move from tenant to tenant; and none of its rows is missing.
func TestPartitionIsolation(t *testing.T) {
	d, _ := openTemp(t)
	sizes, rng := d.tenants(`, partition_by=tenant, include=(kind)`)
	q := floats([]float32{1, 2, 3, 4, 5, 6, 7, 7})
	plans := map[planner.Plan]int{}
	for round := range 4 {
		for tenant := range sizes {
			for _, c := range []struct{ filter, options string }{
				{`tenant = ?1`, `{}`},
				{`?1 = notes.tenant AND kind < 2`, `{}`},
				{`tenant IN (?1)`, `{"plan":"code scan"}`},
				{`tenant = ?1 AND kind + 0 < 9`, `{"plan":"filtered traversal"}`},
			} {
				args := `["` + tenant + `"]`
				got := strings.Fields(d.line(`SELECT id FROM vector_search('notes_vec', ?, 10, ?, ?, ?)`, q, c.filter, args, c.options))
				want := strings.Fields(d.line(`SELECT id FROM notes WHERE `+c.filter+` ORDER BY vector_distance_cos(e, ?2), id LIMIT 10`, tenant, q))
				if len(got) != len(want) {
					t.Fatalf("%s of %s: %d rows, want %d", c.filter, tenant, len(got), len(want))
				}
				all := strings.Fields(d.line(`SELECT id FROM notes WHERE `+c.filter, tenant))
				for _, id := range got {
					if !slices.Contains(all, id) {
						t.Fatalf("round %d, %s of %s, %s: row %s is another tenant's", round, c.filter, tenant, c.options, id)
					}
				}
				plans[d.explain(`vector_search('notes_vec', ?, 10, ?, ?, ?)`, q, c.filter, args, c.options).Plan]++
			}
		}
		d.exec(`BEGIN`)
		for range 100 {
			d.note(rng, fmt.Sprintf("t%d", rng.IntN(40)))
		}
		d.exec(`UPDATE notes SET tenant = 't' || (id % 40) WHERE id % 17 = ?`, round)
		d.exec(`UPDATE notes SET tenant = upper(tenant) WHERE id % 13 = ?`, round)
		d.exec(`UPDATE notes SET tenant = NULL WHERE id % 91 = ?`, round)
		d.exec(`DELETE FROM notes WHERE id % 19 = ?`, round)
		d.exec(`COMMIT`)
	}
	t.Logf("plans %v", plans)
	if plans[planner.ExactScan] == 0 || plans[planner.CodeScan] == 0 || plans[planner.FilteredTraversal] == 0 {
		t.Errorf("plans %v, want exact scans, code scans and filtered traversals among them", plans)
	}
}

// The index on the partition's column comes and goes with the vector index, and is not
// made where there is one.
func TestPartitionIndex(t *testing.T) {
	d, _ := openTemp(t)
	d.tenants(`, partition_by=tenant`)
	d.wants("notes_vec_partition", `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'notes'`)
	d.wants("tenant", `SELECT json_extract(hnsw_stats('notes_vec'), '$.options.partition_by')`)
	e := d.explain(`vector_search('notes_vec', '[1,2,3,4,5,6,7,8]', 5, 'tenant = ''t9''')`)
	if e.Filter.Access != "index" || e.Filter.Included != "all" || e.Filter.Listed < 1 {
		t.Errorf("a tenant's rows are found by %+v, want a listing through the index", e.Filter)
	}
	d.exec(`DROP TABLE notes_vec`)
	d.wants("", `SELECT name FROM sqlite_schema WHERE name LIKE 'notes_vec%'`)
	d.exec(`CREATE INDEX own ON notes(tenant, kind)`)
	d.exec(`CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, e, partition_by="tenant", include=(kind, tenant))`)
	d.wants("own", `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'notes'`)
	d.exec(`DROP TABLE notes_vec`)
	d.wants("own", `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'notes'`)
}
