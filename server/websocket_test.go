package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

func TestWebSocket(t *testing.T) {
	s := start(t, nil)
	w := s.dial(t, "/", "hrana3")
	n := 0
	request := func(body string) string {
		n++
		return fmt.Sprintf(`{"type":"request","request_id":%d,"request":%s}`, n, body)
	}
	for _, c := range []struct{ message, want string }{
		{`{"type":"hello","jwt":null}`, `{"type":"hello_ok"}`},
		{request(`{"type":"open_stream","stream_id":1}`), `{"request_id":1,"response":{"type":"open_stream"},"type":"response_ok"}`},
		{request(`{"type":"store_sql","sql_id":5,"sql":"SELECT ?+1 AS v"}`), `{"request_id":2,"response":{"type":"store_sql"},"type":"response_ok"}`},
		{request(`{"type":"execute","stream_id":1,"stmt":{"sql_id":5,"args":[{"type":"integer","value":"41"}]}}`), `{"request_id":3,"response":{"result":{"affected_row_count":0,"cols":[{"decltype":null,"name":"v"}],"last_insert_rowid":null,"rows":[[{"type":"integer","value":"42"}]]},"type":"execute"},"type":"response_ok"}`},
		{request(`{"type":"execute","stream_id":1,"stmt":{"sql":"SELECT nope"}}`), `{"error":{"code":"SQL_INPUT_ERROR","message":"SQL input error: no such column: nope (at offset 7)"},"request_id":4,"type":"response_error"}`},
		{request(`{"type":"sequence","stream_id":1,"sql":"CREATE TABLE t(a); INSERT INTO t VALUES (1),(2),(3)"}`), `{"request_id":5,"response":{"type":"sequence"},"type":"response_ok"}`},
		{request(`{"type":"open_cursor","stream_id":1,"cursor_id":9,"batch":{"steps":[{"stmt":{"sql":"SELECT a FROM t"}}]}}`), `{"request_id":6,"response":{"type":"open_cursor"},"type":"response_ok"}`},
		{request(`{"type":"fetch_cursor","stream_id":1,"cursor_id":9,"max_count":2}`), `{"request_id":7,"response":{"done":false,"entries":[{"cols":[{"decltype":null,"name":"a"}],"step":0,"type":"step_begin"},{"row":[{"type":"integer","value":"1"}],"type":"row"}],"type":"fetch_cursor"},"type":"response_ok"}`},
		{request(`{"type":"fetch_cursor","stream_id":1,"cursor_id":9,"max_count":100}`), `{"request_id":8,"response":{"done":true,"entries":[{"row":[{"type":"integer","value":"2"}],"type":"row"},{"row":[{"type":"integer","value":"3"}],"type":"row"},{"affected_row_count":0,"last_insert_rowid":null,"type":"step_end"}],"type":"fetch_cursor"},"type":"response_ok"}`},
		{request(`{"type":"close_cursor","stream_id":1,"cursor_id":9}`), `{"request_id":9,"response":{"type":"close_cursor"},"type":"response_ok"}`},
		{request(`{"type":"fetch_cursor","stream_id":1,"cursor_id":9,"max_count":1}`), `{"error":{"code":"CURSOR_NOT_OPEN","message":"Cursor 9 is not open"},"request_id":10,"type":"response_error"}`},
		{request(`{"type":"get_autocommit","stream_id":1}`), `{"request_id":11,"response":{"is_autocommit":true,"type":"get_autocommit"},"type":"response_ok"}`},
		{request(`{"type":"execute","stream_id":2,"stmt":{"sql":"SELECT 1"}}`), `{"error":{"code":"STREAM_NOT_OPEN","message":"Stream 2 is not open"},"request_id":12,"type":"response_error"}`},
		{request(`{"type":"close_sql","sql_id":5}`), `{"request_id":13,"response":{"type":"close_sql"},"type":"response_ok"}`},
		{request(`{"type":"execute","stream_id":1,"stmt":{"sql_id":5}}`), `{"error":{"code":"SQL_NOT_FOUND","message":"SQL text 5 not found"},"request_id":14,"type":"response_error"}`},
		{request(`{"type":"close_stream","stream_id":1}`), `{"request_id":15,"response":{"type":"close_stream"},"type":"response_ok"}`},
		{request(`{"type":"close_stream","stream_id":1}`), `{"request_id":16,"response":{"type":"close_stream"},"type":"response_ok"}`},
	} {
		if got := w.ask(c.message); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.message, got, c.want)
		}
	}
}

// Requests of one stream keep their order though they are sent at once; a closed
// stream undoes its transaction.
func TestWebSocketOrder(t *testing.T) {
	s := start(t, nil)
	s.exec("CREATE TABLE t(a INTEGER PRIMARY KEY)")
	w := s.dial(t, "/", "hrana2")
	w.ask(`{"type":"hello"}`)
	const rows = 1000
	w.ask(`{"type":"request","request_id":0,"request":{"type":"open_stream","stream_id":1}}`)
	for i := 1; i <= rows; i++ {
		w.send(fmt.Sprintf(`{"type":"request","request_id":%d,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"INSERT INTO t SELECT count(*) FROM t"}}}`, i))
	}
	for i := 1; i <= rows; i++ {
		got, err := w.receive()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, fmt.Sprintf(`"request_id":%d,`, i)) || !strings.Contains(got, "response_ok") {
			t.Fatalf("answer %d is %s", i, got)
		}
	}
	w.ask(`{"type":"request","request_id":200,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"BEGIN"}}}`)
	w.ask(`{"type":"request","request_id":201,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"DELETE FROM t"}}}`)
	w.ask(`{"type":"request","request_id":202,"request":{"type":"close_stream","stream_id":1}}`)
	if got := s.value("SELECT count(*) FROM t"); got != fmt.Sprint(rows) {
		t.Errorf("%s rows, want %d", got, rows)
	}
}

func TestWebSocketProtocolErrors(t *testing.T) {
	s := start(t, nil)
	hello := `{"type":"hello"}`
	for _, messages := range [][]string{
		{"{"},
		{`{"type":"nope"}`},
		{`{"type":"request","request_id":1}`},
		{`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`}, // before hello
		{hello, `{"type":"request","request_id":1,"request":{"type":"nope"}}`},
		{hello, `{"type":"request","request_id":1,"request":{"type":"close"}}`},
		{hello, `{"type":"request","request_id":1,"request":{"type":"execute","stream_id":1}}`},
		{hello, `{"type":"request","request_id":1,"request":{"type":"store_sql"}}`},
	} {
		w := s.dial(t, "/", "hrana3")
		for _, m := range messages {
			w.send(m)
		}
		if len(messages) == 2 {
			if _, err := w.receive(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := w.receive(); err == nil {
			t.Errorf("%s: answered %s, want the end of the connection", messages, got)
		}
	}
}

// A transaction over WebSocket expires, too, and a lost connection ends it.
func TestWebSocketExpiry(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.TransactionIdle = 100 * time.Millisecond })
	s.exec("CREATE TABLE t(a)")
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	w.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"BEGIN IMMEDIATE"}}}`)
	s.exec("INSERT INTO t VALUES (1)")
	if got := w.ask(`{"type":"request","request_id":3,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"COMMIT"}}}`); !strings.Contains(got, "STREAM_EXPIRED") {
		t.Errorf("after the expiry: %s", got)
	}
	lost := s.dial(t, "/", "hrana3")
	lost.ask(`{"type":"hello"}`)
	lost.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	lost.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"BEGIN IMMEDIATE"}}}`)
	if err := lost.conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	s.exec("INSERT INTO t VALUES (2)")
}

// What waits on a connection is bounded by its bytes, not below.
func TestWebSocketQueue(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.RequestBytes = 32 << 10 })
	s.exec("CREATE TABLE t(a)")
	holder, w := s.dial(t, "/", "hrana3"), s.dial(t, "/", "hrana3")
	const execute = `{"type":"request","request_id":%d,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"%s"}}}`
	for _, c := range []string{`{"type":"hello"}`, `{"type":"request","request_id":0,"request":{"type":"open_stream","stream_id":1}}`} {
		holder.ask(c)
		w.ask(c)
	}
	holder.ask(fmt.Sprintf(execute, 1, "BEGIN IMMEDIATE"))
	const requests = 400
	for i := 1; i <= requests; i++ {
		w.send(fmt.Sprintf(execute, i, "INSERT INTO t VALUES (1)"))
	}
	refused := 0
	for i := range requests {
		got, err := w.receive()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, "SERVER_BUSY") {
			refused++
		}
		if i == 0 {
			holder.ask(fmt.Sprintf(execute, 2, "COMMIT")) // the first of the rest waits for it
		}
	}
	if got := s.value("SELECT count(*) FROM t"); refused == 0 || refused > 250 || got != fmt.Sprint(requests-refused) {
		t.Errorf("%d of %d refused, %s rows", refused, requests, got)
	}
}

// Streams that idle make room for others: at once if they hold nothing, and with an
// error of their own if they do. Without need a temporary table stays.
func TestWebSocketIdleStreams(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.ConnectionsPerDB = 3
		c.Limits.DetachIdle = 20 * time.Millisecond
	})
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	n := 0
	ask := func(want, body string, stream int) {
		t.Helper()
		n++
		got := w.ask(fmt.Sprintf(`{"type":"request","request_id":%d,"request":{"stream_id":%d,%s}}`, n, stream, body))
		if !strings.Contains(got, want) {
			t.Fatalf("stream %d, %s: got %s, want %s", stream, body, got, want)
		}
	}
	const temp, read = `"type":"sequence","sql":"CREATE TEMP TABLE tt AS SELECT 7 AS a"`, `"type":"execute","stmt":{"sql":"SELECT a FROM tt"}`
	ask("response_ok", `"type":"open_stream"`, 0)
	ask("response_ok", temp, 0)
	time.Sleep(100 * time.Millisecond)
	ask(`"value":"7"`, read, 0)
	for i := 1; i <= 10; i++ {
		ask("response_ok", `"type":"open_stream"`, i)
		ask("response_ok", `"type":"execute","stmt":{"sql":"SELECT 1"}`, i)
	}
	ask(`"value":"7"`, read, 0)
	ask("response_ok", temp, 1)
	ask("response_ok", temp, 2)
	ask("response_ok", `"type":"execute","stmt":{"sql":"SELECT 1"}`, 3) // needs a connection of the three
	expired := 0
	for i := range 3 {
		if got := w.ask(fmt.Sprintf(`{"type":"request","request_id":100,"request":{"stream_id":%d,%s}}`, i, read)); strings.Contains(got, "STREAM_EXPIRED") {
			expired++
		}
	}
	if expired == 0 {
		t.Error("no stream made room")
	}
	for i := range 11 {
		ask("response_ok", `"type":"close_stream"`, i)
	}
}

// hrana1 is what libsql-client-go asks for.
func TestWebSocketOldest(t *testing.T) {
	s := start(t, nil)
	w := s.dial(t, "/", "hrana1")
	for _, c := range []struct{ message, want string }{
		{`{"type":"hello","jwt":""}`, `{"type":"hello_ok"}`},
		{`{"type":"request","request_id":0,"request":{"type":"open_stream","stream_id":0}}`, `{"request_id":0,"response":{"type":"open_stream"},"type":"response_ok"}`},
		{`{"type":"request","request_id":1,"request":{"type":"execute","stream_id":0,"stmt":{"sql":"SELECT 1 AS v","want_rows":true}}}`, `{"request_id":1,"response":{"result":{"affected_row_count":0,"cols":[{"decltype":null,"name":"v"}],"last_insert_rowid":null,"rows":[[{"type":"integer","value":"1"}]]},"type":"execute"},"type":"response_ok"}`},
	} {
		if got := w.ask(c.message); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.message, got, c.want)
		}
	}
}

// Clients number cursors per connection, and name the stream only when they open one.
func TestWebSocketCursors(t *testing.T) {
	s := start(t, nil)
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	n := 0
	for _, c := range []struct{ request, want string }{
		{`{"type":"open_stream","stream_id":3}`, `"type":"open_stream"`},
		{`{"type":"open_stream","stream_id":4}`, `"type":"open_stream"`},
		{`{"type":"open_cursor","stream_id":3,"cursor_id":0,"batch":{"steps":[{"stmt":{"sql":"SELECT 'of 3'"}}]}}`, `"type":"open_cursor"`},
		{`{"type":"open_cursor","stream_id":4,"cursor_id":1,"batch":{"steps":[{"stmt":{"sql":"SELECT 'of 4'"}}]}}`, `"type":"open_cursor"`},
		{`{"type":"open_cursor","stream_id":4,"cursor_id":0,"batch":{"steps":[]}}`, "CURSOR_EXISTS"},
		{`{"type":"fetch_cursor","cursor_id":0,"max_count":9}`, "of 3"},
		{`{"type":"fetch_cursor","cursor_id":1,"max_count":9}`, "of 4"},
		{`{"type":"fetch_cursor","cursor_id":1,"max_count":9}`, `"done":true`},
		{`{"type":"close_cursor","cursor_id":0}`, `"type":"close_cursor"`},
		{`{"type":"close_cursor","cursor_id":0}`, `"type":"close_cursor"`},
		{`{"type":"fetch_cursor","cursor_id":0,"max_count":9}`, "CURSOR_NOT_OPEN"},
		{`{"type":"open_cursor","stream_id":4,"cursor_id":0,"batch":{"steps":[{"stmt":{"sql":"SELECT 'again'"}}]}}`, `"type":"open_cursor"`},
		{`{"type":"fetch_cursor","cursor_id":0,"max_count":9}`, "again"},
		{`{"type":"close_stream","stream_id":4}`, `"type":"close_stream"`},
		{`{"type":"fetch_cursor","cursor_id":0,"max_count":9}`, "CURSOR_NOT_OPEN"},
		{`{"type":"open_cursor","stream_id":9,"cursor_id":5,"batch":{"steps":[]}}`, "STREAM_NOT_OPEN"},
		{`{"type":"open_cursor","stream_id":3,"cursor_id":5,"batch":{"steps":[]}}`, `"type":"open_cursor"`},
	} {
		n++
		if got := w.ask(fmt.Sprintf(`{"type":"request","request_id":%d,"request":%s}`, n, c.request)); !strings.Contains(got, c.want) || !strings.Contains(got, fmt.Sprintf(`"request_id":%d,`, n)) {
			t.Errorf("%s: %s, want %s", c.request, got, c.want)
		}
	}
}
