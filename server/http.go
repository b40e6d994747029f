package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	pathpkg "path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers everything: the protocol, the admin API, the metrics, the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("GET /health", text("OK\n"))
	mux.HandleFunc("GET /version", text(s.version()+"\n"))
	for _, p := range []string{"GET /v2", "GET /v2/{$}", "GET /v3", "GET /v3/{$}"} {
		mux.HandleFunc(p, text(""))
	}
	mux.HandleFunc("POST /v2/pipeline", s.endpoint("pipeline", func(w http.ResponseWriter, r *http.Request) error { return s.pipeline(w, r, false) }))
	mux.HandleFunc("POST /v3/pipeline", s.endpoint("pipeline", func(w http.ResponseWriter, r *http.Request) error { return s.pipeline(w, r, true) }))
	mux.HandleFunc("POST /v3/cursor", s.endpoint("cursor", s.cursor))
	mux.Handle("GET /metrics", s.endpoint("metrics", s.serveMetrics))
	s.adminRoutes(mux)
	s.pageRoutes(mux)
	return s.cors(s.prefixed(mux))
}

// dbKey is where the path prefix /db/NAME is kept in a request's context.
type dbKey struct{}

// prefixed takes /db/NAME off the path.
func (s *Server) prefixed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isWebSocket(r) {
			// Clients connect to the path of their URL, whatever it is.
			name, _, _ := cutPrefix(r.URL.Path)
			s.endpoint("websocket", func(w http.ResponseWriter, r *http.Request) error { return s.websocket(w, r) })(w, withPrefix(r, name))
			return
		}
		if withoutName(r.URL.Path) {
			http.Error(w, "the path has no database; a URL that names one ends with a slash: /db/NAME/", http.StatusNotFound)
			return
		}
		if name, rest, ok := cutPrefix(r.URL.Path); ok {
			if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.Path == "/db/"+name {
				http.Redirect(w, r, "/db/"+url.PathEscape(name)+"/", http.StatusPermanentRedirect) // the page's files are beside it
				return
			}
			r2 := withPrefix(r, name)
			u := *r.URL
			u.Path, u.RawPath = rest, ""
			r2.URL = &u
			r = r2
		}
		next.ServeHTTP(w, r)
	})
}

func withPrefix(r *http.Request, name string) *http.Request {
	if name == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), dbKey{}, name))
}

func cutPrefix(path string) (name, rest string, ok bool) {
	after, ok := strings.CutPrefix(path, "/db/")
	if !ok {
		return "", "", false
	}
	name, rest, _ = strings.Cut(after, "/")
	if name == "" {
		return "", "", false
	}
	// Clients join paths: what they repeat or leave to be cleaned must not end in a
	// redirection to a path without the name, which is that of another database.
	clean := pathpkg.Clean("/" + rest)
	if strings.HasSuffix(rest, "/") && clean != "/" {
		clean += "/"
	}
	return name, clean, true
}

// withoutName reports whether a path is what a client makes of a URL that ends with
// /db/NAME: it takes NAME for a file and puts the endpoint in its place.
func withoutName(path string) bool {
	switch path {
	case "/db/v2/pipeline", "/db/v3/pipeline", "/db/v3/cursor":
		return true
	}
	return false
}

// cors answers preflights and marks answers, if an origin is configured.
func (s *Server) cors(next http.Handler) http.Handler {
	origin := s.config.CORSOrigin
	if origin == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, x-namespace")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endpoint measures a handler, writes its error as an answer and survives its panics.
func (s *Server) endpoint(kind string, fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.panicked(kind, p)
				s.fail(rec, &httpError{status: http.StatusInternalServerError, code: "INTERNAL_ERROR", message: "internal error; the server's log has more"})
			}
			s.metrics.requests.WithLabelValues(kind, strconv.Itoa(max(rec.status, 200))).Inc()
			if kind != "websocket" { // whose requests are measured one by one
				s.metrics.seconds.WithLabelValues(kind).Observe(time.Since(start).Seconds())
			}
		}()
		if err := fn(rec, r); err != nil {
			s.fail(rec, err)
		}
	}
}

func (s *Server) panicked(kind string, p any) {
	s.metrics.panics.Inc()
	s.log.Error("panic", "kind", kind, "value", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController and WebSockets reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// fail writes an error, if nothing was written yet.
func (s *Server) fail(w *recorder, err error) {
	if w.status != 0 {
		return
	}
	var he *httpError
	if !errors.As(err, &he) {
		e := toHrana(err)
		he = &httpError{status: http.StatusBadRequest, code: e.Code, message: e.Message}
		if e.Code == "SQLITE_CANTOPEN" || e.Code == "SQLITE_BUSY" {
			he.status, he.retryAfter = http.StatusServiceUnavailable, 1
		}
	}
	if he.retryAfter > 0 {
		s.metrics.refused.Inc()
		w.Header().Set("Retry-After", strconv.Itoa(he.retryAfter))
	}
	if he.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if he.code == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(he.status)
		_, _ = io.WriteString(w, he.message+"\n")
		return
	}
	w.Header().Set("Content-Type", "application/json") // exactly so: clients compare
	w.WriteHeader(he.status)
	body, _ := json.Marshal(map[string]string{"message": he.message, "code": he.code, "error": he.message})
	_, _ = w.Write(body)
}

// target says what a request wants of which database, after the check that it may.
type target struct {
	database string
	readOnly bool
}

// authorized finds the database of a request and checks the token for it.
func (s *Server) authorized(r *http.Request) (target, error) {
	t, _, err := s.authorizedToken(r, bearer(r))
	return t, err
}

// authorizedToken is authorized for a token from elsewhere. until is when it expires; zero:
// never.
func (s *Server) authorizedToken(r *http.Request, token string) (t target, until time.Time, err error) {
	if !s.auth.rules.Load().Required() && !s.ownOrigin(r) {
		return target{}, until, &httpError{status: http.StatusForbidden, code: "FORBIDDEN_ORIGIN", message: "requests from pages of other sites are not allowed"}
	}
	id, err := s.auth.identify(token)
	if err != nil {
		return target{}, until, err
	}
	prefix, _ := r.Context().Value(dbKey{}).(string)
	name, err := s.databases.nameOf(r, prefix)
	if err != nil {
		return target{}, until, err
	}
	access := id.on(name)
	if access == NoAccess {
		return target{}, until, errForbidden
	}
	return target{name, access == ReadOnly}, id.until, nil
}

// ownOrigin keeps the pages of other sites in a browser on this machine away from a
// server that needs no token. Programs send no Origin. A host name of another site
// that points to this machine is another site, too.
func (s *Server) ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if s.config.CORSOrigin != "" && (s.config.CORSOrigin == "*" || origin == s.config.CORSOrigin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host != r.Host {
		return false
	}
	return isLocalHost(u.Host)
}

// isLocalHost reports whether a host, with or without a port, can only be this machine.
func isLocalHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// body reads a request's body up to the limit.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	most := s.config.Limits.RequestBytes
	if r.ContentLength > most {
		return nil, &httpError{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body has %d bytes, at most %d are allowed", r.ContentLength, most)}
	}
	var data []byte
	var err error
	if r.ContentLength > 0 {
		data = make([]byte, 0, min(r.ContentLength+1, 1<<20))
	}
	data, err = readAll(http.MaxBytesReader(w, r.Body, most), data)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &httpError{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body has more than the %d bytes that are allowed", most)}
	}
	if err != nil {
		return nil, badRequest("the body could not be read: %s", err)
	}
	return data, nil
}

// readAll is io.ReadAll into a buffer that has its size already.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	if s.auth.rules.Load().Required() {
		id, err := s.auth.identify(bearer(r))
		if err != nil {
			return err
		}
		if id.access < Admin || id.databases != nil { // they tell of all databases
			return errForbidden
		}
	}
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}
