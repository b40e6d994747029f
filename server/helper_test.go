package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/server"
)

// testServer is a server on a loopback port. When the test ends its database must be
// sound.
type testServer struct {
	t   *testing.T
	srv *server.Server
	url string
}

func start(t *testing.T, change func(*server.Config)) *testServer {
	t.Helper()
	c := server.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Synchronous: "normal"}
	if change != nil {
		change(&c)
	}
	if c.File == "" && c.Dir == "" {
		c.File = filepath.Join(t.TempDir(), "test.db")
	}
	srv, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	s := &testServer{t: t, srv: srv, url: web.URL}
	t.Cleanup(func() {
		if c.File != "" && !c.Auth.Required() {
			if got := s.value("PRAGMA integrity_check"); got != "ok" {
				t.Errorf("integrity_check: %v", got)
			}
		}
		web.Close()
		if err := srv.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// reply is an answer of a pipeline.
type reply struct {
	Baton   *string           `json:"baton"`
	Results []json.RawMessage `json:"results"`
}

// post sends a body and returns status, headers and answer.
func (s *testServer) post(path, body string, header ...string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	return s.do(req)
}

func (s *testServer) do(req *http.Request) (int, http.Header, string) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

// pipeline sends requests on a new stream or on that of a baton.
func (s *testServer) pipeline(baton *string, requests ...string) reply {
	s.t.Helper()
	b, err := json.Marshal(baton)
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, body := s.post("/v3/pipeline", `{"baton":`+string(b)+`,"requests":[`+strings.Join(requests, ",")+`]}`)
	if status != http.StatusOK {
		s.t.Fatalf("status %d: %s", status, body)
	}
	var r reply
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	if len(r.Results) != len(requests) {
		s.t.Fatalf("%d results for %d requests", len(r.Results), len(requests))
	}
	return r
}

// result removes what differs from run to run.
func result(raw json.RawMessage) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err.Error()
	}
	strip(v)
	out, _ := json.Marshal(v)
	return string(out)
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "query_duration_ms")
		delete(v, "replication_index")
		for _, x := range v {
			strip(x)
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}

const closeRequest = `{"type":"close"}`

// sql is an execute request without arguments.
func sql(text string) string {
	b, _ := json.Marshal(text)
	return `{"type":"execute","stmt":{"sql":` + string(b) + `}}`
}

// exec runs statements, each of which must succeed.
func (s *testServer) exec(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		r := s.pipeline(nil, sql(text), closeRequest)
		if strings.HasPrefix(string(r.Results[0]), `{"type":"error"`) {
			s.t.Fatalf("%s: %s", text, r.Results[0])
		}
	}
}

// value is the first column of the first row; "" if there is none.
func (s *testServer) value(text string) string {
	s.t.Helper()
	r := s.pipeline(nil, sql(text), closeRequest)
	return firstValue(s.t, r.Results[0])
}

func firstValue(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v struct {
		Type     string
		Error    struct{ Message string }
		Response struct {
			Result struct {
				Rows [][]struct {
					Value any
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if v.Type == "error" {
		return "error: " + v.Error.Message
	}
	if len(v.Response.Result.Rows) == 0 {
		return ""
	}
	switch x := v.Response.Result.Rows[0][0].Value.(type) {
	case string:
		return x
	default:
		b, _ := json.Marshal(x)
		return string(b)
	}
}

// newWeb serves a server until the test ends.
func newWeb(t *testing.T, srv *server.Server) string {
	t.Helper()
	web := httptest.NewServer(srv.Handler())
	t.Cleanup(web.Close)
	return web.URL
}

func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// sqlWith is an execute request with one argument.
func sqlWith(text string, arg []byte) string {
	return `{"type":"execute","stmt":{"sql":` + quote(text) + `,"args":[{"type":"blob","base64":"` + base64.StdEncoding.EncodeToString(arg) + `"}]}}`
}
