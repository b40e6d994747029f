package sqlext_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearlite/nearlite/sqlext"
)

// modelRow is a row of the model: a point in the plane, or none, and one word.
type modelRow struct {
	x, y int
	null bool
	word int
}

// sqlModel runs the same operations on a database and on a map.
type sqlModel struct {
	t      *rapid.T
	d      *testDB
	other  *testDB
	path   string
	rows   map[int]modelRow
	saved  []map[int]modelRow // states of the open savepoints; the first is BEGIN's
	commit map[int]modelRow   // what other connections see
	table  string
	vec    string
	text   string
	added  int // columns
}

// TestModel drives random statements against both indexes and an exact model:
// every answer must agree after every statement.
func TestModel(t *testing.T) {
	defer sqlext.SetCacheSize(sqlext.CacheSize())
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		m := &sqlModel{t: rt, path: filepath.Join(dir, "model.db"), table: "docs", vec: "docs_vec", text: "docs_text", rows: map[int]modelRow{}}
		m.open(t)
		defer func() { m.close() }()
		m.d.exec(`PRAGMA journal_mode=` + rapid.SampledFrom([]string{"wal", "delete"}).Draw(rt, "journal"))
		m.d.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, word TEXT UNIQUE, embedding F32_BLOB(2))`)
		n := rapid.IntRange(0, 20).Draw(rt, "rows before")
		for id := range n {
			m.insert(id, "", m.newRow(id))
		}
		m.d.exec(fmt.Sprintf(`CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, metric=l2, m=%d, quantize=%s)`,
			rapid.SampledFrom([]int{2, 4, 16}).Draw(rt, "m"), rapid.SampledFrom([]string{"none", "f16", "int8"}).Draw(rt, "quantize")))
		m.d.exec(`CREATE VIRTUAL TABLE docs_text USING lexical(docs, word)`)
		m.commit = maps.Clone(m.rows)
		steps := rapid.IntRange(1, 40).Draw(rt, "steps")
		for range steps {
			m.step(t)
			m.verify(m.d, m.rows)
			// Within a transaction entries of rows that REPLACE has deleted may be left.
			if rapid.IntRange(0, 4).Draw(rt, "check") == 0 && len(m.saved) == 0 {
				m.d.wants("ok", `PRAGMA integrity_check`)
			}
		}
		for len(m.saved) > 0 {
			m.end()
		}
		m.verify(m.d, m.rows)
		m.verify(m.other, m.commit)
		m.d.wants("ok", `PRAGMA integrity_check`)
		for _, c := range []string{m.vec, m.text} {
			m.d.exec(`INSERT INTO ` + c + `(` + c + `) VALUES('rebuild')`)
		}
		m.d.wants("ok", `PRAGMA integrity_check`)
	})
}

// rapidT lets testDB report to rapid, so that a failure is shrunk.
type rapidT struct {
	testing.TB
	rt *rapid.T
}

func (r rapidT) Helper()                      {}
func (r rapidT) Errorf(f string, args ...any) { r.rt.Errorf(f, args...) }
func (r rapidT) Fatalf(f string, args ...any) { r.rt.Fatalf(f, args...) }
func (r rapidT) Failed() bool                 { return r.rt.Failed() }

func (m *sqlModel) open(t *testing.T) {
	m.d = connect(rapidT{t, m.t}, "file:"+m.path)
	m.other = connect(rapidT{t, m.t}, "file:"+m.path)
}

func (m *sqlModel) close() {
	m.d.shut()
	m.other.shut()
}

func (m *sqlModel) newRow(id int) modelRow {
	r := modelRow{
		x: rapid.IntRange(-20, 20).Draw(m.t, "x"), y: rapid.IntRange(-3, 3).Draw(m.t, "y"),
		null: rapid.IntRange(0, 9).Draw(m.t, "null") == 0, word: id,
	}
	return r
}

func (r modelRow) vector() any {
	if r.null {
		return nil
	}
	return fmt.Sprintf("[%d,%d]", r.x, r.y)
}

// text is the word; a row whose word is negative has none.
func (r modelRow) text() any {
	if r.word < 0 {
		return nil
	}
	return fmt.Sprintf("word%d", r.word)
}

func (m *sqlModel) insert(id int, or string, r modelRow) {
	m.d.exec(`INSERT `+or+` INTO `+m.table+`(id, word, embedding) VALUES(?1, ?2, iif(?3 IS NULL, NULL, vector32(?3)))`, id, r.text(), r.vector())
	for other, o := range m.rows {
		if other != id && o.word == r.word && r.word >= 0 { // REPLACE removed it
			delete(m.rows, other)
		}
	}
	m.rows[id] = r
}

// anyID draws the id of a row, 0 when there is none.
func (m *sqlModel) anyID() (int, bool) {
	ids := slices.Sorted(maps.Keys(m.rows))
	if len(ids) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(ids).Draw(m.t, "row"), true
}

// anyWord draws the id of a row with a word.
func (m *sqlModel) anyWord() (int, bool) {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(m.rows)), func(id int) bool { return m.rows[id].word < 0 })
	if len(ids) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(ids).Draw(m.t, "row"), true
}

func (m *sqlModel) freeID() int {
	id := rapid.IntRange(0, 60).Draw(m.t, "new id")
	for {
		if _, ok := m.rows[id]; !ok {
			return id
		}
		id++
	}
}

func (m *sqlModel) freeWord() int {
	used := map[int]bool{}
	for _, r := range m.rows {
		used[r.word] = true
	}
	w := rapid.IntRange(0, 80).Draw(m.t, "word")
	for used[w] {
		w++
	}
	return w
}

// step runs one random statement.
func (m *sqlModel) step(t *testing.T) {
	d := m.d
	switch op := rapid.SampledFrom([]string{
		"insert", "insert", "insert", "many", "update", "update", "word", "move", "delete", "delete some",
		"replace", "replace word", "fail", "or fail", "begin", "begin", "end", "end", "rollback", "savepoint", "savepoint", "rollback to", "release",
		"or ignore", "or rollback", "trigger", "crowd", "cache", "copy", "recreate",
		"other", "other", "reopen", "vacuum", "command", "rename", "ddl",
	}).Draw(m.t, "op"); op {
	case "insert":
		r := m.newRow(0)
		r.word = m.freeWord()
		m.insert(m.freeID(), "", r)
	case "many":
		// One statement with several rows.
		var vals []string
		for range rapid.IntRange(1, 12).Draw(m.t, "rows") {
			id, r := m.freeID(), m.newRow(0)
			r.word = m.freeWord()
			v := "NULL"
			if !r.null {
				v = "vector32('" + r.vector().(string) + "')"
			}
			vals = append(vals, fmt.Sprintf("(%d, 'word%d', %s)", id, r.word, v))
			m.rows[id] = r
		}
		d.exec(`INSERT INTO ` + m.table + `(id, word, embedding) VALUES` + strings.Join(vals, ", "))
	case "update":
		if id, ok := m.anyID(); ok {
			r := m.newRow(0)
			r.word = m.rows[id].word
			d.exec(`UPDATE `+m.table+` SET embedding = iif(?2 IS NULL, NULL, vector32(?2)) WHERE id = ?1`, id, r.vector())
			m.rows[id] = r
		}
	case "word":
		if id, ok := m.anyID(); ok {
			r := m.rows[id]
			r.word = m.freeWord()
			d.exec(`UPDATE `+m.table+` SET word = ?2 WHERE id = ?1`, id, fmt.Sprintf("word%d", r.word))
			m.rows[id] = r
		}
	case "move":
		if id, ok := m.anyID(); ok {
			to := m.freeID()
			d.exec(`UPDATE `+m.table+` SET id = ?2 WHERE id = ?1`, id, to)
			m.rows[to] = m.rows[id]
			delete(m.rows, id)
		}
	case "delete":
		if id, ok := m.anyID(); ok {
			d.exec(`DELETE FROM `+m.table+` WHERE id = ?1`, id)
			delete(m.rows, id)
		}
	case "delete some":
		mod := rapid.IntRange(1, 4).Draw(m.t, "mod")
		d.exec(`DELETE FROM `+m.table+` WHERE id % ?1 = 0`, mod)
		maps.DeleteFunc(m.rows, func(id int, _ modelRow) bool { return id%mod == 0 })
	case "replace":
		if id, ok := m.anyID(); ok {
			r := m.newRow(0)
			r.word = m.freeWord()
			m.insert(id, "OR REPLACE", r)
		}
	case "replace word":
		if id, ok := m.anyID(); ok {
			r := m.newRow(0)
			r.word = m.rows[id].word
			m.insert(m.freeID(), "OR REPLACE", r)
		}
	case "fail":
		// The last row has the word of another: the statement as a whole is undone.
		if id, ok := m.anyWord(); ok {
			a, b := m.freeID(), m.freeWord()
			d.fails("", fmt.Sprintf(`INSERT INTO %s(id, word, embedding) VALUES(%d, 'word%d', '[1,1]'), (%d, 'word%d', '[2,2]')`, m.table, a, b, a+1000, m.rows[id].word))
		}
	case "or fail":
		// The first row stays.
		if id, ok := m.anyWord(); ok {
			a, b := m.freeID(), m.freeWord()
			d.fails("", fmt.Sprintf(`INSERT OR FAIL INTO %s(id, word, embedding) VALUES(%d, 'word%d', '[1,1]'), (%d, 'word%d', '[2,2]')`, m.table, a, b, a+1000, m.rows[id].word))
			m.rows[a] = modelRow{x: 1, y: 1, word: b}
		}
	case "or ignore":
		// The row in the middle has the word of another and is passed over.
		if id, ok := m.anyWord(); ok {
			a, b := m.freeID(), m.freeWord()
			d.exec(fmt.Sprintf(`INSERT OR IGNORE INTO %s(id, word, embedding) VALUES(%d, 'word%d', '[3,1]'), (%d, 'word%d', '[2,2]')`, m.table, a, b, a+1000, m.rows[id].word))
			m.rows[a] = modelRow{x: 3, y: 1, word: b}
		}
	case "or rollback":
		// The statement takes the whole transaction with it.
		if id, ok := m.anyWord(); ok {
			a, b := m.freeID(), m.freeWord()
			d.fails("", fmt.Sprintf(`INSERT OR ROLLBACK INTO %s(id, word, embedding) VALUES(%d, 'word%d', '[1,1]'), (%d, 'word%d', '[2,2]')`, m.table, a, b, a+1000, m.rows[id].word))
			if len(m.saved) > 0 {
				m.rows, m.saved = m.saved[0], nil
			}
		}
	case "trigger":
		// A trigger of the user's writes to the table that has ours: each row brings a twin.
		id, r := m.freeID(), m.newRow(0)
		r.word = m.freeWord()
		if _, taken := m.rows[id+2000]; taken {
			break
		}
		d.exec(`CREATE TEMP TRIGGER twins AFTER INSERT ON main.` + m.table + ` WHEN new.id < 2000 BEGIN
			INSERT INTO ` + m.table + `(id, word, embedding) VALUES(new.id + 2000, 'twin of ' || new.id, new.embedding);
			UPDATE ` + m.table + ` SET word = NULL WHERE id = new.id + 2000; END`)
		m.insert(id, "", r)
		d.exec(`DROP TRIGGER twins`)
		r.word = -1
		m.rows[id+2000] = r
	case "crowd":
		// Enough rows for blocks, folds and probes, far from the others; or they go again.
		if slices.ContainsFunc(slices.Collect(maps.Keys(m.rows)), func(id int) bool { return id >= 5000 }) {
			d.exec(`DELETE FROM ` + m.table + ` WHERE id >= 5000`)
			maps.DeleteFunc(m.rows, func(id int, _ modelRow) bool { return id >= 5000 })
			break
		}
		n := rapid.SampledFrom([]int{40, 40, 40, 120, 520}).Draw(m.t, "crowd")
		d.exec(`WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM i WHERE i < ?1-1)
			INSERT INTO `+m.table+`(id, embedding) SELECT 5000 + i, vector32('[' || (1000 + i % 37) || ',' || (i / 37) || ']') FROM i`, n)
		for i := range n {
			m.rows[5000+i] = modelRow{x: 1000 + i%37, y: i / 37, word: -1}
		}
	case "cache":
		d.exec(`SELECT nearlite_cache_size(?1)`, rapid.SampledFrom([]int{20000, 100000, 0}).Draw(m.t, "bytes"))
	case "copy":
		// A copy goes its own way.
		if len(m.saved) == 0 {
			file := filepath.Join(t.TempDir(), "copy.db")
			d.exec(`VACUUM INTO ?1`, file)
			c := connect(rapidT{t, m.t}, "file:"+file)
			rows := maps.Clone(m.rows)
			m.verify(c, rows)
			c.exec(`DELETE FROM ` + m.table + ` WHERE id % 3 = 0`)
			maps.DeleteFunc(rows, func(id int, _ modelRow) bool { return id%3 == 0 })
			m.verify(c, rows)
			c.wants("ok", `PRAGMA integrity_check`)
			c.shut()
		}
	case "recreate":
		// The same name for an index with other options, in a transaction or outside.
		if rapid.Bool().Draw(m.t, "of text") {
			d.exec(`DROP TABLE ` + m.text)
			d.exec(`CREATE VIRTUAL TABLE ` + m.text + ` USING lexical(` + m.table + `, word)`)
			break
		}
		d.exec(`DROP TABLE ` + m.vec)
		d.exec(`CREATE VIRTUAL TABLE ` + m.vec + ` USING hnsw(` + m.table + `, embedding, metric=l2, m=` + rapid.SampledFrom([]string{"2", "5", "16"}).Draw(m.t, "new m") + `)`)
	case "begin":
		if len(m.saved) == 0 {
			d.exec(`BEGIN`)
			m.saved = append(m.saved, maps.Clone(m.rows))
		}
	case "end":
		if len(m.saved) == 1 {
			m.end()
		}
	case "rollback":
		if len(m.saved) > 0 {
			d.exec(`ROLLBACK`)
			m.rows, m.saved = m.saved[0], nil
		}
	case "savepoint":
		d.exec(fmt.Sprintf(`SAVEPOINT s%d`, len(m.saved)))
		m.saved = append(m.saved, maps.Clone(m.rows))
	case "rollback to":
		if n := len(m.saved); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(m.t, "savepoint")
			if _, err := d.try(fmt.Sprintf(`ROLLBACK TO s%d`, i)); err != nil { // s0 may be BEGIN
				break
			}
			m.rows = maps.Clone(m.saved[i])
			m.saved = m.saved[:i+1]
		}
	case "release":
		if n := len(m.saved); n > 1 {
			i := rapid.IntRange(1, n-1).Draw(m.t, "savepoint")
			d.exec(fmt.Sprintf(`RELEASE s%d`, i))
			m.saved = m.saved[:i]
		}
	case "other":
		// Another connection sees the committed state, and writes in turn.
		if len(m.saved) == 0 {
			m.verify(m.other, m.rows)
			m.d, m.other = m.other, m.d
			if id, ok := m.anyID(); ok && rapid.Bool().Draw(m.t, "other deletes") {
				m.d.exec(`DELETE FROM `+m.table+` WHERE id = ?1`, id)
				delete(m.rows, id)
			} else {
				r := m.newRow(0)
				r.word = m.freeWord()
				m.insert(m.freeID(), "", r)
			}
			if rapid.Bool().Draw(m.t, "turn back") {
				m.d, m.other = m.other, m.d
			}
		} else if m.d.rows(`PRAGMA journal_mode`) == "wal" {
			m.verify(m.other, m.commit)
		}
	case "reopen":
		if len(m.saved) == 0 {
			m.close()
			m.open(t)
		}
	case "vacuum":
		if len(m.saved) == 0 {
			d.exec(`VACUUM`)
		}
	case "command":
		c := rapid.SampledFrom([]string{m.vec, m.text}).Draw(m.t, "index")
		what := rapid.SampledFrom([]string{"rebuild", "optimize"}).Draw(m.t, "command")
		d.exec(`INSERT INTO `+c+`(`+c+`) VALUES(?1)`, what)
	case "rename":
		// Outside transactions only: the model does not undo names.
		if len(m.saved) == 0 {
			n := rapid.IntRange(0, 3).Draw(m.t, "name")
			which := rapid.SampledFrom([]*string{&m.table, &m.vec, &m.text}).Draw(m.t, "which")
			name := strings.TrimRight(*which, "0123456789") + fmt.Sprint(n)
			if name != *which {
				d.exec(`ALTER TABLE ` + *which + ` RENAME TO ` + name)
				*which = name
			}
		}
	case "ddl":
		// A schema change makes SQLite connect the tables anew, also in a transaction.
		if len(m.saved) == 0 {
			d.exec(`CREATE TABLE IF NOT EXISTS scratch(a)`)
		} else {
			d.exec(`CREATE TABLE IF NOT EXISTS scratch2(a)`)
			m.added++
			d.exec(`ALTER TABLE scratch2 ADD COLUMN c` + fmt.Sprint(m.added))
		}
	}
	if len(m.saved) == 0 {
		m.commit = maps.Clone(m.rows)
	}
}

// end commits everything.
func (m *sqlModel) end() {
	if _, err := m.d.try(`COMMIT`); err != nil {
		m.t.Fatalf("COMMIT: %v", err)
	}
	m.saved = nil
	m.commit = maps.Clone(m.rows)
}

// verify compares contents, searches and words with the model.
func (m *sqlModel) verify(d *testDB, rows map[int]modelRow) {
	type hit struct {
		id int
		d  float64
	}
	qx, qy := rapid.IntRange(-20, 20).Draw(m.t, "qx"), rapid.IntRange(-3, 3).Draw(m.t, "qy")
	var hits []hit
	var all []string
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		r := rows[id]
		all = append(all, fmt.Sprint(id))
		if !r.null {
			hits = append(hits, hit{id, math.Sqrt(float64((r.x-qx)*(r.x-qx) + (r.y-qy)*(r.y-qy)))})
		}
	}
	d.wants(strings.Join(all, "\n"), `SELECT rowid FROM `+m.text+` ORDER BY rowid`)
	var indexed []string
	for _, h := range hits {
		indexed = append(indexed, fmt.Sprint(h.id))
	}
	d.wants(strings.Join(indexed, "\n"), `SELECT rowid FROM `+m.vec+` ORDER BY rowid`)
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.id, b.id))
	})
	var near, odd []string
	for _, h := range hits {
		if len(near) < 5 {
			near = append(near, fmt.Sprintf("%.4g", h.d))
		}
		if len(odd) < 3 && h.id%2 == 1 {
			odd = append(odd, fmt.Sprint(h.id))
		}
	}
	q := fmt.Sprintf("[%d,%d]", qx, qy)
	// Which of several rows at the same distance are the last of five is open.
	if len(hits) <= 100 {
		d.wants(strings.Join(near, "\n"), `SELECT distance FROM `+m.vec+` WHERE vector MATCH ?1 AND k = 5`, q)
	}
	d.wants(strings.Join(near, "\n"), `SELECT distance FROM vector_search(?2, ?1, 5, NULL, NULL, '{"exact": true}')`, q, m.vec)
	// Without k the search goes on to the last row.
	d.wants(strings.Join(indexed, "\n"), `SELECT rowid FROM (SELECT rowid FROM `+m.vec+` WHERE vector MATCH ?1 ORDER BY distance) ORDER BY rowid`, q)
	d.wants("", `SELECT v.rowid FROM `+m.vec+` v JOIN `+m.table+` t ON t.id = v.rowid WHERE v.vector MATCH ?1 AND v.k = 5
		AND abs(v.distance - vector_distance_l2(t.embedding, vector32(?1))) > 1e-5 * (1 + v.distance)`, q)
	d.wants(strings.Join(odd, "\n"), `SELECT rowid FROM `+m.vec+` WHERE vector MATCH ?1 AND k = 3 AND rowid IN (SELECT id FROM `+m.table+` WHERE id % 2)`, q)
	w := rapid.IntRange(0, 80).Draw(m.t, "search word")
	want := ""
	for id, r := range rows {
		if r.word == w {
			want = fmt.Sprint(id)
		}
	}
	d.wants(want, `SELECT rowid FROM `+m.text+` WHERE `+m.text+` MATCH ?1`, fmt.Sprintf("word%d", w))
	if m.t.Failed() {
		m.t.FailNow()
	}
}
