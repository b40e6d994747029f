package sqlext_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

// line lists the first column of a query's rows in one line.
func (d *testDB) line(query string, args ...any) string {
	d.t.Helper()
	return strings.ReplaceAll(d.rows(query, args...), "\n", " ")
}

// explain returns the record of a search.
func (d *testDB) explain(call string, args ...any) planner.Explain {
	d.t.Helper()
	var e planner.Explain
	text := d.rows(`SELECT explain FROM `+call+` LIMIT 1`, args...)
	if text == "" {
		return e
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		d.t.Fatalf("%s: explain is %q: %v", call, text, err)
	}
	return e
}

func TestTopK(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(20)
	d.wants("7\n6\n8", `SELECT * FROM vector_top_k('docs_vec', '[7,1]', 3)`)
	d.wants("7|7|0\n6|6|1\n8|8|1", `SELECT id, rowid, distance FROM vector_search('docs_vec', '[7,1]', 3)`)
	d.wants("7|docs_vec|2", `SELECT id, idx, k FROM vector_top_k('docs_vec', '[7,1]', 2) LIMIT 1`)
	d.wants("7", `SELECT id FROM vector_top_k('docs_vec', vector32('[7,1]'), 1.0)`)
	d.wants("", `SELECT id FROM vector_top_k('docs_vec', '[7,1]', 0)`)
	d.wants("20", `SELECT count(*) FROM vector_top_k('docs_vec', '[7,1]', 1000)`)
	d.wants("7", `SELECT id FROM vector_top_k('main.docs_vec', '[7,1]', 1)`)
	d.wants("7", `SELECT id FROM vector_top_k('MAIN.docs_vec', '[7,1]', 1)`)
	d.wants("7", `SELECT id FROM vector_top_k WHERE idx = 'docs_vec' AND vector = '[7,1]' AND k = 1`)
	d.wants("6 7 8", `SELECT group_concat(id, ' ') FROM (SELECT id FROM docs WHERE rowid IN vector_top_k('docs_vec', '[7,1]', 3) ORDER BY id)`)
	d.wants("7|title 7\n6|title 6", `WITH n AS (SELECT id FROM vector_top_k('docs_vec', '[7,1]', 2)) SELECT id, title FROM n JOIN docs USING(id)`)
	d.exec(`CREATE VIEW near AS SELECT d.title FROM vector_top_k('docs_vec', '[9,1]', 1) v JOIN docs d ON d.id = v.id`)
	d.wants("title 9", `SELECT * FROM near`)
}

func TestTopKErrors(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(3)
	for _, c := range []struct{ call, want string }{
		{`vector_top_k`, `vector index(search): got 0 parameters, expected 3`},
		{`vector_top_k()`, `vector index(search): got 0 parameters, expected 3`},
		{`vector_top_k('docs_vec')`, `vector index(search): got 1 parameters, expected 3`},
		{`vector_top_k('docs_vec','[1,0]')`, `vector index(search): got 2 parameters, expected 3`},
		{`vector_top_k('docs_vec','[1,0]',2,3)`, `too many arguments on vector_top_k() - max 3`},
		{`vector_top_k(NULL,'[1,0]',2)`, `vector index(search): first parameter (index) must be a string`},
		{`vector_top_k(1,'[1,0]',2)`, `vector index(search): first parameter (index) must be a string`},
		{`vector_top_k('nope','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('DOCS_VEC','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('"docs_vec"','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('docs','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('docs_text','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('temp.docs_vec','[1,0]',2)`, `vector index(search): failed to parse vector index parameters`},
		{`vector_top_k('zz.docs_vec','[1,0]',2)`, `vector index(search): unknown schema 'zz'`},
		{`vector_top_k('a.b.docs_vec','[1,0]',2)`, `vector index(search): unknown schema 'a'`},
		{`vector_top_k('docs_vec','[1,0]',2.5)`, `vector index(search): third parameter (k) must be an integer, but float value were provided`},
		{`vector_top_k('docs_vec','[1,0]','2')`, `vector index(search): third parameter (k) must be an integer, but unexpected type of value were provided`},
		{`vector_top_k('docs_vec','[1,0]',NULL)`, `vector index(search): third parameter (k) must be an integer, but unexpected type of value were provided`},
		{`vector_top_k('docs_vec','[1,0]',-1)`, `vector index(search): third parameter (k) must be a non-negative integer, but negative value were provided`},
		{`vector_top_k('docs_vec','[1,0,0]',2)`, `vector index(search): dimensions are different: 3 != 2`},
		{`vector_top_k('docs_vec','[]',2)`, `vector index(search): dimensions are different: 0 != 2`},
		{`vector_top_k('docs_vec',vector64('[1,0]'),2)`, `vector index(search): vector type differs from column type: 2 != 1`},
		{`vector_top_k('docs_vec',NULL,2)`, `vector: unexpected value type: got NULL, expected TEXT or BLOB`},
		{`vector_top_k('docs_vec',5,2)`, `vector: unexpected value type: got INTEGER, expected TEXT or BLOB`},
		{`vector_top_k('docs_vec','abc',2)`, `vector: must start with '['`},
	} {
		d.fails(c.want, `SELECT id FROM `+c.call)
	}
	d.fails(`table vector_top_k may not be modified`, `DELETE FROM vector_top_k`)
}

// The join that libSQL documents, with an index on the filtered column: the search
// is the outermost loop. As the inner loop, where nothing else is legal, it runs
// once unless the query vector depends on the outer row.
func TestTopKInJoins(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(50)
	d.exec(`CREATE INDEX docs_lang ON docs(lang)`)
	d.exec(`CREATE TABLE q(name TEXT, e BLOB)`)
	d.exec(`INSERT INTO q VALUES('a', '[3,1]'), ('b', '[9,1]'), ('c', '[3,1]')`)
	join := `SELECT t.id FROM vector_top_k('docs_vec', '[7,1]', 4) v JOIN docs t ON t.rowid = v.id WHERE t.lang = 'de'`
	d.wants("7\n5\n9", strings.Replace(join, "4)", "5)", 1))
	for _, sql := range []string{
		join,
		`SELECT t.id FROM docs t JOIN vector_top_k('docs_vec', '[7,1]', 4) v ON t.rowid = v.id WHERE t.lang = 'de'`,
		`SELECT t.id FROM docs t, vector_search('docs_vec', '[7,1]', 4) v WHERE t.id = v.id AND t.lang = 'de'`,
	} {
		plan := d.rows(`EXPLAIN QUERY PLAN ` + sql)
		first, _, _ := strings.Cut(plan, "\n")
		if !strings.Contains(first, "SCAN v VIRTUAL TABLE") {
			t.Errorf("%s\nthe search is not outermost:\n%s", sql, plan)
		}
	}
	d.wants("a|3\nb|9\nc|3", `SELECT q.name, v.id FROM q, vector_top_k('docs_vec', q.e, 1) v ORDER BY 1`)
	d.wants("a|3 2\nb|9 8\nc|3 2", `SELECT name, (SELECT group_concat(v.id, ' ') FROM vector_top_k('docs_vec', q.e, 2) v) FROM q`)
	d.wants("a|3\nb|9", `WITH x(n, e) AS (SELECT name, e FROM q WHERE name < 'c') SELECT n, v.id FROM x, vector_search('docs_vec', x.e, 1) v ORDER BY 1`)
	d.wants("48\n2", `SELECT count(*) FROM docs t LEFT JOIN vector_top_k('docs_vec', '[7,1]', 2) v ON v.id = t.id GROUP BY v.id IS NULL ORDER BY 1 DESC`)
}

// A cursor keeps its rows for as long as its arguments stay the same, and not
// beyond the statement.
func TestSearchSeesChanges(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(10)
	near := `SELECT id FROM vector_search('docs_vec', '[100,1]', 1)`
	d.wants("10", near)
	d.exec(`BEGIN`)
	d.exec(`INSERT INTO docs(id, body, embedding) VALUES(77, 'walrus', '[99,1]')`)
	d.wants("77", near)
	d.wants("77", `SELECT id FROM lexical_search('docs_text', 'walrus')`)
	d.wants("77", `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'walrus', '[100,1]', 1)`)
	d.exec(`ROLLBACK`)
	d.wants("10", near)
	d.wants("", `SELECT id FROM lexical_search('docs_text', 'walrus')`)
	d.exec(`DELETE FROM docs WHERE id = 10`)
	d.wants("9", near)
}

func TestPlannedSearches(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(30)
	d.wants("7|1|0|NULL|1|NULL\n6|0.5|1|NULL|2|NULL", `SELECT * FROM vector_search('docs_vec', '[7,1]', 2)`)
	d.wants("10", `SELECT count(*) FROM vector_search('docs_vec', '[7,1]')`)
	d.wants("10", `SELECT count(*) FROM vector_search('docs_vec', '[7,1]', NULL, NULL, NULL, NULL)`)
	d.wants("30", `SELECT count(*) FROM vector_search('docs_vec', '[7,1]', 99)`)
	d.wants("0", `SELECT count(*) FROM vector_search('docs_vec', '[7,1]', 0)`)
	d.wants("8 6 10 4", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[7.4,1]', 4, 'lang = ''en''')`)
	d.wants("8 6", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[7.4,1]', 4, 'lang = ?1 AND id < ?2', '["en", 10.0]', '{}') WHERE id > 5`)
	d.wants("9 8", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[30,1]', 2, 'id IN (SELECT value FROM json_each(?))', '[[1,8,9]]')`)
	d.wants("9 8", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[30,1]', 2, 'docs.id < ?2 and ?1 IS NULL -- all', '[null, 10]')`)
	// A filter that searches the same index.
	d.wants("8 10", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[7,1]', 2, 'id IN (SELECT id FROM vector_search(''docs_vec'', ''[10,1]'', 3, ''lang = ?1'', ''["en"]''))')`)
	d.wants("9 10", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[7,1]', 2, 'id IN (SELECT rowid FROM docs_vec WHERE vector MATCH ''[10,1]'' AND k = 3) OR id > 25')`)
	d.wants("30 29", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[30,1]', 9, NULL, NULL, '{"max_distance": 1}')`)
	d.wants("30 28", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[30,1]', 9, 'lang=''en''', NULL, '{"max_distance": 2.5, "exact": true, "ef_search": 50.0, "oversample": 20}')`)
	d.wants("12", `SELECT id FROM lexical_search('docs_text', 'number12')`)
	d.wants("12", `SELECT id FROM lexical_search('docs_text', 'what''s (number12): "a" +?*~^', 1)`)
	d.wants("", `SELECT id FROM lexical_search('docs_text', '?!')`)
	d.wants("5", `SELECT count(*) FROM lexical_search('docs_text', 'document', 5, 'lang = ''en''')`)
	d.wants("12", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', '+number12 -number13', 5, NULL, NULL, '{"syntax":"query_string"}')`)
	d.wants("13", `SELECT group_concat(id, ' ') FROM lexical_search('docs_text', '{"term":"number13","field":"body"}', 5, NULL, NULL, '{"syntax":"json"}')`)
	d.wants("12|1", `SELECT id, lexical_rank FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[12,1]', 1)`)
}

var searchErrors = []struct{ call, want string }{
	{`vector_search`, `nearlite: vector_search: the argument idx is missing, want vector_search(index, vector, k, filter, filter_args, options)`},
	{`vector_search('docs_vec')`, `nearlite: vector_search: the argument vector is missing`},
	{`vector_search('docs_vec', '[1,1]', 1, NULL, NULL, NULL, 2)`, `nearlite: vector_search: too many arguments, want vector_search(index, vector, k, filter, filter_args, options)`},
	{`vector_search(5, '[1,1]')`, `nearlite: vector_search: idx is 5, want the name of a vector index`},
	{`vector_search('nope', '[1,1]')`, `nearlite: no such index: nope, want one of docs_vec`},
	{`vector_search('docs_text', '[1,1]')`, `docs_text is a lexical index`},
	{`vector_search('docs_vec', '[1,1]', 1, NULL, NULL, NULL, 2, 3)`, `too many arguments on vector_search() - max 7`},
	{`vector_search('docs_vec', NULL)`, `nearlite: main.docs_vec: query vector: got NULL, want a vector as blob or as text`},
	{`vector_search('docs_vec', '[1,x]')`, `nearlite: main.docs_vec: query vector: vector: invalid float at position 1: 'x'`},
	{`vector_search('docs_vec', '[1,1,1]')`, `nearlite: main.docs_vec: query vector: got 3 dimensions, want 2`},
	{`vector_search('docs_vec', '[1,1e99]')`, `nearlite: main.docs_vec: query vector: element 1 is +Inf; vectors must be finite`},
	{`vector_search('docs_vec', '[1,1]', -1)`, `nearlite: vector_search: k is -1, want a whole number from 0 to 2147483647`},
	{`vector_search('docs_vec', '[1,1]', 99999999999)`, `nearlite: vector_search: k is 99999999999, want a whole number from 0 to 2147483647`},
	{`vector_search('docs_vec', '[1,1]', 2.5)`, `nearlite: vector_search: k is 2.5, want a whole number from 0 to 2147483647`},
	{`vector_search('docs_vec', '[1,1]', 'ten')`, `nearlite: vector_search: k is the text "ten", want a whole number from 0 to 2147483647`},
	{`vector_search('docs_vec', '[1,1]', 5, 7)`, `nearlite: vector_search: filter is 7, want an SQL expression`},
	{`vector_search('docs_vec', '[1,1]', 5, '')`, `nearlite: vector_search: filter is empty, want an SQL expression or NULL`},
	{`vector_search('docs_vec', '[1,1]', 5, ' ')`, `nearlite: vector_search: filter " ": is empty, want an expression over the columns of main.docs`},
	{`vector_search('docs_vec', '[1,1]', 5, 'lang = ')`, `nearlite: vector_search: filter "lang = ": near ")": syntax error`},
	{`vector_search('docs_vec', '[1,1]', 5, 'lnag = 1')`, `nearlite: vector_search: filter "lnag = 1": no such column: lnag`},
	{`vector_search('docs_vec', '[1,1]', 5, 'count(*) > 1')`, `nearlite: vector_search: filter "count(*) > 1": misuse of aggregate function count()`},
	{`vector_search('docs_vec', '[1,1]', 5, '1) ; DROP TABLE docs')`, `nearlite: vector_search: filter "1) ; DROP TABLE docs": has a ) without its (`},
	{`vector_search('docs_vec', '[1,1]', 5, '1; DROP TABLE docs')`, `nearlite: vector_search: filter "1; DROP TABLE docs": holds a semicolon, want one expression`},
	{`vector_search('docs_vec', '[1,1]', 5, '1) UNION SELECT (1')`, `has a ) without its (`},
	{`vector_search('docs_vec', '[1,1]', 5, '(1')`, `has a ( without its )`},
	{`vector_search('docs_vec', '[1,1]', 5, '1 /* ')`, `has an unterminated comment`},
	{`vector_search('docs_vec', '[1,1]', 5, 'lang = ''de')`, `has an unterminated '`},
	{`vector_search('docs_vec', '[1,1]', 5, '1, 2')`, `row value misused`},
	{`vector_search('docs_vec', '[1,1]', 5, 'DELETE FROM docs')`, `near "DELETE": syntax error`},
	{`vector_search('docs_vec', '[1,1]', 5, 'id = ?1')`, `nearlite: vector_search: filter "id = ?1" has 1 placeholder, filter_args has 0 values`},
	{`vector_search('docs_vec', '[1,1]', 5, 'id = ?2', '[1]')`, `nearlite: vector_search: filter "id = ?2" has 2 placeholders, filter_args has 1 value`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, '[1]')`, `nearlite: vector_search: filter_args has 1 value, but there is no filter`},
	{`vector_search('docs_vec', '[1,1]', 5, 'id = ?', '{"a":1}')`, `nearlite: vector_search: filter_args is "{\"a\":1}", want a JSON array of values`},
	{`vector_search('docs_vec', '[1,1]', 5, 'json(lang) = 1')`, `nearlite: vector_search: filter "json(lang) = 1": malformed JSON`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, 'ef=1')`, `nearlite: vector_search: options is "ef=1", want a JSON object such as {"ef_search": 100}`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '[]')`, `nearlite: vector_search: options is "[]", want a JSON object`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{} x')`, `nearlite: vector_search: options has text after the JSON object`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"ef":1}')`, `nearlite: vector_search: unknown option "ef", want one of ef_search, recall, oversample, exact, max_distance, group_by, group_limit, mmr, after, explain, plan`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"recall":95}')`, `nearlite: vector_search: option "recall" is 95, want a number between 0 and 1, such as 0.95`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"recall":0.9,"ef_search":50}')`, `nearlite: vector_search: options "ef_search" and "recall" are both given, want one of them`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"ef_search":0}')`, `nearlite: vector_search: option "ef_search" is 0, want a whole number from 1 to 100000`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"ef_search":"64"}')`, `nearlite: vector_search: option "ef_search" is the text "64", want a whole number from 1 to 100000`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"plan":"magic"}')`, `option "plan" is the text "magic", want one of exact scan, traversal, filtered traversal, traverse then filter, code scan`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"plan":"filtered traversal"}')`, `nearlite: vector_search: option "plan" is "filtered traversal", want exact scan, or traversal without a filter`},
	{`vector_search('docs_vec', '[1,1]', 5, 'id', NULL, '{"plan":"traversal"}')`, `want exact scan, or filtered traversal, traverse then filter or code scan with a filter`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"exact":"yes"}')`, `nearlite: vector_search: option "exact" is the text "yes", want true or false`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"mmr":2}')`, `nearlite: vector_search: option "mmr" is 2, want a number from 0 to 1`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"max_distance":[1]}')`, `nearlite: vector_search: option "max_distance" is a JSON array, want a number`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"group_by":"nope"}')`, `nearlite: vector_search: option "group_by" "nope": no such column: nope`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"group_by":"id = ?1"}')`, `has placeholders, want an expression`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"group_by":"(SELECT count(*) FROM docs_vec)"}')`, `reads a virtual table, want an expression over the table's columns`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"group_limit":2}')`, `nearlite: vector_search: option "group_limit" is given without "group_by", want both`},
	{`vector_search('docs_vec', '[1,1]', 5, NULL, NULL, '{"fusion":"rrf"}')`, `nearlite: vector_search: unknown option "fusion"`},
	{`lexical_search('docs_text')`, `nearlite: lexical_search: the argument query is missing`},
	{`lexical_search('docs_vec', 'x')`, `docs_vec is a hnsw index`},
	{`lexical_search('docs_text', NULL)`, `nearlite: lexical_search: query is NULL, want text to search for`},
	{`lexical_search('docs_text', x'00')`, `nearlite: lexical_search: query is a blob of 1 bytes, want text to search for`},
	{`lexical_search('docs_text', '"open', 5, NULL, NULL, '{"syntax":"query_string"}')`, `nearlite: main.docs_text: query "\"open"`},
	{`lexical_search('docs_text', '{', 5, NULL, NULL, '{"syntax":"json"}')`, `nearlite: main.docs_text: query "{"`},
	{`lexical_search('docs_text', 'x', 5, NULL, NULL, '{"syntax":"sql"}')`, `nearlite: lexical_search: option "syntax" is the text "sql", want one of match, query_string, json`},
	{`lexical_search('docs_text', 'x', 5, NULL, NULL, '{"mmr":1}')`, `nearlite: lexical_search: unknown option "mmr", want one of syntax, exact, group_by, group_limit`},
	{`hybrid_search('docs_vec', 'docs_text', 'x')`, `nearlite: hybrid_search: the argument vector is missing`},
	{`hybrid_search('docs_vec', 'docs_text', ' ', NULL)`, `nearlite: hybrid_search: query is empty and vector is NULL, want at least one of them`},
	{`hybrid_search('docs_text', 'docs_vec', 'x', '[1,1]')`, `docs_text is a lexical index`},
	{`hybrid_search('docs_vec', 'other_text', 'x', '[1,1]')`, `nearlite: hybrid_search: main.docs_vec indexes main.docs and main.other_text indexes main.other, want two indexes of one table`},
	{`hybrid_search('docs_vec', 'docs_text', 'x', '[1,1]', 5, NULL, NULL, '{"fusion":"borda"}')`, `nearlite: hybrid_search: option "fusion" is the text "borda", want one of auto, rrf, convex, dbsf`},
	{`hybrid_search('docs_vec', 'docs_text', 'x', '[1,1]', 5, NULL, NULL, '{"weight":1.5}')`, `nearlite: hybrid_search: option "weight" is 1.5, want a number from 0 to 1`},
	{`hybrid_search('docs_vec', 'docs_text', 'x', '[1,1]', 5, NULL, NULL, '{"rank_constant":0}')`, `nearlite: hybrid_search: option "rank_constant" is 0, want a number from 1 to 1e+06`},
}

// Bad arguments fail with a message that names them, and change nothing.
func TestSearchErrors(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(5)
	d.exec(`CREATE TABLE other(id INTEGER PRIMARY KEY, body TEXT)`)
	d.exec(`CREATE VIRTUAL TABLE other_text USING lexical(other, body)`)
	before := d.schema()
	for _, c := range searchErrors {
		d.fails(c.want, `SELECT id FROM `+c.call)
	}
	if after := d.schema(); after != before {
		t.Errorf("the database changed:\n%s\nwas\n%s", after, before)
	}
	d.wants("5", `SELECT count(*) FROM vector_search('docs_vec', '[1,1]', 5)`)
}

func TestHybridLegs(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(200)
	d.wants("12|1|NULL|NULL\n13|2|NULL|NULL", `SELECT id, vector_rank, lexical_rank, lexical_score FROM hybrid_search('docs_vec', 'docs_text', NULL, '[12.1,1]', 2)`)
	d.wants("12 13", `SELECT group_concat(id, ' ') FROM hybrid_search('docs_vec', 'docs_text', '  ', '[12.1,1]', 2)`)
	d.wants("12|NULL|1|NULL", `SELECT id, vector_rank, lexical_rank, distance FROM hybrid_search('docs_vec', 'docs_text', 'number12', NULL, 2)`)
	d.wants("12 13", `SELECT group_concat(id, ' ') FROM hybrid_search('docs_vec', 'docs_text', '!?', '[12.1,1]', 2)`)
	// A row that only the text leg found shows its true distance.
	d.wants("12|NULL|1|138", `SELECT id, vector_rank, lexical_rank, distance FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 200, 'id = 12 OR id > 100', NULL, '{"depth":200}') WHERE id = 12 AND vector_rank IS NULL
		UNION ALL SELECT id, NULL, lexical_rank, distance FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 5, 'id = 12 OR id > 40', NULL, '{"depth":20}') WHERE id = 12`)
	for _, fusion := range []string{"auto", "rrf", "convex", "dbsf"} {
		opts := fmt.Sprintf(`{"fusion":%q}`, fusion)
		d.wants("150", `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'number150', '[150,1]', 1, NULL, NULL, ?)`, opts)
		e := d.explain(`hybrid_search('docs_vec', 'docs_text', 'number150', '[150,1]', 1, NULL, NULL, ?)`, opts)
		if e.Fusion == nil || string(e.Fusion.Method) != fusion || len(e.Legs) != 2 || e.Fusion.Depth != 50 {
			t.Errorf("%s: %+v", fusion, e)
		}
	}
	e := d.explain(`hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 60, NULL, NULL, '{"fusion":"rrf","rank_constant":10,"weight":0.3}')`)
	if e.Fusion.RankConstant != 10 || e.Fusion.Weight != 0.3 || e.Fusion.Depth != 120 {
		t.Errorf("explain %+v", e.Fusion)
	}
	d.wants("50", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 50, 'id % 2')`)
	d.wants("100", `SELECT count(*) FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 500, 'id % 2')`)
	d.wants("", `SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 50, 'id < 0')`)
	d.wants("150 149 151", `SELECT group_concat(id, ' ') FROM hybrid_search('docs_vec', 'docs_text', 'number12', '[150,1]', 50, NULL, NULL, '{"max_distance": 1.5}')`)
}

func TestGroupsAndDiversity(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(100)
	// Ten rows to a group: the nearest of each.
	d.wants("55 60 49 70", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[54.6,1]', 4, NULL, NULL, '{"group_by":"id / 10"}')`)
	d.wants("55 54 60 49", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[54.6,1]', 4, NULL, NULL, '{"group_by":"id / 10", "group_limit": 2}')`)
	// Groups so large that the first candidates are all of one.
	d.wants("100 49", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[100,1]', 5, NULL, NULL, '{"group_by":"id < 50"}')`)
	d.wants("2", `SELECT count(*) FROM lexical_search('docs_text', 'document', 5, NULL, NULL, '{"group_by":"lang"}')`)
	d.wants("2", `SELECT count(DISTINCT lang) FROM hybrid_search('docs_vec', 'docs_text', 'document', '[3,1]', 5, NULL, NULL, '{"group_by":"lang"}') h JOIN docs USING(id)`)
	d.wants("7 8 6", `SELECT group_concat(id, ' ') FROM vector_search('docs_vec', '[7.1,1]', 3, NULL, NULL, '{"mmr":1}')`)
	// Rows of the same direction add nothing: cosine similarity sends it far away.
	first := d.line(`SELECT id FROM vector_search('docs_vec', '[7.1,1]', 3, NULL, NULL, '{"mmr":0.2}')`)
	if !strings.HasPrefix(first, "7 1 ") {
		t.Errorf("mmr 0.2: %s, want 7, then 1, whose direction differs most", first)
	}
}
