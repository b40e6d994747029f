package server_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/server"
)

// The metrics show the searches of the process and the indexes of open databases.
func TestIndexMetrics(t *testing.T) {
	s := start(t, func(c *server.Config) { c.File = filepath.Join(t.TempDir(), "sizes.db") })
	s.exec(
		"CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, e F32_BLOB(2))",
		"INSERT INTO docs(title, e) VALUES ('red boat', vector32('[1,0]')), ('blue sea', vector32('[0,1]'))",
		"CREATE INDEX docs_idx ON docs(libsql_vector_idx(e))",
		"CREATE VIRTUAL TABLE docs_text USING lexical(docs, title)",
		"INSERT INTO docs(title, e) VALUES ('sand', vector32('[1,1]'))",
		"SELECT * FROM vector_top_k('docs_idx', '[1,0]', 3)",
		"SELECT * FROM vector_top_k('docs_idx', '[1,0]', 3)",
		"SELECT id FROM hybrid_search('docs_idx', 'docs_text', 'boat', '[1,0]', 1)",
		"SELECT id FROM vector_search('docs_idx', '[1,0]', 1, 'id = 1')",
	)
	wants := func(want ...string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, s.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, body := s.do(req)
		for _, w := range want {
			if !regexp.MustCompile("(?m)^" + w + "$").MatchString(body) {
				t.Errorf("no line %s in the metrics", w)
			}
		}
	}
	// Counts are those of the process, which runs other tests too.
	wants(
		`nearlite_index_rows\{database="default",index="main.docs_idx",kind="hnsw"\} 3`,
		`nearlite_index_rows\{database="default",index="main.docs_text",kind="lexical"\} 3`,
		`nearlite_index_bytes\{database="default",index="main.docs_idx",kind="hnsw"\} [1-9]\d*`,
		`nearlite_search_plans_total\{leg="vector",plan="traversal"\} [1-9]\S*`,
		`nearlite_search_plans_total\{leg="vector",plan="exact scan"\} [1-9]\S*`,
		`nearlite_search_plans_total\{leg="lexical",plan="\w+( \w+)*"\} [1-9]\S*`,
		`nearlite_cache_hits_total\{what="vector"\} [1-9]\S*`,
		`nearlite_cache_misses_total\{what="vector"\} [1-9]\S*`,
		`nearlite_cache_bytes\{what="vector"\} [1-9]\S*`,
	)
	s.exec("DELETE FROM docs WHERE id = 3", "DROP TABLE docs_text")
	wants(`nearlite_index_rows\{database="default",index="main.docs_idx",kind="hnsw"\} 2`)
}

// metric is the value of a metric with its labels; "" if there is none.
func (s *testServer) metric(name string) string {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _, body := s.do(req)
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Requests over WebSocket are measured one by one, not by how long they were connected.
func TestWebSocketMetrics(t *testing.T) {
	s := start(t, nil)
	w := s.dial(t, "/", "hrana3")
	w.ask(`{"type":"hello"}`)
	w.ask(`{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}`)
	for range 3 {
		w.ask(`{"type":"request","request_id":2,"request":{"type":"execute","stream_id":1,"stmt":{"sql":"SELECT 1"}}}`)
	}
	w.ask(`{"type":"request","request_id":3,"request":{"type":"close_stream","stream_id":1}}`)
	if got := s.metric(`nearlite_request_seconds_count{kind="websocket"}`); got != "3" {
		t.Errorf("%s requests over WebSocket, want 3", got)
	}
}
