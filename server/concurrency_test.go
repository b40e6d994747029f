package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// Writers of every kind and readers at once: nothing is lost, nobody fails.
func TestConcurrentWriters(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.BusyTimeout = 20 * time.Second })
	s.exec("CREATE TABLE n(v INT)", "INSERT INTO n VALUES (0)",
		"CREATE TABLE docs(id INTEGER PRIMARY KEY, e F32_BLOB(3))", "CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))")
	const workers, rounds = 8, 12
	var wg sync.WaitGroup
	fail := func(what string, r reply) {
		for _, x := range r.Results {
			if strings.HasPrefix(string(x), `{"type":"error"`) {
				t.Errorf("%s: %s", what, x)
			}
		}
	}
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				switch w % 3 {
				case 0: // a transaction over several requests
					r := s.pipeline(nil, sql("BEGIN IMMEDIATE"), sql("SELECT v FROM n"))
					fail("begin", r)
					var v int
					_, _ = fmt.Sscan(firstValue(t, r.Results[1]), &v)
					r = s.pipeline(r.Baton, sql(fmt.Sprintf("UPDATE n SET v = %d", v+1)))
					fail("update", r)
					fail("commit", s.pipeline(r.Baton, sql("COMMIT"), closeRequest))
				case 1: // one request
					fail("autocommit", s.pipeline(nil, sql("UPDATE n SET v = v + 1"), closeRequest))
				case 2: // a batch, with vectors, beside readers of the index
					fail("batch", s.pipeline(nil, `{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN IMMEDIATE"}},{"stmt":{"sql":"UPDATE n SET v = v + 1"}},{"stmt":{"sql":"INSERT INTO docs(e) VALUES (vector32('[1,2,`+fmt.Sprint(i)+`]'))"}},{"stmt":{"sql":"COMMIT"}}]}}`, closeRequest))
					fail("search", s.pipeline(nil, sql("SELECT id FROM vector_top_k('docs_vec', '[1,2,3]', 5)"), closeRequest))
				}
			}
		})
	}
	wg.Wait()
	if got, want := s.value("SELECT v FROM n"), fmt.Sprint(workers*rounds); got != want {
		t.Errorf("v is %s, want %s", got, want)
	}
	if got := s.value("SELECT count(*) FROM docs"); got != fmt.Sprint(2*rounds) {
		t.Errorf("%s documents, want %d", got, 2*rounds)
	}
}

// A reader in the middle of its transaction does not hold up a writer, and keeps
// its snapshot.
func TestSlowReader(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.BusyTimeout = 300 * time.Millisecond })
	s.exec("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
	r := s.pipeline(nil, sql("BEGIN"), sql("SELECT count(*) FROM t"))
	for range 20 {
		s.exec("INSERT INTO t VALUES (2)")
	}
	r = s.pipeline(r.Baton, sql("SELECT count(*) FROM t"), closeRequest)
	if got := firstValue(t, r.Results[0]); got != "1" {
		t.Errorf("the reader sees %s rows, want the 1 of its snapshot", got)
	}
	// A writer who does not end keeps the next one waiting, but not for ever.
	w := s.pipeline(nil, sql("BEGIN IMMEDIATE"))
	second := s.pipeline(nil, sql("INSERT INTO t VALUES (3)"), closeRequest)
	if !strings.Contains(string(second.Results[0]), `"SQLite error: database is locked","code":"SQLITE_BUSY"`) {
		t.Errorf("second writer: %s", second.Results[0])
	}
	s.pipeline(w.Baton, closeRequest)
	s.exec("INSERT INTO t VALUES (4)")
}

// A full server says so, and whoever holds a transaction can still end it.
func TestBackpressure(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.Concurrent, c.Limits.Queue = 2, 2
		c.Limits.QueueTimeout = 200 * time.Millisecond
		c.Limits.Streams = 8
		c.Limits.RequestTimeout = 3 * time.Second
	})
	txn := s.pipeline(nil, sql("BEGIN"))
	endless, _ := json.Marshal("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c) SELECT max(i) FROM c")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v2/pipeline", strings.NewReader(`{"requests":[{"type":"execute","stmt":{"sql":`+string(endless)+`}}]}`))
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	status, header, body := s.post("/v2/pipeline", `{"requests":[`+sql("SELECT 1")+`]}`)
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("a full server: %d %q %s, want 503 with Retry-After", status, header.Get("Retry-After"), body)
	}
	s.pipeline(txn.Baton, sql("COMMIT"), closeRequest)
	// When the clients go, their statements stop, long before the time is up.
	cancel()
	wg.Wait()
	start := time.Now()
	for time.Since(start) < 2*time.Second {
		if status, _, _ = s.post("/v2/pipeline", `{"requests":[{"type":"close"}]}`); status == 200 {
			break
		}
	}
	if status != 200 {
		t.Errorf("2 s after the clients went: %d", status)
	}
	// Streams that hold something are limited, too.
	var opened []reply
	for range 8 {
		opened = append(opened, s.pipeline(nil, `{"type":"store_sql","sql_id":1,"sql":"SELECT 1"}`))
	}
	if status, _, _ := s.post("/v2/pipeline", `{"requests":[]}`); status != http.StatusServiceUnavailable {
		t.Errorf("the ninth stream of eight: %d, want 503", status)
	}
	for _, r := range opened {
		s.pipeline(r.Baton, closeRequest)
	}
}

// More tenants than may be open at once.
func TestTenants(t *testing.T) {
	tenants, open, touches := 300, 20, 1500
	if testing.Short() {
		tenants, touches = 60, 200
	}
	s := start(t, func(c *server.Config) {
		c.Dir = t.TempDir()
		c.OpenAdmin = true
		c.Limits.OpenDatabases = open
	})
	for i := range tenants {
		if status, _, body := s.post(fmt.Sprintf("/v1/namespaces/t%d/create", i), ""); status != http.StatusCreated {
			t.Fatalf("create %d: %d %s", i, status, body)
		}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(touches) {
					return
				}
				name := fmt.Sprintf("t%d", (n*7919)%int64(tenants))
				body := `{"requests":[{"type":"sequence","sql":"CREATE TABLE IF NOT EXISTS who(name); INSERT INTO who VALUES ('` + name + `')"},` + sql("SELECT group_concat(DISTINCT name) FROM who") + `,{"type":"close"}]}`
				status, _, answer := s.post("/v2/pipeline", body, "x-namespace", name)
				if status != 200 || !strings.Contains(answer, `"value":"`+name+`"`) {
					t.Errorf("%s: %d %s", name, status, answer)
				}
			}
		})
	}
	wg.Wait()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text := new(strings.Builder)
	if _, err := fmt.Fprint(text, readBody(t, resp)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), fmt.Sprintf("nearlite_open_databases %d\n", open)) {
		t.Errorf("want %d open databases in the metrics", open)
	}
}

// Clients that never close their streams do not keep others out.
func TestForgottenStreams(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.ConnectionsPerDB, c.Limits.Streams = 4, 16
		c.Limits.DetachIdle = 20 * time.Millisecond
	})
	s.exec("CREATE TABLE t(a)")
	held := s.pipeline(nil, sql("BEGIN"), sql("SELECT count(*) FROM t"))
	first := s.pipeline(nil)
	for i := range 60 {
		s.pipeline(nil, sql("SELECT 1"))
		if i%8 == 7 {
			time.Sleep(100 * time.Millisecond)
		}
		if i == 5 {
			s.pipeline(first.Baton, closeRequest) // lost its connection, not its life
		}
	}
	s.pipeline(held.Baton, sql("COMMIT"), closeRequest)
}

// Nor do those that open many at once: the limit of streams is for those that hold
// something.
func TestForgottenStreamsAtOnce(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.ConnectionsPerDB, c.Limits.Streams = 8, 16 })
	s.exec("CREATE TABLE t(a)")
	held := s.pipeline(nil, sql("BEGIN"), sql("SELECT count(*) FROM t"))
	stored := s.pipeline(nil, `{"type":"store_sql","sql_id":1,"sql":"SELECT 42"}`)
	first := s.pipeline(nil, sql("SELECT 1"))
	const cursor = `{"batch":{"steps":[{"stmt":{"sql":"SELECT 1"}}]}}`
	for range 50 {
		s.pipeline(nil, sql("SELECT 1"))
		if status, _, body := s.post("/v3/cursor", cursor); status != 200 || !strings.Contains(body, "step_end") {
			t.Fatalf("cursor: %d %s", status, body)
		}
	}
	s.pipeline(held.Baton, sql("COMMIT"), closeRequest)
	if r := s.pipeline(stored.Baton, `{"type":"execute","stmt":{"sql_id":1}}`, closeRequest); firstValue(t, r.Results[0]) != "42" {
		t.Errorf("stored SQL: %s", r.Results[0])
	}
	if status, _, body := s.post("/v3/pipeline", `{"baton":"`+*first.Baton+`","requests":[]}`); status != 400 || !strings.Contains(body, "STREAM_EXPIRED") {
		t.Errorf("the stream that made room: %d %s", status, body)
	}
}

// What a client made on its connection is not lost unsaid: its stream ends.
func TestLastingStreams(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.DetachIdle = 50 * time.Millisecond })
	for _, text := range []string{"CREATE TEMP TABLE tt AS SELECT 7 AS a", "PRAGMA foreign_keys=OFF", "ATTACH ':memory:' AS m"} {
		r := s.pipeline(nil, sql(text))
		r = s.pipeline(r.Baton, sql("SELECT 1"))
		time.Sleep(200 * time.Millisecond)
		if status, _, body := s.post("/v3/pipeline", `{"baton":"`+*r.Baton+`","requests":[]}`); status != 400 || !strings.Contains(body, "STREAM_EXPIRED") {
			t.Errorf("%s: %d %s", text, status, body)
		}
	}
}

// A database that nobody uses is closed, and opened again when somebody does.
func TestIdleDatabasesClose(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Dir, c.OpenAdmin = t.TempDir(), true
		c.Limits.DatabaseIdle, c.Limits.DetachIdle = 40*time.Millisecond, 20*time.Millisecond
	})
	s.post("/v1/namespaces/default/create", "")
	s.exec("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
	stream := s.pipeline(nil, `{"type":"store_sql","sql_id":1,"sql":"SELECT a FROM t"}`)
	open := func() string {
		resp, err := http.Get(s.url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for _, line := range strings.Split(readBody(t, resp), "\n") {
			if n, ok := strings.CutPrefix(line, "nearlite_open_databases "); ok {
				return n
			}
		}
		return "no metric"
	}
	for n := 0; open() != "0"; n++ {
		if n == 300 {
			t.Fatalf("%s databases are still open", open())
		}
		time.Sleep(10 * time.Millisecond)
	}
	// The stream outlives the connection and the open file.
	r := s.pipeline(stream.Baton, `{"type":"execute","stmt":{"sql_id":1}}`, closeRequest)
	if got := firstValue(t, r.Results[0]); got != "1" {
		t.Errorf("the stream goes on with %s", r.Results[0])
	}
}

// More transactions than there may be connections wait for each other, also while
// streams that idle keep theirs.
func TestMoreStreamsThanConnections(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.ConnectionsPerDB, c.Limits.Concurrent = 3, 2 })
	s.exec("CREATE TABLE t(n)", "INSERT INTO t VALUES (0)")
	for range 3 {
		s.pipeline(nil, sql("SELECT 1"))
	}
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			r := s.pipeline(nil, sql("BEGIN IMMEDIATE"))
			r = s.pipeline(r.Baton, sql("UPDATE t SET n = n + 1"))
			s.pipeline(r.Baton, sql("COMMIT"))
		})
		wg.Go(func() { s.pipeline(nil, sql("SELECT n FROM t")) })
	}
	wg.Wait()
	if got := firstValue(t, s.pipeline(nil, sql("SELECT n FROM t")).Results[0]); got != "24" {
		t.Errorf("n is %s, want 24", got)
	}
}
