package sqlext_test

import (
	"path/filepath"
	"testing"

	"github.com/nearlite/nearlite/planner"
)

// thrice runs a search three times and returns the record of the last one.
func (d *testDB) thrice(call string, args ...any) planner.Explain {
	d.t.Helper()
	var e planner.Explain
	for range 3 {
		e = d.explain(call, args...)
	}
	return e
}

// A filter that is asked again is known, until something changes.
func TestFilterMemory(t *testing.T) {
	d, path := openTemp(t)
	other := openFile(t, "file:"+path)
	q := floats(d.senses(4)[0].Embedding)
	const call, filter = `vector_search('senses_vec', ?, 5, ?)`, `length(gloss) % 9 = 1`
	truth := func() string {
		return d.line(`SELECT id FROM senses WHERE e IS NOT NULL AND `+filter+` ORDER BY vector_distance_cos(e, ?), id LIMIT 5`, q)
	}
	check := func(when string, remembered bool) {
		t.Helper()
		if got := d.line(`SELECT id FROM `+call, q, filter); got != truth() {
			t.Errorf("%s: got %s, want %s", when, got, truth())
		}
		if e := d.explain(call, q, filter); (e.Filter.Remembered > 0) != remembered {
			t.Errorf("%s: %+v", when, e.Filter)
		}
	}
	d.thrice(call, q, filter)
	e := d.thrice(call, q, filter)
	if e.Filter.Remembered == 0 || e.Filter.Probes > 0 {
		t.Errorf("a filter asked six times: %+v", e.Filter)
	}
	nearest := d.line(`SELECT id FROM `+call, q, filter)
	first := d.rows(`SELECT id FROM `+call+` LIMIT 1`, q, filter)

	d.exec(`BEGIN`)
	d.exec(`UPDATE senses SET gloss = 'x' || gloss WHERE id = ?`, first)
	check("in a transaction that writes", false)
	d.exec(`ROLLBACK`)
	check("after a rollback", true)
	if got := d.line(`SELECT id FROM `+call, q, filter); got != nearest {
		t.Errorf("after a rollback: %s, want %s", got, nearest)
	}

	other.exec(`UPDATE senses SET gloss = 'x' || gloss WHERE id = ?`, first)
	check("after a commit of another connection", false)
	d.thrice(call, q, filter)
	d.thrice(call, q, filter)
	check("a few searches later", true)
	d.exec(`UPDATE senses SET gloss = substr(gloss, 2) WHERE id = ?`, first)
	check("after a commit of its own", false)
	if got := d.line(`SELECT id FROM `+call, q, filter); got != nearest {
		t.Errorf("after the way back: %s, want %s", got, nearest)
	}
}

// What can change while the database stays the same is not remembered.
func TestFilterMemoryOnlyOfFacts(t *testing.T) {
	d, _ := openTemp(t)
	q := floats(d.senses(2)[0].Embedding)
	d.exec(`CREATE TABLE facts AS SELECT id FROM senses WHERE length(gloss) > 60`)
	d.exec(`CREATE TEMP TABLE moods AS SELECT id FROM senses WHERE id % 3 = 0`)
	d.exec(`CREATE VIEW dice AS SELECT id FROM senses WHERE abs(random() % 2) = 1`)
	for filter, want := range map[string]bool{
		`length(gloss) > 60`:                   true,
		`id IN (SELECT id FROM facts)`:         true,
		`id > (SELECT avg(id) FROM facts) / 9`: true,
		`gloss LIKE 'A%'`:                      true,
		`id IN (SELECT value FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]'))`: true,
		`length(gloss) > 60 AND random() > 0`:                                                        false,
		`id IN (SELECT id FROM dice)`:                                                                false,
		`year < strftime('%Y', 'now')`:                                                               false,
		`'2000-01-01' < CURRENT_DATE AND id > 100`:                                                   false,
		`id IN (SELECT id FROM moods)`:                                                               false,
		`id + changes() > 60`:                                                                        false,
	} {
		for range 3 {
			d.thrice(`vector_search('senses_vec', ?, 5, ?, NULL, '{"plan":"exact scan"}')`, q, filter)
		}
		if e := d.thrice(`vector_search('senses_vec', ?, 5, ?)`, q, filter); (e.Filter.Remembered > 0) != want {
			t.Errorf("%s: remembered %d", filter, e.Filter.Remembered)
		}
	}
}

// A PRAGMA changes what LIKE means.
func TestFilterMemoryLike(t *testing.T) {
	d, _ := openTemp(t)
	q := floats(d.senses(2)[0].Embedding)
	const call, filter = `vector_search('senses_vec', ?, 1000, ?)`, `words LIKE 'A%'`
	count := func() string {
		d.thrice(call, q, filter)
		return d.rows(`SELECT count(*) FROM `+call, q, filter)
	}
	folded := count()
	d.exec(`PRAGMA case_sensitive_like = 1`)
	if got, want := count(), d.rows(`SELECT count(*) FROM senses WHERE e IS NOT NULL AND words LIKE 'A%'`); got != want || got == folded {
		t.Errorf("%s rows after the PRAGMA, want %s (%s before)", got, want, folded)
	}
	d.exec(`PRAGMA case_sensitive_like = 0`)
	if got := count(); got != folded {
		t.Errorf("%s rows after the PRAGMA was undone, want %s", got, folded)
	}
}

// Two databases with the same vectors, one after the other under the same name.
func TestFilterMemoryOfAnotherDatabase(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		d := openFile(t, "file:"+filepath.Join(dir, name))
		d.exec(`CREATE TABLE m(id INTEGER PRIMARY KEY, kind TEXT, e F32_BLOB(2))`)
		d.exec(`INSERT INTO m SELECT value, 'a' || ((value + ?) % 2), vector32('[1,' || value || ']') FROM generate_series(1, 900)`, int(name[0]-'a'))
		d.exec(`CREATE VIRTUAL TABLE m_vec USING hnsw(m, e, metric=l2)`)
	}
	d, _ := openTemp(t)
	for range 3 {
		for name, want := range map[string]string{"a": "1", "b": "0"} {
			d.exec(`ATTACH ? AS x`, "file:"+filepath.Join(dir, name))
			for range 4 {
				d.wants(want, `SELECT max(id % 2) FROM vector_search('x.m_vec', '[1,5]', 20, 'kind = ''a1''')`)
			}
			d.exec(`DETACH x`)
		}
	}
}

// Arguments that are shown alike are not the same.
func TestFilterArgumentsApart(t *testing.T) {
	d, _ := openTemp(t)
	d.exec(`CREATE TABLE m(id INTEGER PRIMARY KEY, x REAL, s TEXT, e F32_BLOB(2))`)
	d.exec(`INSERT INTO m SELECT value, CASE WHEN value % 2 THEN 0.3 ELSE 0.30000000000000004 END, 'a' || char(value % 3), vector32('[1,' || value || ']') FROM generate_series(1, 900)`)
	d.exec(`CREATE VIRTUAL TABLE m_vec USING hnsw(m, e, metric=l2)`)
	d.exec(`CREATE VIRTUAL TABLE m_inc USING hnsw(m, e, metric=l2, include=(x, s))`)
	for _, index := range []string{"m_vec", "m_inc"} {
		for range 4 {
			for arg, want := range map[string]string{`[0.3]`: "1", `[0.30000000000000004]`: "0"} {
				d.wants(want, `SELECT max(id % 2) FROM vector_search(?, '[1,5]', 20, 'x = ?1', ?)`, index, arg)
			}
			for arg, want := range map[string]string{`["a\u0001", "b"]`: "1", `["a", "\u0001b"]`: "NULL", `["a\u0002", "b"]`: "2"} {
				d.wants(want, `SELECT max(id % 3) FROM vector_search(?, '[1,5]', 20, 's = ?1 AND ?2 > ''''', ?)`, index, arg)
			}
		}
	}
}
