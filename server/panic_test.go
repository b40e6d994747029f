package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v3/pipeline", strings.NewReader(body)))
	return rec
}

// A panic below a request that holds the turn to write is answered 500; its
// transaction is undone and the next writer gets the turn.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Config{File: filepath.Join(t.TempDir(), "p.db"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	h := s.Handler()
	post(h, `{"requests":[{"type":"execute","stmt":{"sql":"CREATE TABLE t(a)"}},{"type":"close"}]}`)
	rec := httptest.NewRecorder()
	s.endpoint("test", func(_ http.ResponseWriter, r *http.Request) error {
		return s.onStream(r.Context(), target{database: defaultName}, nil, func(run *runner, _ *stream) (bool, error) {
			for _, text := range []string{"BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"} {
				if _, err := run.execute(nil, &statement{SQL: &text}); err != nil {
					t.Error(err)
				}
			}
			panic("on purpose")
		})
	})(rec, httptest.NewRequest(http.MethodPost, "/", nil))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "on purpose") {
		t.Errorf("%d %s, want 500 without the cause", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "on purpose") || !strings.Contains(log.String(), "panic_test.go") {
		t.Errorf("the log has neither cause nor stack: %s", log.String())
	}
	rec = post(h, `{"requests":[{"type":"execute","stmt":{"sql":"INSERT INTO t VALUES (2)"}},{"type":"execute","stmt":{"sql":"SELECT group_concat(a) FROM t"}},{"type":"close"}]}`)
	if !strings.Contains(rec.Body.String(), `"value":"2"`) {
		t.Errorf("afterwards: %s", rec.Body)
	}
	if n := len(s.gate.slots); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// Slow statements are logged with their plan, and with values only if asked.
func TestSlowLog(t *testing.T) {
	for _, values := range []bool{false, true} {
		var log bytes.Buffer
		s, err := New(Config{
			File: filepath.Join(t.TempDir(), "p.db"), Log: slog.New(slog.NewTextHandler(&log, nil)),
			SlowQuery: time.Nanosecond, LogValues: values,
		})
		if err != nil {
			t.Fatal(err)
		}
		h := s.Handler()
		post(h, `{"requests":[{"type":"execute","stmt":{"sql":"CREATE TABLE t(a)"}},{"type":"execute","stmt":{"sql":"SELECT * FROM t WHERE a = ?","args":[{"type":"text","value":"secret"}]}},{"type":"close"}]}`)
		if got := log.String(); !strings.Contains(got, "SCAN t") || strings.Contains(got, "secret") != values {
			t.Errorf("values %v: %s", values, got)
		}
		log.Reset()
		post(h, `{"requests":[{"type":"sequence","sql":"SELECT 1; SELECT count(*) FROM t WHERE a = 'secret'"},{"type":"close"}]}`)
		if got := log.String(); !strings.Contains(got, "SCAN t") || strings.Contains(got, "secret") != values {
			t.Errorf("sequence, values %v: %s", values, got)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		body, _ := io.ReadAll(rec.Body)
		for _, want := range []string{`nearlite_http_requests_total{kind="pipeline",status="200"} 2`, `nearlite_statements_total{result="ok"} 4`, "nearlite_slow_statements_total 4", "nearlite_open_streams 0", "nearlite_writer_wait_seconds_count", `nearlite_request_seconds_bucket{kind="pipeline"`} {
			if !bytes.Contains(body, []byte(want)) {
				t.Errorf("the metrics have no %s", want)
			}
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// The plan of a statement that was stopped is in the log.
func TestSlowLogOfTheStopped(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Config{
		File: filepath.Join(t.TempDir(), "p.db"), Log: slog.New(slog.NewTextHandler(&log, nil)),
		SlowQuery: time.Millisecond, Limits: Limits{RequestTimeout: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	post(s.Handler(), `{"requests":[{"type":"execute","stmt":{"sql":"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c) SELECT max(i) FROM c"}},{"type":"close"}]}`)
	if got := log.String(); !strings.Contains(got, "SQLITE_INTERRUPT") || !strings.Contains(got, "RECURSIVE STEP") {
		t.Errorf("the log: %s", got)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
