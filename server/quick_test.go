package server

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

var quickSeeds = []string{
	`{"baton":null,"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"integer","value":"1"},{"type":"float","value":-1.5},{"type":"float","value":0},{"type":"null"},{"type":"blob","base64":"AA=="}],"want_rows":true}},{"type":"close"}]}`,
	` { "requests" : [ { "type" : "execute" , "stmt" : { "sql" : "SELECT 'ä'" , "named_args" : [ { "name" : "a" , "value" : { "type" : "text" , "value" : "" } } ] , "args" : [ ] } } ] } `,
	`{"requests":[{"type":"store_sql","sql_id":-1,"sql":"SELECT ?"},{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN"}},{"condition":{"type":"and","conds":[{"type":"ok","step":0},{"type":"not","cond":{"type":"is_autocommit"}}]},"stmt":{"sql_id":-1,"args":[{"type":"text","value":"[1,2,3]"}]}},{"condition":null,"stmt":{"sql":"COMMIT"}}]}},{"type":"close"}]}`,
	`{"requests":[]}`, `{"baton":"x","requests":[{"type":"close"}]}`, `{}`, `{"requests":[{"type":"execute","stmt":{"sql":"a\n"}}]}`,
	`{"requests":[{"type":"close","type":"execute"}]}`, `{"Requests":[]}`, `{"requests":null}`, `{"requests":[]}x`, `{"requests":[],}`, `{"requests":[{},]}`,
	`{"requests":[{"type":"execute","stmt":null}]}`, `{"requests":[{"type":"batch","batch":{"steps":null}}]}`, `{"requests":[{"type":"batch","batch":{"steps":[{"condition":{"type":"ok","step":1.5}}]}}]}`,
	`{"requests":[{"type":"batch","batch":{"steps":[{"condition":` + strings.Repeat(`{"cond":`, 20) + `{}` + strings.Repeat(`}`, 20) + `}]}}]}`, "{\"requests\":[{\"type\":\"execute\",\"stmt\":{\"sql\":\"\xff\"}}]}",
	`{"requests":[{"type":"execute","stmt":{"sql":"x","args":[{"type":"float","value":01},{"type":"float","value":1.},{"type":"float","value":-.5}]}}]}`,
	`{"requests":[{"type":"execute","stmt":{"sql":"x","args":[{"type":"float","value":1.2.3}]}}]}`, `{"requests":[{"type":"execute","stmt":{"sql":"x","want_rows":1}}]}`,
	`{"requests":[{"type":"execute","stmt":{"sql":"x","args":[{"type":"float","value":-}]}}]}`, `{"requests":[{"type":"execute","stmt":{"sql":"x","args":[{"type":"float","value":-0}]}}]}`,
}

// sameAsJSON: what quickPipeline accepts, encoding/json accepts with the same outcome.
func sameAsJSON(t *testing.T, body []byte) (quick bool) {
	t.Helper()
	got, ok := quickPipeline(body)
	if !ok {
		return false
	}
	var want pipelineRequest
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatalf("%q is accepted; encoding/json: %v", body, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got %+v, want %+v", body, got, want)
	}
	return true
}

func TestQuickPipeline(t *testing.T) {
	for i, s := range quickSeeds {
		if quick := sameAsJSON(t, []byte(s)); quick != (i < 6 || i == len(quickSeeds)-1) {
			t.Errorf("%s: read quickly is %v", s, quick)
		}
	}
}

var quickMessages = []string{
	`{"type":"request","request_id":0,"request":{"type":"open_stream","stream_id":2147483647}}`,
	`{"type":"request","request_id":-3,"request":{"type":"execute","stream_id":0,"stmt":{"sql_id":7,"args":[{"type":"blob","base64":"AAAAAAAAAAAAAAA"}],"named_args":[],"want_rows":true}}}`,
	`{"type":"request","request_id":3,"request":{"type":"store_sql","sql_id":0,"sql":"SELECT 1"}}`, `{"type":"hello"}`,
	`{"type":"hello","jwt":null}`, `{"type":"request","request_id":1.5}`, `{"type":"request","request_id":2147483648}`, `{"type":"request","request_id":1e3}`,
	`{"type":"request","request":{"type":"batch","batch":{"steps":[],"replication_index":"1"}}}`, `{"type":"request","request":null}`, `{"type":"request","request":{"sql_id":null}}`,
	`{"type":"request","request_id":1.0}`, `{"type":"request","request_id":-0}`,
}

// sameMessage is sameAsJSON for quickMessage.
func sameMessage(t *testing.T, data []byte) (quick bool) {
	t.Helper()
	got, ok := quickMessage(data)
	if !ok {
		return false
	}
	var want wsMessage
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("%q is accepted; encoding/json: %v", data, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got %+v, want %+v", data, got, want)
	}
	return true
}

func TestQuickMessage(t *testing.T) {
	for i, s := range quickMessages {
		if quick := sameMessage(t, []byte(s)); quick != (i < 4 || i == len(quickMessages)-1) {
			t.Errorf("%s: read quickly is %v", s, quick)
		}
	}
}

func TestPlainLen(t *testing.T) {
	const run = "0123456789abcdefghij"
	for c := range 256 {
		for at := range len(run) {
			b := []byte(run)
			b[at] = byte(c)
			want := len(run) / 8 * 8
			if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') && at < want {
				want = at / 8 * 8
			}
			if got := plainLen(b); got != want {
				t.Fatalf("byte %#x at %d: %d, want %d", c, at, got, want)
			}
		}
	}
}

func FuzzQuickMessage(f *testing.F) {
	for _, s := range quickMessages {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameMessage(t, data) })
}

func FuzzQuickPipeline(f *testing.F) {
	for _, s := range quickSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { sameAsJSON(t, body) })
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"baton":null,"requests":[{"type":"execute","stmt":{"sql":"SELECT id FROM vector_top_k('docs_vec', ?, 10)","args":[{"type":"blob","base64":"` +
		base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("abcd", 512))) + `"}],"want_rows":true}},{"type":"close"}]}`)
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			var req pipelineRequest
			if err := decode(body, &req, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("quick", func(b *testing.B) {
		for b.Loop() {
			req, ok := quickPipeline(body)
			if !ok || req.check(false) != nil {
				b.Fatal("not read")
			}
		}
	})
}
