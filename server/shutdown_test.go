package server_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// A server that closes does not wait for WebSockets that stay open: their
// transactions are undone and the file is whole.
func TestCloseWithWebSocket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "w.db")
	srv, err := server.New(server.Config{File: file, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, srv: srv, url: newWeb(t, srv)}
	s.exec("CREATE TABLE t(a)")
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	w.ask(`{"type":"request","request_id":2,"request":{"type":"sequence","stream_id":1,"sql":"BEGIN; INSERT INTO t VALUES (1)"}}`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := srv.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := w.receive(); err == nil {
		t.Errorf("after the end: %s", got)
	}
	again, err := server.New(server.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close(t.Context()) }()
	s.url = newWeb(t, again)
	if got := s.value("SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows, want 0", got)
	}
}
