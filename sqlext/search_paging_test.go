package sqlext_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext"
)

// Pages with after are those of one long search, whatever happens to rows before
// them.
func TestAfter(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(2)
	q := floats(queries[3].Embedding)
	// Of the exact order, and of that of searches that hardly ever miss a row.
	for filter, option := range map[string]string{
		"NULL": `"exact":true`, "'year > 1950'": `"exact":true`, "'topic = ''noun.animal'''": `"ef_search":400`, "'id % 2'": `"ef_search":400`,
	} {
		options := "{" + option + "}"
		want := strings.Fields(d.line(`SELECT id FROM vector_search('senses_vec', ?, 100, `+filter+`, NULL, ?)`, q, options))
		var got []string
		for page := 0; ; page++ {
			rows := strings.Split(d.rows(`SELECT id, json_object('after', json_array(distance, id)) FROM vector_search('senses_vec', ?, 9, `+filter+`, NULL, ?)`, q, options), "\n")
			if rows[0] == "" {
				break
			}
			for _, row := range rows {
				var id string
				id, options, _ = strings.Cut(row, "|")
				options = strings.TrimSuffix(options, "}") + "," + option + "}"
				got = append(got, id)
			}
			if len(got) >= len(want) || page > 20 {
				break
			}
		}
		n := min(len(got), len(want))
		if n == 0 || strings.Join(got[:n], " ") != strings.Join(want[:n], " ") {
			t.Errorf("%s: pages of 9 are\n%v, one search finds\n%v", filter, got, want)
		}
	}

	// A row that is deleted between two pages, before or at the cursor, moves nothing.
	page := func(options string) string {
		return d.line(`SELECT id FROM vector_search('docs_vec', '[1,1]', 3, NULL, NULL, ?)`, options)
	}
	d.docs(30)
	if got := page(`{}`); got != "1 2 3" {
		t.Fatalf("first page %s", got)
	}
	d.exec(`DELETE FROM docs WHERE id IN (2, 3)`)
	if got := page(`{"after":[2,3]}`); got != "4 5 6" {
		t.Errorf("second page %s, want 4 5 6", got)
	}
	if got := page(`{"after":[28.000000000001,29]}`); got != "30" {
		t.Errorf("last page %s, want 30", got)
	}
	if got := page(`{"after":[29,30]}`); got != "" {
		t.Errorf("page behind the last: %s", got)
	}
	text := func(options string) string {
		return d.line(`SELECT id FROM lexical_search('docs_text', 'document', 4, 'lang = ''en''', NULL, ?)`, options)
	}
	if all := d.line(`SELECT id FROM lexical_search('docs_text', 'document', 8, 'lang = ''en''')`); all != text(`{}`)+" "+
		text(d.rows(`SELECT json_object('after', json_array(score, id)) FROM lexical_search('docs_text', 'document', 4, 'lang = ''en''') LIMIT 1 OFFSET 3`)) {
		t.Errorf("pages of a text search differ from %s", all)
	}
	d.fails(`option "after" is 5, want the distance`, `SELECT * FROM vector_search('docs_vec', '[1,1]', 3, NULL, NULL, '{"after":5}')`)
	d.fails(`option "after" is a JSON array, want the distance`, `SELECT * FROM vector_search('docs_vec', '[1,1]', 3, NULL, NULL, '{"after":[1,"x"]}')`)
	d.fails(`"after" is given with "group_by" or "mmr"`, `SELECT * FROM vector_search('docs_vec', '[1,1]', 3, NULL, NULL, '{"after":[1,1],"mmr":0.5}')`)
	d.fails(`unknown option "after"`, `SELECT * FROM hybrid_search('docs_vec', 'docs_text', 'document', '[1,1]', 3, NULL, NULL, '{"after":[1,1]}')`)
}

// The option explain returns the record alone, also where nothing is found.
func TestExplainOption(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	for _, call := range []string{
		`vector_search('docs_vec', '[3,1]', 5, 'lang = ''fr''', NULL, '{"explain":true}')`,
		`lexical_search('docs_text', 'nowhere', 5, NULL, NULL, '{"explain":true}')`,
		`hybrid_search('docs_vec', 'docs_text', 'nowhere', '[3,1]', 5, 'id < 0', NULL, '{"explain":true}')`,
		`vector_search('docs_vec', '[3,1]', 0, NULL, NULL, '{"explain":1}')`,
	} {
		d.wants("1|0|0", `SELECT count(*), count(id) + count(score) + count(distance), json_extract(explain, '$.rows') FROM `+call)
	}
	d.wants("5", `SELECT json_extract(explain, '$.rows') FROM vector_search('docs_vec', '[3,1]', 5, NULL, NULL, '{"explain":true}')`)
	d.wants(string(planner.NoMatches), `SELECT json_extract(explain, '$.plan') FROM vector_search('docs_vec', '[3,1]', 0, NULL, NULL, '{"explain":true}')`)
}

// EXPLAIN QUERY PLAN names the family of plans.
func TestExplainQueryPlan(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	for _, c := range []struct{ sql, want string }{
		{`SELECT id FROM vector_search('docs_vec', '[1,1]', 3)`, "vector: traversal or exact scan"},
		{`SELECT id FROM vector_search('docs_vec', '[1,1]', 3, 'id > 2')`, "vector: filtered, by exact scan, code scan or traversal"},
		{`SELECT id FROM vector_top_k('docs_vec', '[1,1]', 3)`, "vector: traversal or exact scan"},
		{`SELECT id FROM lexical_search('docs_text', 'a', 3)`, "text: all documents of the query"},
		{`SELECT id FROM lexical_search('docs_text', 'a', 3, 'id > 2')`, "text: filtered, by exact scan or lexical first"},
		{`SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'a', '[1,1]', 3)`, "hybrid: vector and text, fused"},
		{`SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'a', '[1,1]', 3, 'id > 2')`, "hybrid: vector and text, filtered and fused"},
		{`SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 3`, "vk traversal"},
		{`SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 3 AND rowid IN (SELECT id FROM docs)`, "vki exact scan of listed rows or filtered traversal"},
		{`SELECT rowid FROM docs_vec WHERE vector MATCH '[1,1]' AND k = 3 AND rowid > 2`, "filtered traversal"},
	} {
		if got := d.rows(`EXPLAIN QUERY PLAN ` + c.sql); !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestMeasuredRecall(t *testing.T) {
	d, _ := openTemp(t)
	d.senses(3)
	var recall float64
	if _, err := fmt.Sscan(d.rows(`SELECT nearlite_recall('senses_vec', 50)`), &recall); err != nil || recall < 0.9 || recall > 1 {
		t.Errorf("recall of an index of 1,500 rows is %v, %v", recall, err)
	}
	d.exec(`INSERT INTO senses_vec(senses_vec) VALUES('ef_search=1')`)
	var low float64
	if _, err := fmt.Sscan(d.rows(`SELECT nearlite_recall('main.senses_vec', 50, 1)`), &low); err != nil || low < 0 || low > 1 {
		t.Errorf("recall with a list of one candidate is %v, %v", low, err)
	}
	d.exec(`DELETE FROM senses`)
	d.wants("NULL", `SELECT nearlite_recall('senses_vec')`)
	d.fails(`nearlite: nearlite_recall: n is 0, want a whole number from 1 to 10000`, `SELECT nearlite_recall('senses_vec', 0)`)
	d.fails(`nearlite: nearlite_recall: k is 5000, want a whole number from 1 to 1000`, `SELECT nearlite_recall('senses_vec', 10, 5000)`)
	d.fails(`nearlite: no such index: nope`, `SELECT nearlite_recall('nope')`)
	d.fails(`nearlite_recall: the index is INTEGER, want its name`, `SELECT nearlite_recall(5)`)
}

// A table of query vectors joined with a search: one search for each, the same as by
// themselves, and one estimate of the filter for all.
func TestBatchQueries(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(4)
	d.exec(`CREATE TABLE asks(n INTEGER PRIMARY KEY, v BLOB)`)
	for i, q := range queries[:12] {
		d.exec(`INSERT INTO asks VALUES(?, ?)`, i, floats(q.Embedding))
	}
	const filter = `'year > ?1', '[1960]'`
	got := d.rows(`SELECT n, group_concat(id, ' ') FROM (SELECT n, id FROM asks JOIN vector_search('senses_vec', asks.v, 4, ` + filter + `) ORDER BY n, distance, id) GROUP BY n`)
	var want []string
	for i, q := range queries[:12] {
		want = append(want, fmt.Sprintf("%d|%s", i, d.line(`SELECT id FROM vector_search('senses_vec', ?, 4, `+filter+`)`, floats(q.Embedding))))
	}
	if got != strings.Join(want, "\n") {
		t.Errorf("batch\n%s\none by one\n%s", got, strings.Join(want, "\n"))
	}
	d.wants("1", `SELECT count(DISTINCT json_extract(explain, '$.plan')) FROM asks JOIN vector_search('senses_vec', asks.v, 4, `+filter+`)`)
	d.wants("12", `SELECT count(DISTINCT n) FROM asks JOIN vector_search('senses_vec', asks.v, 4, `+filter+`) WHERE json_extract(explain, '$.filter.sampled') > 0`)
}

// The planner's prices are measured where the program runs.
func TestCalibration(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(50)
	const call = `vector_search('docs_vec', '[3,1]', 5, 'lang = ''de''')`
	if e := d.explain(call); e.Prices != (planner.Prices{Graph: 1, Host: 1}) {
		t.Errorf("pinned prices are %+v", e.Prices)
	}
	sqlext.PinPrices(false)
	defer sqlext.PinPrices(true)
	e := d.explain(call)
	if p := e.Prices; !(p.Graph >= 1.0/16 && p.Graph <= 16 && p.Host >= 1.0/16 && p.Host <= 16) {
		t.Errorf("measured prices are %+v, want factors from 1/16 to 16", p)
	}
	if again := d.explain(call); again.Prices != e.Prices {
		t.Errorf("prices %+v became %+v", e.Prices, again.Prices)
	}
	t.Logf("prices %+v", e.Prices)
}

// After ANALYZE an equality on an indexed column is estimated without a sample.
func TestStatistics(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(4)
	q := floats(queries[0].Embedding)
	const call = `vector_search('senses_vec', ?, 10, ?)`
	if e := d.explain(call, q, `topic = 'noun.animal'`); e.Filter.Sampled == 0 || e.Filter.Source != "" {
		t.Errorf("without statistics: %+v", e.Filter)
	}
	d.exec(`ANALYZE`)
	d.exec(`DELETE FROM sqlite_stat4`) // its samples would count first
	topics := 0.0
	if _, err := fmt.Sscan(d.rows(`SELECT count(DISTINCT topic) FROM senses`), &topics); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filter string
		values float64 // 0: it is sampled
	}{
		{`topic = 'noun.plant'`, 1},
		{`senses.topic IN ('noun.plant', 'noun.food')`, 2},
		{`topic = 'noun.plant' AND id > 5`, 0},
		{`topic = 'noun.plant' OR topic = 'noun.food'`, 0},
		{`topic > 'noun.plant'`, 0},
		{`NOT topic = 'noun.plant'`, 0},
	} {
		f := d.explain(call, q, c.filter).Filter
		if (f.Source == "sqlite_stat1") != (c.values > 0) {
			t.Errorf("%s: %+v", c.filter, f)
			continue
		}
		if want := c.values / topics; c.values > 0 && (f.Selectivity.Estimated < 0.9*want || f.Selectivity.Estimated > 1.3*want || f.Sampled > 0) {
			t.Errorf("%s: %+v, want %.4f of the rows and no sample", c.filter, f, want)
		}
	}
}

// A filter whose rows lie far from the queries is found out, and remembered.
func TestFarFilter(t *testing.T) {
	d, _ := openTemp(t)
	queries := d.senses(4)
	q := floats(queries[0].Embedding)
	d.exec(`CREATE TABLE origin AS SELECT ? AS v`, q)
	// The eighth of the rows that are farthest from the query.
	bound := d.rows(`SELECT vector_distance_cos(e, v) FROM senses, origin WHERE e IS NOT NULL ORDER BY 1 DESC LIMIT 1 OFFSET 250`)
	far := `e IS NOT NULL AND vector_distance_cos(e, (SELECT v FROM origin)) > ` + bound
	near := d.line(`SELECT id FROM senses WHERE `+far+` ORDER BY vector_distance_cos(e, ?), id LIMIT 5`, q)
	switched, remembered := 0, 0
	for range 16 {
		call := `vector_search('senses_vec', ?, 5, ?)`
		if got := d.line(`SELECT id FROM `+call, q, far); got != near {
			t.Fatalf("got %s, want %s", got, near)
		}
		leg := d.explain(call, q, far).Legs[0]
		switch {
		case leg.Switched != "":
			switched++
		case leg.Plan == planner.ExactScan, leg.Plan == planner.CodeScan:
			remembered++
		}
	}
	if switched == 0 || remembered < 12 {
		t.Errorf("%d of 16 searches switched, and %d remembered that earlier ones had to", switched, remembered)
	}
}
