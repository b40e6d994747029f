package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// Statement is one statement of a script while [RunScript] runs it. It is valid
// only inside the callback that received it.
type Statement struct {
	Number int    // counted from 1; empty statements do not count
	Line   int    // line of the script on which it begins, from 1
	SQL    string // its text, without comments and blanks before it

	stmt *Stmt
	done bool
}

// Columns returns the names of the result columns; none for a statement that
// returns no rows, such as an INSERT without RETURNING.
func (s *Statement) Columns() []string {
	names := make([]string, s.stmt.ColumnCount())
	for i := range names {
		names[i] = s.stmt.ColumnName(i)
	}
	return names
}

// DeclTypes returns the declared type of the table column behind each result
// column, "" where a result column is an expression.
func (s *Statement) DeclTypes() []string {
	types := make([]string, s.stmt.ColumnCount())
	for i := range types {
		types[i] = s.stmt.ColumnDeclType(i)
	}
	return types
}

// Next runs the statement to its next row; false at the end or after an error,
// which RunScript returns.
func (s *Statement) Next() bool {
	if s.done {
		return false
	}
	s.done = !s.stmt.Step()
	return !s.done
}

// Err returns the error that ended Next, if any.
func (s *Statement) Err() error { return s.stmt.Err() }

// Value returns column i, from 0, of the current row: int64, float64, string,
// []byte (a copy), or nil for NULL.
func (s *Statement) Value(i int) any {
	switch s.stmt.ColumnType(i) {
	case sqlite3.INTEGER:
		return s.stmt.ColumnInt64(i)
	case sqlite3.FLOAT:
		return s.stmt.ColumnFloat(i)
	case sqlite3.TEXT:
		return s.stmt.ColumnText(i)
	case sqlite3.BLOB:
		return s.stmt.ColumnBlob(i, []byte{})
	}
	return nil
}

// ScriptError says which statement of a script was wrong.
type ScriptError struct {
	Number int // of the statement, from 1
	Line   int // on which it begins, from 1
	Err    error
}

func (e *ScriptError) Error() string {
	return fmt.Sprintf("statement %d (line %d): %s", e.Number, e.Line, ErrorText(e.Err))
}

func (e *ScriptError) Unwrap() error { return e.Err }

// RunScript runs the statements of an SQL text one after another on conn and
// calls fn for each, before its first row. fn reads the rows it wants; the
// statement is run to its end afterwards in any case. The first error ends the
// script: a *[ScriptError], or what fn returned.
//
// Statements are told apart by SQLite itself, so that strings, comments and the
// bodies of triggers may contain semicolons. A statement with parameters is an
// error: a script has nothing to bind.
func RunScript(ctx context.Context, conn *sql.Conn, script string, fn func(*Statement) error) error {
	if i := strings.IndexByte(script, 0); i >= 0 {
		return fmt.Errorf("line %d: the SQL text holds a zero byte", lineAt(script, i))
	}
	return conn.Raw(func(dc any) error {
		raw, ok := dc.(driver.Conn)
		if !ok {
			return fmt.Errorf("got a connection of type %T, want one of go-sqlite3's driver", dc)
		}
		db := raw.Raw()
		if old := db.SetInterrupt(ctx); old != ctx {
			defer db.SetInterrupt(old)
		}
		return runScript(ctx, db, script, fn)
	})
}

func runScript(ctx context.Context, db *sqlite3.Conn, script string, fn func(*Statement) error) error {
	line := 1
	for number, pos := 1, 0; ; number++ {
		start := pos + skipBlank(script[pos:])
		line += strings.Count(script[pos:start], "\n")
		if start == len(script) {
			return nil
		}
		stmt, end, err := prepareNext(db, script, start)
		if err != nil {
			return &ScriptError{number, line, err}
		}
		if stmt == nil { // nothing but blanks and comments after all
			return nil
		}
		s := &Statement{Number: number, Line: line, SQL: script[start:end], stmt: newStmt(stmt, script[start:end])}
		if err := s.run(ctx, fn); err != nil {
			return err
		}
		line += strings.Count(script[start:end], "\n")
		pos = end
	}
}

// run calls fn, runs the statement to its end, and closes it.
func (s *Statement) run(ctx context.Context, fn func(*Statement) error) (err error) {
	defer func() {
		// Closing repeats the statement's own error, which is reported already.
		if e := s.stmt.Close(); err == nil && e != nil {
			err = &ScriptError{s.Number, s.Line, e}
		}
	}()
	if n := s.stmt.BindCount(); n > 0 {
		name := s.stmt.BindName(1)
		if name == "" {
			name = "?"
		}
		return &ScriptError{
			s.Number, s.Line,
			fmt.Errorf("has %d parameter(s), the first is %s; a script binds none, write the values into the SQL", n, name),
		}
	}
	if err := fn(s); err != nil {
		return err
	}
	for s.Next() {
	}
	if err := s.stmt.Err(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return &ScriptError{s.Number, s.Line, err}
	}
	return nil
}

// prepareNext compiles the statement that starts at start and returns where it
// ends. It hands SQLite one statement's text, not the whole rest: the binding
// copies what it is given, which over a long script would be quadratic. Where
// our splitter and SQLite disagree, SQLite is right: its tail ends the statement
// early, and "incomplete input" asks for more text.
func prepareNext(db *sqlite3.Conn, script string, start int) (stmt *sqlite3.Stmt, end int, err error) {
	for end = start; ; {
		end += statementLen(script[start:], end-start)
		stmt, tail, err := prepare(db, script[start:end])
		if err == nil {
			return stmt, end - len(tail), nil
		}
		if end == len(script) || !strings.HasSuffix(err.Error(), "incomplete input") {
			return nil, end, err
		}
	}
}

// prepare compiles the first statement of a text; for those of libSQL's that SQLite does
// not have, what stands in for them.
//
// It turns a panic of the binding into an error: it slices the text at the
// error offset SQLite reports, which can belong to an earlier, longer text.
func prepare(db *sqlite3.Conn, text string) (stmt *sqlite3.Stmt, tail string, err error) {
	defer func() {
		if p := recover(); p != nil {
			stmt, tail, err = nil, "", fmt.Errorf("the SQLite binding could not report the error in this statement (%v)", p)
		}
	}()
	alter, err := parseAlterColumn(text)
	if err != nil {
		return nil, "", err
	}
	if alter != nil {
		stmt, _, err = db.Prepare(alter.standIn())
		return stmt, text[alter.length:], err
	}
	return db.Prepare(text)
}

// InTransaction reports whether conn has an open transaction.
func InTransaction(conn *sql.Conn) (open bool, err error) {
	err = conn.Raw(func(dc any) error {
		raw, ok := dc.(driver.Conn)
		if !ok {
			return fmt.Errorf("got a connection of type %T, want one of go-sqlite3's driver", dc)
		}
		open = !raw.Raw().GetAutocommit()
		return nil
	})
	return open, err
}

// ErrorText returns the message of an error for people: without the binding's
// prefix and, where SQLite or nearlite said something more exact, without the
// name of the result code.
func ErrorText(err error) string {
	text := err.Error()
	var e *sqlite3.Error
	if errors.As(err, &e) {
		if code := e.Code().Error() + ": "; strings.HasPrefix(text, code) {
			text = text[len(code):]
		} else if code := e.ExtendedCode().Error() + ": "; strings.HasPrefix(text, code) {
			text = text[len(code):]
		}
	}
	text = strings.TrimPrefix(text, "sqlite3: ")
	return strings.TrimPrefix(text, "nearlite: ")
}

// IsRowError reports whether err condemns only the row that a statement was
// writing (a constraint, a wrong type, a bad vector), so that the transaction
// goes on, and not the database, the disk or the transaction.
func IsRowError(err error) bool {
	for _, code := range []sqlite3.ErrorCode{sqlite3.CONSTRAINT, sqlite3.MISMATCH, sqlite3.TOOBIG, sqlite3.RANGE, sqlite3.ERROR} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func lineAt(text string, i int) int { return 1 + strings.Count(text[:i], "\n") }
