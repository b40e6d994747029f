package server_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

func readBody(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *testServer) admin(method, path, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, answer := s.do(req)
	return status, answer
}

// How a request names its database.
func TestNamespaces(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Dir = t.TempDir(); c.OpenAdmin = true })
	for _, name := range []string{"a", "b", "default"} {
		if status, body := s.admin("POST", "/v1/namespaces/"+name+"/create", ""); status != 201 {
			t.Fatalf("create %s: %d %s", name, status, body)
		}
		status, _, body := s.post("/db/"+name+"/v2/pipeline", `{"requests":[{"type":"sequence","sql":"CREATE TABLE who(n); INSERT INTO who VALUES ('is-`+name+`')"},{"type":"close"}]}`)
		if status != 200 || strings.Contains(body, "error") {
			t.Fatalf("%s: %d %s", name, status, body)
		}
	}
	ask := `{"requests":[` + sql("SELECT n FROM who") + `,{"type":"close"}]}`
	for _, c := range []struct {
		name, path string
		header     []string
		want       string
		status     int
	}{
		{"Path", "/db/a/v2/pipeline", nil, "is-a", 200},
		{"Header", "/v2/pipeline", []string{"x-namespace", "b"}, "is-b", 200},
		{"Host", "/v2/pipeline", []string{"Host", "a.example.com:8080"}, "is-a", 200},
		{"PathBeforeHeader", "/db/a/v2/pipeline", []string{"x-namespace", "b"}, "is-a", 200},
		{"HeaderBeforeHost", "/v2/pipeline", []string{"x-namespace", "b", "Host", "a.example.com"}, "is-b", 200},
		{"Default", "/v2/pipeline", nil, "is-default", 200},
		{"DefaultOnLocalhost", "/v2/pipeline", []string{"Host", "localhost:80"}, "is-default", 200},
		{"Unknown", "/db/c/v2/pipeline", nil, "NAMESPACE_DOESNT_EXIST", 404},
		{"Traversal", "/db/..%2fa/v2/pipeline", nil, "", 404},
		{"UpperCase", "/v2/pipeline", []string{"x-namespace", "A"}, "", 400},
		{"Dots", "/v2/pipeline", []string{"x-namespace", "../a"}, "", 400},
		{"Joined", "/db/a//v2/pipeline", nil, "is-a", 200},
		{"Dotted", "/db/a/./v2/pipeline", nil, "is-a", 200},
		{"Up", "/db/a/../b/v2/pipeline", nil, "", 404},
		{"NoSlash", "/db/v2/pipeline", nil, "ends with a slash", 404},
		{"Long", "/v2/pipeline", []string{"x-namespace", strings.Repeat("a", 64)}, "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			if status, _, body := s.post(c.path, ask, c.header...); status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s, want %d with %q", status, body, c.status, c.want)
			}
		})
	}
	s.t = t
	if w := s.dial(t, "/db/b", "hrana3"); true {
		w.ask(`{"type":"hello"}`)
		w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
		if got := w.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"SELECT n FROM who"}}}`); !strings.Contains(got, "is-b") {
			t.Errorf("WebSocket to b: %s", got)
		}
	}
}

func TestAdmin(t *testing.T) {
	dir := t.TempDir()
	s := start(t, func(c *server.Config) { c.Dir = dir; c.OpenAdmin = true; c.Limits.TransactionIdle = time.Minute })
	want := func(method, path, body string, status int, text string) string {
		t.Helper()
		got, answer := s.admin(method, path, body)
		if got != status || !strings.Contains(answer, text) {
			t.Errorf("%s %s: %d %.200s, want %d with %q", method, path, got, answer, status, text)
		}
		return answer
	}
	want("GET", "/v1/namespaces", "", 200, `{"namespaces":[]}`)
	want("POST", "/v1/namespaces/x/create", "", 201, "")
	want("POST", "/v1/namespaces/x/create", "", 409, "NAMESPACE_ALREADY_EXISTS")
	want("POST", "/v1/namespaces/-x/create", "", 400, "not valid")
	want("POST", "/v1/namespaces/..%2Fx/create", "", 400, "not valid")
	want("GET", "/v1/namespaces", "", 200, `{"namespaces":["x"]}`)
	run := func(sqls ...string) string {
		t.Helper()
		_, _, body := s.post("/db/x/v3/pipeline", `{"requests":[`+sql(sqls[0])+`,{"type":"close"}]}`)
		return body
	}
	run("CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(2))")
	run("CREATE INDEX t_vec ON t(libsql_vector_idx(e))")
	run("INSERT INTO t(e) VALUES (vector32('[1,2]')), (vector32('[2,1]'))")
	want("GET", "/v1/namespaces/x/stats", "", 200, `"pages":`)
	// The copy is taken while a writer is in the middle of its work.
	_, _, body := s.post("/db/x/v3/pipeline", `{"requests":[`+sql("BEGIN IMMEDIATE")+`,`+sql("DELETE FROM t")+`]}`)
	copied := want("GET", "/v1/namespaces/x/backup", "", 200, "SQLite format 3")
	if !strings.Contains(body, `"affected_row_count":2`) {
		t.Errorf("the writer: %s", body)
	}
	want("POST", "/v1/namespaces/y/create", "", 201, "")
	want("POST", "/v1/namespaces/y/restore", copied, 200, "restored")
	_, _, body = s.post("/db/y/v3/pipeline", `{"requests":[`+sql("SELECT count(*) FROM vector_top_k('t_vec', '[1,2]', 9)")+`,{"type":"close"}]}`)
	if !strings.Contains(body, `"value":"2"`) {
		t.Errorf("the restored index: %s", body)
	}
	// Restoring ends the streams and undoes the writer.
	want("POST", "/v1/namespaces/x/restore", copied, 200, "restored")
	if body := run("SELECT count(*) FROM t"); !strings.Contains(body, `"value":"2"`) {
		t.Errorf("after the restore: %s", body)
	}
	want("POST", "/v1/namespaces/x/restore", "this is no database", 400, "not a sound database")
	want("POST", "/v1/namespaces/x/restore", copied[:len(copied)-5000], 400, "not a sound database")
	if body := run("SELECT count(*) FROM t"); !strings.Contains(body, `"value":"2"`) {
		t.Errorf("after refused restores: %s", body)
	}
	want("DELETE", "/v1/namespaces/x", "", 200, "deleted")
	want("DELETE", "/v1/namespaces/x", "", 404, "NAMESPACE_DOESNT_EXIST")
	want("GET", "/v1/namespaces/x/backup", "", 404, "NAMESPACE_DOESNT_EXIST")
	left, err := filepath.Glob(filepath.Join(dir, "*x*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".restore-*")); len(hidden) > 0 {
		t.Errorf("uploads are left: %v", hidden)
	}
}

// Without a token the admin API is for the machine itself, and not for the pages of
// other sites in its browser.
func TestAdminClosed(t *testing.T) {
	dir := t.TempDir()
	s := start(t, func(c *server.Config) { c.Dir = dir })
	if status, _ := s.admin("GET", "/v1/namespaces", ""); status != http.StatusForbidden {
		t.Errorf("%d, want 403", status)
	}
	s = start(t, func(c *server.Config) { c.Dir = t.TempDir(); c.OpenAdmin = true })
	if status, _, _ := s.post("/v1/namespaces/evil/create", "", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("from another origin: %d, want 403", status)
	}
	// A name of another site that points here: browsers send no Origin with such a GET.
	for host, want := range map[string]int{"evil.example": 403, "evil.example:80": 403, "localhost:1": 200, "[::1]:1": 200, "x.localhost": 200} {
		req, err := http.NewRequest(http.MethodGet, s.url+"/v1/namespaces", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if status, _, _ := s.do(req); status != want {
			t.Errorf("host %s: %d, want %d", host, status, want)
		}
	}
	one := start(t, func(c *server.Config) { c.OpenAdmin = true })
	if status, _ := one.admin("DELETE", "/v1/namespaces/default", ""); status != 400 {
		t.Errorf("delete of the one file: %d, want 400", status)
	}
}

// A stopped server leaves one file with everything in it.
func TestCloseCheckpoints(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.db")
	srv, err := server.New(server.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, srv: srv}
	web := newWeb(t, srv)
	s.url = web
	s.exec("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
	s.pipeline(nil, sql("BEGIN IMMEDIATE"), sql("INSERT INTO t VALUES (2)"))
	if err := srv.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the write-ahead log is left")
	}
	if status, _, _ := s.post("/v2/pipeline", `{"requests":[`+sql("SELECT 1")+`]}`); status != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d, want 503", status)
	}
	srv2, err := server.New(server.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defer srv2.Close(t.Context())
	s.url = newWeb(t, srv2)
	if got := s.value("SELECT group_concat(a) FROM t"); got != "1" {
		t.Errorf("rows %q, want 1", got)
	}
}

// Restoring and deleting wait for nobody who idles, and change nothing while somebody works.
func TestExclusive(t *testing.T) {
	dir := t.TempDir()
	s := start(t, func(c *server.Config) { c.Dir = dir; c.OpenAdmin = true })
	s.admin("POST", "/v1/namespaces/x/create", "")
	ask := func(w *socket, text string) string {
		return w.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":` + quote(text) + `}}}`)
	}
	dial := func() *socket {
		w := s.dial(t, "/db/x/", "hrana3")
		w.ask(`{"type":"hello"}`)
		w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
		return w
	}
	idle, inTransaction := dial(), dial()
	ask(idle, "CREATE TABLE t(a)")
	ask(idle, "INSERT INTO t VALUES (1)")
	_, copied := s.admin("GET", "/v1/namespaces/x/backup", "")
	ask(inTransaction, "BEGIN")
	ask(inTransaction, "INSERT INTO t VALUES (2)")
	begin := time.Now()
	if status, body := s.admin("POST", "/v1/namespaces/x/restore", copied); status != 200 || time.Since(begin) > 8*time.Second {
		t.Fatalf("restore beside idle WebSockets: %d %s after %s", status, body, time.Since(begin))
	}
	if got := ask(idle, "SELECT count(*) FROM t"); !strings.Contains(got, `"value":"1"`) {
		t.Errorf("after the restore: %s", got)
	}
	if got := ask(inTransaction, "COMMIT"); !strings.Contains(got, "STREAM_EXPIRED") {
		t.Errorf("the transaction: %s", got)
	}
	// What is no database is none in the eyes of its users either.
	if status, body := s.admin("POST", "/v1/namespaces/x/restore", ""); status != 400 || !strings.Contains(body, "empty") {
		t.Errorf("restore of nothing: %d %s", status, body)
	}
	if _, body := s.admin("POST", "/v1/namespaces/x/restore", strings.Repeat("x", 5000)); strings.Contains(body, dir) || strings.Contains(body, ".restore") {
		t.Errorf("a path of the server: %s", body)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.post("/db/folder/v2/pipeline", `{"requests":[]}`); status != 404 {
		t.Errorf("a folder: %d %s", status, body)
	}
	// A client that gives up waiting leaves all as it was: who works, works on the same file,
	// and the next one has to wait for them again.
	worker := dial()
	worker.send(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 200000) INSERT INTO t SELECT max(i) FROM c"}}}`)
	for s.metric("nearlite_running_requests") == "0" {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.url+"/v1/namespaces/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Logf("the statement was faster than the client: %s", resp.Status)
		return
	}
	if got, err := worker.receive(); err != nil || !strings.Contains(got, "response_ok") {
		t.Fatalf("the worker: %s %v", got, err)
	}
	if got := ask(idle, "SELECT count(*) FROM t"); !strings.Contains(got, `"value":"2"`) {
		t.Errorf("after a delete that gave up: %s", got)
	}
	if status, body := s.admin("DELETE", "/v1/namespaces/x", ""); status != 200 {
		t.Errorf("delete: %d %s", status, body)
	}
	if got := ask(idle, "SELECT 1"); !strings.Contains(got, "NAMESPACE_DOESNT_EXIST") {
		t.Errorf("after the delete: %s", got)
	}
}
