package sqlext_test

import (
	"strings"
	"testing"
)

// words makes a small table with an English index.
func (d *testDB) words() {
	d.t.Helper()
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT, "the lang" TEXT, year)`)
	d.exec(`INSERT INTO docs VALUES
		(1, 'Vector searches', 'finding what is near, by vector', 'en', 2020),
		(2, 'Lexical searching', 'finding words', 'en', 2021),
		(3, 'Cooking', 'soup, and a vector of disease', 'en', 2020.0),
		(4, 'Suche', 'soup of letters, no search', 'de', NULL),
		(5, 'Motoring', 'an automobile', 'de', 'long ago')`)
	d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, title boost=2, body, analyzer=en)`)
}

func TestLexicalTerms(t *testing.T) {
	d, _ := openTemp(t)
	d.words()
	d.wants("search|3\nsoup|2\nsuch|1", `SELECT term, documents FROM lexical_terms('docs_text', 's')`)
	d.wants("search|3", `SELECT * FROM lexical_terms('docs_text', 's', 1)`)
	d.wants("", `SELECT * FROM lexical_terms('docs_text', 's', 0)`)
	d.wants("", `SELECT * FROM lexical_terms('docs_text', 'zz')`)
	d.wants("10", `SELECT count(*) FROM lexical_terms('docs_text')`)
	d.wants("3", `SELECT documents FROM lexical_terms('docs_text', NULL, 99) WHERE term = 'search'`)
	d.exec(`BEGIN`)
	d.exec(`DELETE FROM docs WHERE id = 4`)
	d.wants("search|2\nsoup|1", `SELECT * FROM lexical_terms('docs_text', 's')`)
	d.exec(`ROLLBACK`)
	d.wants("search|3\nsoup|2\nsuch|1", `SELECT * FROM lexical_terms('docs_text', 's')`)
	d.fails(`lexical_terms: the argument idx is missing, want lexical_terms(index, prefix, n)`, `SELECT * FROM lexical_terms`)
	d.fails(`lexical_terms: n is -1, want a whole number from 0 to 2147483647`, `SELECT * FROM lexical_terms('docs_text', 's', -1)`)
	d.fails(`lexical_terms: prefix is 5, want the beginning of a word, or NULL for all words`, `SELECT * FROM lexical_terms('docs_text', 5)`)
	d.fails(`no such index: nope, want one of docs_text`, `SELECT * FROM lexical_terms('nope', 's')`)
	d.fails(`main.docs is no index`, `SELECT * FROM lexical_terms('docs', 's')`)
	d.fails(`too many arguments`, `SELECT * FROM lexical_terms('docs_text', 's', 1, 2)`)
}

func TestLexicalFacets(t *testing.T) {
	d, _ := openTemp(t)
	d.words()
	d.wants("en|2\nde|1", `SELECT value, documents FROM lexical_facets('docs_text', 'search', 'the lang')`)
	d.wants("en|2", `SELECT value, documents FROM lexical_facets('docs_text', 'search?!', 'THE LANG', 1)`)
	// 2020 and 2020.0 are one value; equal counts go in SQLite's order.
	d.wants("2020|2\nNULL|1\n2021|1\nlong ago|1", `SELECT * FROM lexical_facets('docs_text', 'vector search soup automobile', 'year')`)
	d.wants("short|2\nlong|1", `SELECT * FROM lexical_facets('docs_text', 'search', 'iif(length(title) < 16, ''short'', ''long'')')`)
	d.wants("en|1", `SELECT * FROM lexical_facets('docs_text', 'search', 'the lang', 9, 'year > ?1', '[2020]')`)
	d.wants("en|1", `SELECT * FROM lexical_facets('docs_text', '+search -letters -lexical', 'the lang', 9, NULL, NULL, '{"syntax": "query_string"}')`)
	d.wants("", `SELECT * FROM lexical_facets('docs_text', 'zebra', 'the lang')`)
	d.wants("", `SELECT * FROM lexical_facets('docs_text', '?', 'the lang')`)
	// A row that went without a trigger is not counted.
	d.exec(`CREATE UNIQUE INDEX docs_title ON docs(title)`)
	d.exec(`BEGIN`)
	d.exec(`INSERT OR REPLACE INTO docs VALUES(9, 'Suche', 'nothing', 'fr', NULL)`)
	d.wants("en|2", `SELECT * FROM lexical_facets('docs_text', 'search', 'the lang')`)
	d.wants("2", `SELECT lexical_count('docs_text', 'search')`)
	d.exec(`ROLLBACK`)
	d.fails(`lexical_facets: column "nope": no such column: nope, want one of id, title, body, the lang, year, or an expression over them`, `SELECT * FROM lexical_facets('docs_text', 'search', 'nope')`)
	d.fails(`lexical_facets: column "year); DROP TABLE docs": has a ) without its (`, `SELECT * FROM lexical_facets('docs_text', 'search', 'year); DROP TABLE docs')`)
	d.fails(`lexical_facets: column "?1": has placeholders`, `SELECT * FROM lexical_facets('docs_text', 'search', '?1')`)
	d.fails(`lexical_facets: query is NULL, want text to search for`, `SELECT * FROM lexical_facets('docs_text', NULL, 'year')`)
	d.fails(`lexical_facets: the argument column is missing`, `SELECT * FROM lexical_facets('docs_text', 'search')`)
	d.fails(`lexical_facets: unknown option "exact", want one of syntax`, `SELECT * FROM lexical_facets('docs_text', 'search', 'year', 1, NULL, NULL, '{"exact": true}')`)
	d.fails(`main.docs_text: query "a:b": `, `SELECT * FROM lexical_facets('docs_text', 'a:b', 'year', 1, NULL, NULL, '{"syntax": "query_string"}')`)
}

func TestLexicalCount(t *testing.T) {
	d, _ := openTemp(t)
	d.words()
	d.wants("3|0|4", `SELECT lexical_count('docs_text', 'search'), lexical_count('docs_text', '?'), lexical_count('docs_text', 'Searching, soup; or vectors?')`)
	d.wants("1", `SELECT lexical_count('main.docs_text', '+search +soup', '{"syntax": "query_string"}')`)
	d.wants("5", `SELECT lexical_count('docs_text', '{"match_all": {}}', '{"syntax": "json"}')`)
	d.fails(`lexical_count: the index is NULL, want its name`, `SELECT lexical_count(NULL, 'x')`)
	d.fails(`lexical_count: query is NULL`, `SELECT lexical_count('docs_text', NULL)`)
	d.fails(`lexical_count: options is "[]", want a JSON object`, `SELECT lexical_count('docs_text', 'x', '[]')`)
	d.fails(`main.docs_text: query "\"x": `, `SELECT lexical_count('docs_text', '"x', '{"syntax": "query_string"}')`)
}

func TestDidYouMean(t *testing.T) {
	d, _ := openTemp(t)
	d.words()
	d.wants("vector", `SELECT did_you_mean('docs_text', 'vektor')`)
	d.wants("automobile", `SELECT did_you_mean('docs_text', 'autmobile')`) // the index holds automobil
	d.wants("finding soup", `SELECT did_you_mean('docs_text', 'fynding soup')`)
	d.wants("NULL|NULL|NULL|NULL", `SELECT did_you_mean('docs_text', 'vector'), did_you_mean('docs_text', 'hippopotamus'), did_you_mean('docs_text', NULL), did_you_mean('docs_text', '')`)
	d.fails(`did_you_mean: the index is INTEGER, want its name`, `SELECT did_you_mean(1, 'x')`)
	d.fails(`did_you_mean: word is a blob of 1 bytes, want text`, `SELECT did_you_mean('docs_text', x'00')`)
	d.fails(`no such index: nope`, `SELECT did_you_mean('nope', 'x')`)
}

func TestLexicalOptions(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT)`)
	d.exec(`INSERT INTO docs VALUES (1, 'Datenbanksystem', 'the car'), (2, 'Rohöl', 'an automobile in <b>town</b>')`)
	d.exec(`CREATE VIRTUAL TABLE grams USING lexical(docs, title analyzer=ngram(3, 5), body)`)
	d.wants("1", `SELECT rowid FROM grams WHERE title MATCH 'bank'`)
	d.exec(`CREATE VIRTUAL TABLE starts USING lexical(docs, title, analyzer=edge_ngram(2,8))`)
	d.wants("1", `SELECT rowid FROM starts WHERE title MATCH 'daten'`)
	d.wants("", `SELECT rowid FROM starts WHERE title MATCH 'bank'`)
	d.exec(`CREATE VIRTUAL TABLE custom USING lexical(docs, title, body, k1=1.5, b=0.5, analyzer='{"char_filters": ["html"], "tokenizer": "unicode",
		"token_filters": ["to_lower", {"type": "stop", "words": ["the", "in"]}, {"type": "synonyms", "groups": [["car", "automobile"]]}]}')`)
	d.wants("1\n2", `SELECT id FROM lexical_search('custom', 'automobile') ORDER BY 1`)
	d.wants("0|1", `SELECT lexical_count('custom', 'b the'), lexical_count('custom', 'town')`)
	d.exec(`INSERT INTO docs VALUES (3, 'Bank', 'cars')`)
	d.wants("1\n3", `SELECT rowid FROM grams WHERE title MATCH 'bank' ORDER BY rowid`)
	d.exec(`CREATE VIRTUAL TABLE plain USING lexical(docs, title, body, analyzer=en, scoring=bleve, stored=none)`)
	d.wants("bleve|bm25", `SELECT json_extract(lexical_stats('plain'), '$.scoring'), json_extract(lexical_stats('grams'), '$.scoring')`)
	d.wants("1\n3", `SELECT id FROM lexical_search('plain', 'car') ORDER BY 1`)
	for _, c := range []struct{ args, want string }{
		{`scoring=tfidf`, `main.x: unknown scoring "tfidf", want bm25 or bleve`},
		{`scoring=`, `main.x: scoring is empty, want bm25 or bleve`},
		{`scoring=bleve, k1=2`, `k1 is 2 and b is 0.75, want 1.2 and 0.75 with scoring bleve`},
		{`analyzer=ngram(5, 3)`, `ngram`},
		{`analyzer='{"tokenizer": "nope"}'`, `nope`},
		{`analyzer='{"tokenizer": '`, `analyzer`},
		{`analyzer='{"tokenizer": "unicode", "token_filters": [{"type": "synonyms"}]}'`, `synonyms`},
	} {
		d.fails(c.want, `CREATE VIRTUAL TABLE x USING lexical(docs, title, `+c.args+`)`)
	}
	if got := d.rows(`SELECT name FROM sqlite_schema WHERE name LIKE 'x%'`); got != "" {
		t.Errorf("left behind: %s", strings.ReplaceAll(got, "\n", " "))
	}
}
