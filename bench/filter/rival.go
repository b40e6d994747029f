package main

import (
	"bufio"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

//go:embed rival.py
var rivalScript string

// rival is sqlite-vec in a Python child: it reads the table, and answers one query a
// line. It measures its own time, without the pipe.
type rival struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	queries [][]float32
}

func startRival(python, vec0, file string, s *set) (*rival, error) {
	r := &rival{queries: s.queries}
	r.cmd = exec.Command(python, "-c", rivalScript, vec0, file, fmt.Sprint(s.dims))
	r.cmd.Stderr = os.Stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewReader(out)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := r.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("sqlite-vec: %w", err)
	}
	fmt.Fprint(os.Stderr, s.name, ": ", line)
	return r, nil
}

func (r *rival) ask(query int, where string) ([]int64, time.Duration, error) {
	b, err := json.Marshal(map[string]string{"query": hex.EncodeToString(blob(r.queries[query])), "where": where})
	if err != nil {
		return nil, 0, err
	}
	if _, err := r.in.Write(append(b, '\n')); err != nil {
		return nil, 0, err
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("sqlite-vec: %w", err)
	}
	var a struct {
		IDs   []int64 `json:"ids"`
		NS    int64   `json:"ns"`
		Error string  `json:"error"`
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, 0, err
	}
	if a.Error != "" {
		return nil, 0, errors.New("sqlite-vec: " + a.Error)
	}
	return a.IDs, time.Duration(a.NS), nil
}

func (r *rival) close() {
	_ = r.in.Close()
	_ = r.cmd.Wait()
}
