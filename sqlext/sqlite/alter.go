package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// ALTER TABLE t ALTER COLUMN c TO c TYPE CONSTRAINTS is a statement of libSQL's: it
// puts another definition of a column into the schema. Rows that are there stay as they
// are; they are held to the new definition when they are written.
//
// SQLite has no such statement. It compiles, in its place, ALTER TABLE t RENAME COLUMN c
// TO c, which asks for the same permissions, writes and knows the same errors; libSQL
// made its own of it. When the statement runs, the table's text in sqlite_schema is
// replaced first, and then the renaming runs: it parses the new text and all that
// depends on the table, fails if something does not fit, and loads the schema anew, here
// and in other connections. Everything happens within the savepoint of ddl.guard.
//
// What would leave the file inconsistent is refused, as libSQL does: PRIMARY KEY,
// UNIQUE and GENERATED are how rows and indexes are stored. Where libSQL goes on
// although indexes are sorted by the old type or collation, they are made anew.

// alterColumn is the parsed statement; names as they are written.
type alterColumn struct {
	table      string // with its schema, if it has one
	schema     string // unquoted; "" if it has none
	name       string // of the table, unquoted
	column     string
	definition string // the column's new name and what follows it
	length     int    // of the statement in its text
}

// sqlToken is a piece of SQL text other than blanks and comments: a word or number, a
// quoted name or string, or one character.
type sqlToken struct {
	text string
	from int
}

func (t sqlToken) to() int { return t.from + len(t.text) }

// is compares with a keyword in capitals, or with punctuation.
func (t sqlToken) is(word string) bool { return strings.EqualFold(t.text, word) }

// isName reports whether the token may name something.
func (t sqlToken) isName() bool {
	return t.text != "" && (isWord(t.text[0]) || strings.IndexByte("\"`['", t.text[0]) >= 0)
}

// unquoted is the name that the token means.
func (t sqlToken) unquoted() string {
	if len(t.text) < 2 {
		return t.text
	}
	switch q := t.text[:1]; q {
	case "[":
		return t.text[1 : len(t.text)-1]
	case `"`, "`", "'":
		return strings.ReplaceAll(t.text[1:len(t.text)-1], q+q, q)
	}
	return t.text
}

// sqlTokens splits SQL text; a semicolon is a token.
func sqlTokens(text string) (all []sqlToken) {
	for i := 0; i < len(text); {
		if n := commentLen(text[i:]); n > 0 {
			i += n
			continue
		}
		if isSpace(text[i]) {
			i++
			continue
		}
		from := i
		if isWord(text[i]) {
			for i < len(text) && isWord(text[i]) {
				i++
			}
		} else {
			i += quotedLen(text[i:])
			for q := text[from]; strings.IndexByte("\"`'", q) >= 0 && i < len(text) && text[i] == q; {
				i += quotedLen(text[i:])
			}
		}
		all = append(all, sqlToken{text[from:i], from})
	}
	return all
}

// parseAlterColumn reads the statement at the beginning of a text; nil if it is
// another one, or if SQLite should say what is wrong with it.
func parseAlterColumn(text string) (*alterColumn, error) {
	w := words{text: text}
	if w.next() != "alter" || w.next() != "table" {
		return nil, nil
	}
	start := skipBlank(text)
	length := start + statementLen(text[start:], 0)
	text = text[:length]
	t := sqlTokens(text[start:])
	if n := len(t); n > 0 && t[n-1].is(";") {
		t = t[:n-1]
	}
	if len(t) < 4 || !t[2].isName() {
		return nil, nil
	}
	a := &alterColumn{table: t[2].text, name: t[2].unquoted(), length: length}
	t = t[3:]
	if len(t) > 2 && t[0].is(".") && t[1].isName() {
		a.schema, a.name = a.name, t[1].unquoted()
		a.table += "." + t[1].text
		t = t[2:]
	}
	// ALTER TABLE t ALTER COLUMN c TO c ...
	if len(t) < 5 || !t[0].is("ALTER") || !t[1].is("COLUMN") || !t[2].isName() || !t[3].is("TO") || !t[4].isName() {
		return nil, nil
	}
	a.column = t[2].text
	if old, now := t[2].unquoted(), t[4].unquoted(); !strings.EqualFold(old, now) {
		return nil, fmt.Errorf("UPDATE cannot also rename column: %q to %q. Use ALTER TABLE RENAME instead", old, now)
	}
	depth := 0
	for _, tok := range t[5:] {
		switch tok.text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth < 0 || depth == 0 && tok.text == "," {
			return nil, fmt.Errorf("near %q: syntax error", tok.text)
		}
	}
	if depth > 0 {
		return nil, errors.New("incomplete input")
	}
	a.definition = text[start:][t[4].from:t[len(t)-1].to()]
	return a, nil
}

// standIn is the statement that SQLite compiles for this one.
func (a *alterColumn) standIn() string {
	return "ALTER TABLE " + a.table + " RENAME COLUMN " + a.column + " TO " + a.column
}

// run replaces the column's definition and returns what is left to be done for vector
// indexes. The caller holds a savepoint, and undoes it if there is an error.
func (a *alterColumn) run(db *sqlite3.Conn) (then ddl, err error) {
	// SQLite's own checks, of the schema as it is now.
	st, _, err := prepare(db, a.standIn())
	if err != nil {
		return ddl{}, err
	}
	if err := st.Close(); err != nil {
		return ddl{}, err
	}
	schema, text, err := a.find(db)
	if err != nil {
		return ddl{}, err
	}
	at, err := a.position(db, schema)
	if err != nil {
		return ddl{}, err
	}
	from, to, err := columnRange(text, at)
	if err != nil {
		return ddl{}, err
	}
	before, after := newColumnDefinition(text[from:to]), newColumnDefinition(a.definition)
	if err := a.check(db, schema, before, after); err != nil {
		return ddl{}, err
	}
	// The name as the table writes it: the renaming puts it everywhere.
	name := after.name
	if isWord(before.name[0]) {
		name = sqlToken{text: after.name}.unquoted()
	}
	text = text[:from] + name + a.definition[len(after.name):] + text[to:]
	if err := a.writeSchema(db, schema, text); err != nil {
		return ddl{}, err
	}
	table := quoteName(schema) + "." + quoteName(a.name)
	if err := db.Exec("ALTER TABLE " + table + " RENAME COLUMN " + a.column + " TO " + name); err != nil {
		return ddl{}, err
	}
	then.kind = changesSchema
	if before.kind != after.kind {
		// A vector index is made anew, or the type is refused.
		indexes, err := column(db, "SELECT 1 FROM "+quoteName(schema)+".sqlite_schema WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE AND sql LIKE '%libsql_vector_idx%'", a.name)
		if err != nil {
			return ddl{}, err
		}
		if len(indexes) > 0 {
			then.kind = createsIndex
		}
	}
	if before.collation != after.collation {
		then = ddl{kind: reindexes, target: table}
	}
	if before.kind == after.kind && before.collation == after.collation {
		return then, nil
	}
	if err := a.checkStrict(db, schema); err != nil {
		return ddl{}, err
	}
	return then, db.Exec("REINDEX " + table)
}

// find returns the schema of the table, and its text there.
func (a *alterColumn) find(db *sqlite3.Conn) (schema, text string, err error) {
	schemas := []string{a.schema}
	if a.schema == "" {
		// SQLite looks into temp first, then into main, then into what is attached.
		if schemas, err = column(db, "SELECT name FROM pragma_database_list ORDER BY seq <> 1, seq"); err != nil {
			return "", "", err
		}
	}
	for _, schema := range schemas {
		found, err := column(db, "SELECT sql FROM "+quoteName(schema)+".sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE", a.name)
		if err != nil {
			return "", "", err
		}
		if len(found) == 1 {
			return schema, found[0], nil
		}
	}
	return "", "", fmt.Errorf("no such table: %s", a.name)
}

// position is the column's place in the table.
func (a *alterColumn) position(db *sqlite3.Conn, schema string) (int, error) {
	names, err := column(db, "SELECT name FROM pragma_table_xinfo(?1, ?2) ORDER BY cid", a.name, schema)
	if err != nil {
		return 0, err
	}
	want := sqlToken{text: a.column}.unquoted()
	for i, name := range names {
		if strings.EqualFold(name, want) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no such column: %q", want)
}

// check refuses what a new text in the schema cannot do.
func (a *alterColumn) check(db *sqlite3.Conn, schema string, before, after *columnDefinition) error {
	refuse := func(what string) error {
		return fmt.Errorf("error in adding %s to %s: %s", a.definition, a.name, what)
	}
	const constraint = " constraint cannot be altered"
	name := sqlToken{text: a.column}.unquoted()
	key, err := column(db, "SELECT 1 FROM pragma_table_xinfo(?1, ?2) WHERE name = ?3 COLLATE NOCASE AND pk > 0", a.name, schema, name)
	if err != nil {
		return err
	}
	retyped := before.kind != after.kind || before.collation != after.collation
	switch {
	case before.generated || after.generated:
		return refuse("GENERATED" + constraint)
	case before.key != after.key || len(key) > 0 && retyped:
		return refuse("PRIMARY KEY" + constraint)
	case before.unique != after.unique:
		return refuse("UNIQUE" + constraint)
	}
	if after.collation != "" {
		there, err := column(db, "SELECT 1 FROM pragma_collation_list WHERE name = ?1 COLLATE NOCASE", after.collation)
		if err != nil {
			return err
		}
		if len(there) == 0 {
			return fmt.Errorf("no such collation sequence: %s", after.collation)
		}
	}
	if after.counts && !before.counts {
		return a.makeSequence(db, schema)
	}
	return nil
}

// makeSequence makes sqlite_sequence, which AUTOINCREMENT needs: SQLite makes it with
// the first table that counts.
func (a *alterColumn) makeSequence(db *sqlite3.Conn, schema string) error {
	there, err := column(db, "SELECT 1 FROM "+quoteName(schema)+".sqlite_schema WHERE name = 'sqlite_sequence'")
	if err != nil || len(there) > 0 {
		return err
	}
	counting := quoteName(schema) + ".nearlite_alter_column"
	if err := db.Exec("CREATE TABLE " + counting + "(id INTEGER PRIMARY KEY AUTOINCREMENT)"); err != nil {
		return err
	}
	return db.Exec("DROP TABLE " + counting)
}

// writeSchema puts the text into sqlite_schema, which nobody else may write.
func (a *alterColumn) writeSchema(db *sqlite3.Conn, schema, text string) (err error) {
	for _, set := range []struct {
		op sqlite3.DBConfig
		on bool
	}{{sqlite3.DBCONFIG_DEFENSIVE, false}, {sqlite3.DBCONFIG_WRITABLE_SCHEMA, true}} {
		old, e := db.Config(set.op)
		if e != nil {
			return e
		}
		if _, e := db.Config(set.op, set.on); e != nil {
			return e
		}
		defer func() {
			_, e := db.Config(set.op, old)
			err = errors.Join(err, e)
		}()
	}
	_, err = column(db, "UPDATE "+quoteName(schema)+".sqlite_schema SET sql = ?1 WHERE type = 'table' AND name = ?2 COLLATE NOCASE", text, a.name)
	return err
}

// checkStrict looks at the rows of a STRICT table, whose values SQLite takes for granted.
func (a *alterColumn) checkStrict(db *sqlite3.Conn, schema string) error {
	strict, err := column(db, "SELECT 1 FROM pragma_table_list(?1) WHERE schema = ?2 COLLATE NOCASE AND strict", a.name, schema)
	if err != nil || len(strict) == 0 {
		return err
	}
	name := sqlToken{text: a.column}.unquoted()
	bad, err := column(db, "SELECT typeof(c) FROM (SELECT "+quoteName(name)+" AS c, (SELECT upper(type) FROM pragma_table_xinfo(?1, ?2) WHERE name = ?3 COLLATE NOCASE) AS want FROM "+
		quoteName(schema)+"."+quoteName(a.name)+") WHERE typeof(c) <> 'null' AND typeof(c) <> CASE want WHEN 'INT' THEN 'integer' WHEN 'ANY' THEN typeof(c) ELSE lower(want) END LIMIT 1",
		a.name, schema, name)
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("error in adding %s to %s: a row of the STRICT table holds %s", a.definition, a.name, strings.ToUpper(bad[0]))
	}
	return err
}

// columnDefinition is what of a column's definition decides how rows are stored.
type columnDefinition struct {
	name      string // as it is written
	kind      string // the type, in capitals
	collation string // in capitals
	key       string // PRIMARY KEY and its order
	counts    bool   // AUTOINCREMENT
	unique    bool
	generated bool
}

// newColumnDefinition reads a definition that SQLite accepts; of another one it reads
// something.
func newColumnDefinition(text string) *columnDefinition {
	t := sqlTokens(text)
	d := &columnDefinition{name: t[0].text}
	t = t[1:]
	n := 0
	for depth := 0; n < len(t) && (depth > 0 || !t[n].startsConstraint()); n++ {
		switch t[n].text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if n > 0 {
			d.kind += " "
		}
		d.kind += strings.ToUpper(t[n].text)
	}
	depth := 0
	for i := n; i < len(t); i++ {
		switch {
		case t[i].is("("):
			depth++
		case t[i].is(")"):
			depth--
		case depth > 0:
		case t[i].is("PRIMARY"):
			d.key = "PRIMARY KEY"
			if i+2 < len(t) && (t[i+2].is("ASC") || t[i+2].is("DESC")) {
				d.key += " " + strings.ToUpper(t[i+2].text)
			}
		case t[i].is("AUTOINCREMENT"):
			d.counts = true
		case t[i].is("UNIQUE"):
			d.unique = true
		case t[i].is("AS"):
			d.generated = true
		case t[i].is("COLLATE") && i+1 < len(t):
			d.collation = strings.ToUpper(t[i+1].unquoted())
		}
	}
	if d.collation == "BINARY" { // the default
		d.collation = ""
	}
	return d
}

// startsConstraint reports whether the type of a column ends before the token.
func (t sqlToken) startsConstraint() bool {
	switch strings.ToUpper(t.text) {
	case "CONSTRAINT", "NULL", "NOT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "DEFAULT", "COLLATE", "GENERATED", "AS":
		return true
	}
	return false
}

// columnRange finds the definition of column number at in the text of CREATE TABLE.
func columnRange(text string, at int) (from, to int, err error) {
	t := sqlTokens(text)
	i := 0
	for i < len(t) && !t[i].is("(") {
		i++
	}
	i++
	for n, depth := 0, 0; i < len(t); i++ {
		switch {
		case depth == 0 && (t[i].is(",") || t[i].is(")")):
			if n == at && to > from {
				return from, to, nil
			}
			n++
			from, to = 0, 0
			if t[i].is(")") {
				i = len(t)
			}
			continue
		case t[i].is("("):
			depth++
		case t[i].is(")"):
			depth--
		}
		if n == at {
			if from == 0 {
				from = t[i].from
			}
			to = t[i].to()
		}
	}
	return 0, 0, fmt.Errorf("the column is not found in %s", text)
}

// column returns the first column of all rows, as text.
func column(db *sqlite3.Conn, sql string, args ...string) (values []string, err error) {
	st, _, err := db.Prepare(sql)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := st.Close(); err == nil {
			err = e
		}
	}()
	for i, arg := range args {
		if err := st.BindText(i+1, arg); err != nil {
			return nil, err
		}
	}
	for st.Step() {
		values = append(values, st.ColumnText(0))
	}
	return values, st.Err()
}

// quoteName quotes an identifier.
func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
