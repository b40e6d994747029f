package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// A transaction ends when it is open for too long, however busy its client is, and
// others can write.
func TestTransactionLife(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits = server.Limits{TransactionLife: 300 * time.Millisecond, TransactionIdle: time.Hour, BusyTimeout: 20 * time.Second}
	})
	s.exec("CREATE TABLE t(a)")
	r := s.pipeline(nil, sql("BEGIN IMMEDIATE"), sql("INSERT INTO t VALUES (1)"))
	for deadline := time.Now().Add(20 * time.Second); ; {
		b, err := json.Marshal(r.Baton)
		if err != nil {
			t.Fatal(err)
		}
		status, _, body := s.post("/v3/pipeline", `{"baton":`+string(b)+`,"requests":[`+sql("SELECT 1")+`]}`)
		if status != http.StatusOK {
			if !strings.Contains(body, "STREAM_EXPIRED") {
				t.Errorf("status %d: %s", status, body)
			}
			break
		}
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the transaction lives on")
		}
	}
	s.exec("INSERT INTO t VALUES (2)")
	if got := s.value("SELECT group_concat(a) FROM t"); got != "2" {
		t.Errorf("rows %s, want 2: the transaction is undone", got)
	}

	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello","jwt":null}`)
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	ask := func(id int, text string) string {
		return w.ask(fmt.Sprintf(`{"type":"request","request_id":%d,"request":{"type":"execute","stream_id":1,"stmt":{"sql":%s}}}`, id, quote(text)))
	}
	ask(2, "BEGIN IMMEDIATE")
	ask(3, "INSERT INTO t VALUES (3)")
	for i, deadline := 4, time.Now().Add(20*time.Second); ; i++ {
		if got := ask(i, "SELECT 1"); !strings.Contains(got, "response_ok") {
			if !strings.Contains(got, "STREAM_EXPIRED") {
				t.Errorf("got %s", got)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the transaction lives on")
		}
	}
	s.exec("INSERT INTO t VALUES (4)")
	if got := s.value("SELECT group_concat(a) FROM t"); got != "2,4" {
		t.Errorf("rows %s, want 2,4", got)
	}
}
