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
	`{"requests":[]}`, `{"baton":"x","requests":[{"type":"close"}]}`, `{}`, `{"requests":[{"type":"execute","stmt":{"sql":"a\n"}}]}`,
	`{"requests":[{"type":"close","type":"execute"}]}`, `{"Requests":[]}`, `{"requests":null}`, `{"requests":[]}x`, `{"requests":[],}`, `{"requests":[{},]}`,
	`{"requests":[{"type":"execute","stmt":null}]}`, `{"requests":[{"type":"batch","batch":{"steps":[]}}]}`, "{\"requests\":[{\"type\":\"execute\",\"stmt\":{\"sql\":\"\xff\"}}]}",
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
		if quick := sameAsJSON(t, []byte(s)); quick != (i < 5 || i == len(quickSeeds)-1) {
			t.Errorf("%s: read quickly is %v", s, quick)
		}
	}
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
