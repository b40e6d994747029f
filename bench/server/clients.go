package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// published is a client library that people use, in a program of its own: the folder
// of the client tests has one for JavaScript and one for Go. The program gets the
// server's address, the number of connections and a file of query vectors; it reads a
// line "select1 SECONDS" or "top_k SECONDS" and answers with a line of JSON.
type published struct {
	title string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
}

// startPublished starts the clients of a folder; their answers wait for load.
func startPublished(folder, url string, connections int, queries string) (all []*published, err error) {
	defer func() {
		if err != nil {
			for _, p := range all {
				p.stop()
			}
		}
	}()
	goProgram := filepath.Join(filepath.Dir(queries), "goload")
	build := exec.Command("go", "build", "-o", goProgram, "./load")
	build.Dir = filepath.Join(folder, "goclient")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("libsql-client-go: %w: %s", err, text)
	}
	script := filepath.Join(folder, "load.mjs")
	n := fmt.Sprint(connections)
	for _, c := range []struct {
		title string
		argv  []string
	}{
		{"@libsql/client http", []string{"node", script, url, n, queries}},
		{"@libsql/client ws", []string{"node", script, "ws" + url[len("http"):], n, queries}},
		{"libsql-client-go", []string{goProgram, url, n, queries}},
	} {
		p := &published{title: c.title, cmd: exec.Command(c.argv[0], c.argv[1:]...)}
		p.cmd.Stderr = os.Stderr
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return all, err
		}
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			return all, err
		}
		if err := p.cmd.Start(); err != nil {
			return all, fmt.Errorf("%s: %w", c.title, err)
		}
		p.out = bufio.NewScanner(out)
		p.out.Buffer(nil, 64<<20)
		all = append(all, p)
	}
	return all, nil
}

func (p *published) name() string { return p.title }

func (p *published) load(w work, d time.Duration) (measured, error) {
	kind := "select1"
	if w == topK {
		kind = "top_k"
	}
	if _, err := fmt.Fprintf(p.in, "%s %g\n", kind, d.Seconds()); err != nil {
		return measured{}, fmt.Errorf("%s: %w", p.title, err)
	}
	if !p.out.Scan() {
		return measured{}, fmt.Errorf("%s: the client ended: %w", p.title, errors.Join(p.out.Err(), io.ErrUnexpectedEOF))
	}
	var answer struct {
		Seconds float64 `json:"seconds"`
		CPU     float64 `json:"cpu_ms"`
		Took    []int64 `json:"took_us"`
		Errors  int     `json:"errors"`
		First   string  `json:"first"`
	}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		return measured{}, fmt.Errorf("%s: %w", p.title, err)
	}
	m := measured{seconds: answer.Seconds, own: time.Duration(answer.CPU * float64(time.Millisecond)), errors: answer.Errors}
	for _, us := range answer.Took {
		m.took = append(m.took, time.Duration(us)*time.Microsecond)
	}
	if answer.First != "" {
		m.first = errors.New(answer.First)
	}
	return m, nil
}

func (p *published) stop() {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
