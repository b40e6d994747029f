package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/server"
)

// The page comes with a strict policy and names nothing of another site.
func TestPage(t *testing.T) {
	s := start(t, nil)
	for path, kind := range map[string]string{"/": "text/html", "/page.js": "text/javascript", "/page.css": "text/css"} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body := readBody(t, resp)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		for _, u := range regexp.MustCompile(`https?://[^"' )]+`).FindAllString(body, -1) {
			if u != "http://www.w3.org/2000/svg" {
				t.Errorf("%s names %s", path, u)
			}
		}
		if regexp.MustCompile(`innerHTML|\son[a-z]+=|style=`).MatchString(body) {
			t.Errorf("%s has something that the policy forbids", path)
		}
	}
}

// Without a token, pages of other sites in a browser get nothing.
func TestOrigins(t *testing.T) {
	s := start(t, func(c *server.Config) { c.CORSOrigin = "https://app.example.com" })
	body := `{"requests":[` + sql("SELECT 1") + `,{"type":"close"}]}`
	host := strings.TrimPrefix(s.url, "http://")
	for origin, want := range map[string]int{
		"": 200, s.url: 200, "https://app.example.com": 200,
		"https://evil.example": 403, "null": 403, "http://" + host + ".evil.example": 403, "http://localhost:1": 403,
	} {
		var header []string
		if origin != "" {
			header = []string{"Origin", origin}
		}
		if status, _, answer := s.post("/v2/pipeline", body, header...); status != want {
			t.Errorf("origin %q: %d %s, want %d", origin, status, answer, want)
		}
	}
	// A name of another site that points here.
	if status, _, _ := s.post("/v2/pipeline", body, "Origin", "http://evil.example:8080", "Host", "evil.example:8080"); status != 403 {
		t.Errorf("a rebound name: %d, want 403", status)
	}
}
