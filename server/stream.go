package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

// stream is a sequence of requests on one connection.
type stream struct {
	database string
	readOnly bool
	link     *link // nil while it has none
	sqls     storedSQL

	// guarded by streams.mu
	id, seq uint64
	busy    bool
	touched time.Time
}

// inTransaction must only be asked by who uses the stream, or when it is not busy.
func (st *stream) inTransaction() bool { return st.link != nil && !st.link.session.Autocommit() }

// lasting reports whether the connection holds what its client made for itself, such
// as a temporary table or a setting: the stream is nothing without it. Asked like
// inTransaction.
func (st *stream) lasting() bool { return st.link != nil && st.link.session.Lasting() }

// plain reports whether the stream holds nothing. Asked like inTransaction.
func (st *stream) plain() bool {
	return len(st.sqls.texts) == 0 && !st.inTransaction() && !st.lasting()
}

// streams are those that wait for their next request, by id. A stream that ends with
// its first request never gets here.
type streams struct {
	key [32]byte

	mu     sync.Mutex
	byID   map[uint64]*stream
	nextID uint64
}

func newStreams() *streams {
	s := &streams{byID: map[uint64]*stream{}}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// batonLen is id, sequence number, and a MAC of both.
const batonLen = 8 + 8 + 16

func (s *streams) baton(id, seq uint64) string {
	var b [batonLen]byte
	binary.BigEndian.PutUint64(b[:], id)
	binary.BigEndian.PutUint64(b[8:], seq)
	copy(b[16:], s.mac(b[:16]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *streams) mac(b []byte) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(b)
	return h.Sum(nil)[:16]
}

// resume finds the stream of a baton, which is thereby used up.
func (s *streams) resume(baton, database string, readOnly bool) (*stream, error) {
	b, err := base64.RawURLEncoding.DecodeString(baton)
	if err != nil || len(b) != batonLen || !hmac.Equal(b[16:], s.mac(b[:16])) {
		return nil, badRequest("the baton is not one of this server")
	}
	id, seq := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byID[id]
	switch {
	case st == nil:
		return nil, errStreamExpired
	case st.database != database || st.readOnly != readOnly:
		return nil, badRequest("the baton belongs to another database or permission")
	case st.busy || st.seq != seq:
		return nil, badRequest("the baton was used before")
	}
	st.busy = true
	st.seq++
	return st, nil
}

// park keeps a stream for its next request and returns the baton for it; false when
// there are too many.
//
// A promised baton is good only from keep on.
func (s *streams) park(st *stream, l *Limits, promise bool) (string, bool) {
	var evicted *link
	defer func() { evicted.giveBack() }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.id == 0 {
		var ok bool
		if evicted, ok = s.room(l); !ok {
			return "", false
		}
		s.nextID++
		st.id = s.nextID
		var seq [8]byte
		_, _ = rand.Read(seq[:])
		st.seq = binary.BigEndian.Uint64(seq[:])
		s.byID[st.id] = st
	}
	st.busy = promise
	st.touched = time.Now()
	return s.baton(st.id, st.seq), true
}

// forget ends a stream that its user holds.
func (s *streams) forget(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, st.id)
}

// full reports whether a new stream would be one too many.
func (s *streams) full(l *Limits) bool {
	s.mu.Lock()
	evicted, ok := s.room(l)
	s.mu.Unlock()
	evicted.giveBack()
	return !ok
}

// room makes room for one more stream, if need be. Clients that never close their
// streams, as many of @tursodatabase/serverless do not, must not keep others out: of the
// streams that hold nothing, or lost their connection by idling, the one that idles
// longest ends. The caller holds s.mu, and gives the link back afterwards.
func (s *streams) room(l *Limits) (*link, bool) {
	if len(s.byID) < l.Streams {
		return nil, true
	}
	old := s.oldest(func(st *stream) bool {
		return st.plain() || st.link == nil && time.Since(st.touched) > l.DetachIdle
	})
	if old == nil {
		return nil, false
	}
	delete(s.byID, old.id)
	k := old.link
	old.link = nil
	return k, true
}

// oldest is the waiting stream that idles longest of those that fit. The caller holds
// s.mu.
func (s *streams) oldest(fits func(*stream) bool) *stream {
	var old *stream
	for _, st := range s.byID {
		if !st.busy && fits(st) && (old == nil || st.touched.Before(old.touched)) {
			old = st
		}
	}
	return old
}

// reclaim takes the connection of the stream that idles longest without a transaction
// in a database, and that finds the same in any other; false if there is none.
func (s *streams) reclaim(database string) bool {
	s.mu.Lock()
	old := s.oldest(func(st *stream) bool {
		return st.database == database && st.link != nil && !st.inTransaction() && !st.lasting()
	})
	if old == nil {
		s.mu.Unlock()
		return false
	}
	l := old.link
	old.link = nil
	s.mu.Unlock()
	l.db.release(l)
	return true
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// lastingGrace is how long a stream may idle that needs its connection, while others
// wait for one.
const lastingGrace = time.Second

// sweep ends the streams that waited too long, and takes the connections of those
// that idle without a transaction; what a connection holds for its client ends with it,
// and the stream, too. all ends every stream that no request uses.
func (s *streams) sweep(l *Limits, now time.Time, all func(*stream) bool) {
	var links []*link
	s.mu.Lock()
	for id, st := range s.byID {
		if st.busy {
			continue
		}
		idle := now.Sub(st.touched)
		switch {
		case st.lasting() && idle > lastingGrace && st.link.db.needed(),
			all != nil && all(st), st.inTransaction() && (idle > l.TransactionIdle || st.link.overdue(l, now)), idle > l.StreamIdle, st.lasting() && idle > l.DetachIdle:
			delete(s.byID, id)
		case idle <= l.DetachIdle || st.inTransaction():
			continue
		}
		links = append(links, st.link)
		st.link = nil
	}
	s.mu.Unlock()
	for _, k := range links {
		if k != nil {
			k.db.release(k)
		}
	}
}

// sweeper sweeps until ctx is done.
func (s *streams) sweeper(ctx context.Context, l *Limits) {
	every := min(l.TransactionIdle, l.DetachIdle, 4*time.Second) / 4
	tick := time.NewTicker(max(every, 5*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.sweep(l, now, nil)
		}
	}
}

// storedSQL are the texts of store_sql.
type storedSQL struct {
	texts map[int32]string
	bytes int
}

func (s *storedSQL) get(id int32) (string, error) {
	text, ok := s.texts[id]
	if !ok {
		return "", hranaErrorf("SQL_NOT_FOUND", "SQL text %d not found", id)
	}
	return text, nil
}

func (s *storedSQL) store(id int32, text string, l *Limits) error {
	switch _, exists := s.texts[id]; {
	case exists:
		return hranaErrorf("SQL_EXISTS", "SQL text %d already exists", id)
	case len(s.texts) >= l.StoredSQL:
		return hranaErrorf("SQL_STORE_FULL", "the stream stores %d SQL texts, the most that are allowed; close_sql some", len(s.texts))
	case s.bytes+len(text) > l.StoredBytes:
		return hranaErrorf("SQL_STORE_FULL", "the stored SQL texts would take %d bytes, at most %d are allowed", s.bytes+len(text), l.StoredBytes)
	}
	if s.texts == nil {
		s.texts = map[int32]string{}
	}
	s.texts[id] = text
	s.bytes += len(text)
	return nil
}

func (s *storedSQL) drop(id int32) {
	s.bytes -= len(s.texts[id])
	delete(s.texts, id)
}

// giveBack makes the baton of a stream good again that resume took and nobody used.
func (s *streams) giveBack(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.busy = false
	st.seq--
}

// keep makes the promised baton good.
func (s *streams) keep(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.busy = false
	st.touched = time.Now()
}
