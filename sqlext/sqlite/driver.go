package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"

	"github.com/ncruces/go-sqlite3"
	sqlite3driver "github.com/ncruces/go-sqlite3/driver"
)

// connector opens connections of go-sqlite3's driver, registers nearlite and puts the
// guard of libSQL's DDL (ddl.go) around them.
type connector struct{ driver.Connector }

func newConnector(dsn string) (*connector, error) {
	c, err := (&sqlite3driver.SQLite{}).OpenConnector(dsn)
	if err != nil {
		return nil, err
	}
	return &connector{c}, nil
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, ok := inner.(sqlite3driver.Conn)
	if ok {
		raw := own.Raw()
		old := raw.SetInterrupt(ctx)
		if err = registerModules(raw); err == nil {
			err = Register(raw)
		}
		if err == nil {
			growPageCache(raw)
		}
		raw.SetInterrupt(old)
	}
	if err != nil {
		_ = inner.Close()
		return nil, err
	}
	return &driverConn{own}, nil
}

// driverConn is a connection of go-sqlite3's driver, and stays one to whoever asks for
// Raw.
type driverConn struct{ sqlite3driver.Conn }

var (
	_ sqlite3driver.Conn       = (*driverConn)(nil)
	_ driver.ExecerContext     = (*driverConn)(nil)
	_ driver.NamedValueChecker = (*driverConn)(nil)
)

// PrepareContext implements driver.ConnPrepareContext.
func (c *driverConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	text := query
	alter, err := parseAlterColumn(query)
	if err != nil {
		return nil, err
	}
	if alter != nil {
		text = alter.standIn() + ";" + query[alter.length:]
	}
	st, err := c.Conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, withoutHint(err, query)
	}
	if d := inspect(query); d.kind != notDDL {
		return &ddlStmt{Stmt: st, conn: c, ddl: d}, nil
	}
	return st, nil
}

// Prepare implements driver.Conn.
func (c *driverConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// ExecContext implements driver.ExecerContext: it runs any number of statements.
func (c *driverConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, driver.ErrSkip // to PrepareContext
	}
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	if !mayHoldDDL(query) {
		return inner.ExecContext(ctx, query, args)
	}
	raw := c.Raw()
	if old := raw.SetInterrupt(ctx); old != ctx {
		defer raw.SetInterrupt(old)
	}
	for pos := 0; ; {
		start := pos + skipBlank(query[pos:])
		if start == len(query) {
			break
		}
		st, end, err := prepareNext(raw, query, start)
		if err != nil {
			return nil, withoutHint(err, query[start:])
		}
		if st == nil {
			break // nothing but blanks and comments after all
		}
		err = inspect(query[start:end]).guard(raw, st.Exec)
		if e := st.Close(); err == nil {
			err = e
		}
		if err != nil {
			return nil, err
		}
		pos = end
	}
	return execResult{raw.LastInsertRowID(), raw.Changes()}, nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *driverConn) CheckNamedValue(arg *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(arg)
	}
	return driver.ErrSkip
}

// execResult is the result of the last statement.
type execResult struct{ rowid, changes int64 }

func (r execResult) LastInsertId() (int64, error) { return r.rowid, nil }
func (r execResult) RowsAffected() (int64, error) { return r.changes, nil }

// ddlStmt is a prepared statement that changes the schema.
type ddlStmt struct {
	driver.Stmt
	conn *driverConn
	ddl  ddl
}

var (
	_ driver.StmtExecContext   = (*ddlStmt)(nil)
	_ driver.StmtQueryContext  = (*ddlStmt)(nil)
	_ driver.NamedValueChecker = (*ddlStmt)(nil)
)

// ExecContext implements driver.StmtExecContext.
func (s *ddlStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (res driver.Result, err error) {
	inner, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	raw := s.conn.Raw()
	if old := raw.SetInterrupt(ctx); old != ctx {
		defer raw.SetInterrupt(old)
	}
	err = s.ddl.guard(raw, func() (err error) {
		res, err = inner.ExecContext(ctx, args)
		return err
	})
	return res, err
}

// QueryContext implements driver.StmtQueryContext: such a statement has no rows.
func (s *ddlStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if _, err := s.ExecContext(ctx, args); err != nil {
		return nil, err
	}
	return noRows{}, nil
}

// Exec implements driver.Stmt.
func (s *ddlStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt.
func (s *ddlStmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

// CheckNamedValue implements driver.NamedValueChecker.
func (s *ddlStmt) CheckNamedValue(arg *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(arg)
	}
	return driver.ErrSkip
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

type noRows struct{}

func (noRows) Columns() []string         { return nil }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

// openDB is sql.Open with our connector.
func openDB(dsn string) (*sql.DB, error) {
	c, err := newConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// Prepare compiles the first statement of a text on a connection of go-sqlite3 that
// nearlite is registered with. Its Step and Exec also run what libSQL's DDL asks for;
// the statements of go-sqlite3's own Prepare leave that to the next search, or to
// nearlite_reconcile().
func Prepare(c *sqlite3.Conn, text string) (st *Stmt, tail string, err error) {
	inner, tail, err := prepare(c, text)
	if inner == nil || err != nil {
		return nil, tail, withoutHint(err, text)
	}
	return newStmt(inner, text[:len(text)-len(tail)]), tail, nil
}

// Stmt is a prepared statement of go-sqlite3 with nearlite's part in DDL.
type Stmt struct {
	*sqlite3.Stmt
	ddl ddl
	err error // of the DDL
}

func newStmt(st *sqlite3.Stmt, text string) *Stmt { return &Stmt{Stmt: st, ddl: inspect(text)} }

// Step runs the statement to its next row; see sqlite3.Stmt.
func (s *Stmt) Step() bool {
	if s.ddl.kind == notDDL {
		return s.Stmt.Step()
	}
	s.err = s.ddl.guard(s.Conn(), s.Stmt.Exec)
	return false
}

// Exec runs the statement to its end and resets it.
func (s *Stmt) Exec() error { return s.ddl.guard(s.Conn(), s.Stmt.Exec) }

// Err is the error that ended Step.
func (s *Stmt) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.Stmt.Err()
}

// Reset makes the statement ready to run again.
func (s *Stmt) Reset() error {
	s.err = nil
	return s.Stmt.Reset()
}
