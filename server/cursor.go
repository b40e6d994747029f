package server

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// cursor is POST /v3/cursor: a batch whose rows are sent as they come, one JSON
// value a line.
func (s *Server) cursor(w http.ResponseWriter, r *http.Request) error {
	t, err := s.authorized(r)
	if err != nil {
		return err
	}
	data, err := s.body(w, r)
	if err != nil {
		return err
	}
	var req cursorRequest
	if err := decode(data, &req, true); err != nil {
		return badRequest("%s", err)
	}
	return s.onStream(r.Context(), t, req.Baton, func(run *runner, st *stream) (bool, error) {
		// The baton goes out before the rows, but is good only when they have gone.
		baton, ok := s.streams.park(st, &s.config.Limits, true)
		if !ok {
			return false, busy("too many streams are open")
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := append([]byte(`{"baton":`), appendText(nil, baton)...)
		out = append(out, ",\"base_url\":null}\n"...)
		if _, err := w.Write(out); err != nil {
			return false, nil //nolint:nilerr // the client went away
		}
		c := http.NewResponseController(w)
		_ = c.Flush()
		defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
		buf := make([]byte, 0, 32<<10)
		alive := true
		// Who waits for the client to read does not keep a place among the requests that
		// run, nor, for longer than a silent client may, a transaction.
		send := func() error {
			limit := slowestRead
			if run.link.turn || !run.link.session.Autocommit() {
				limit = min(limit, s.config.Limits.TransactionIdle)
			}
			_ = c.SetWriteDeadline(time.Now().Add(limit))
			run.place.leave()
			_, err := w.Write(buf)
			buf = buf[:0]
			if err == nil {
				err = run.place.back(run.ctx)
			}
			alive = err == nil
			return err
		}
		run.cursor(req.Batch, func(whole bool, entry func(dst []byte) []byte) error {
			n := len(buf)
			if buf = entry(buf); len(buf) > n {
				buf = append(buf, '\n')
			}
			if len(buf) > 24<<10 && !whole {
				return send()
			}
			return nil
		})
		// The stream is free for its next request before the last line goes out.
		if alive {
			_ = c.SetWriteDeadline(time.Now().Add(slowestRead))
			run.place.leave()
			s.streams.keep(st)
			_, _ = w.Write(buf)
			_ = c.Flush()
		}
		return alive, nil
	})
}

// slowestRead is how long a client may take to read a part of an answer, some ten
// kilobytes over HTTP, a message over WebSocket.
const slowestRead = 30 * time.Second

// emitter takes an entry of a cursor. whole says that more are to come before the first
// may be sent: the statement holds the turn to write until it ends.
type emitter func(whole bool, entry func([]byte) []byte) error

// cursor runs a batch and hands out its entries. An error of emit ends it.
func (r *runner) cursor(b *batch, emit emitter) {
	states := make([]stepState, len(b.Steps))
	for i := range b.Steps {
		run, err := r.holds(b.Steps[i].Condition, states[:i])
		if err != nil {
			_ = emit(false, func(dst []byte) []byte {
				dst = append(dst, `{"type":"error","error":`...)
				return append(appendError(dst, err), '}')
			})
			return
		}
		if !run {
			continue
		}
		states[i] = stepOK
		err, gone := r.cursorStep(i, b.Steps[i].Stmt, emit)
		if gone {
			return
		}
		if err != nil {
			states[i] = stepFailed
			if emit(false, func(dst []byte) []byte {
				dst = append(dst, `{"type":"step_error","step":`...)
				dst = strconv.AppendInt(dst, int64(i), 10)
				dst = append(dst, `,"error":`...)
				return append(appendError(dst, err), '}')
			}) != nil {
				return
			}
		}
	}
}

// cursorStep runs one step; gone means that nobody listens anymore.
func (r *runner) cursorStep(i int, st *statement, emit emitter) (err error, gone bool) {
	start := time.Now()
	text, err := r.sql(st.SQL, st.SQLID)
	if err != nil {
		return err, false
	}
	defer func() { r.srv.ran(r.link, text, st, time.Since(start), err) }()
	p, err := r.prepare(text, st)
	if err != nil {
		return err, false
	}
	defer p.Release()
	defer r.link.settle()
	end, err := r.undoable(p)
	if err != nil {
		return r.stopped(err), false
	}
	defer func() {
		if gone && err == nil {
			_ = end(context.Canceled)
		} else {
			err = end(err)
		}
	}()
	more, err := r.step(p)
	if err != nil {
		return r.stopped(err), false
	}
	whole, held := !p.ReadOnly(), 0
	if emit(whole, func(dst []byte) []byte {
		dst = append(dst, `{"type":"step_begin","step":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"cols":`...)
		return append(appendColumns(dst, p), '}')
	}) != nil {
		return nil, true
	}
	wanted := st.WantRows == nil || *st.WantRows
	for more {
		if wanted {
			gone := emit(whole, func(dst []byte) []byte {
				from := len(dst)
				dst = append(dst, `{"type":"row","row":`...)
				var fits bool
				if dst, fits = appendRow(dst, p, r.budget-held); !fits {
					err = errTooLarge
				}
				if whole {
					held += len(dst) - from
				}
				if err != nil {
					return dst[:from]
				}
				return append(dst, '}')
			})
			if err != nil {
				return err, false
			}
			if gone != nil {
				return nil, true
			}
		}
		if more, err = p.Step(); err != nil {
			return r.stopped(err), false
		}
	}
	changes, rowid := r.counts(p)
	// Others may write while the client reads.
	p.Release()
	if err = end(nil); err != nil {
		return err, false
	}
	r.link.settle()
	return nil, emit(false, func(dst []byte) []byte {
		dst = append(dst, `{"type":"step_end","affected_row_count":`...)
		dst = strconv.AppendInt(dst, changes, 10)
		dst = append(dst, `,"last_insert_rowid":`...)
		return append(append(dst, rowid...), '}')
	}) != nil
}
