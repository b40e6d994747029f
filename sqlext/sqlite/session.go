package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext"
	"github.com/nearlite/nearlite/sqlext/host"
)

// SessionConfig says how OpenSession opens a connection.
type SessionConfig struct {
	ReadOnly    bool          // no statement can write, whatever it is
	BusyTimeout time.Duration // wait for another process that writes; 0: do not wait
	Statements  int           // prepared statements to keep; 0: 64
	Pragmas     []string      // run at opening, such as "journal_mode=wal"
}

// Session is one connection for a server that runs SQL of strangers: each statement
// is checked before it runs (ATTACH of files, unsafe PRAGMAs and the like are
// refused), prepared statements are kept, and errors carry what a protocol needs.
//
// A Session belongs to one goroutine at a time. After a panic out of one of its
// methods it must be closed and not used again.
type Session struct {
	db    *sqlite3.Conn
	guard access
	cache statementCache

	// readTxn is on inside BEGIN READONLY, a transaction of libSQL's that SQLite
	// does not have.
	readTxn bool
	lasting bool
}

// sessionConn lets the guard tell nearlite's statements from the users'.
type sessionConn struct {
	*conn
	guard *access
}

func (c *sessionConn) Exec(sql string) error {
	c.guard.nested++
	defer func() { c.guard.nested-- }()
	return c.conn.Exec(sql)
}

func (c *sessionConn) Prepare(sql string) (host.Stmt, error) {
	c.guard.nested++
	defer func() { c.guard.nested-- }()
	return c.conn.Prepare(sql)
}

// OpenSession opens the database file at path, which is no URI, and makes it if it is
// not there.
func OpenSession(ctx context.Context, path string, cfg SessionConfig) (_ *Session, err error) {
	if cfg.Statements == 0 {
		cfg.Statements = 64
	}
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, sqlError(err, ""))
	}
	s := &Session{db: db, cache: statementCache{limit: cfg.Statements}}
	s.guard.readOnly = cfg.ReadOnly
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	s.SetInterrupt(ctx)
	defer s.SetInterrupt(context.Background())
	if err := db.BusyTimeout(cfg.BusyTimeout); err != nil {
		return nil, sqlError(err, "")
	}
	for _, p := range cfg.Pragmas {
		if err := db.Exec("PRAGMA " + p); err != nil {
			return nil, fmt.Errorf("open %s: PRAGMA %s: %w", path, p, sqlError(err, ""))
		}
	}
	if err := registerModules(db); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, sqlError(err, ""))
	}
	if err := sqlext.Register(&sessionConn{newConn(db), &s.guard}); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, sqlError(err, ""))
	}
	if _, err := db.Config(sqlite3.DBCONFIG_DEFENSIVE, true); err != nil {
		return nil, sqlError(err, "")
	}
	db.Limit(sqlite3.LIMIT_LENGTH, maxValue)
	if cfg.ReadOnly {
		if err := db.Exec("PRAGMA query_only=1"); err != nil {
			return nil, sqlError(err, "")
		}
	}
	if err := db.SetAuthorizer(s.guard.authorize); err != nil {
		return nil, sqlError(err, "")
	}
	return s, nil
}

// maxValue is the largest text, blob or row in bytes: SQLite would build values of a
// gigabyte in memory.
const maxValue = 256 << 20

// Close closes the connection; an open transaction is undone.
func (s *Session) Close() error {
	s.cache.clear()
	err := s.db.Close()
	if errors.Is(err, sqlite3.BUSY) {
		var left []*sqlite3.Stmt
		for st := range s.db.Stmts() {
			left = append(left, st)
		}
		for _, st := range left {
			_ = st.Close()
		}
		err = s.db.Close()
	}
	return err
}

// SetInterrupt makes statements end with SQLITE_INTERRUPT once ctx is done. It returns
// the context that did so until now.
func (s *Session) SetInterrupt(ctx context.Context) (old context.Context) {
	return s.db.SetInterrupt(ctx)
}

// Autocommit reports whether there is no open transaction.
func (s *Session) Autocommit() bool { return s.db.GetAutocommit() }

// Changes is the number of rows that the last INSERT, UPDATE or DELETE changed.
func (s *Session) Changes() int64 { return s.db.Changes() }

// LastInsertRowID is the rowid of the last INSERT.
func (s *Session) LastInsertRowID() int64 { return s.db.LastInsertRowID() }

// IsReadOnly reports whether the session was opened for reading only.
func (s *Session) IsReadOnly() bool { return s.guard.readOnly }

// Lasting reports whether a statement changed the connection itself: a setting, a
// temporary table, an attached database. Such a session is not for the next user.
func (s *Session) Lasting() bool { return s.lasting }

// Begin opens a transaction.
func (s *Session) Begin() error { return sqlError(s.db.Exec("BEGIN"), "") }

// Commit ends the transaction that Begin opened. It stays open if this fails.
func (s *Session) Commit() error { return sqlError(s.db.Exec("COMMIT"), "") }

// Rollback undoes an open transaction, if there is one.
func (s *Session) Rollback() error {
	s.readTxn = false
	if s.db.GetAutocommit() {
		return nil
	}
	old := s.db.SetInterrupt(context.Background())
	defer s.db.SetInterrupt(old)
	return s.db.Exec("ROLLBACK")
}

// Checkpoint moves the write-ahead log into the database file as far as readers
// let it.
func (s *Session) Checkpoint() error {
	_, _, err := s.db.WALCheckpoint("main", sqlite3.CHECKPOINT_PASSIVE)
	return err
}

// Backup writes a consistent copy of the database to a file that must not exist as
// a database, while others read and write.
func (s *Session) Backup(ctx context.Context, path string) (err error) {
	b, err := s.db.BackupInit("main", path)
	if err != nil {
		return sqlError(err, "")
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// One step of all pages: a backup by parts begins anew with each commit.
		done, err := b.Step(-1)
		if err != nil {
			return sqlError(err, "")
		}
		if done {
			return nil
		}
	}
}

// SQLError is an error of SQL on a [Session].
type SQLError struct {
	Code    int    // SQLite's result code, extended; 0 if SQLite has no part in it
	Name    string // of the primary code, such as SQLITE_BUSY
	Message string // SQLite's or nearlite's own
	Offset  int    // of the place in the statement's text; -1 if unknown
	Err     error
}

func (e *SQLError) Error() string { return e.Message }
func (e *SQLError) Unwrap() error { return e.Err }

// sqlError makes an SQLError of an error of go-sqlite3 or of ours.
func sqlError(err error, text string) error {
	if err == nil {
		return nil
	}
	var done *SQLError
	if errors.As(err, &done) {
		return err
	}
	out := &SQLError{Message: err.Error(), Offset: -1, Err: err}
	var own *host.Error
	if errors.As(fromSQLite(err), &own) {
		out.Code, out.Message = int(own.Code), own.Message
	}
	out.Message = strings.TrimPrefix(out.Message, "sqlite3: ")
	out.Name = codeName(out.Code)
	var e *sqlite3.Error
	if errors.As(err, &e) && e.SQL() != "" && len(e.SQL()) <= len(text) {
		out.Offset = len(text) - len(e.SQL())
	}
	return out
}

// codeName is the name of the primary result code.
func codeName(code int) string {
	if name := codeNames[code&0xff]; name != "" {
		return name
	}
	return "SQLITE_UNKNOWN"
}

// codeNames leaves out SQLITE_ERROR, which libSQL's servers call unknown.
var codeNames = map[int]string{
	2: "SQLITE_INTERNAL", 3: "SQLITE_PERM", 4: "SQLITE_ABORT", 5: "SQLITE_BUSY", 6: "SQLITE_LOCKED",
	7: "SQLITE_NOMEM", 8: "SQLITE_READONLY", 9: "SQLITE_INTERRUPT", 10: "SQLITE_IOERR", 11: "SQLITE_CORRUPT",
	12: "SQLITE_NOTFOUND", 13: "SQLITE_FULL", 14: "SQLITE_CANTOPEN", 15: "SQLITE_PROTOCOL", 17: "SQLITE_SCHEMA",
	18: "SQLITE_TOOBIG", 19: "SQLITE_CONSTRAINT", 20: "SQLITE_MISMATCH", 21: "SQLITE_MISUSE", 22: "SQLITE_NOLFS",
	23: "SQLITE_AUTH", 25: "SQLITE_RANGE", 26: "SQLITE_NOTADB",
}
