package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nearlite/nearlite/server"
)

// panicWatch is a log that notices panics.
type panicWatch struct {
	slog.Handler
	seen *atomic.Pointer[string]
}

func (w panicWatch) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "panic" {
		var text strings.Builder
		r.Attrs(func(a slog.Attr) bool { text.WriteString(a.String() + " "); return true })
		s := text.String()
		w.seen.Store(&s)
	}
	return w.Handler.Handle(ctx, r)
}

// FuzzWebSocket sends lines as messages on a connection: whatever they are, the server
// answers or ends the connection, and neither panics nor hangs.
func FuzzWebSocket(f *testing.F) {
	const hello = `{"type":"hello","jwt":null}` + "\n"
	request := func(body string) string {
		return `{"type":"request","request_id":7,"request":` + body + "}\n"
	}
	open := hello + request(`{"type":"open_stream","stream_id":1}`)
	for _, seed := range []string{
		hello, open, "{}\n", "\xff\n[[[[\n", request(`{"type":"open_stream"}`), hello + hello,
		open + request(`{"type":"execute","stream_id":1,"stmt":{"sql":"SELECT ?","args":[{"type":"text","value":"[1,nan]"}]}}`),
		open + request(`{"type":"execute","stream_id":1,"stmt":{"sql":"BEGIN IMMEDIATE"}}`) + request(`{"type":"close_stream","stream_id":1}`),
		open + request(`{"type":"batch","stream_id":1,"batch":{"steps":[{"stmt":{"sql":"SELECT 1"}},{"condition":{"type":"not","cond":{"type":"ok","step":0}},"stmt":{"sql":"SELECT 2"}}]}}`),
		open + request(`{"type":"open_cursor","stream_id":1,"cursor_id":-1,"batch":{"steps":[{"stmt":{"sql":"SELECT 1"}}]}}`) + request(`{"type":"fetch_cursor","stream_id":1,"cursor_id":-1,"max_count":9223372036854775807}`) + request(`{"type":"close_cursor","stream_id":1,"cursor_id":-1}`),
		open + request(`{"type":"store_sql","sql_id":1,"sql":"SELECT :a"}`) + request(`{"type":"describe","stream_id":1,"sql_id":1}`) + request(`{"type":"sequence","stream_id":1,"sql_id":1}`) + request(`{"type":"close_sql","sql_id":1}`),
		open + request(`{"type":"get_autocommit","stream_id":1}`) + request(`{"type":"open_stream","stream_id":1}`), open + request(`{"type":"execute","stream_id":1}`),
		open + request(`{"type":"execute","stream_id":2147483648,"stmt":{"sql":"x"}}`), `{"type":"request","request_id":"1"}` + "\n", open + request(`{"type":"close"}`), open + request("null"),
	} {
		f.Add([]byte(seed), true)
	}
	var seen atomic.Pointer[string]
	srv, err := server.New(server.Config{
		File: filepath.Join(f.TempDir(), "fuzz.db"), Synchronous: "normal",
		Log:    slog.New(panicWatch{slog.NewTextHandler(io.Discard, nil), &seen}),
		Limits: server.Limits{RequestTimeout: 2 * time.Second, BusyTimeout: 100 * time.Millisecond, TransactionIdle: 50 * time.Millisecond, ResponseBytes: 1 << 20},
	})
	if err != nil {
		f.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	f.Cleanup(web.Close)
	f.Fuzz(func(t *testing.T, lines []byte, v3 bool) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		protocol := "hrana2"
		if v3 {
			protocol = "hrana3"
		}
		conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(web.URL, "http"), &websocket.DialOptions{Subprotocols: []string{protocol}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.CloseNow() }()
		go func() { // a message that ends the connection is the last one
			for line := range strings.Lines(string(lines)) {
				if conn.Write(ctx, websocket.MessageText, []byte(strings.ToValidUTF8(strings.TrimSuffix(line, "\n"), "?"))) != nil {
					return
				}
			}
			// There is no message of this type: it ends the connection at the latest.
			_ = conn.Write(ctx, websocket.MessageText, []byte(`{"type":"bye"}`))
		}()
		for {
			if _, _, err = conn.Read(ctx); err != nil {
				break
			}
		}
		if websocket.CloseStatus(err) == -1 {
			t.Errorf("the connection ended with %v, want a close", err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Fatalf("it took %v, with a limit of 2 s for a request", took)
		}
		if p := seen.Load(); p != nil {
			t.Fatal(*p)
		}
	})
}
