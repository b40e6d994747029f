//go:build loadable

package loadable

/*
#include "glue.h"
*/
import "C"

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nearlite/nearlite/sqlext/host"
)

// pollEvery is how often an SQLite that cannot be asked is tried with a statement: it
// takes a microsecond, and nobody notices a statement that stops so much later.
const pollEvery = 5 * time.Millisecond

// interrupt is the context of one operation: it ends with sqlite3_interrupt, which it
// notices when the thread that called us polls it. To workers it never ends: SQLite is
// not theirs to call. The embedded context has no deadline and no values.
type interrupt struct {
	context.Context
	conn   *conn
	thread C.uintptr_t
	next   time.Time // of the next trial
	over   atomic.Bool
}

// Interrupt implements host.Conn. SQLite tells since 3.41 whether a connection is
// interrupted. Before, a statement is the way to find out: SQLite stops it as it stops
// the one that called us.
func (c *conn) Interrupt() context.Context {
	return &interrupt{Context: context.Background(), conn: c, thread: C.nl_thread()}
}

// Err implements context.Context.
func (i *interrupt) Err() error {
	if !i.over.Load() {
		switch C.nl_interrupted(i.conn.db, i.thread) {
		case 0:
			return nil
		case 1:
		default:
			if !i.tried() {
				return nil
			}
		}
		i.over.Store(true)
	}
	return context.Canceled
}

// Done implements context.Context for code that polls the channel.
func (i *interrupt) Done() <-chan struct{} {
	if i.Err() == nil {
		return nil
	}
	return ended
}

var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// tried runs a statement that reads nothing. It fails if the connection is interrupted;
// the statement that called us keeps SQLite from forgetting that.
func (i *interrupt) tried() bool {
	now := time.Now()
	if now.Before(i.next) {
		return false
	}
	i.next = now.Add(pollEvery)
	c := i.conn
	if c.trial == nil {
		st, err := c.Prepare("SELECT 1")
		if err != nil {
			return hasCode(err, host.CodeInterrupt)
		}
		c.trial = st
	}
	_, err := c.trial.Step()
	_ = c.trial.Reset()
	return hasCode(err, host.CodeInterrupt)
}
