package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/server"
)

// The errors that no other test comes across.
func TestRareErrors(t *testing.T) {
	const reader, writer = "token-of-the-reader", "token-of-the-writer"
	s := start(t, func(c *server.Config) {
		c.Limits.StoredSQL, c.Limits.StoredBytes = 3, 100
	})
	r := s.pipeline(nil,
		`{"type":"store_sql","sql_id":1,"sql":"SELECT 1"}`, `{"type":"store_sql","sql_id":2,"sql":"SELECT 2"}`,
		`{"type":"execute","stmt":{"sql":"SELECT 1","sql_id":1}}`,
		`{"type":"sequence","sql":"SELECT 1","sql_id":1}`,
		`{"type":"describe"}`,
		fmt.Sprintf(`{"type":"store_sql","sql_id":3,"sql":"SELECT '%0100d'"}`, 0),
		`{"type":"store_sql","sql_id":3,"sql":"SELECT 3"}`, `{"type":"store_sql","sql_id":4,"sql":"SELECT 4"}`,
		`{"type":"close_sql","sql_id":1}`, `{"type":"store_sql","sql_id":4,"sql":"SELECT 4"}`, `{"type":"close_sql","sql_id":77}`,
		closeRequest)
	for i, want := range []string{"ok", "ok", "SQL_BOTH", "SQL_BOTH", "SQL_MISSING", "SQL_STORE_FULL", "ok", "SQL_STORE_FULL", "ok", "ok", "ok", "ok"} {
		if !strings.Contains(string(r.Results[i]), `"`+want+`"`) {
			t.Errorf("result %d is %s, want %s", i, r.Results[i], want)
		}
	}

	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello","jwt":null}`)
	n := 0
	ask := func(want, body string) {
		t.Helper()
		n++
		if got := w.ask(fmt.Sprintf(`{"type":"request","request_id":%d,"request":%s}`, n, body)); !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	ask("response_ok", `{"type":"open_stream","stream_id":1}`)
	const cursor = `{"type":"open_cursor","stream_id":1,"cursor_id":%d,"batch":{"steps":[{"stmt":{"sql":"SELECT 1"}}]}}`
	ask("response_ok", fmt.Sprintf(cursor, 0))
	ask("CURSOR_EXISTS", fmt.Sprintf(cursor, 0))
	for i := 1; i < 16; i++ {
		ask("response_ok", fmt.Sprintf(cursor, i))
	}
	ask("CURSOR_LIMIT", fmt.Sprintf(cursor, 16))
	ask("response_ok", `{"type":"close_cursor","stream_id":1,"cursor_id":3}`)
	ask("response_ok", fmt.Sprintf(cursor, 16))

	guarded := start(t, func(c *server.Config) {
		c.Auth = server.Auth{Tokens: []server.Token{{Secret: reader, Access: server.ReadOnly}, {Secret: writer, Access: server.ReadWrite}}}
	})
	w = guarded.dial(t, "/", "hrana3")
	hello := func(want, token string) {
		t.Helper()
		if got := w.ask(`{"type":"hello","jwt":"` + token + `"}`); !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("hello: got %s, want %s", got, want)
		}
	}
	hello("hello_ok", reader)
	hello("hello_ok", writer) // no stream is open
	ask("response_ok", `{"type":"open_stream","stream_id":1}`)
	hello("hello_ok", writer)
	hello("AUTH_CHANGED", reader)
}
