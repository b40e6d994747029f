package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// database is one open file: its idle connections and the turn to write.
type database struct {
	name, path string
	sync       string
	pages      string // PRAGMA cache_size
	limits     *Limits
	metrics    *metrics

	writer chan struct{} // holds one element while somebody has the turn

	slots   chan struct{} // holds an element for each link in use
	waiting atomic.Int64  // requests that wait for a link
	wanted  chan struct{} // an idle stream of a WebSocket takes an element, and gives up its link

	// mu guards what follows. It is never held while SQLite works.
	mu      sync.Mutex
	idle    map[bool][]*sqlite.Session // by whether they are read-only
	links   int                        // in use
	usedAt  time.Time
	retired bool // to be closed with its last link
	gone    chan struct{}
	closing chan struct{} // closed when it retires: who holds a link for later gives it back
}

// Page caches, each connection's own. Those of one file may hold the rows that searches
// show; those of many files must not add up.
const (
	pagesOfOne  = "-16384" // KiB
	pagesOfMany = "-2000"  // SQLite's default
)

func newDatabase(name, path, synchronous, pages string, limits *Limits, m *metrics) *database {
	return &database{
		name: name, path: path, sync: synchronous, pages: pages, limits: limits, metrics: m,
		writer: make(chan struct{}, 1), slots: make(chan struct{}, limits.ConnectionsPerDB), wanted: make(chan struct{}),
		idle: map[bool][]*sqlite.Session{}, usedAt: time.Now(), gone: make(chan struct{}), closing: make(chan struct{}),
	}
}

var errNoConnection = busy("too many connections to this database")

var errRetired = errors.New("the database is being closed")

// acquire takes an idle connection or opens one. Where all that may be are in use, it
// waits so long for one.
func (d *database) acquire(ctx context.Context, readOnly bool, wait time.Duration) (*link, error) {
	if err := d.slot(ctx, wait); err != nil {
		return nil, err
	}
	d.mu.Lock()
	if d.retired {
		d.mu.Unlock()
		<-d.slots
		return nil, errRetired
	}
	d.links++
	d.usedAt = time.Now()
	var s *sqlite.Session
	if n := len(d.idle[readOnly]); n > 0 {
		s = d.idle[readOnly][n-1]
		d.idle[readOnly] = d.idle[readOnly][:n-1]
	}
	d.mu.Unlock()
	if s == nil {
		var err error
		if s, err = d.open(ctx, readOnly); err != nil {
			d.unlink(nil, false)
			return nil, err
		}
	}
	return &link{db: d, session: s}, nil
}

// slot waits for a link to become free, in the order of those who ask.
func (d *database) slot(ctx context.Context, wait time.Duration) error {
	select {
	case d.slots <- struct{}{}:
		return nil
	default:
	}
	if wait <= 0 {
		return errNoConnection
	}
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	wanted := d.wanted
	for {
		select {
		case d.slots <- struct{}{}:
			return nil
		case wanted <- struct{}{}:
			wanted = nil // one link is enough
		case <-timer.C:
			return errNoConnection
		case <-ctx.Done():
			return busy("the client went away")
		}
	}
}

// needed reports whether somebody waits for the link of a stream that idles.
func (d *database) needed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.retired || d.waiting.Load() > 0
}

func (d *database) open(ctx context.Context, readOnly bool) (_ *sqlite.Session, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open %s: %v", d.name, r)
		}
	}()
	return sqlite.OpenSession(ctx, d.path, sqlite.SessionConfig{
		ReadOnly:    readOnly,
		BusyTimeout: d.limits.BusyTimeout,
		Pragmas:     []string{"journal_mode=wal", "synchronous=" + d.sync, "cache_size=" + d.pages},
	})
}

// release takes a link back: its transaction is undone, and the next user finds
// nothing of this one.
func (d *database) release(l *link) {
	if l == nil || l.session == nil {
		return
	}
	s := l.session
	l.session = nil
	keep := !l.broken
	if keep {
		keep = safely(func() error {
			s.SetInterrupt(context.Background())
			return s.Rollback()
		}) == nil && !s.Lasting()
	}
	if l.turn {
		// A broken connection keeps SQLite's own lock until it is closed.
		if !keep {
			_ = safely(s.Close)
			s = nil
		}
		l.turn = false
		d.giveTurn()
	}
	d.unlink(s, keep)
}

// unlink counts a link out and keeps its session or closes it.
func (d *database) unlink(s *sqlite.Session, keep bool) {
	d.mu.Lock()
	d.links--
	d.usedAt = time.Now()
	if s != nil && keep && !d.retired && len(d.idle[s.IsReadOnly()]) < d.limits.Concurrent+4 {
		d.idle[s.IsReadOnly()] = append(d.idle[s.IsReadOnly()], s)
		s = nil
	}
	last := d.retired && d.links == 0
	d.mu.Unlock()
	if s != nil {
		_ = safely(s.Close)
	}
	<-d.slots
	if last {
		close(d.gone)
	}
}

// retire closes the idle connections; those in use are closed when they come back.
// No new ones are made. It ends when all are closed or ctx is done. While it waits, it
// calls nudge, which may be nil, to make those who idle give their links back.
func (d *database) retire(ctx context.Context, nudge func()) error {
	d.mu.Lock()
	first := !d.retired
	d.retired = true
	if first {
		close(d.closing)
	}
	last := first && d.links == 0
	d.mu.Unlock()
	err := d.closeIdle()
	if last {
		close(d.gone)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-d.gone:
			return err
		case <-ctx.Done():
			return fmt.Errorf("%s is still in use", d.name)
		case <-tick.C:
			if nudge != nil {
				nudge()
			}
		}
	}
}

// retireUnused closes a database that nobody has a link to; false if somebody has.
func (d *database) retireUnused() bool {
	d.mu.Lock()
	if d.retired || d.links > 0 {
		d.mu.Unlock()
		return false
	}
	d.retired = true
	close(d.closing)
	d.mu.Unlock()
	_ = d.closeIdle()
	close(d.gone)
	return true
}

// revive takes retire back for a database that is still in use; false if it is not.
func (d *database) revive() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.links == 0 {
		return false
	}
	d.retired = false
	d.closing = make(chan struct{})
	return true
}

// closes is a channel that is closed when the database retires.
func (d *database) closes() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closing
}

func (d *database) closeIdle() (err error) {
	d.mu.Lock()
	idle := d.idle
	d.idle = map[bool][]*sqlite.Session{}
	d.mu.Unlock()
	for _, sessions := range idle {
		for _, s := range sessions {
			err = errors.Join(err, safely(s.Close))
		}
	}
	return err
}

// unused reports whether nobody has a link, and since when.
func (d *database) unused() (since time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.usedAt, d.links == 0
}

// safely turns a panic of the SQLite binding into an error.
func safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}
