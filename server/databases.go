package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// defaultName is the database of requests that name none; the only one of a server
// of one file.
const defaultName = "default"

// validName is what a database may be called: it becomes a file name and a part of
// host names.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$`)

// databases are the files that are open, and how to open others.
type databases struct {
	file, dir string
	sync      string
	limits    *Limits
	metrics   *metrics

	mu     sync.Mutex
	open   map[string]*database
	locked map[string]bool // being created, deleted or restored
	closed bool
}

func newDatabases(c *Config, m *metrics) *databases {
	return &databases{
		file: c.File, dir: c.Dir, sync: c.Synchronous, limits: &c.Limits, metrics: m,
		open: map[string]*database{}, locked: map[string]bool{},
	}
}

// name finds the database that a request means: the path prefix /db/NAME, the header
// x-namespace, the first label of the host name, in this order.
func (ds *databases) nameOf(r *http.Request, prefix string) (string, error) {
	name := prefix
	if ds.dir == "" {
		if name != "" && name != defaultName {
			return "", errNoDatabase(name)
		}
		return defaultName, nil
	}
	if name == "" {
		name = r.Header.Get("x-namespace")
	}
	if name == "" {
		name = subdomain(r.Host)
	}
	if name == "" {
		name = defaultName
	}
	if !validName.MatchString(name) {
		return "", badRequest("the database name %q is not valid: want 1 to 63 of a-z, 0-9, - and _, with a letter or digit at both ends", clip([]byte(name)))
	}
	return name, nil
}

// subdomain is the first label of a host name that has several; "" for addresses.
func subdomain(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return ""
	}
	label, rest, ok := strings.Cut(host, ".")
	if !ok || rest == "" {
		return ""
	}
	return strings.ToLower(label)
}

func errNoDatabase(name string) error {
	return &httpError{status: http.StatusNotFound, code: "NAMESPACE_DOESNT_EXIST", message: fmt.Sprintf("Namespace `%s` doesn't exist", clip([]byte(name)))}
}

func (ds *databases) path(name string) string {
	if ds.dir == "" {
		return ds.file
	}
	return filepath.Join(ds.dir, name+".db")
}

// link connects to a database, which is opened if it is not, and waits so long for a
// connection. When too many databases are open, the one that was unused for longest is
// closed first.
func (ds *databases) link(ctx context.Context, name string, readOnly bool, wait time.Duration) (*link, error) {
	for {
		d, err := ds.get(name)
		if err != nil {
			return nil, err
		}
		l, err := d.acquire(ctx, readOnly, wait)
		if !errors.Is(err, errRetired) {
			return l, err
		}
		select {
		case <-d.gone:
		case <-ctx.Done():
			return nil, busy("the client went away")
		case <-time.After(time.Millisecond): // or it is in use again
		}
	}
}

func (ds *databases) get(name string) (*database, error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for {
		switch d := ds.open[name]; {
		case ds.closed:
			return nil, busy("it is shutting down")
		case ds.locked[name]:
			return nil, busy("the database is being created, deleted or restored")
		case d != nil:
			return d, nil
		}
		if info, err := os.Stat(ds.path(name)); ds.dir != "" && (err != nil || !info.Mode().IsRegular()) {
			return nil, errNoDatabase(name)
		}
		if len(ds.open) < ds.limits.OpenDatabases {
			pages := pagesOfMany
			if ds.dir == "" {
				pages = pagesOfOne
			}
			d := newDatabase(name, ds.path(name), ds.sync, pages, ds.limits, ds.metrics)
			ds.open[name] = d
			return d, nil
		}
		old := ds.oldest()
		if old == nil {
			return nil, busy("too many databases are in use at once")
		}
		ds.mu.Unlock()
		ds.closeUnused(old)
		ds.mu.Lock()
	}
}

// oldest is the database that is unused for the longest time.
func (ds *databases) oldest() *database {
	var old *database
	var since time.Time
	for _, d := range ds.open {
		if at, unused := d.unused(); unused && (old == nil || at.Before(since)) {
			old, since = d, at
		}
	}
	return old
}

// sweep closes databases that idle; only those of a folder, which may be many.
func (ds *databases) sweep(now time.Time) {
	if ds.dir == "" {
		return
	}
	var idle []*database
	ds.mu.Lock()
	for _, d := range ds.open {
		if at, unused := d.unused(); unused && now.Sub(at) > ds.limits.DatabaseIdle {
			idle = append(idle, d)
		}
	}
	ds.mu.Unlock()
	for _, d := range idle {
		ds.closeUnused(d)
	}
}

// closeUnused closes a database if it did not come into use again. It is known as open
// until it is closed: no other may be made of the same file, and be replaced, before.
func (ds *databases) closeUnused(d *database) {
	if !d.retireUnused() {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.open[d.name] == d {
		delete(ds.open, d.name)
	}
}

func (ds *databases) sweeper(ctx context.Context) {
	tick := time.NewTicker(max(ds.limits.DatabaseIdle/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			ds.sweep(now)
		}
	}
}

func (ds *databases) count() int {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return len(ds.open)
}

// exclusive runs fn while nobody can use the database. Until all have given it back it
// calls nudge, which ends the streams that wait for their next request. If somebody uses
// it until ctx is done, fn does not run and all stays as it is.
func (ds *databases) exclusive(ctx context.Context, name string, nudge func(), fn func(path string) error) error {
	ds.mu.Lock()
	if ds.closed || ds.locked[name] {
		ds.mu.Unlock()
		return busy("the database is being created, deleted or restored")
	}
	ds.locked[name] = true
	d := ds.open[name]
	ds.mu.Unlock()
	defer func() {
		ds.mu.Lock()
		delete(ds.locked, name)
		ds.mu.Unlock()
	}()
	if d != nil {
		err := d.retire(ctx, nudge)
		if err != nil && d.revive() {
			return busy(err.Error())
		}
		ds.mu.Lock()
		delete(ds.open, name)
		ds.mu.Unlock()
	}
	return fn(ds.path(name))
}

// names lists the databases there are.
func (ds *databases) names() ([]string, error) {
	if ds.dir == "" {
		return []string{defaultName}, nil
	}
	entries, err := os.ReadDir(ds.dir)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".db"); ok && validName.MatchString(name) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// close closes all; those in use when they come back, or never if ctx is done.
func (ds *databases) close(ctx context.Context) error {
	ds.mu.Lock()
	ds.closed = true
	all := ds.open
	ds.open = map[string]*database{}
	ds.mu.Unlock()
	var err error
	for _, d := range all {
		err = errors.Join(err, d.retire(ctx, nil))
	}
	return err
}
