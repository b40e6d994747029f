package server

import (
	"embed"
	"net/http"
	"path"
)

// pageFiles is the page at "/": it loads nothing from elsewhere.
//
//go:embed page
var pageFiles embed.FS

// contentPolicy lets the page run its own script, talk to its own server, and nothing
// else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageRoutes serves the page. It needs no token: what it shows, it asks for by the
// protocol.
func (s *Server) pageRoutes(mux *http.ServeMux) {
	for route, file := range map[string]struct{ name, kind string }{
		"GET /{$}":      {"index.html", "text/html; charset=utf-8"},
		"GET /page.js":  {"page.js", "text/javascript; charset=utf-8"},
		"GET /page.css": {"page.css", "text/css; charset=utf-8"},
	} {
		mux.HandleFunc(route, s.endpoint("page", func(w http.ResponseWriter, _ *http.Request) error {
			data, err := pageFiles.ReadFile(path.Join("page", file.name))
			if err != nil {
				return err
			}
			h := w.Header()
			h.Set("Content-Type", file.kind)
			h.Set("Content-Security-Policy", contentPolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache")
			_, _ = w.Write(data)
			return nil
		}))
	}
}
