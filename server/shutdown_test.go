package server_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
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

// A server that drains answers what it was asked over WebSocket, and nothing new; then its
// clients learn why the connection ends.
func TestDrain(t *testing.T) {
	srv, err := server.New(server.Config{File: filepath.Join(t.TempDir(), "w.db"), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, srv: srv, url: newWeb(t, srv)}
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	execute := func(id, text string) string {
		return `{"type":"request","request_id":` + id + `,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"` + text + `"}}}`
	}
	w.ask(execute("2", "CREATE TABLE t(a)"))
	const many = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 300000) INSERT INTO t SELECT max(i) FROM c"
	w.send(execute("3", many))
	w.send(execute("4", many))
	w.send(execute("5", "SELECT count(*), max(a) FROM t"))
	// The last of them is read before the server drains.
	for s.metric("nearlite_statements_total{result=\"ok\"}") == "1" {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := srv.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int]string{3: "affected_row_count", 4: "affected_row_count", 5: `"value":"300000"`} {
		if got, err := w.receive(); err != nil || !strings.Contains(got, "response_ok") && !strings.Contains(got, want) {
			t.Errorf("answer %d: %s %v", id, got, err)
		}
	}
	if got := w.ask(execute("6", "SELECT 1")); !strings.Contains(got, "SERVER_BUSY") {
		t.Errorf("a request to a server that drains: %s", got)
	}
	ended := make(chan string)
	go func() {
		_, err := w.receive()
		ended <- err.Error()
	}()
	if err := srv.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; !strings.Contains(got, "StatusGoingAway") {
		t.Errorf("the end of the connection: %s", got)
	}
}
