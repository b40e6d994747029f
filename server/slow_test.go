package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// Clients that ask for much and do not read it keep neither readers nor writers out,
// whatever they asked by.
func TestClientsThatDoNotRead(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.Concurrent = 2
		c.Limits.QueueTimeout = 20 * time.Second
		c.Limits.ConnectionsPerDB = 16
	})
	s.exec("CREATE TABLE t(a)", "CREATE TABLE big(x)",
		"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 12) INSERT INTO big SELECT hex(zeroblob(500000)) FROM c")
	const clients = 6
	all := `{"sql":"SELECT x FROM big"}`
	var held []net.Conn
	ask := func(path, body string) {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body); err != nil {
			t.Fatal(err)
		}
		// The answer has begun.
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, path, body string }{
		{"Pipeline", "/v3/pipeline", `{"requests":[{"type":"execute","stmt":` + all + `}]}`},
		{"Cursor", "/v3/cursor", `{"batch":{"steps":[{"stmt":` + all + `}]}}`},
		{"WritingCursor", "/v3/cursor", `{"batch":{"steps":[{"stmt":{"sql":"UPDATE big SET x = x WHERE rowid < 9 RETURNING x"}}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			for range clients {
				ask(c.path, c.body)
			}
			s.exec("INSERT INTO t VALUES (1)")
			if got := s.value("SELECT count(*) > 0 FROM t"); got != "1" {
				t.Errorf("a reader gets %s", got)
			}
		})
	}
	s.t = t
	t.Run("WebSocket", func(t *testing.T) {
		s.t = t
		for range clients {
			w := s.dial(t, "/", "hrana3")
			w.ask(`{"type":"hello"}`)
			w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
			w.send(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":` + all + `}}`)
		}
		s.exec("INSERT INTO t VALUES (1)")
	})
	s.t = t
	for _, conn := range held {
		_ = conn.Close()
	}
}

// A writing statement whose rows are too large for the answer has changed nothing, but in
// a transaction, which is its client's to end.
func TestReturningTooMuch(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.ResponseBytes = 10_000 })
	s.exec("CREATE TABLE p(id INTEGER PRIMARY KEY)", "CREATE TABLE t(a REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)", "PRAGMA foreign_keys=ON")
	const big = "INSERT INTO t VALUES (NULL) RETURNING hex(zeroblob(8000))"
	count := func(want string) {
		t.Helper()
		if r := s.pipeline(nil, sql("SELECT count(*) FROM t"), closeRequest); !strings.Contains(string(r.Results[0]), `"value":"`+want+`"`) {
			t.Errorf("count: %s, want %s", r.Results[0], want)
		}
	}
	for range 2 { // a connection is as good afterwards as before
		if r := s.pipeline(nil, sql(big), closeRequest); !strings.Contains(string(r.Results[0]), "RESPONSE_TOO_LARGE") {
			t.Errorf("execute: %s", r.Results[0])
		}
		count("0")
		if _, _, body := s.post("/v3/cursor", `{"batch":{"steps":[{"stmt":{"sql":`+quote(big)+`}}]}}`); !strings.Contains(body, "RESPONSE_TOO_LARGE") {
			t.Errorf("cursor: %s", body)
		}
		count("0")
	}
	r := s.pipeline(nil, sql("PRAGMA foreign_keys=ON"), sql("INSERT INTO t VALUES (7) RETURNING a"), sql("SELECT count(*) FROM t"), closeRequest)
	if !strings.Contains(string(r.Results[1]), "FOREIGN KEY constraint failed") || !strings.Contains(string(r.Results[2]), `"value":"0"`) {
		t.Errorf("a constraint that the end of the statement finds: %s", r.Results)
	}
	s.exec("INSERT INTO t VALUES (NULL) RETURNING a")
	count("1")
	s.pipeline(nil, sql("BEGIN"), sql(big), sql("COMMIT"), closeRequest)
	count("2")
}

// A row of a cursor has a limit, too, and so have the rows that a writing statement holds
// back.
func TestCursorLimit(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.ResponseBytes = 10_000 })
	s.exec("CREATE TABLE t(a)", "INSERT INTO t VALUES (1), (2), (3), (4)")
	for _, c := range []struct {
		sql      string
		tooLarge bool
	}{
		{"SELECT hex(zeroblob(2000)) FROM t", false}, // 16000 bytes, row by row
		{"SELECT hex(zeroblob(8000))", true},
		{"SELECT zeroblob(200000000)", true},
		{"UPDATE t SET a = a RETURNING hex(zeroblob(1000))", false},
		{"UPDATE t SET a = a RETURNING hex(zeroblob(2000))", true},
	} {
		_, _, body := s.post("/v3/cursor", `{"batch":{"steps":[{"stmt":{"sql":`+quote(c.sql)+`}}]}}`)
		if strings.Contains(body, "RESPONSE_TOO_LARGE") != c.tooLarge || strings.Contains(body, "\n\n") {
			t.Errorf("%s: %.300s", c.sql, body)
		}
	}
}
