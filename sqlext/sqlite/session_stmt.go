package sqlite

import (
	"container/list"
	"context"
	"errors"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// Errors of [Session.Prepare] about the text as a whole.
var (
	ErrNoStatement    = errors.New("the SQL text holds no statement")
	ErrManyStatements = errors.New("the SQL text holds more than one statement")
	ErrZeroByte       = errors.New("the SQL text holds a zero byte")
)

// SessionStmt is a prepared statement of a [Session]. Release gives it back.
type SessionStmt struct {
	session *Session
	st      *sqlite3.Stmt
	text    string
	ddl     ddl
	facts   statementFacts
	begin   bool // BEGIN READONLY
	vacuum  bool
	kept    *list.Element // its place in the cache; nil: closed at Release
	inUse   bool
}

// Prepare compiles a text that holds exactly one statement. What is not allowed to
// strangers is an error here.
func (s *Session) Prepare(text string) (*SessionStmt, error) {
	if p := s.cache.take(text); p != nil {
		return p, nil
	}
	p, tail, err := s.compile(text)
	if err != nil {
		return nil, err
	}
	if rest := tail[skipBlank(tail):]; rest != "" {
		p.Release()
		return nil, ErrManyStatements
	}
	s.cache.add(text, p)
	return p, nil
}

// PrepareNext compiles the first statement of a script and returns what follows it.
// The statement is not kept after its Release. ErrNoStatement: nothing is left.
//
// SQLite gets one statement's text at a time: it copies what it is given, which over
// a long script would be quadratic. Where it finds that text incomplete, it gets more.
func (s *Session) PrepareNext(script string) (p *SessionStmt, rest string, err error) {
	start := skipBlank(script)
	if start == len(script) {
		return nil, "", ErrNoStatement
	}
	for end := start; ; {
		end += statementLen(script[start:], end-start)
		p, tail, err := s.compile(script[start:end])
		if err == nil {
			return p, script[end-len(tail):], nil
		}
		if end == len(script) || !strings.HasSuffix(err.Error(), "incomplete input") {
			return nil, "", err
		}
	}
}

// compile prepares the first statement of a text.
func (s *Session) compile(text string) (p *SessionStmt, tail string, err error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, "", ErrZeroByte
	}
	w := words{text: text}
	first := w.next()
	sql, begin := text, false
	if first == "begin" {
		sql, begin = plainBegin(text)
	}
	s.guard.seen, s.guard.reason = statementFacts{}, ""
	st, tail, err := prepare(s.db, sql)
	if err != nil {
		err = s.refusal(err, sql)
		var e *SQLError
		if first == "alter" && errors.As(err, &e) && inspect(text).kind == altersColumn {
			e.Offset = -1 // in another text
		}
		return nil, "", err
	}
	if st == nil {
		return nil, "", ErrNoStatement
	}
	p = &SessionStmt{
		session: s, st: st, text: text[:len(text)-min(len(text), len(tail))], facts: s.guard.seen, begin: begin,
		vacuum: first == "vacuum", inUse: true,
	}
	if p.vacuum && vacuumsInto(p.text) {
		p.Release()
		return nil, "", &SQLError{Code: int(sqlite3.AUTH), Name: "SQLITE_AUTH", Message: vacuumIntoText, Offset: -1}
	}
	p.ddl = inspect(p.text)
	switch first {
	case "insert", "replace", "update", "delete", "with":
	default: // DROP TABLE deletes, to the authorizer
		p.facts.inserts, p.facts.changes = false, false
	}
	return p, tail, nil
}

// refusal puts the guard's reason in the place of "not authorized".
func (s *Session) refusal(err error, text string) error {
	err = sqlError(err, text)
	var e *SQLError
	if s.guard.reason == "" || !errors.As(err, &e) || e.Code&0xff != int(sqlite3.AUTH) {
		return err
	}
	e.Message = s.guard.reason
	if s.guard.reason == readOnlyText {
		e.Code, e.Name = int(sqlite3.READONLY), "SQLITE_READONLY"
	}
	s.guard.reason = ""
	e.Offset = -1
	return e
}

// plainBegin turns libSQL's BEGIN READONLY into SQLite's BEGIN.
func plainBegin(text string) (sql string, readOnly bool) {
	w := words{text: text}
	w.next()
	word := w.next()
	if word == "transaction" {
		word = w.next()
	}
	if word != "readonly" {
		return text, false
	}
	return "BEGIN DEFERRED" + w.text[w.at:], true
}

// Text is the statement's own text.
func (p *SessionStmt) Text() string { return p.text }

// ReadOnly reports whether the statement changes nothing in the database file.
func (p *SessionStmt) ReadOnly() bool { return p.st.ReadOnly() }

// Inserts reports whether it is an INSERT.
func (p *SessionStmt) Inserts() bool { return p.facts.inserts }

// Changes reports whether it is an INSERT, UPDATE or DELETE.
func (p *SessionStmt) Changes() bool { return p.facts.changes }

// IsExplain reports whether it is an EXPLAIN.
func (p *SessionStmt) IsExplain() bool {
	w := words{text: p.text}
	return w.next() == "explain"
}

// Parameters returns how many parameters it has.
func (p *SessionStmt) Parameters() int { return p.st.BindCount() }

// ParameterName is the name of parameter i, from 1, with its prefix; "" for "?".
func (p *SessionStmt) ParameterName(i int) string { return p.st.BindName(i) }

// Bind sets parameter i, from 1.
func (p *SessionStmt) Bind(i int, v host.Value) error {
	return sqlError((&stmt{s: p.st}).Bind(i, v), "")
}

// Columns returns how many columns the rows have.
func (p *SessionStmt) Columns() int { return p.st.ColumnCount() }

// ColumnName is the name of column i, from 0.
func (p *SessionStmt) ColumnName(i int) string { return p.st.ColumnName(i) }

// DeclType is the declared type of the table column behind column i, or "".
func (p *SessionStmt) DeclType(i int) string { return p.st.ColumnDeclType(i) }

// Column returns the value of column i of the current row. It borrows SQLite's memory
// until the next Step.
func (p *SessionStmt) Column(i int) host.Value { return (&stmt{s: p.st}).Value(i) }

// Step runs the statement to its next row; false without an error at its end.
func (p *SessionStmt) Step() (row bool, err error) {
	s := p.session
	if s.readTxn && s.db.GetAutocommit() {
		s.readTxn = false
	}
	if s.readTxn && !p.st.ReadOnly() {
		return false, &SQLError{Code: int(sqlite3.READONLY), Name: "SQLITE_READONLY", Message: readOnlyText, Offset: -1}
	}
	if p.facts.lasting {
		s.lasting = true
	}
	s.guard.seen, s.guard.reason = statementFacts{}, ""
	if p.vacuum {
		s.guard.vacuum = true
		defer func() { s.guard.vacuum = false }()
	}
	if p.ddl.kind != notDDL {
		err = p.ddl.guard(s.db, p.st.Exec)
	} else if row = p.st.Step(); !row {
		err = p.st.Err()
	}
	if err != nil {
		return false, s.refusal(err, p.text)
	}
	if p.begin {
		s.readTxn = true
	}
	return row, nil
}

// Release ends the statement and gives it back to the session.
func (p *SessionStmt) Release() {
	if !p.inUse {
		return
	}
	p.inUse = false
	if p.kept == nil {
		_ = p.st.Close() // repeats the error of Step
		return
	}
	_ = p.st.Reset()
	// An interrupted session still has to forget large values.
	old := p.session.db.SetInterrupt(context.Background())
	_ = p.st.ClearBindings()
	p.session.db.SetInterrupt(old)
}

// statementCache keeps prepared statements by their text, the latest used first.
type statementCache struct {
	limit int
	order list.List // of *cached
	texts map[string]*cached
}

type cached struct {
	text string
	stmt *SessionStmt
}

// maxCachedText leaves out statements with literal vectors, which come once.
const maxCachedText = 4 << 10

// take returns a statement that is not in use.
func (c *statementCache) take(text string) *SessionStmt {
	hit := c.texts[text]
	if hit == nil || hit.stmt.inUse {
		return nil
	}
	c.order.MoveToFront(hit.stmt.kept)
	hit.stmt.inUse = true
	return hit.stmt
}

func (c *statementCache) add(text string, p *SessionStmt) {
	if len(text) > maxCachedText || c.texts[text] != nil || p.ddl.kind != notDDL {
		return
	}
	if c.texts == nil {
		c.texts = map[string]*cached{}
	}
	hit := &cached{text, p}
	p.kept = c.order.PushFront(hit)
	c.texts[text] = hit
	for e := c.order.Back(); e != nil && c.order.Len() > c.limit; {
		old, before := e.Value.(*cached), e.Prev()
		if !old.stmt.inUse {
			c.order.Remove(e)
			delete(c.texts, old.text)
			_ = old.stmt.st.Close()
		}
		e = before
	}
}

func (c *statementCache) clear() {
	for _, hit := range c.texts {
		_ = hit.stmt.st.Close()
	}
	c.texts = nil
	c.order.Init()
}
