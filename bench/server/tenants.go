package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tenants makes many databases in one folder and touches them at random, while the
// server may hold only some of them open. Memory and open files are printed on the
// way: they must not grow.
func tenants(o *options) error {
	dir, err := os.MkdirTemp("", "nearlite-bench-tenants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := launch(o, "--dir", dir, "--max-open-databases", "200")
	if err != nil {
		return err
	}
	defer func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() }()
	post := func(path, body string) error {
		resp, err := c.http.Post(c.url+path, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err == nil && (resp.StatusCode >= 300 || strings.Contains(string(answer), `"type":"error"`)) {
			err = fmt.Errorf("%s: status %d: %s", path, resp.StatusCode, answer)
		}
		return err
	}
	const setup = `{"requests":[{"type":"sequence","sql":"CREATE TABLE t(id INTEGER PRIMARY KEY, e F32_BLOB(4)); CREATE INDEX t_vec ON t(libsql_vector_idx(e)); INSERT INTO t(e) VALUES (vector32('[1,2,3,4]'))"},{"type":"close"}]}`
	for i := range o.tenants {
		if err := errors.Join(post(fmt.Sprintf("/v1/namespaces/t%d/create", i), ""), post(fmt.Sprintf("/db/t%d/v2/pipeline", i), setup)); err != nil {
			return err
		}
	}
	fmt.Printf("%d databases made; %s\n", o.tenants, c.usage())
	const touch = `{"requests":[{"type":"execute","stmt":{"sql":"INSERT INTO t(e) VALUES (vector32('[4,3,2,1]'))"}},{"type":"execute","stmt":{"sql":"SELECT id FROM vector_top_k('t_vec', '[1,2,3,4]', 3)"}},{"type":"close"}]}`
	var failed atomic.Int64
	for round := range 5 {
		var wg sync.WaitGroup
		var n atomic.Int64
		begin := time.Now()
		for w := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(w)))
				for time.Since(begin) < o.time/5 {
					if err := post(fmt.Sprintf("/db/t%d/v2/pipeline", rng.IntN(o.tenants)), touch); err != nil {
						if failed.Add(1) == 1 {
							fmt.Fprintln(os.Stderr, err)
						}
					}
					n.Add(1)
				}
			})
		}
		wg.Wait()
		fmt.Printf("round %d: %.0f databases/s touched; %s; %d errors\n", round+1, float64(n.Load())/time.Since(begin).Seconds(), c.usage(), failed.Load())
	}
	if failed.Load() > 0 {
		return errors.New("some requests failed")
	}
	return nil
}

// usage is the memory and the open files of the server.
func (c *child) usage() string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return err.Error()
	}
	rss := "?"
	for _, line := range strings.Split(string(status), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			rss = strings.TrimSpace(v)
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.cmd.Process.Pid))
	if err != nil {
		return err.Error()
	}
	open := "?"
	if resp, err := http.Get(c.url + "/metrics"); err == nil {
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, line := range strings.Split(string(body), "\n") {
			if v, ok := strings.CutPrefix(line, "nearlite_open_databases "); ok {
				open = v
			}
		}
	}
	return fmt.Sprintf("RSS %s, %d files, %s databases open", rss, len(files), open)
}
