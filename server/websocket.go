package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// The WebSocket form of the protocol: many streams over one connection, each with
// its requests in order, all answered by request_id.

func isWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// wsMessage is a message of a client.
type wsMessage struct {
	Type      string     `json:"type"`
	JWT       *string    `json:"jwt"`
	RequestID int32      `json:"request_id"`
	Request   *wsRequest `json:"request"`

	size int64 // in memory, about
}

// wsRequest is a request of any type.
type wsRequest struct {
	streamRequest
	StreamID int32 `json:"stream_id"`
	CursorID int32 `json:"cursor_id"`
	MaxCount int64 `json:"max_count"`
}

// Limits of one WebSocket.
const (
	wsStreams = 512 // streams that may be open at once
	wsCursors = 16  // cursors of a stream
)

// wsConn is one connection. Its stored SQL belongs to all of its streams.
type wsConn struct {
	srv *Server
	ws  *websocket.Conn
	ctx context.Context
	end context.CancelCauseFunc
	v3  bool

	writing sync.Mutex

	pending atomic.Int64 // requests without an answer
	queued  atomic.Int64 // bytes of those that wait for others on their stream

	// used by the goroutine that reads alone
	hello  bool
	target target
	token  string
	rules  *Auth     // by which the token was checked
	until  time.Time // when it expires; zero: never

	mu      sync.Mutex
	sqls    storedSQL
	streams map[int32]*wsStream
	cursors map[int32]int32 // the streams of open cursors
	workers sync.WaitGroup
}

// wsStream is a stream with its own goroutine, which alone uses the link.
type wsStream struct {
	id      int32
	inbox   wsInbox
	link    *link
	cursors map[int32]*wsCursor
}

// lasting reports whether there is no transaction, but what the client made for itself
// on the connection, such as a temporary table or a setting. It must not get lost unsaid.
func (st *wsStream) lasting() bool {
	return st.link.session.Autocommit() && st.link.session.Lasting()
}

// wsCursor holds the entries of a batch that was run when the cursor was opened.
type wsCursor struct {
	entries [][]byte
	bytes   int
}

// errProtocol ends a connection.
type errProtocol struct{ text string }

func (e *errProtocol) Error() string { return e.text }

func (s *Server) websocket(w http.ResponseWriter, r *http.Request) error {
	// hrana1 is hrana2 without its newer requests; libsql-client-go still speaks it.
	opts := &websocket.AcceptOptions{Subprotocols: []string{"hrana3", "hrana2", "hrana1"}}
	if s.config.CORSOrigin != "" {
		opts.OriginPatterns = []string{strings.TrimPrefix(strings.TrimPrefix(s.config.CORSOrigin, "https://"), "http://")}
	}
	prefix, _ := r.Context().Value(dbKey{}).(string)
	if _, err := s.databases.nameOf(r, prefix); err != nil {
		return err
	}
	ws, err := websocket.Accept(w, r, opts)
	if err != nil {
		return nil //nolint:nilerr // Accept has answered
	}
	defer func() { _ = ws.CloseNow() }()
	if ws.Subprotocol() == "" {
		_ = ws.Close(websocket.StatusProtocolError, "want the subprotocol hrana1, hrana2 or hrana3")
		return nil
	}
	ws.SetReadLimit(s.config.Limits.RequestBytes)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(s.life, func() {
		// The end of the context takes the connection with it, and what would be said of it.
		said := make(chan struct{})
		go func() { _ = ws.Close(websocket.StatusGoingAway, "the server is shutting down"); close(said) }()
		select {
		case <-said:
		case <-time.After(goodbye):
		}
		cancel(errors.New("the server is shutting down"))
	})
	defer stop()
	c := &wsConn{
		srv: s, ws: ws, ctx: ctx, end: cancel, v3: ws.Subprotocol() == "hrana3",
		streams: map[int32]*wsStream{}, cursors: map[int32]int32{},
	}
	s.sockets.add(c)
	defer s.sockets.remove(c)
	err = c.read(r)
	cancel(err)
	c.workers.Wait()
	var bad *errProtocol
	if errors.As(err, &bad) {
		_ = ws.Close(websocket.StatusProtocolError, clipReason(bad.text))
	}
	return nil
}

// goodbye is the longest wait for a client to answer the end of its connection.
const goodbye = 500 * time.Millisecond

// clipReason keeps a close reason within the protocol's 123 bytes.
func clipReason(text string) string { return strings.ToValidUTF8(text[:min(len(text), 120)], "") }

// read takes messages until the connection ends.
func (c *wsConn) read(r *http.Request) error {
	for {
		kind, data, err := c.ws.Read(c.ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			return &errProtocol{"want text messages"}
		}
		m, quick := quickMessage(data)
		if !quick {
			m = wsMessage{}
			if err := json.Unmarshal(data, &m); err != nil {
				return &errProtocol{"the message is not valid: " + err.Error()}
			}
		}
		m.size = int64(len(data)) + wsOverhead
		switch m.Type {
		case "hello":
			if err := c.greet(r, m.JWT); err != nil {
				return err
			}
		case "request":
			if m.Request == nil {
				return &errProtocol{"request is missing"}
			}
			if !c.hello {
				return &errProtocol{"want hello before the first request"}
			}
			c.pending.Add(1)
			if err := c.stillAdmitted(r); err != nil {
				c.fail(m, err)
				continue
			}
			if c.srv.sockets.draining() {
				c.fail(m, busy("it is shutting down"))
				continue
			}
			if err := c.request(m); err != nil {
				return err
			}
		default:
			return &errProtocol{fmt.Sprintf("there is no message of type %q", clip([]byte(m.Type)))}
		}
	}
}

// greet checks the token; a client may come with a new one later.
func (c *wsConn) greet(r *http.Request, token *string) error {
	if token == nil {
		header := bearer(r)
		token = &header
	}
	if err := c.admit(r, *token); err != nil {
		c.hello = false
		c.send(append(appendWSError([]byte(`{"type":"hello_error","error":`), err), '}'))
		return nil
	}
	c.hello = true
	c.send([]byte(`{"type":"hello_ok"}`))
	return nil
}

// admit checks a token and notes what it permits.
func (c *wsConn) admit(r *http.Request, token string) error {
	rules := c.srv.auth.rules.Load()
	t, until, err := c.srv.authorizedToken(r, token)
	if err == nil && c.hello && t != c.target && c.count() > 0 {
		err = hranaErrorf("AUTH_CHANGED", "a new token may not change what open streams are permitted")
	}
	if err == nil {
		c.target, c.token, c.rules, c.until = t, token, rules, until
	}
	return err
}

// stillAdmitted checks the token again when it has expired or the rules are new. Its client
// may come with another in a second hello.
func (c *wsConn) stillAdmitted(r *http.Request) error {
	if c.srv.auth.rules.Load() == c.rules && (c.until.IsZero() || time.Now().Before(c.until)) {
		return nil
	}
	return c.admit(r, c.token)
}

func (c *wsConn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams)
}

func appendWSError(dst []byte, err error) []byte {
	var he *httpError
	if errors.As(err, &he) {
		code := he.code
		if code == "" {
			code = "BAD_REQUEST"
		}
		err = &hranaError{Message: he.message, Code: code}
	}
	return appendError(dst, err)
}

// request hands a request to its stream; those of the connection are answered here.
func (c *wsConn) request(m wsMessage) error {
	q := m.Request
	switch q.Type {
	case "open_stream":
		c.mu.Lock()
		_, exists := c.streams[q.StreamID]
		n := len(c.streams)
		c.mu.Unlock()
		if exists {
			return &errProtocol{fmt.Sprintf("stream %d is open already", q.StreamID)}
		}
		if n >= wsStreams {
			c.fail(m, busy("too many streams on this connection"))
			return nil
		}
		st := &wsStream{id: q.StreamID, inbox: newInbox(), cursors: map[int32]*wsCursor{}}
		c.mu.Lock()
		c.streams[q.StreamID] = st
		c.mu.Unlock()
		t := c.target
		c.workers.Go(func() { c.work(st, t) })
		c.ok(m, nil)
		return nil
	case "store_sql":
		if err := q.check(true); err != nil {
			return &errProtocol{err.Error()}
		}
		c.mu.Lock()
		err := c.sqls.store(*q.SQLID, *q.SQL, &c.srv.config.Limits)
		c.mu.Unlock()
		if err != nil {
			c.fail(m, err)
			return nil
		}
		c.ok(m, nil)
		return nil
	case "close_sql":
		if err := q.check(true); err != nil {
			return &errProtocol{err.Error()}
		}
		c.mu.Lock()
		c.sqls.drop(*q.SQLID)
		c.mu.Unlock()
		c.ok(m, nil)
		return nil
	}
	if err := c.checkStreamRequest(q); err != nil {
		return &errProtocol{err.Error()}
	}
	c.mu.Lock()
	if err := c.cursorStream(q); err != nil || q.Type == "close_cursor" && q.StreamID == noStream {
		c.mu.Unlock()
		if err != nil {
			c.fail(m, err)
		} else {
			c.ok(m, nil)
		}
		return nil
	}
	st := c.streams[q.StreamID]
	if q.Type == "close_stream" {
		delete(c.streams, q.StreamID)
		maps.DeleteFunc(c.cursors, func(_, stream int32) bool { return stream == q.StreamID })
	}
	// A text may be closed and its id used again before the stream comes to this.
	err := c.resolve(q)
	c.mu.Unlock()
	if st == nil {
		if q.Type == "close_stream" {
			c.ok(m, nil)
			return nil
		}
		c.fail(m, hranaErrorf("STREAM_NOT_OPEN", "Stream %d is not open", q.StreamID))
		return nil
	}
	if err != nil {
		c.fail(m, err)
		return nil
	}
	if !st.inbox.push(m, &c.queued, wsQueued*c.srv.config.Limits.RequestBytes) {
		c.fail(m, busy("too many requests wait on this connection"))
	}
	return nil
}

// noStream is the stream of a cursor that is not open. Clients may use this number for a
// stream of theirs; a cursor is never looked for in it.
const noStream = math.MinInt32

// cursorStream finds the stream of a request about a cursor: clients number cursors per
// connection, and name the stream only when they open one. The caller holds c.mu.
func (c *wsConn) cursorStream(q *wsRequest) error {
	switch stream, open := c.cursors[q.CursorID]; {
	case q.Type == "open_cursor" && open:
		return hranaErrorf("CURSOR_EXISTS", "Cursor %d is open already", q.CursorID)
	case q.Type == "open_cursor" && c.streams[q.StreamID] != nil:
		c.cursors[q.CursorID] = q.StreamID
	case q.Type == "fetch_cursor" && !open:
		return errNoCursor(q.CursorID)
	case q.Type == "close_cursor" && !open:
		q.StreamID = noStream
	case q.Type == "close_cursor":
		delete(c.cursors, q.CursorID)
		q.StreamID = stream
	case q.Type == "fetch_cursor":
		q.StreamID = stream
	}
	return nil
}

func errNoCursor(id int32) error {
	return hranaErrorf("CURSOR_NOT_OPEN", "Cursor %d is not open", id)
}

func (c *wsConn) checkStreamRequest(q *wsRequest) error {
	switch q.Type {
	case "close_stream":
		return nil
	case "open_cursor":
		if !c.v3 || q.Batch == nil {
			return errors.New("open_cursor: wants hrana3 and a batch")
		}
		return q.Batch.check(true)
	case "fetch_cursor":
		if !c.v3 || q.MaxCount < 0 {
			return errors.New("fetch_cursor: wants hrana3 and max_count of 0 or more")
		}
		return nil
	case "close_cursor":
		if !c.v3 {
			return errors.New("close_cursor: wants hrana3")
		}
		return nil
	case "close":
		return errors.New(`there is no request of type "close" over WebSocket`)
	}
	return q.check(c.v3)
}

// resolve puts the stored texts into a request.
func (c *wsConn) resolve(q *wsRequest) error {
	one := func(text **string, id **int32) error {
		if *text != nil || *id == nil {
			return nil
		}
		found, err := c.sqls.get(**id)
		if err != nil {
			return err
		}
		*text, *id = &found, nil
		return nil
	}
	if q.Type == "sequence" || q.Type == "describe" {
		return one(&q.SQL, &q.SQLID)
	}
	if q.Stmt != nil {
		return one(&q.Stmt.SQL, &q.Stmt.SQLID)
	}
	if q.Batch != nil {
		for i := range q.Batch.Steps {
			st := q.Batch.Steps[i].Stmt
			if err := one(&st.SQL, &st.SQLID); err != nil {
				return err
			}
		}
	}
	return nil
}

// work runs the requests of one stream.
func (c *wsConn) work(st *wsStream, t target) {
	defer func() {
		if p := recover(); p != nil {
			if st.link != nil {
				st.link.broken = true
			}
			c.srv.panicked("websocket", p)
			c.end(errors.New("internal error"))
		}
		if st.link != nil {
			st.link.db.release(st.link)
		}
	}()
	for {
		// An open transaction without requests must not hold up others.
		// Nor must an idle connection keep a database from being restored or deleted.
		var idle, closes, wanted <-chan struct{}
		cancel := func() {}
		if st.link != nil {
			closes = st.link.db.closes()
			limit := c.srv.config.Limits.DetachIdle
			switch {
			case st.lasting():
				limit = min(limit, lastingGrace)
			case st.link.session.Autocommit():
				wanted = st.link.db.wanted
			default:
				limit = c.srv.config.Limits.TransactionIdle
				if !st.link.began.IsZero() {
					limit = min(limit, time.Until(st.link.began.Add(c.srv.config.Limits.TransactionLife)))
				}
			}
			var waiting context.Context
			waiting, cancel = context.WithTimeout(c.ctx, limit)
			idle = waiting.Done()
		}
		giveUp := func() (expired bool) {
			// A temporary table or a setting must not get lost unsaid.
			expired = st.lasting() || !st.link.session.Autocommit()
			st.link.db.release(st.link)
			st.link = nil
			if expired {
				c.expire(st)
			}
			return expired
		}
		select {
		case <-closes:
			cancel()
			if giveUp() {
				return
			}
		case <-c.ctx.Done():
			cancel()
			return
		case <-idle:
			cancel()
			if c.ctx.Err() != nil {
				return
			}
			if st.lasting() && !st.link.db.needed() {
				continue
			}
			if giveUp() {
				return
			}
		case <-wanted:
			cancel()
			st.link.db.release(st.link)
			st.link = nil
		case <-st.inbox.ready:
			cancel()
			m := st.inbox.pop(&c.queued)
			if m.Request.Type == "close_stream" {
				if st.link != nil {
					st.link.db.release(st.link)
					st.link = nil
				}
				c.ok(m, nil)
				return
			}
			if st.link.overdue(&c.srv.config.Limits, time.Now()) {
				st.link.db.release(st.link)
				st.link = nil
				c.fail(m, errWSExpired)
				c.expire(st)
				return
			}
			c.serve(st, t, m)
			st.lend(0)
		}
	}
}

var errWSExpired = hranaErrorf("STREAM_EXPIRED", "The stream has expired: its transaction was idle, or open, for too long, or others needed its connection")

// expire answers what comes for a stream whose transaction took too long.
func (c *wsConn) expire(st *wsStream) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-st.inbox.ready:
			m := st.inbox.pop(&c.queued)
			if m.Request.Type == "close_stream" {
				c.ok(m, nil)
				return
			}
			c.fail(m, errWSExpired)
		}
	}
}

func (c *wsConn) serve(st *wsStream, t target, m wsMessage) {
	s := c.srv
	start := time.Now()
	defer func() { s.metrics.seconds.WithLabelValues("websocket").Observe(time.Since(start).Seconds()) }()
	ctx, cancel := s.config.Limits.limited(c.ctx)
	defer cancel()
	var err error
	seat := &place{}
	if st.link == nil || st.link.session.Autocommit() {
		if seat, err = s.gate.enter(ctx); err != nil {
			c.fail(m, err)
			return
		}
		defer seat.leave()
	}
	if st.link == nil {
		if st.link, err = s.connect(ctx, t, seat); err != nil {
			c.fail(m, err)
			return
		}
	}
	st.link.session.SetInterrupt(ctx)
	run := &runner{ctx: ctx, srv: s, link: st.link, place: seat, sqls: &storedSQL{}, budget: s.config.Limits.ResponseBytes}
	fields, err := st.serve(run, m.Request)
	if err != nil && m.Request.Type == "open_cursor" {
		c.mu.Lock()
		delete(c.cursors, m.Request.CursorID)
		c.mu.Unlock()
	}
	// The client may take its time to read: others run meanwhile.
	seat.leave()
	st.lend(len(fields))
	if err != nil {
		c.fail(m, err)
		return
	}
	c.ok(m, fields)
}

// lend gives the link back before a large answer, or if others wait for it: what is sent
// waits for the client.
func (st *wsStream) lend(size int) {
	l := st.link
	if l == nil || !l.session.Autocommit() || l.session.Lasting() {
		return
	}
	if size > socketBuffer || st.inbox.empty() && l.db.waiting.Load() > 0 {
		l.db.release(l)
		st.link = nil
	}
}

func (st *wsStream) serve(run *runner, q *wsRequest) ([]byte, error) {
	switch q.Type {
	case "open_cursor":
		if len(st.cursors) >= wsCursors {
			return nil, hranaErrorf("CURSOR_LIMIT", "the stream has %d cursors, the most that are allowed", len(st.cursors))
		}
		cur := &wsCursor{}
		run.cursor(q.Batch, func(_ bool, entry func([]byte) []byte) error {
			b := entry(nil)
			if len(b) == 0 {
				return nil
			}
			if cur.bytes += len(b); cur.bytes > run.budget {
				cur.entries = append(cur.entries, append(appendError([]byte(`{"type":"error","error":`), errTooLarge), '}'))
				return errTooLarge
			}
			cur.entries = append(cur.entries, b)
			return nil
		})
		st.cursors[q.CursorID] = cur
		return nil, nil
	case "fetch_cursor":
		cur := st.cursors[q.CursorID]
		if cur == nil {
			return nil, errNoCursor(q.CursorID)
		}
		n := min(int64(len(cur.entries)), q.MaxCount)
		out := append([]byte(`,"entries":[`), bytes.Join(cur.entries[:n], []byte{','})...)
		cur.entries = cur.entries[n:]
		out = append(out, `],"done":`...)
		return strconv.AppendBool(out, len(cur.entries) == 0), nil
	case "close_cursor":
		delete(st.cursors, q.CursorID)
		return nil, nil
	}
	return run.response(nil, &q.streamRequest)
}

// ok answers a request with the fields of its response, which begin with a comma.
func (c *wsConn) ok(m wsMessage, fields []byte) {
	out := append([]byte(`{"type":"response_ok","request_id":`), strconv.Itoa(int(m.RequestID))...)
	out = append(out, `,"response":{"type":`...)
	out = appendText(out, m.Request.Type)
	out = append(out, fields...)
	c.send(append(out, `}}`...))
	c.pending.Add(-1)
}

func (c *wsConn) fail(m wsMessage, err error) {
	out := append([]byte(`{"type":"response_error","request_id":`), strconv.Itoa(int(m.RequestID))...)
	out = appendWSError(append(out, `,"error":`...), err)
	c.send(append(out, '}'))
	c.pending.Add(-1)
}

// send writes one message; a client that cannot be reached ends the connection.
func (c *wsConn) send(data []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	// A write that is cut off takes the connection with it, and the reason for its end:
	// one under way when the connection ends may finish.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), slowestRead)
	defer cancel()
	if c.ctx.Err() != nil {
		return
	}
	if err := c.ws.Write(ctx, websocket.MessageText, data); err != nil {
		c.end(err)
	}
}
