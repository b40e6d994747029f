package sqlite

import (
	"context"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// Vector indexes in libSQL's form are made by CREATE INDEX, which is SQLite's own
// statement: it leaves an ordinary index, beside which nearlite_reconcile() makes
// ours. The driver runs that function in the transaction of the statement, so that
// both come into being or neither does, and so for all statements that may drop or
// change such an index.

// ddl is what a statement asks to be done after it.
type ddl struct {
	kind   ddlKind
	target string // of REINDEX, "" for all
	alter  *alterColumn
}

type ddlKind uint8

const (
	notDDL ddlKind = iota
	changesSchema
	createsIndex
	reindexes
	attaches // maybe a file of libSQL's
	altersColumn
)

// inspect looks at the beginning of one statement's text.
func inspect(sql string) ddl {
	w := words{text: sql}
	switch w.next() {
	case "create":
		word := w.next()
		if word == "unique" {
			word = w.next()
		}
		switch {
		case word == "index" && containsFold(sql, "libsql_vector_idx"):
			return ddl{kind: createsIndex}
		case word == "trigger":
			return ddl{kind: changesSchema}
		}
	case "drop":
		if word := w.next(); word == "index" || word == "table" {
			return ddl{kind: changesSchema}
		}
	case "alter":
		if w.next() == "table" {
			if a, err := parseAlterColumn(sql); err == nil && a != nil {
				return ddl{kind: altersColumn, alter: a}
			}
			return ddl{kind: changesSchema}
		}
	case "attach":
		return ddl{kind: attaches}
	case "reindex":
		return ddl{kind: reindexes, target: strings.TrimSpace(strings.TrimRight(w.rest(), "; \t\r\n"))}
	}
	return ddl{}
}

// mayHoldDDL is a quick look at a text of one or more statements: false is certain.
func mayHoldDDL(sql string) bool {
	for _, word := range []string{"libsql_vector_idx", "drop", "alter", "reindex", "trigger", "attach"} {
		if containsFold(sql, word) {
			return true
		}
	}
	return false
}

// containsFold reports whether s contains the lower-case word in any ASCII case.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0]|0x20 && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// words reads the bare words at the beginning of a statement, in lower case.
type words struct {
	text string
	at   int
}

func (w *words) next() string {
	w.at += skipBlank(w.text[w.at:])
	start := w.at
	for w.at < len(w.text) {
		c := w.text[w.at] | 0x20
		if c != '_'|0x20 && (c < 'a' || c > 'z') {
			break
		}
		w.at++
	}
	return strings.ToLower(w.text[start:w.at])
}

func (w *words) rest() string {
	w.at += skipBlank(w.text[w.at:])
	return w.text[w.at:]
}

// withoutHint drops the advice that newer versions of SQLite add to "no such column"
// when a parameter of libsql_vector_idx stands in double quotes: clients know the
// message of libSQL's SQLite.
func withoutHint(err error, sql string) error {
	const hint = `" - should this be a string literal in single-quotes?`
	if err == nil || inspect(sql).kind != createsIndex {
		return err
	}
	text, ok := strings.CutSuffix(err.Error(), hint)
	if !ok {
		return err
	}
	return &reworded{strings.Replace(text, `no such column: "`, "no such column: ", 1), err}
}

// reworded is an error with another message.
type reworded struct {
	text string
	err  error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.err }

// guard runs a statement and what it asks for, all or nothing.
func (d ddl) guard(db *sqlite3.Conn, run func() error) error {
	if d.kind == notDDL {
		return run()
	}
	if d.kind == attaches { // not inside a transaction
		if err := run(); err != nil {
			return err
		}
		return d.reconcile(db)
	}
	const savepoint = "nearlite_ddl"
	alone := db.GetAutocommit()
	if err := db.Exec("SAVEPOINT " + savepoint); err != nil {
		if d.kind == altersColumn {
			return err
		}
		// Another statement of this connection is writing at this moment. The next search
		// reconciles.
		return run()
	}
	var err error
	if d.kind == createsIndex || d.kind == reindexes {
		// What is left of an index of libSQL's by that name must not be taken for the new.
		err = ddl{kind: changesSchema}.reconcile(db)
	}
	if err == nil && d.kind == altersColumn {
		d, err = d.alter.run(db)
	} else if err == nil {
		err = run()
	}
	if err == nil {
		err = d.reconcile(db)
	}
	if err == nil {
		err = db.Exec("RELEASE " + savepoint)
	}
	if err != nil && !db.GetAutocommit() {
		old := db.SetInterrupt(context.Background()) // undo even what was interrupted
		if alone {
			// RELEASE would commit, which waits for readers even after ROLLBACK TO, and
			// leaves the transaction open when it has waited in vain.
			_ = db.Exec("ROLLBACK")
		} else {
			_ = db.Exec("ROLLBACK TO " + savepoint)
			_ = db.Exec("RELEASE " + savepoint)
		}
		db.SetInterrupt(old)
	}
	return err
}

func (d ddl) reconcile(db *sqlite3.Conn) error {
	if there, err := hasReconcile(db); err != nil || !there {
		return err
	}
	st, _, err := db.Prepare("SELECT nearlite_reconcile(?1)")
	if err != nil {
		if strings.HasSuffix(err.Error(), "no such function: nearlite_reconcile") {
			return nil // a connection without nearlite
		}
		return err
	}
	switch d.kind {
	case reindexes:
		err = st.BindText(1, d.target)
	case changesSchema, attaches:
		// An index that cannot be made is not this statement's fault.
		err = st.BindInt(1, 0)
	}
	if err == nil {
		st.Step()
		err = st.Err()
	}
	_ = st.Close() // repeats the error
	return err
}

// hasReconcile reports whether nearlite is registered on the connection: RunScript
// takes any.
func hasReconcile(db *sqlite3.Conn) (bool, error) {
	st, _, err := db.Prepare("SELECT 1 FROM pragma_function_list WHERE name = 'nearlite_reconcile'")
	if err != nil {
		return false, err
	}
	there := st.Step()
	err = st.Err()
	_ = st.Close() // repeats the error
	return there, err
}
