package server

import (
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
		baton, ok := s.streams.park(st, s.config.Limits.Streams, true)
		if !ok {
			return false, busy("too many streams are open")
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := append([]byte(`{"baton":`), appendText(nil, baton)...)
		out = append(out, ",\"base_url\":null}\n"...)
		if _, err := w.Write(out); err != nil {
			return false, nil //nolint:nilerr // the client went away
		}
		flush := http.NewResponseController(w)
		_ = flush.Flush()
		buf := make([]byte, 0, 32<<10)
		alive := true
		send := func() error {
			if _, err := w.Write(buf); err != nil {
				alive = false
				return err
			}
			buf = buf[:0]
			return nil
		}
		run.cursor(req.Batch, func(entry func(dst []byte) []byte) error {
			buf = append(entry(buf), '\n')
			if len(buf) > 24<<10 {
				return send()
			}
			return nil
		})
		// The stream is free for its next request before the last line goes out.
		if alive {
			s.streams.keep(st)
			_ = send()
		}
		return alive, nil
	})
}

// cursor runs a batch and hands out its entries. An error of emit ends it.
func (r *runner) cursor(b *batch, emit func(entry func([]byte) []byte) error) {
	states := make([]stepState, len(b.Steps))
	for i := range b.Steps {
		run, err := r.holds(b.Steps[i].Condition, states[:i])
		if err != nil {
			_ = emit(func(dst []byte) []byte {
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
			if emit(func(dst []byte) []byte {
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
func (r *runner) cursorStep(i int, st *statement, emit func(func([]byte) []byte) error) (err error, gone bool) {
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
	more, err := r.step(p)
	if err != nil {
		return r.stopped(err), false
	}
	if emit(func(dst []byte) []byte {
		dst = append(dst, `{"type":"step_begin","step":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"cols":`...)
		return append(appendColumns(dst, p), '}')
	}) != nil {
		return nil, true
	}
	wanted := st.WantRows == nil || *st.WantRows
	for more {
		if wanted && emit(func(dst []byte) []byte {
			dst = append(dst, `{"type":"row","row":`...)
			return append(appendRow(dst, p), '}')
		}) != nil {
			return nil, true
		}
		if more, err = p.Step(); err != nil {
			return r.stopped(err), false
		}
	}
	changes, rowid := r.counts(p)
	return nil, emit(func(dst []byte) []byte {
		dst = append(dst, `{"type":"step_end","affected_row_count":`...)
		dst = strconv.AppendInt(dst, changes, 10)
		dst = append(dst, `,"last_insert_rowid":`...)
		return append(append(dst, rowid...), '}')
	}) != nil
}
