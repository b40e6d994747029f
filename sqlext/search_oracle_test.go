package sqlext_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/examples/data/tiny"
	"github.com/nearlite/nearlite/planner"
)

var (
	rewrite     = flag.Bool("rewrite", false, "rewrite golden files")
	filterCases = flag.Int("filters", 150, "random filters to compare with an exact scan")
)

// senses loads the tiny set n times over with both indexes: each copy of a row is
// moved a little, so that no two rows are alike.
func (d *testDB) senses(copies int) []tiny.Query {
	d.t.Helper()
	docs, err := tiny.Docs()
	if err != nil {
		d.t.Fatal(err)
	}
	queries, err := tiny.Queries()
	if err != nil {
		d.t.Fatal(err)
	}
	d.exec(`CREATE TABLE senses(id INTEGER PRIMARY KEY, words TEXT, gloss TEXT, pos TEXT, topic TEXT, year INT, price REAL, e F32_BLOB(512))`)
	d.exec(`CREATE TABLE tags(sense INT, tag TEXT)`)
	d.exec(`BEGIN`)
	rng := rand.New(rand.NewPCG(3, 3))
	id := 0
	for range copies {
		for _, doc := range docs {
			id++
			v := make([]float32, tiny.Dims)
			for i, x := range doc.Embedding {
				v[i] = x + float32(rng.NormFloat64()*0.005)
			}
			var year, price any = 1900 + rng.IntN(120), rng.Float64() * 100
			if rng.IntN(10) == 0 {
				year = nil
			}
			if rng.IntN(3) == 0 {
				price = nil
			}
			var e any = floats(v)
			if id%97 == 0 {
				e = nil
			}
			d.exec(`INSERT INTO senses VALUES(?,?,?,?,?,?,?,?)`, id, doc.Title, doc.Text, doc.Pos, doc.Lexname, year, price, e)
			if rng.IntN(4) == 0 {
				d.exec(`INSERT INTO tags VALUES(?, ?)`, id, fmt.Sprintf("tag%d", rng.IntN(8)))
			}
		}
	}
	d.exec(`COMMIT`)
	d.exec(`CREATE INDEX senses_topic ON senses(topic)`)
	d.exec(`CREATE INDEX senses_year ON senses(year)`)
	d.exec(`CREATE INDEX tags_tag ON tags(tag, sense)`)
	d.exec(`CREATE VIRTUAL TABLE senses_vec USING hnsw(senses, e)`)
	d.exec(`CREATE VIRTUAL TABLE senses_text USING lexical(senses, words, gloss, analyzer=en)`)
	return queries
}

func floats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		u := math.Float32bits(x)
		b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
	}
	return b
}

// randomFilter writes a predicate over senses: comparisons with NULLs among them,
// LIKE, IN, BETWEEN, CASE, subqueries, EXISTS and parameters.
func randomFilter(rng *rand.Rand, depth int, args *[]any) string {
	param := func(v any) string {
		*args = append(*args, v)
		return "?" + strconv.Itoa(len(*args))
	}
	if depth > 0 && rng.IntN(2) == 0 {
		kind := rng.IntN(4)
		a := randomFilter(rng, depth-1, args)
		if kind == 0 {
			return "NOT (" + a + ")"
		}
		b := randomFilter(rng, depth-1, args)
		switch kind {
		case 1:
			return "(" + a + ") AND (" + b + ")"
		case 2:
			return "(" + a + ") OR (" + b + ")"
		default:
			return "CASE WHEN " + a + " THEN " + b + " END"
		}
	}
	switch rng.IntN(13) {
	case 0:
		return "pos = " + param([]any{"noun", "verb", "adj", "adv", "none"}[rng.IntN(5)])
	case 1:
		return "topic LIKE 'noun.%'"
	case 2:
		return "year > " + param(1900+rng.IntN(125))
	case 3:
		return "year BETWEEN 1950 AND " + strconv.Itoa(1950+rng.IntN(40))
	case 4:
		return "price < " + param(rng.Float64()*100)
	case 5:
		return "price IS NULL"
	case 6:
		return "id % " + strconv.Itoa(2+rng.IntN(40)) + " = 0"
	case 7:
		return "id IN (SELECT sense FROM tags WHERE tag = " + param(fmt.Sprintf("tag%d", rng.IntN(9))) + ")"
	case 8:
		return "EXISTS (SELECT 1 FROM tags t WHERE t.sense = senses.id AND t.tag < " + param(fmt.Sprintf("tag%d", rng.IntN(9))) + ")"
	case 9:
		return "length(gloss) > " + strconv.Itoa(rng.IntN(150)) + " -- long ones\n"
	case 10:
		return "json_array_length(json_array(pos, topic)) = 2 AND instr(words, ' ') > 0"
	case 11:
		return "year = " + param(nil)
	default:
		return "id < " + param(rng.IntN(3000))
	}
}

// Every filtered search returns min(k, matching rows) rows, all of which match, each
// once, in order; exact plans return exactly the nearest; traversals nearly so.
// Filters come again, between changes by this connection and another one, committed
// and not.
func TestRandomFilters(t *testing.T) {
	d, path := openTemp(t)
	queries := d.senses(5)
	other := openFile(t, "file:"+path)
	type question struct {
		filter string
		args   []any
	}
	var before []question
	remembered := 0
	d.exec(`BEGIN`)
	seed := uint64(42)
	rng := rand.New(rand.NewPCG(seed, 0))
	plans := map[planner.Plan]int{}
	switched := 0
	found, wanted := 0, 0
	for n := range *filterCases {
		var args []any
		filter := randomFilter(rng, 2, &args)
		if len(before) > 0 && rng.IntN(3) > 0 {
			again := before[max(0, len(before)-4)+rng.IntN(min(4, len(before)))]
			filter, args = again.filter, again.args
		} else {
			before = append(before, question{filter, args})
		}
		d.disturb(other, rng)
		encoded, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		q := floats(queries[rng.IntN(len(queries))].Embedding)
		k := []int{1, 10, 10, 100}[rng.IntN(4)]
		opts := `{}`
		if rng.IntN(4) == 0 {
			opts = `{"exact":true}`
		}
		label := fmt.Sprintf("case %d (seed %d): %s %s k=%d %s", n, seed, filter, encoded, k, opts)

		truth := strings.Fields(d.line(`SELECT id FROM senses WHERE e IS NOT NULL AND (`+filter+"\n"+`) ORDER BY vector_distance_cos(e, `+
			"?"+strconv.Itoa(len(args)+1)+`), id LIMIT `+strconv.Itoa(k), append(append([]any{}, args...), q)...))
		if len(args) == 0 {
			encoded = []byte("[]")
		}
		call := `vector_search('senses_vec', ?, ?, ?, ?, ?)`
		got := strings.Fields(d.line(`SELECT id FROM `+call, q, k, filter, string(encoded), opts))
		if len(got) != len(truth) {
			t.Fatalf("%s\n%d rows, want %d", label, len(got), len(truth))
		}
		if len(got) == 0 {
			continue
		}
		count := d.rows(`SELECT count(DISTINCT id) FROM senses WHERE e IS NOT NULL AND id IN (`+strings.Join(got, ",")+`) AND (`+filter+"\n)", args...)
		if count != strconv.Itoa(len(got)) {
			t.Fatalf("%s\n%s of %d rows match", label, count, len(got))
		}
		if d.rows(`SELECT count(*) FROM (SELECT distance, lag(distance) OVER () AS before FROM `+call+`) WHERE distance < before`, q, k, filter, string(encoded), opts) != "0" {
			t.Fatalf("%s\nrows out of order", label)
		}
		e := d.explain(call, q, k, filter, string(encoded), opts)
		plans[e.Plan]++
		if e.Legs[0].Switched != "" {
			switched++
		}
		if e.Filter.Remembered > 0 {
			remembered++
		}
		if e.Plan == planner.ExactScan || e.Legs[0].Switched != "" {
			if strings.Join(got, " ") != strings.Join(truth, " ") {
				t.Fatalf("%s\nexact plan returned\n%v, want\n%v", label, got, truth)
			}
		}
		in := map[string]bool{}
		for _, id := range truth {
			in[id] = true
		}
		for _, id := range got {
			if in[id] {
				found++
			}
		}
		wanted += len(truth)
	}
	t.Logf("plans %v, switched %d, remembered %d, recall %.4f over %d rows", plans, switched, remembered, float64(found)/float64(wanted), wanted)
	if float64(found) < 0.97*float64(wanted) {
		t.Errorf("recall %d of %d, want 0.97", found, wanted)
	}
	if *filterCases >= 100 && remembered == 0 {
		t.Error("no case remembered a filter")
	}
	for _, p := range []planner.Plan{planner.ExactScan, planner.FilteredTraversal} {
		if *filterCases >= 100 && plans[p] == 0 {
			t.Errorf("no case ran the plan %q", p)
		}
	}
}

// disturb changes some rows, or begins or ends a transaction, now and then.
func (d *testDB) disturb(other *testDB, rng *rand.Rand) {
	d.t.Helper()
	change := func(c *testDB) {
		from := rng.IntN(2500)
		switch rng.IntN(5) {
		case 0:
			c.exec(`UPDATE senses SET year = year + 7, pos = 'adj' WHERE id BETWEEN ? AND ?`, from, from+200)
		case 1:
			c.exec(`UPDATE senses SET price = CASE WHEN price IS NULL THEN 5 END WHERE id BETWEEN ? AND ?`, from, from+500)
		case 2:
			c.exec(`DELETE FROM tags WHERE sense % 7 = ?`, rng.IntN(7))
			c.exec(`INSERT INTO tags SELECT id, 'tag' || id % 8 FROM senses WHERE id % 7 = ?`, rng.IntN(7))
		case 3:
			c.exec(`DELETE FROM senses WHERE id = ?`, from)
		default:
			c.exec(`INSERT INTO senses SELECT NULL, words, gloss, pos, topic, year, price, e FROM senses WHERE id = ?`, from)
		}
	}
	switch rng.IntN(12) {
	case 0, 1:
		change(d)
		d.exec(`COMMIT; BEGIN`)
	case 2:
		d.exec(`ROLLBACK; BEGIN`)
	case 3:
		d.exec(`COMMIT`)
		change(other)
		d.exec(`BEGIN`)
	case 4:
		d.exec(`SAVEPOINT s`)
		change(d)
	case 5:
		d.exec(`SAVEPOINT s`)
		change(d)
		d.exec(`ROLLBACK TO s`)
	case 6:
		d.exec(`COMMIT; BEGIN`)
	}
}

// Text filters are exact: the same rows as the search without a filter, cut by it.
func TestRandomTextFilters(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(2)
	rng := rand.New(rand.NewPCG(9, 9))
	for range *filterCases / 5 {
		var args []any
		filter := randomFilter(rng, 1, &args)
		encoded, err := json.Marshal(append([]any{}, args...))
		if err != nil {
			t.Fatal(err)
		}
		text := queries[rng.IntN(len(queries))].Text
		own := append([]any{}, args...)
		all := "?" + strconv.Itoa(len(args)+1)
		want := d.line(`SELECT s.id FROM lexical_search('senses_text', `+all+`, 100000) l JOIN (SELECT id FROM senses WHERE `+filter+"\n"+`) s ON s.id = l.id ORDER BY l.score DESC, s.id LIMIT 7`, append(own, text)...)
		got := d.line(`SELECT id FROM lexical_search('senses_text', ?, 7, ?, ?)`, text, filter, string(encoded))
		if got != want {
			t.Errorf("%q with %s %s\n got %s\nwant %s", text, filter, encoded, got, want)
		}
	}
}

// explainCases are searches whose records are kept in testdata/explain.golden.
var explainCases = []struct{ title, call string }{
	{"no filter", `vector_search('senses_vec', ?1, 10)`},
	{"no filter, exact", `vector_search('senses_vec', ?1, 10, NULL, NULL, '{"exact":true}')`},
	{"narrow filter with an index", `vector_search('senses_vec', ?1, 10, 'topic = ?1', '["noun.animal"]')`},
	{"filter that matches nothing", `vector_search('senses_vec', ?1, 10, 'topic = ''none''', NULL, '{"explain":true}')`},
	{"broad filter without an index", `vector_search('senses_vec', ?1, 10, 'id % 2')`},
	{"filter that lies far from the query", `vector_search('senses_vec', ?1, 3, 'e IS NOT NULL AND vector_distance_cos(e, (SELECT e FROM senses WHERE id = 1)) > 0.93', NULL, '{"plan":"traverse then filter"}')`},
	{"filter after the traversal", `vector_search('senses_vec', ?1, 10, 'id % 2', NULL, '{"plan":"traverse then filter"}')`},
	{"included columns, narrow", `vector_search('senses_inc', ?1, 10, 'pos = ''adv'' AND year > ?1', '[1960]')`},
	{"included columns, code scan", `vector_search('senses_inc', ?1, 10, 'pos = ''noun'' AND year IS NOT NULL')`},
	{"included columns, broad", `vector_search('senses_inc', ?1, 10, 'pos <> ''adv''', NULL, '{"plan":"filtered traversal"}')`},
	{"a column included, another not", `vector_search('senses_inc', ?1, 10, 'pos = ''verb'' AND price < 50')`},
	{"included columns match nothing", `vector_search('senses_inc', ?1, 10, 'pos IS NULL', NULL, '{"explain":true}')`},
	{"text", `lexical_search('senses_text', 'a small animal', 5)`},
	{"text with a filter", `lexical_search('senses_text', 'a small animal', 5, 'id % 2')`},
	{"text among few rows", `lexical_search('senses_text', 'a small animal', 5, 'topic = ''noun.animal''')`},
	{"hybrid", `hybrid_search('senses_vec', 'senses_text', 'a small animal', ?1, 5)`},
	{"hybrid with a filter", `hybrid_search('senses_vec', 'senses_text', 'a small animal', ?1, 5, 'topic = ''noun.animal''', NULL, '{"fusion":"rrf"}')`},
}

// The records of searches: what was planned, rejected and done. Counters that
// depend on rounding are masked with times.
func TestExplainGolden(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(4)
	d.exec(`CREATE VIRTUAL TABLE senses_inc USING hnsw(senses, e, include=(pos, year))`)
	q := floats(queries[0].Embedding)
	var out strings.Builder
	for _, c := range explainCases {
		var text string
		if strings.Contains(c.call, "?1") {
			text = d.rows(`SELECT explain FROM (SELECT explain FROM `+strings.Replace(c.call, "?1", "?", 1)+`) LIMIT 1`, q)
		} else {
			text = d.rows(`SELECT explain FROM ` + c.call + ` LIMIT 1`)
		}
		if text == "" {
			text = "null"
		}
		var e any
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%s: %v\n%s", c.title, err, text)
		}
		mask(e)
		b, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "== %s\n%s\n%s\n\n", c.title, c.call, b)
	}
	golden(t, filepath.Join("testdata", "explain.golden"), out.String())
}

// mask replaces what differs from machine to machine.
func mask(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			switch name {
			case "time_us":
				if times, ok := x.(map[string]any); ok {
					for stage := range times {
						times[stage] = "masked"
					}
					continue
				}
				v[name] = "masked"
			case "nodes_visited", "distances", "filter_probes", "probes", "candidates", "weight", "support":
				if f, ok := x.(float64); ok && f > 0 {
					v[name] = "some"
				}
			case "switched":
				v[name] = "yes"
			default:
				mask(x)
			}
		}
	case []any:
		for _, x := range v {
			mask(x)
		}
	}
}

// golden compares text with a file, or writes it with -rewrite.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look, then run with -rewrite\n%s", file, got)
	}
}
