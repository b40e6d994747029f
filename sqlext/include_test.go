package sqlext_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

// items makes n rows with values of all storage classes in columns of all affinities,
// all of them included but plain.
func (d *testDB) items(n int, options string) *rand.Rand {
	d.t.Helper()
	d.exec(`CREATE TABLE items(id INTEGER PRIMARY KEY, i INTEGER, r REAL, n NUMERIC, t TEXT, nc TEXT COLLATE NOCASE,
		rt VARCHAR COLLATE RTRIM, b BLOB, x, "odd name" TEXT, plain INT, e F32_BLOB(8))`)
	rng := rand.New(rand.NewPCG(11, 7))
	d.exec(`BEGIN`)
	for id := range n {
		d.insertItem(rng, id+1)
	}
	d.exec(`COMMIT`)
	d.exec(`CREATE VIRTUAL TABLE items_vec USING hnsw(items, e, include=(i, r, n, t, nc, rt, b, x, "odd name")` + options + `)`)
	return rng
}

func (d *testDB) insertItem(rng *rand.Rand, id int) {
	d.t.Helper()
	args := []any{id}
	for range 9 {
		args = append(args, randomValue(rng))
	}
	v := make([]float32, 8)
	for j := range v {
		v[j] = float32(rng.NormFloat64())
	}
	if rng.IntN(8) == 0 {
		v = []float32{1, 0, 0, 0, 0, 0, 0, 0} // rows that share a node
	}
	d.exec(`INSERT OR REPLACE INTO items VALUES(?,?,?,?,?,?,?,?,?,?,?,?)`, append(args, rng.IntN(10), floats(v))...)
}

// randomValue draws from values that compare with each other in all ways.
func randomValue(rng *rand.Rand) any {
	switch rng.IntN(16) {
	case 0:
		return nil
	case 1, 2, 3:
		return rng.IntN(6) - 2
	case 4:
		return []int64{1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64, 100, 12}[rng.IntN(6)]
	case 5, 6:
		return []float64{0.5, 1, -1.5, 1 << 53, 1e300, math.Copysign(0, -1), 9.3e18, 2.0000000000000004}[rng.IntN(8)]
	case 7, 8, 9, 10, 11:
		return []string{"a", "A", "ab", "abc ", "abc", "ABC", "1", "12", "1.0", "1e2", "", " 1", "é", "É", "it's", "NULL"}[rng.IntN(16)]
	case 12:
		return strings.Repeat("long ", 10+rng.IntN(8))
	case 13, 14:
		return [][]byte{{}, {0}, {1, 2}, []byte("a"), []byte("abc")}[rng.IntN(5)]
	default:
		return rng.IntN(3)
	}
}

// literal writes a value as SQL, or as a parameter.
func literal(rng *rand.Rand, v any, args *[]any) string {
	_, blob := v.([]byte)
	if !blob && rng.IntN(2) == 0 {
		if f, ok := v.(float64); !ok || f != math.Trunc(f) { // JSON has no 1.0
			*args = append(*args, v)
			return "?" + strconv.Itoa(len(*args))
		}
	}
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	default:
		return fmt.Sprint(v)
	}
}

var itemColumns = []string{"i", "r", "n", "t", "nc", "rt", "b", "x", `"odd name"`, "items.t", "main.items.x", "[i]"}

// includedFilter writes a predicate over items, most of it on included columns.
func includedFilter(rng *rand.Rand, depth int, args *[]any) string {
	if depth > 0 && rng.IntN(3) > 0 {
		a := includedFilter(rng, depth-1, args)
		switch rng.IntN(4) {
		case 0:
			return "NOT (" + a + ")"
		case 1:
			return a + " AND " + includedFilter(rng, depth-1, args)
		case 2:
			return "(" + a + ") OR " + includedFilter(rng, depth-1, args)
		default:
			return "(" + a + " and (" + includedFilter(rng, depth-1, args) + "))"
		}
	}
	col := itemColumns[rng.IntN(len(itemColumns))]
	val := func() string { return literal(rng, randomValue(rng), args) }
	switch rng.IntN(14) {
	case 0, 1, 2:
		return col + " " + []string{"=", "==", "<>", "!=", "<", "<=", ">", ">="}[rng.IntN(8)] + " " + val()
	case 3:
		return val() + []string{"=", "<>", "<", "<=", ">", ">="}[rng.IntN(6)] + col
	case 4:
		return col + []string{" BETWEEN ", " NOT BETWEEN "}[rng.IntN(2)] + val() + " AND " + val()
	case 5, 6:
		list := []string{val()}
		for range rng.IntN(4) {
			list = append(list, val())
		}
		return col + []string{" IN (", " NOT IN ("}[rng.IntN(2)] + strings.Join(list, ", ") + ")"
	case 7:
		return col + []string{" IS NULL", " IS NOT NULL", " ISNULL", " NOTNULL", " NOT NULL"}[rng.IntN(5)]
	case 8:
		return "NOT " + col + " = " + val()
	// What is left to SQLite, alone or between terms that are not.
	case 9:
		return "plain " + []string{"=", "<", ">"}[rng.IntN(3)] + " " + strconv.Itoa(rng.IntN(10))
	case 10:
		return col + " LIKE '" + []string{"a%", "%1%", "_"}[rng.IntN(3)] + "'"
	case 11:
		return "CASE WHEN " + col + " = 1 AND plain > 3 OR plain = 1 THEN 1 END"
	case 12:
		return []string{
			col + " COLLATE NOCASE = 'ABC'", "+" + col + " < 3", col + " || '' > 'a'", "(" + col + ") = 1", col + " = 1 = 1",
			"-1 < " + col, col + " IS 1", "length(" + col + ") = 1", col + " < plain", "typeof(" + col + ") = 'text'", col + " = (1)", "1", "0x10 > " + col,
		}[rng.IntN(13)]
	default:
		return "EXISTS (SELECT 1 FROM items o WHERE o.id = items.id + 1 AND o.i BETWEEN 0 AND 2)"
	}
}

// Conditions on included columns mean what they mean in SQL: with every plan a search
// for all rows returns exactly those that match.
func TestIncludedFilters(t *testing.T) {
	d, _ := openTemp(t)
	const rows = 400
	rng := d.items(rows, "")
	q := floats([]float32{1, 1, 0, 0, 1, 0, 0, 1})
	covered := map[string]int{}
	plans := map[planner.Plan]int{}
	for n := range 4 * *filterCases {
		if n%50 == 49 { // what the index keeps follows the table
			id := 1 + rng.IntN(rows)
			switch rng.IntN(3) {
			case 0:
				col := itemColumns[rng.IntN(9)]
				d.exec(`UPDATE items SET `+col+` = ? WHERE id = ?`, randomValue(rng), id)
			case 1:
				d.exec(`DELETE FROM items WHERE id = ?`, id)
			default:
				d.insertItem(rng, id)
			}
		}
		var args []any
		filter := includedFilter(rng, 3, &args)
		encoded, err := json.Marshal(append([]any{}, args...))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Fields(d.line(`SELECT id FROM items WHERE e IS NOT NULL AND (`+filter+"\n) ORDER BY id", args...))
		for _, options := range []string{`{}`, `{"plan":"filtered traversal"}`, `{"plan":"code scan"}`} {
			call := `vector_search('items_vec', ?, ?, ?, ?, ?)`
			k := rows
			if strings.Contains(options, "traversal") {
				k = 20 // a search for more rows than match ends in a scan
			}
			got, err := d.try(`SELECT id FROM `+call, q, k, filter, string(encoded), options)
			if err != nil && strings.Contains(err.Error(), "want a filter on columns that main.items_vec includes") {
				continue
			}
			if err != nil {
				t.Fatalf("case %d: %s %s: %v", n, filter, encoded, err)
			}
			ids := strings.Fields(got)
			slices.SortFunc(ids, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y })
			switch {
			case k == rows && !slices.Equal(ids, want):
				t.Fatalf("case %d: %s %s %s\n got %v\nwant %v", n, filter, encoded, options, ids, want)
			case len(ids) != min(k, len(want)):
				t.Fatalf("case %d: %s %s %s: %d rows, want %d", n, filter, encoded, options, len(ids), min(k, len(want)))
			}
			for _, id := range ids {
				if !slices.Contains(want, id) {
					t.Fatalf("case %d: %s %s %s: row %s does not match", n, filter, encoded, options, id)
				}
			}
			if options == `{}` && len(ids) > 0 {
				e := d.explain(call, q, k, filter, string(encoded), options)
				covered[e.Filter.Included]++
				plans[e.Plan]++
			}
		}
	}
	t.Logf("decided by included columns: %v; plans %v", covered, plans)
	if *filterCases >= 100 && (covered["all"] == 0 || covered["part"] == 0 || covered[""] == 0) {
		t.Errorf("decided by included columns: %v, want some of each", covered)
	}
}

// Included columns are part of the transaction, of rebuild and of renames.
func TestIncludedTransactions(t *testing.T) {
	d, path := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, lang TEXT, year INT, e F32_BLOB(2))`)
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, metric=l2, include=(lang, year))`)
	d.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 300)
		INSERT INTO docs SELECT i, iif(i % 3, 'de', 'en'), 2000 + i % 10, vector32('[' || i || ',1]') FROM n`)
	other := openFile(t, "file:"+path)
	find := func(d *testDB, filter string) string {
		t.Helper()
		return d.line(`SELECT id FROM vector_search('docs_vec', '[30,1]', 3, ?, NULL, '{"plan":"code scan"}')`, filter)
	}
	is := func(d *testDB, filter, want string) {
		t.Helper()
		if got := find(d, filter); got != want {
			t.Errorf("%s: got %q, want %q", filter, got, want)
		}
	}
	is(d, `lang = 'en'`, "30 27 33")
	is(other, `lang = 'en' AND year = 2000`, "30 60 90")
	d.exec(`BEGIN`)
	d.exec(`UPDATE docs SET lang = 'fr' WHERE id IN (30, 31, 250)`)
	is(d, `lang = 'fr'`, "30 31 250")
	is(d, `lang = 'en'`, "27 33 24")
	is(other, `lang = 'fr'`, "")
	d.exec(`SAVEPOINT s`)
	d.exec(`UPDATE docs SET lang = NULL WHERE id = 31`)
	d.exec(`DELETE FROM docs WHERE id = 30`)
	is(d, `lang = 'fr'`, "250")
	is(d, `lang IS NULL`, "31")
	d.exec(`ROLLBACK TO s`)
	is(d, `lang = 'fr'`, "30 31 250")
	is(d, `lang IS NULL`, "")
	d.exec(`COMMIT`)
	is(other, `lang = 'fr'`, "30 31 250")
	d.exec(`BEGIN`)
	d.exec(`UPDATE docs SET year = 1`)
	d.exec(`ROLLBACK`)
	is(d, `year = 1`, "")
	d.exec(`ALTER TABLE docs RENAME COLUMN lang TO language`)
	d.exec(`ALTER TABLE docs RENAME TO papers`)
	is(d, `language = 'fr'`, "30 31 250")
	is(other, `papers.language = 'fr' AND year > 0`, "30 31 250")
	d.exec(`UPDATE papers SET language = 'es' WHERE id = 100`)
	is(other, `language = 'es'`, "100")
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	is(other, `language = 'es' OR language = 'fr'`, "30 31 100")
	d.exec(`DELETE FROM papers WHERE id % 2`)
	d.exec(`INSERT INTO docs_vec(docs_vec) VALUES('optimize')`)
	is(d, `language = 'en'`, "24 36 18")
	is(other, `language = 'de' AND year BETWEEN 2000 AND 2003`, "32 22 20")
	d.exec(`ALTER TABLE docs_vec RENAME TO v`)
	d.wants("32 22 20", `SELECT group_concat(id, ' ') FROM vector_search('v', '[30,1]', 3, 'language = ''de'' AND year BETWEEN 2000 AND 2003')`)
	d.wants(`["language","year"]`, `SELECT json_extract(hnsw_stats('v'), '$.options.include')`)
	other.check()

	// What no trigger saw is found by integrity-check.
	d.exec(`DROP TRIGGER docs_vec_after_update`)
	d.exec(`UPDATE papers SET year = 7 WHERE id = 100`)
	d.fails("row 100: attribute 1 of node", `INSERT INTO v(v) VALUES('integrity-check')`)
	d.exec(`INSERT INTO v(v) VALUES('rebuild')`)
	d.exec(`DROP TABLE v`)
	d.wants("", `SELECT name FROM sqlite_schema WHERE name LIKE 'docs_vec%' OR name LIKE 'v\_%' ESCAPE '\'`)
}

func TestIncludeErrors(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, lang TEXT, g AS (lang || 'x'), e F32_BLOB(2))`)
	for _, c := range []struct{ options, want string }{
		{`include=(nope)`, `nearlite: main.docs_vec: no such column: main.docs.nope, want one of id, lang, g, e`},
		{`include=(lang, e)`, `include names main.docs.e, which is the vector's column`},
		{`include=(lang, LANG)`, `include names main.docs.lang twice`},
		{`include=(g)`, `include names main.docs.g, which is a generated column`},
		{`include=()`, `include is "()", want column names between parentheses, such as include=(lang, year)`},
		{`include=(lang year)`, `include is "(lang year)", want column names`},
		{`include=`, `include is "", want column names`},
		{`partition_by=(id, lang)`, `partition_by is "(id, lang)", want one column`},
		{`partition_by=nope`, `no such column: main.docs.nope`},
	} {
		d.fails(c.want, `CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, `+c.options+`)`)
	}
	d.exec(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e, include=lang)`)
	d.exec(`INSERT INTO docs(lang, e) VALUES('de', '[1,2]')`)
	d.fails(`option "plan" is "code scan", want a filter on columns that main.docs_vec includes`,
		`SELECT id FROM vector_search('docs_vec', '[1,1]', 5, 'id = 1', NULL, '{"plan":"code scan"}')`)
	d.wants("1", `SELECT id FROM vector_search('docs_vec', '[1,1]', 5, 'lang = ''de''', NULL, '{"plan":"code scan"}')`)
}
