package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// FuzzRequests sends any bytes as a body to each endpoint: the answer is never a 500
// and the server answers afterwards.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`{"baton":null,"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"integer","value":"1"}]}},{"type":"close"}]}`,
		`{"requests":[{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN"}},{"condition":{"type":"ok","step":0},"stmt":{"sql":"COMMIT","want_rows":false}}]}}]}`,
		`{"baton":"AAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAA","requests":[]}`,
		`{"requests":[{"type":"store_sql","sql_id":1,"sql":"SELECT :a"},{"type":"describe","sql_id":1},{"type":"execute","stmt":{"sql_id":1,"named_args":[{"name":"a","value":{"type":"blob","base64":"AA"}}]}}]}`,
		`{"requests":[{"type":"sequence","sql":"CREATE TABLE t(a); INSERT INTO t VALUES (1); SELECT vector_top_k; DROP TABLE t"},{"type":"get_autocommit"}]}`,
		`{"batch":{"steps":[{"stmt":{"sql":"SELECT * FROM vector_top_k('x', '[1]', 3)"}},{"condition":{"type":"and","conds":[{"type":"not","cond":{"type":"error","step":0}},{"type":"is_autocommit"}]},"stmt":{"sql":"SELECT 1"}}]}}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT vector32(?)","args":[{"type":"text","value":"[1,nan,1e99]"}]}},{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"float","value":-0.0}]}}]}`,
		"{", "[[[[[[", "\xff\xfe", strings.Repeat(`{"requests":[`, 500),
	} {
		f.Add([]byte(seed), uint8(len(seed)))
	}
	srv, err := server.New(server.Config{
		File: filepath.Join(f.TempDir(), "fuzz.db"), Synchronous: "normal", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Limits: server.Limits{RequestTimeout: 2 * time.Second, BusyTimeout: 100 * time.Millisecond, TransactionIdle: 50 * time.Millisecond, StreamIdle: 50 * time.Millisecond, ResponseBytes: 1 << 20, Streams: 1 << 20},
	})
	if err != nil {
		f.Fatal(err)
	}
	handler := srv.Handler()
	paths := []string{"/v2/pipeline", "/v3/pipeline", "/v3/cursor"}
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, paths[int(which)%len(paths)], strings.NewReader(string(body))))
		switch rec.Code {
		case 200, 400, 413, 503:
		default:
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
		var check *httptest.ResponseRecorder
		for range 200 {
			check = httptest.NewRecorder()
			handler.ServeHTTP(check, httptest.NewRequest(http.MethodPost, "/v2/pipeline", strings.NewReader(`{"requests":[{"type":"execute","stmt":{"sql":"SELECT 'alive'"}},{"type":"close"}]}`)))
			if check.Code != 503 {
				break
			}
			time.Sleep(10 * time.Millisecond) // until transactions that nobody ends expire
		}
		if !strings.Contains(check.Body.String(), "alive") {
			t.Fatalf("afterwards: %d %s", check.Code, check.Body)
		}
	})
}

// FuzzStatements sends any SQL with any argument.
func FuzzStatements(f *testing.F) {
	for _, seed := range []string{
		"SELECT 1", "CREATE TABLE t(a)", "BEGIN READONLY", "begin transaction readonly;", "ATTACH 'x' AS y", "VACUUM", "PRAGMA x", "EXPLAIN SELECT 1",
		"CREATE INDEX i ON t(libsql_vector_idx(a))", "SELECT nope(1)", "INSERT INTO t VALUES (?1) RETURNING a", "WITH x AS (SELECT 1) SELECT * FROM x", "-- c", "/*", "'", "SAVEPOINT s", "REINDEX", "SELECT hnsw_stats('x')",
		"CREATE VIRTUAL TABLE v USING hnsw(t, a)", "DROP TABLE t", "ALTER TABLE t ALTER COLUMN a TO a TEXT",
		"CREATE VIRTUAL TABLE f USING fts5(a, content='t')", "INSERT INTO f VALUES (?1)", "SELECT highlight(f, 0, 'x', ?1), bm25(f) FROM f WHERE f MATCH ?1", "SELECT fts5(?1)", "SELECT * FROM f(?1)",
		"CREATE VIRTUAL TABLE r USING rtree(id, a, b)", "INSERT INTO r VALUES (1, ?1, 2)", "SELECT * FROM r WHERE id MATCH ?1", "SELECT rtreenode(2, ?1), rtreedepth(?1), geopoly_blob(?1)",
	} {
		f.Add(seed, []byte("[1,2]"))
	}
	srv, err := server.New(server.Config{
		File: filepath.Join(f.TempDir(), "fuzz.db"), Synchronous: "normal", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Limits: server.Limits{RequestTimeout: 2 * time.Second, BusyTimeout: 100 * time.Millisecond, ResponseBytes: 1 << 20},
	})
	if err != nil {
		f.Fatal(err)
	}
	handler := srv.Handler()
	f.Fuzz(func(t *testing.T, text string, arg []byte) {
		body := `{"requests":[` + sqlWith(text, arg) + `,{"type":"describe","sql":` + quote(text) + `},{"type":"sequence","sql":` + quote(text) + `},{"type":"close"}]}`
		rec := httptest.NewRecorder()
		stuck := time.AfterFunc(10*time.Second, func() { panic("10 s after its limit of 2 s a request still runs: " + text) })
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v3/pipeline", strings.NewReader(body)))
		stuck.Stop()
		if rec.Code != 200 {
			t.Fatalf("%q: status %d: %s", text, rec.Code, rec.Body)
		}
	})
}
