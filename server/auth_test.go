package server_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/nearlite/nearlite/server"
)

func sign(t *testing.T, key ed25519.PrivateKey, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Every kind of token against every kind of request: only what should pass passes.
func TestAuthMatrix(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name+".db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const staticRW, staticRO, staticAdmin = "static-token-for-writing", "static-token-for-reading", "static-token-for-admins"
	s := start(t, func(c *server.Config) {
		c.Dir = dir
		c.Auth = server.Auth{Keys: []ed25519.PublicKey{pub}, Tokens: []server.Token{
			{Secret: staticRW, Access: server.ReadWrite, Databases: []string{"a"}},
			{Secret: staticRO, Access: server.ReadOnly},
			{Secret: staticAdmin, Access: server.Admin},
		}}
	})
	hour := time.Now().Add(time.Hour).Unix()
	hs, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"a": "rw"}).SignedString([]byte(pub))
	if err != nil {
		t.Fatal(err)
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"a": "rw"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	const no, ro, rw, admin = 0, 1, 2, 3
	tokens := []struct {
		name, token string
		access      int
	}{
		{"None", "", no},
		{"Wrong", "wrong-token-wrong-token", no},
		{"PrefixOfRight", staticRW[:len(staticRW)-1], no},
		{"OtherKey", sign(t, otherKey, jwt.MapClaims{"a": "rw"}), no},
		{"Expired", sign(t, key, jwt.MapClaims{"a": "rw", "exp": time.Now().Add(-time.Minute).Unix()}), no},
		{"NotYet", sign(t, key, jwt.MapClaims{"a": "rw", "nbf": hour}), no},
		{"SymmetricWithPublicKey", hs, no},
		{"AlgorithmNone", none, no},
		{"UnknownAccess", sign(t, key, jwt.MapClaims{"a": "all"}), no},
		{"OtherNamespaceID", sign(t, key, jwt.MapClaims{"a": "rw", "id": "b"}), no},
		{"OtherNamespaceNS", sign(t, key, jwt.MapClaims{"a": "rw", "ns": []string{"b", "c"}}), no},
		{"OtherNamespaceP", sign(t, key, jwt.MapClaims{"p": map[string]any{"rw": map[string]any{"ns": []string{"b"}}}}), no},
		{"ReadOnly", sign(t, key, jwt.MapClaims{"a": "ro", "exp": hour}), ro},
		{"ReadOnlyP", sign(t, key, jwt.MapClaims{"p": map[string]any{"ro": map[string]any{"ns": []string{"a"}}, "rw": map[string]any{"ns": []string{"b"}}}}), ro},
		{"StaticReadOnly", staticRO, ro},
		{"Good", sign(t, key, jwt.MapClaims{"a": "rw", "exp": hour}), rw},
		{"GoodID", sign(t, key, jwt.MapClaims{"a": "rw", "id": "a"}), rw},
		{"NoAccessClaim", sign(t, key, jwt.MapClaims{}), rw},
		{"Static", staticRW, rw},
		{"StaticAdmin", staticAdmin, admin},
		{"Admin", sign(t, key, jwt.MapClaims{"a": "admin"}), admin},
	}
	bearerOf := func(token string) []string {
		if token == "" {
			return nil
		}
		return []string{"Authorization", "Bearer " + token}
	}
	// pass says that the SQL ran, refuse that the request was refused as a whole.
	post := func(path, body string) func(*testing.T, string) bool {
		return func(t *testing.T, token string) bool {
			s.t = t
			status, _, answer := s.post("/db/a"+path, body, bearerOf(token)...)
			if status == http.StatusUnauthorized || status == http.StatusForbidden {
				return false
			}
			if status != http.StatusOK {
				t.Errorf("status %d: %s", status, answer)
			}
			return !strings.Contains(answer, "SQLITE_READONLY")
		}
	}
	batchOf := func(text string) string { return `{"steps":[{"stmt":{"sql":"` + text + `"}}]}` }
	requests := []struct {
		name string
		need int
		run  func(*testing.T, string) bool
	}{
		{"read", ro, post("/v2/pipeline", `{"requests":[`+sql("SELECT 1")+`,{"type":"close"}]}`)},
		{"write", rw, post("/v2/pipeline", `{"requests":[`+sql("CREATE TABLE IF NOT EXISTS t1(a)")+`,{"type":"close"}]}`)},
		{"begin immediate", rw, post("/v3/pipeline", `{"requests":[`+sql("BEGIN IMMEDIATE")+`,{"type":"close"}]}`)},
		{"temp table", rw, post("/v3/pipeline", `{"requests":[`+sql("CREATE TEMP TABLE t2(a)")+`,{"type":"close"}]}`)},
		{"user_version", rw, post("/v3/pipeline", `{"requests":[`+sql("PRAGMA user_version=5")+`,{"type":"close"}]}`)},
		{"vacuum", rw, post("/v3/pipeline", `{"requests":[`+sql("VACUUM")+`,{"type":"close"}]}`)},
		{"describe", ro, post("/v3/pipeline", `{"requests":[{"type":"describe","sql":"SELECT 1"},{"type":"close"}]}`)},
		{"sequence", rw, post("/v3/pipeline", `{"requests":[{"type":"sequence","sql":"SELECT 1; CREATE TABLE IF NOT EXISTS t3(a)"},{"type":"close"}]}`)},
		{"batch read", ro, post("/v3/pipeline", `{"requests":[{"type":"batch","batch":`+batchOf("SELECT 1")+`},{"type":"close"}]}`)},
		{"batch write", rw, post("/v3/pipeline", `{"requests":[{"type":"batch","batch":`+batchOf("CREATE TABLE IF NOT EXISTS t4(a)")+`},{"type":"close"}]}`)},
		{"cursor read", ro, post("/v3/cursor", `{"batch":`+batchOf("SELECT 1")+`}`)},
		{"cursor write", rw, post("/v3/cursor", `{"batch":`+batchOf("CREATE TABLE IF NOT EXISTS t5(a)")+`}`)},
		{"websocket read", ro, func(t *testing.T, token string) bool { return s.webSocketRuns(t, "/db/a", token, "SELECT 1") }},
		{"websocket write", rw, func(t *testing.T, token string) bool {
			return s.webSocketRuns(t, "/db/a", token, "CREATE TABLE IF NOT EXISTS t6(a)")
		}},
		{"admin list", admin, func(t *testing.T, token string) bool { return s.get(t, "/v1/namespaces", token) }},
		{"admin stats", admin, func(t *testing.T, token string) bool { return s.get(t, "/v1/namespaces/a/stats", token) }},
		{"admin backup", admin, func(t *testing.T, token string) bool { return s.get(t, "/v1/namespaces/a/backup", token) }},
		{"metrics", admin, func(t *testing.T, token string) bool { return s.get(t, "/metrics", token) }},
		{"health", no, func(t *testing.T, token string) bool { return s.get(t, "/health", token) }},
	}
	for _, tok := range tokens {
		for _, r := range requests {
			t.Run(tok.name+"/"+r.name, func(t *testing.T) {
				if got, want := r.run(t, tok.token), tok.access >= r.need; got != want {
					t.Errorf("passes: %v, want %v", got, want)
				}
			})
		}
	}
	s.t = t
	// A baton does not carry more than the token it was made with.
	_, _, body := s.post("/db/a/v3/pipeline", `{"requests":[`+sql("BEGIN")+`]}`, bearerOf(staticRW)...)
	var made reply
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.Baton == nil {
		t.Fatal(body)
	}
	for _, c := range []struct {
		path, token string
		want        int
	}{{"/db/a", staticRO, 400}, {"/db/b", staticAdmin, 400}, {"/db/a", "", 401}, {"/db/a", staticRW, 200}} {
		if status, _, _ := s.post(c.path+"/v3/pipeline", `{"baton":"`+*made.Baton+`","requests":[]}`, bearerOf(c.token)...); status != c.want {
			t.Errorf("the baton at %s with %q: %d, want %d", c.path, c.token, status, c.want)
		}
	}
	// New rules hold at once.
	s.srv.SetAuth(server.Auth{Tokens: []server.Token{{Secret: staticAdmin, Access: server.Admin}}})
	if status, _, _ := s.post("/db/a/v3/pipeline", `{"requests":[]}`, bearerOf(staticRW)...); status != 401 {
		t.Errorf("a token that was taken away: %d, want 401", status)
	}
}

// get reports whether a GET is permitted.
func (s *testServer) get(t *testing.T, path, token string) bool {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	s.t = t
	status, _, body := s.do(req)
	if status != 200 && status != 401 && status != 403 {
		t.Errorf("%s: %d %s", path, status, body)
	}
	return status == 200
}

// socket is a WebSocket client that waits for each answer.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *testServer) dial(t *testing.T, path, protocol string) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+path, &websocket.DialOptions{Subprotocols: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t, conn}
}

func (w *socket) send(message string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if err := w.conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *socket) receive() (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := w.conn.Read(ctx)
	if err != nil {
		return "", err
	}
	return result(data), nil
}

// ask sends a message and returns the next answer.
func (w *socket) ask(message string) string {
	w.t.Helper()
	w.send(message)
	got, err := w.receive()
	if err != nil {
		w.t.Fatalf("after %s: %v", message, err)
	}
	return got
}

func (s *testServer) webSocketRuns(t *testing.T, path, token, text string) bool {
	t.Helper()
	w := s.dial(t, path, "hrana3")
	hello := `{"type":"hello","jwt":null}`
	if token != "" {
		hello = `{"type":"hello","jwt":"` + token + `"}`
	}
	if got := w.ask(hello); !strings.Contains(got, "hello_ok") {
		// Without a greeting nothing is answered.
		w.send(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
		if got, err := w.receive(); err == nil {
			t.Errorf("a refused client got %s", got)
		}
		return false
	}
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	got := w.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"` + text + `"}}}`)
	return strings.Contains(got, "response_ok")
}

// A read-only token searches every kind of index, and changes none.
func TestReadOnlySearches(t *testing.T) {
	const writer, reader = "token-of-the-writer", "token-of-the-reader"
	s := start(t, func(c *server.Config) {
		c.Auth = server.Auth{Tokens: []server.Token{{Secret: writer, Access: server.ReadWrite}, {Secret: reader, Access: server.ReadOnly}}}
	})
	run := func(token, text string) string {
		t.Helper()
		status, _, body := s.post("/v3/pipeline", `{"requests":[`+sql(text)+`,{"type":"close"}]}`, "Authorization", "Bearer "+token)
		if status != 200 {
			t.Fatalf("%s: %d %s", text, status, body)
		}
		var r reply
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		return firstValue(t, r.Results[0])
	}
	for _, text := range []string{
		"CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, e F32_BLOB(2))",
		"CREATE INDEX docs_idx ON docs(libsql_vector_idx(e))",
		"CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, e)",
		"CREATE VIRTUAL TABLE docs_text USING lexical(docs, title)",
		"CREATE VIRTUAL TABLE docs_fts USING fts5(title, content='docs', content_rowid='id')",
		"CREATE TRIGGER docs_fts_insert AFTER INSERT ON docs BEGIN INSERT INTO docs_fts(rowid, title) VALUES (new.id, new.title); END",
		"CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)", "INSERT INTO boxes VALUES (7, 1, 2)", "CREATE TABLE my_node(a)",
		"INSERT INTO docs(title, e) VALUES ('red boat', vector32('[1,0]')), ('blue sea', vector32('[0,1]'))",
	} {
		if got := run(writer, text); got != "" {
			t.Fatalf("%s: %s", text, got)
		}
	}
	for text, want := range map[string]string{
		"SELECT count(*) FROM vector_top_k('docs_idx', '[1,0]', 5)":                           "2",
		"SELECT id FROM vector_search('docs_vec', '[0,1]', 1, 'title LIKE ?1', '[\"%sea\"]')": "2",
		"SELECT rowid FROM docs_vec WHERE vector MATCH '[1,0]' AND k = 1":                     "1",
		"SELECT rowid FROM docs_text WHERE docs_text MATCH 'boat'":                            "1",
		"SELECT id FROM lexical_search('docs_text', 'sea', 1)":                                "2",
		"SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'boat', '[1,0]', 1)":           "1",
		"SELECT json_extract(hnsw_stats('docs_vec'), '$.rows')":                               "2",
		"SELECT highlight(docs_fts, 0, '<', '>') FROM docs_fts WHERE docs_fts MATCH 'sea'":    "blue <sea>",
		"SELECT id FROM boxes WHERE low < 3":                                                  "7",
		"INSERT INTO my_node VALUES (1)":                                                      "error: SQLite error: attempt to write a readonly database",
		"DELETE FROM boxes":                                                                   "error: SQLite error: attempt to write a readonly database",
		"INSERT INTO docs_fts(docs_fts) VALUES ('rebuild')":                                   "error: SQLite error: attempt to write a readonly database",
		"PRAGMA integrity_check":                                                              "ok",
		"INSERT INTO docs_vec(docs_vec) VALUES ('rebuild')":                                   "error: SQLite error: attempt to write a readonly database",
		"INSERT INTO docs(title) VALUES ('x')":                                                "error: SQLite error: attempt to write a readonly database",
		"DROP INDEX docs_idx":                                                                 "error: SQLite error: attempt to write a readonly database",
		"REINDEX":                                                                             "error: SQLite error: attempt to write a readonly database",
		"ANALYZE":                                                                             "error: SQLite error: attempt to write a readonly database",
		"PRAGMA query_only=0":                                                                 "error: SQLite error: PRAGMA query_only with a value is not allowed on this server",
		"PRAGMA query_only":                                                                   "1",
		"DELETE FROM docs_vec_links":                                                          "error: SQLite error: attempt to write a readonly database",
	} {
		if got := run(reader, text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	// Nobody writes the inner tables of an index.
	for _, table := range []string{"docs_vec_links", "docs_fts_data"} {
		if got := run(writer, "DELETE FROM "+table); !strings.Contains(got, "may not be modified") {
			t.Errorf("inner table %s: %s", table, got)
		}
	}
	if got := run(writer, "SELECT count(*) FROM docs"); got != "2" {
		t.Errorf("%s rows, want 2", got)
	}
}

func TestParseKeyAndTokens(t *testing.T) {
	for _, text := range []string{"", "abc", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", strings.Repeat("A", 44)} {
		if _, err := server.ParseKey([]byte(text)); err == nil {
			t.Errorf("ParseKey accepts %q", text)
		}
	}
	pemKey := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	fromPEM, err := server.ParseKey([]byte(pemKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE", "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"} {
		if key, err := server.ParseKey([]byte(text)); err != nil || !key.Equal(fromPEM) {
			t.Errorf("ParseKey(%q): %v %v", text, key, err)
		}
	}
	got, err := server.ParseTokens("# comment\n\n0123456789abcdef\n0123456789abcdeg ro\n0123456789abcdeh admin a,b\n")
	if err != nil || len(got) != 3 || got[0].Access != server.ReadWrite || got[1].Access != server.ReadOnly || got[2].Access != server.Admin || len(got[2].Databases) != 2 {
		t.Errorf("ParseTokens: %v %v", got, err)
	}
	for _, text := range []string{"", "short", "0123456789abcdef write", "0123456789abcdef rw a b"} {
		if _, err := server.ParseTokens(text); err == nil {
			t.Errorf("ParseTokens accepts %q", text)
		}
	}
}

// A WebSocket that is open does not outlive the token it came with; a second hello brings
// another.
func TestWebSocketTokenEnds(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const static, limited = "static-token-for-writing", "static-token-for-one-of-all"
	rules := server.Auth{Keys: []ed25519.PublicKey{pub}, Tokens: []server.Token{{Secret: static, Access: server.ReadWrite}, {Secret: limited, Access: server.Admin, Databases: []string{"default"}}}}
	s := start(t, func(c *server.Config) { c.Auth = rules })
	open := func(token string) *socket {
		w := s.dial(t, "/", "hrana3")
		w.ask(`{"type":"hello","jwt":"` + token + `"}`)
		w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
		return w
	}
	const one = `{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"SELECT 1"}}}`
	want := func(w *socket, text string) {
		t.Helper()
		if got := w.ask(one); !strings.Contains(got, text) {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	expiry := time.Now().Add(2 * time.Second).Truncate(time.Second)
	expires, stays := open(sign(t, key, jwt.MapClaims{"exp": expiry.Unix()})), open(static)
	if time.Now().Before(expiry) {
		want(expires, "response_ok")
	}
	time.Sleep(time.Until(expiry))
	want(expires, "AUTH_TOKEN_INVALID")
	expires.ask(`{"type":"hello","jwt":"` + sign(t, key, jwt.MapClaims{}) + `"}`)
	want(expires, "response_ok")
	want(stays, "response_ok")
	rules.Tokens = rules.Tokens[1:]
	s.srv.SetAuth(rules)
	want(stays, "AUTH_TOKEN_INVALID")
	want(expires, "response_ok")
	// The metrics tell of all databases.
	req, err := http.NewRequest(http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+limited)
	if status, _, _ := s.do(req); status != http.StatusForbidden {
		t.Errorf("metrics for the administrator of one database: %d, want 403", status)
	}
}
