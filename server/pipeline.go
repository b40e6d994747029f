package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// pipeline is POST /v2/pipeline and /v3/pipeline.
func (s *Server) pipeline(w http.ResponseWriter, r *http.Request, v3 bool) error {
	t, err := s.authorized(r)
	if err != nil {
		return err
	}
	data, err := s.body(w, r)
	if err != nil {
		return err
	}
	req, quick := quickPipeline(data)
	if quick {
		err = req.check(v3)
	} else {
		req = pipelineRequest{}
		err = decode(data, &req, v3)
	}
	if err != nil {
		return badRequest("%s", err)
	}
	var head []byte
	out := make([]byte, 0, 1024)
	err = s.onStream(r.Context(), t, req.Baton, func(run *runner, st *stream) (bool, error) {
		closed := false
		for i := range req.Requests {
			if i > 0 {
				out = append(out, ',')
			}
			closed = closed || req.Requests[i].Type == "close"
			out = run.result(out, &req.Requests[i])
		}
		if r.Context().Err() != nil {
			return false, nil //nolint:nilerr // nobody is there to get the baton, or an error
		}
		head, err = s.streamHead(st, !closed)
		return !closed && err == nil, err
	})
	if err != nil || head == nil {
		return err
	}
	s.answer(w, head, out)
	return nil
}

// answer writes the answer of a pipeline. Its stream is parked by now, since the client may
// send the next request before this one has returned; and neither a place nor a connection
// is held for it, since the client may take its time to read.
func (s *Server) answer(w http.ResponseWriter, head, results []byte) {
	head = append(head, `,"results":[`...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(results)+2))
	if len(results) > socketBuffer {
		c := http.NewResponseController(w)
		_ = c.SetWriteDeadline(time.Now().Add(s.config.Limits.RequestTimeout))
		defer func() { _ = c.Flush(); _ = c.SetWriteDeadline(time.Time{}) }()
	}
	_, _ = w.Write(head)
	_, _ = w.Write(results)
	_, _ = w.Write([]byte("]}")) // an error: the client went away; nothing is left to do for it
}

// socketBuffer is an answer's size that may not fit into what the system buffers, in bytes.
const socketBuffer = 64 << 10

// streamHead begins an answer, up to and with {"baton": ..., "base_url": null.
func (s *Server) streamHead(st *stream, goesOn bool) ([]byte, error) {
	head := []byte(`{"baton":`)
	if !goesOn {
		head = append(head, "null"...)
		return append(head, `,"base_url":null`...), nil
	}
	db := st.link.db // after park, the stream is others'
	baton, ok := s.streams.park(st, &s.config.Limits, false)
	if !ok {
		return nil, busy("too many streams are open")
	}
	if db.waiting.Load() > 0 {
		s.streams.reclaim(db.name)
	}
	head = appendText(head, baton)
	return append(head, `,"base_url":null`...), nil
}

// onStream runs fn with the stream of a baton, or with a new one. fn parks the stream
// and returns true if it goes on; else it ends here.
func (s *Server) onStream(parent context.Context, t target, baton *string, fn func(*runner, *stream) (bool, error)) (err error) {
	ctx, cancel := s.config.Limits.limited(parent)
	defer cancel()
	st := &stream{database: t.database, readOnly: t.readOnly}
	if baton != nil {
		if st, err = s.streams.resume(*baton, t.database, t.readOnly); err != nil {
			return err
		}
	} else if s.streams.full(&s.config.Limits) {
		return busy("too many streams are open")
	}
	if st.link.overdue(&s.config.Limits, time.Now()) {
		s.end(st)
		return errStreamExpired
	}
	// Who holds a transaction must get through to end it.
	seat := &place{}
	if !st.inTransaction() {
		if seat, err = s.gate.enter(ctx); err != nil {
			if baton != nil {
				s.streams.giveBack(st)
			}
			return err
		}
		defer seat.leave()
	}
	if st.link == nil {
		if st.link, err = s.connect(ctx, t, seat); err != nil {
			s.end(st)
			return err
		}
	}
	goesOn := false
	l := st.link
	defer func() {
		if p := recover(); p != nil {
			l.broken = true
			s.end(st)
			panic(p)
		}
		if !goesOn {
			s.end(st)
		}
	}()
	l.session.SetInterrupt(ctx)
	goesOn, err = fn(&runner{ctx: ctx, srv: s, link: l, place: seat, sqls: &st.sqls, budget: s.config.Limits.ResponseBytes}, st)
	return err
}

// connect finds a connection, if need be that of a stream which idles. Who has to wait
// for one does not keep a place among the requests that run.
func (s *Server) connect(ctx context.Context, t target, seat *place) (*link, error) {
	for {
		l, err := s.databases.link(ctx, t.database, t.readOnly, 0)
		if !errors.Is(err, errNoConnection) {
			return l, err
		}
		if s.streams.reclaim(t.database) {
			continue
		}
		seat.leave()
		if l, err = s.databases.link(ctx, t.database, t.readOnly, s.config.Limits.QueueTimeout); err != nil {
			return nil, err
		}
		if err := seat.back(ctx); err != nil {
			l.db.release(l)
			return nil, err
		}
		return l, nil
	}
}

// end closes a stream.
func (s *Server) end(st *stream) {
	if st.id != 0 {
		s.streams.forget(st)
	}
	if st.link != nil {
		st.link.db.release(st.link)
		st.link = nil
	}
}

// result runs one request and appends its StreamResult.
func (r *runner) result(dst []byte, req *streamRequest) []byte {
	from := len(dst)
	dst = append(dst, `{"type":"ok","response":{"type":`...)
	dst = appendText(dst, req.Type)
	dst, err := r.response(dst, req)
	if err != nil {
		dst = append(dst[:from], `{"type":"error","error":`...)
		dst = appendError(dst, err)
		return append(dst, '}')
	}
	return append(dst, `}}`...)
}

// response runs a request and appends the fields of its response, each with a comma
// before it.
func (r *runner) response(dst []byte, req *streamRequest) ([]byte, error) {
	switch req.Type {
	case "execute":
		return r.execute(append(dst, `,"result":`...), req.Stmt)
	case "batch":
		return r.batch(append(dst, `,"result":`...), req.Batch)
	case "sequence", "describe":
		text, err := r.sql(req.SQL, req.SQLID)
		if err != nil {
			return dst, err
		}
		if req.Type == "describe" {
			return r.describe(append(dst, `,"result":`...), text)
		}
		return dst, r.sequence(text)
	case "store_sql":
		return dst, r.sqls.store(*req.SQLID, *req.SQL, &r.srv.config.Limits)
	case "close_sql":
		r.sqls.drop(*req.SQLID)
	case "get_autocommit":
		dst = append(dst, `,"is_autocommit":`...)
		dst = strconv.AppendBool(dst, r.link.session.Autocommit())
	case "close":
		// The stream ends after the pipeline; its transaction ends now.
		if err := r.link.session.Rollback(); err != nil {
			r.link.broken = true
		}
		r.link.settle()
	}
	return dst, nil
}
