package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// link is a connection to a database in the hands of one stream.
type link struct {
	db      *database
	session *sqlite.Session
	turn    bool      // holds the database's turn to write
	broken  bool      // must not be used again
	began   time.Time // of the open transaction; zero: none was seen
}

// giveBack gives the connection back to its database; a nil link has none.
func (l *link) giveBack() {
	if l != nil {
		l.db.release(l)
	}
}

// overdue reports whether a transaction is open for longer than one may be.
func (l *link) overdue(limits *Limits, now time.Time) bool {
	return l != nil && !l.began.IsZero() && now.Sub(l.began) > limits.TransactionLife
}

// step runs a statement to its next row. The first statement that writes waits for
// the turn, which lasts to the end of the transaction; who waits does not keep a place
// among the requests that run.
func (r *runner) step(p *sqlite.SessionStmt) (bool, error) {
	if l := r.link; !l.turn && !p.ReadOnly() && !l.session.IsReadOnly() {
		if !l.db.tryTurn() {
			r.place.leave()
			err := l.db.takeTurn(r.ctx)
			if err != nil {
				return false, err
			}
			l.turn = true
			if err := r.place.back(r.ctx); err != nil {
				return false, err
			}
		}
		l.turn = true
	}
	return p.Step()
}

// undoable gives a statement that changes rows and returns some a transaction of its
// own, if none is open: SQLite has made the changes when the first row comes, and would
// keep them where the rows are too large for the answer. end commits, or with an error
// undoes; it counts once.
func (r *runner) undoable(p *sqlite.SessionStmt) (end func(error) error, err error) {
	s := r.link.session
	if !p.Changes() || p.Columns() == 0 || !s.Autocommit() {
		return func(err error) error { return err }, nil
	}
	if err := s.Begin(); err != nil {
		return nil, err
	}
	ended := false
	return func(err error) error {
		if ended {
			return err
		}
		ended = true
		p.Release()
		if err == nil && !s.Autocommit() {
			err = r.stopped(s.Commit())
		}
		if err == nil {
			return nil
		}
		if failed := s.Rollback(); failed != nil {
			err = errors.Join(err, failed)
		}
		return err
	}, nil
}

// settle gives the turn back when no transaction is open, and notes when one began.
func (l *link) settle() {
	switch {
	case l.broken || l.session.Autocommit():
		l.began = time.Time{}
	case l.began.IsZero():
		l.began = time.Now()
	}
	if l.turn && (l.broken || l.session.Autocommit()) {
		l.turn = false
		l.db.giveTurn()
	}
}

// errTurn is what a writer gets that waited too long; it is SQLite's own answer.
var errTurn = &sqlite.SQLError{Code: 5, Name: "SQLITE_BUSY", Message: "database is locked", Offset: -1}

// tryTurn takes the turn to write if nobody has it.
func (d *database) tryTurn() bool {
	select {
	case d.writer <- struct{}{}:
		return true
	default:
		return false
	}
}

// takeTurn waits for the turn to write.
func (d *database) takeTurn(ctx context.Context) error {
	start := time.Now()
	defer func() { d.metrics.writerWait.Observe(time.Since(start).Seconds()) }()
	timer := time.NewTimer(d.limits.BusyTimeout)
	defer timer.Stop()
	select {
	case d.writer <- struct{}{}:
		return nil
	case <-timer.C:
		return errTurn
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

func (d *database) giveTurn() { <-d.writer }

// tooLong is the cause of the end of a request that took longer than the limit.
type tooLong struct{ limit time.Duration }

func (e tooLong) Error() string {
	return fmt.Sprintf("the request took longer than the server allows: %s (--request-timeout)", e.limit)
}

// limited is the context of a request, which has RequestTimeout.
func (l *Limits) limited(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(parent, l.RequestTimeout, tooLong{l.RequestTimeout})
}

// interrupted says why a statement was stopped.
func interrupted(ctx context.Context) error {
	text := "interrupted: the client went away"
	if why, ok := errors.AsType[tooLong](context.Cause(ctx)); ok {
		text = "interrupted: " + why.Error()
	}
	return &sqlite.SQLError{Code: 9, Name: "SQLITE_INTERRUPT", Message: text, Offset: -1}
}
