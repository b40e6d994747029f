package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// adminRoutes are the admin API: databases of a folder, and backups.
func (s *Server) adminRoutes(mux *http.ServeMux) {
	route := func(pattern string, fn func(http.ResponseWriter, *http.Request, string) error) {
		mux.HandleFunc(pattern, s.endpoint("admin", func(w http.ResponseWriter, r *http.Request) error {
			if err := s.mayAdminister(r); err != nil {
				return err
			}
			name := r.PathValue("name")
			if name != "" && !validName.MatchString(name) {
				return badRequest("the database name %q is not valid: want 1 to 63 of a-z, 0-9, - and _, with a letter or digit at both ends", clip([]byte(name)))
			}
			return fn(w, r, name)
		}))
	}
	route("GET /v1/namespaces", s.listDatabases)
	route("POST /v1/namespaces/{name}/create", s.createDatabase)
	route("DELETE /v1/namespaces/{name}", s.deleteDatabase)
	route("GET /v1/namespaces/{name}/stats", s.databaseStats)
	route("GET /v1/namespaces/{name}/backup", s.backupDatabase)
	route("POST /v1/namespaces/{name}/restore", s.restoreDatabase)
}

func (s *Server) mayAdminister(r *http.Request) error {
	if !s.auth.rules.Load().Required() {
		// Browsers send no Origin with a GET to the page's own host, which may be a name of
		// another site that points to this machine.
		if s.config.OpenAdmin && s.ownOrigin(r) && isLocalHost(r.Host) {
			return nil
		}
		return errForbidden
	}
	id, err := s.auth.identify(bearer(r))
	if err != nil {
		return err
	}
	if id.access < Admin || id.databases != nil {
		return errForbidden
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
	return nil
}

func (s *Server) listDatabases(w http.ResponseWriter, _ *http.Request, _ string) error {
	names, err := s.databases.names()
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"namespaces": names})
}

func (s *Server) needFolder() error {
	if s.databases.dir == "" {
		return badRequest("this server serves one file; databases are created and deleted in a folder (--dir)")
	}
	return nil
}

func (s *Server) createDatabase(w http.ResponseWriter, r *http.Request, name string) error {
	if err := s.needFolder(); err != nil {
		return err
	}
	err := s.databases.exclusive(r.Context(), name, nil, func(path string) error {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return &httpError{status: http.StatusConflict, code: "NAMESPACE_ALREADY_EXISTS", message: fmt.Sprintf("Namespace `%s` already exists", name)}
		}
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]string{"namespace": name})
}

// forgetStreams ends the streams of a database that wait for a request.
func (s *Server) forgetStreams(name string) {
	s.streams.sweep(&s.config.Limits, time.Now(), func(st *stream) bool { return st.database == name })
}

// adminWait bounds the wait for requests that use a database.
const adminWait = 10 * time.Second

func (s *Server) deleteDatabase(w http.ResponseWriter, r *http.Request, name string) error {
	if err := s.needFolder(); err != nil {
		return err
	}
	s.forgetStreams(name)
	ctx, cancel := context.WithTimeout(r.Context(), adminWait)
	defer cancel()
	err := s.databases.exclusive(ctx, name, func() { s.forgetStreams(name) }, func(path string) error {
		if err := os.Remove(path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return errNoDatabase(name)
			}
			return err
		}
		return removeSides(path)
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"deleted": name})
}

// removeSides removes what SQLite keeps beside a database file.
func removeSides(path string) error {
	for _, side := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + side); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// databaseStats counts what a database holds.
func (s *Server) databaseStats(w http.ResponseWriter, r *http.Request, name string) error {
	out := map[string]any{"namespace": name}
	err := s.withReader(r.Context(), name, func(l *link) error {
		for key, sql := range map[string]string{
			"pages":      "SELECT page_count FROM pragma_page_count",
			"page_size":  "SELECT page_size FROM pragma_page_size",
			"free_pages": "SELECT freelist_count FROM pragma_freelist_count",
			"tables":     "SELECT count(*) FROM sqlite_schema WHERE type='table'",
			"indexes":    "SELECT count(*) FROM sqlite_schema WHERE type='index'",
		} {
			n, err := queryInt(l.session, sql)
			if err != nil {
				return err
			}
			out[key] = n
		}
		return nil
	})
	if err != nil {
		return err
	}
	if info, err := os.Stat(s.databases.path(name)); err == nil {
		out["file_bytes"] = info.Size()
	}
	return writeJSON(w, http.StatusOK, out)
}

func queryInt(session *sqlite.Session, sql string) (int64, error) {
	p, err := session.Prepare(sql)
	if err != nil {
		return 0, err
	}
	defer p.Release()
	if ok, err := p.Step(); !ok || err != nil {
		return 0, errors.Join(err, errors.New("no row"))
	}
	return p.Column(0).Int, nil
}

// withReader runs fn with a read-only connection.
func (s *Server) withReader(ctx context.Context, name string, fn func(*link) error) (err error) {
	if s.databases.dir == "" && name != defaultName {
		return errNoDatabase(name)
	}
	l, err := s.databases.link(ctx, name, true, s.config.Limits.QueueTimeout)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			l.broken = true
			err = fmt.Errorf("panic: %v", p)
		}
		l.db.release(l)
	}()
	l.session.SetInterrupt(ctx)
	return fn(l)
}

// backupDatabase sends a consistent copy of the file.
func (s *Server) backupDatabase(w http.ResponseWriter, r *http.Request, name string) error {
	dir, err := os.MkdirTemp("", "nearlite-backup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	copied := filepath.Join(dir, "copy.db")
	if err := s.withReader(r.Context(), name, func(l *link) error { return l.session.Backup(r.Context(), copied) }); err != nil {
		return err
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "application/vnd.sqlite3")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.db"`)
	if info, err := f.Stat(); err == nil {
		h.Set("Content-Length", fmt.Sprint(info.Size()))
	}
	_, _ = io.Copy(w, f)
	return nil
}

// restoreDatabase replaces a database by an uploaded file, which is checked first.
func (s *Server) restoreDatabase(w http.ResponseWriter, r *http.Request, name string) error {
	if s.databases.dir == "" && name != defaultName {
		return errNoDatabase(name)
	}
	path := s.databases.path(name)
	tmp, err := os.CreateTemp(filepath.Dir(path), ".restore-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()); _ = removeSides(tmp.Name()) }()
	size, err := io.Copy(tmp, r.Body)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return badRequest("the upload ended early: %s", err)
	}
	if size == 0 { // to SQLite, that is a database without tables
		return badRequest("the upload is empty, want the bytes of a database file")
	}
	if err := checkFile(r.Context(), tmp.Name()); err != nil {
		return badRequest("the upload is not a sound database: %s", toHrana(err).Message)
	}
	s.forgetStreams(name)
	ctx, cancel := context.WithTimeout(r.Context(), adminWait)
	defer cancel()
	err = s.databases.exclusive(ctx, name, func() { s.forgetStreams(name) }, func(path string) error {
		if err := removeSides(path); err != nil {
			return err
		}
		return os.Rename(tmp.Name(), path)
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"restored": name})
}

// checkFile runs SQLite's and nearlite's integrity check over a file.
func checkFile(ctx context.Context, path string) error {
	session, err := sqlite.OpenSession(ctx, path, sqlite.SessionConfig{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = safely(session.Close) }()
	return safely(func() error {
		p, err := session.Prepare("PRAGMA integrity_check(1)")
		if err != nil {
			return err
		}
		defer p.Release()
		if ok, err := p.Step(); !ok || err != nil {
			return errors.Join(err, errors.New("the check says nothing"))
		}
		if text := p.Column(0).String(); text != "ok" {
			return hranaErrorf("SQLITE_CORRUPT", "%s", text)
		}
		return nil
	})
}
