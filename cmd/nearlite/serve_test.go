package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serveCommand runs nearlite serve until stop is called, which returns its error.
func serveCommand(t *testing.T, args ...string) (url string, log *safeBuffer, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = &safeBuffer{}
	root := newRoot(ctx)
	root.SetArgs(append([]string{"serve"}, args...))
	root.SetErr(log)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	address := regexp.MustCompile(`address=(\S+)`)
	for range 1000 {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			return "http://" + m[1], log, stop
		}
		select {
		case err := <-ended:
			ended <- err
			return "", log, stop
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("the server did not start: %s", log)
	return "", nil, nil
}

func ask(t *testing.T, url, token, sql string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/v2/pipeline", strings.NewReader(`{"requests":[{"type":"execute","stmt":{"sql":"`+sql+`"}},{"type":"close"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// The server finishes the request that runs when it is told to stop, and leaves one
// file behind.
func TestServeStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.db")
	url, _, stop := serveCommand(t, "--db", file, "--listen", "127.0.0.1:0")
	if status, body := ask(t, url, "", "CREATE TABLE t(a)"); status != 200 {
		t.Fatal(body)
	}
	slow := make(chan string)
	go func() {
		_, body := ask(t, url, "", "INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 1000000) SELECT count(*) FROM c")
		slow <- body
	}()
	time.Sleep(50 * time.Millisecond)
	err := stop()
	if body := <-slow; !strings.Contains(body, `"affected_row_count":1`) {
		t.Errorf("the running request: %s", body)
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the write-ahead log is left")
	}
}

// SIGHUP reads the tokens again; a bad file leaves the old ones.
func TestServeReloads(t *testing.T) {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(tokens, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hup := func(log *safeBuffer, want string) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for range 500 {
			if strings.Contains(log.String(), want) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("no %q in the log: %s", want, log)
	}
	write("first-token-0123456789\n")
	url, log, stop := serveCommand(t, "--db", filepath.Join(dir, "s.db"), "--listen", "127.0.0.1:0", "--auth-token-file", tokens)
	status := func(token string) int {
		code, _ := ask(t, url, token, "SELECT 1")
		return code
	}
	if status("") != 401 || status("first-token-0123456789") != 200 {
		t.Error("the first token is not asked for")
	}
	write("second-token-0123456789 ro\n")
	hup(log, "read again")
	if status("first-token-0123456789") != 401 || status("second-token-0123456789") != 200 {
		t.Error("the second token is not in force")
	}
	write("short\n")
	hup(log, "the old ones stay")
	if status("second-token-0123456789") != 200 {
		t.Error("a bad file took the token away")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "s.db")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no database, no key, no token file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "want one of --db FILE and --dir FOLDER"},
		{[]string{"--db", db, "--dir", dir}, "want one of --db FILE and --dir FOLDER"},
		{[]string{"--db", ":memory:"}, "want a file"},
		{[]string{"--db", text}, "not an SQLite database"},
		{[]string{"--dir", filepath.Join(dir, "none")}, "there is no folder"},
		{[]string{"--db", db, "--listen", "0.0.0.0:0"}, "give --auth-token-file or --auth-jwt-key"},
		{[]string{"--db", db, "--listen", "[::]:0"}, "give --auth-token-file or --auth-jwt-key"},
		{[]string{"--db", db, "--listen", "nowhere"}, "--listen:"},
		{[]string{"--db", db, "--auth-token-file", text}, "--auth-token-file"},
		{[]string{"--db", db, "--auth-jwt-key", text}, "neither PEM nor base64"},
		{[]string{"--db", db, "--tls-cert", text}, "belong together"},
		{[]string{"--db", db, "--log-format", "xml"}, "want text or json"},
		{[]string{"--db", db, "--synchronous", "off"}, "want full or normal"},
		{[]string{"--db", db, "--max-request-mb", "0"}, "--max-request-mb is 0"},
	} {
		_, _, stop := serveCommand(t, c.args...)
		if err := stop(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}
