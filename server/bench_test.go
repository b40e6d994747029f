package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/server"
)

// BenchmarkPipeline is the cost of a request without the network: what a search costs
// over SELECT 1. All searches return 10 rows.
func BenchmarkPipeline(b *testing.B) {
	srv, err := server.New(server.Config{File: filepath.Join(b.TempDir(), "b.db"), Synchronous: "normal", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close(b.Context()) })
	handler := srv.Handler()
	post := func(b *testing.B, body string) string {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v2/pipeline", strings.NewReader(body)))
		if rec.Code != 200 || bytes.Contains(rec.Body.Bytes(), []byte(`"type":"error"`)) {
			b.Fatalf("%d %s", rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	rng := rand.New(rand.NewPCG(1, 1))
	const dims, rows = 512, 5000
	vec := func() []byte {
		var v []byte
		for range dims {
			v = binary.LittleEndian.AppendUint32(v, math.Float32bits(float32(rng.NormFloat64())))
		}
		return v
	}
	post(b, `{"requests":[`+sql(fmt.Sprintf("CREATE TABLE docs(id INTEGER PRIMARY KEY, e F32_BLOB(%d))", dims))+`,{"type":"close"}]}`)
	for range rows / 500 {
		var parts []string
		for range 500 {
			parts = append(parts, `{"stmt":`+strings.TrimPrefix(sqlWith("INSERT INTO docs(e) VALUES (?)", vec()), `{"type":"execute","stmt":`))
		}
		post(b, `{"requests":[{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN"}},`+strings.Join(parts, ",")+`,{"stmt":{"sql":"COMMIT"}}]}},{"type":"close"}]}`)
	}
	post(b, `{"requests":[`+sql("CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))")+`,{"type":"close"}]}`)
	q := base64.StdEncoding.EncodeToString(vec())
	for _, c := range []struct{ name, body string }{
		{"select1", `{"requests":[` + sql("SELECT 1") + `,{"type":"close"}]}`},
		{"blob", `{"requests":[{"type":"execute","stmt":{"sql":"SELECT length(?)","args":[{"type":"blob","base64":"` + q + `"}]}},{"type":"close"}]}`},
		{"vector_top_k", `{"requests":[{"type":"execute","stmt":{"sql":"SELECT id FROM vector_top_k('docs_vec', ?, 10)","args":[{"type":"blob","base64":"` + q + `"}]}},{"type":"close"}]}`},
	} {
		b.Run("request="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				post(b, c.body)
			}
		})
	}
}
