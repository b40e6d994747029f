package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// child is a running contestant.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	job  job
}

// contestants are the names that -contestants takes, with the quantization of
// nearlite's own.
var contestants = map[string]string{
	"nearlite-sql":      "int8",
	"nearlite-sql-none": "none",
	"nearlite-sql-bit":  "bit",
	"nearlite-mem":      "int8",
	"nearlite-mem-none": "none",
	"hnswlib":           "",
	"exact":             "",
}

func start(name, harness string, j job) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	j.quantize = contestants[name]
	num := strconv.Itoa
	args := []string{
		"-worker", name, "-base", j.base, "-queries", j.queries, "-dims", num(j.dims), "-metric", j.metric,
		"-m", num(j.m), "-ef-construction", num(j.efc), "-k", num(j.k),
	}
	if name == "hnswlib" {
		self = harness
		args = []string{j.base, j.queries, num(j.dims), j.metric, num(j.m), num(j.efc), num(j.k)}
	}
	c := &child{name: name, job: j, cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

func (c *child) ask(format string, args ...any) (answer, error) {
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		return answer{}, fmt.Errorf("%s: %w", c.name, err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return answer{}, fmt.Errorf("%s: ended without an answer: %w", c.name, err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return answer{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%s: %s", c.name, a.Error)
	}
	return a, nil
}

func (c *child) close() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// buildHarness compiles the C++ contestant.
func buildHarness(source, dir string) (string, error) {
	out := filepath.Join(dir, "harness")
	cmd := exec.Command("g++", "-O3", "-march=native", "-std=c++17", "-pthread", "-o", out, filepath.Join(source, "hnswlib", "harness.cpp"))
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("g++ (Debian packages g++ and libhnswlib-dev): %w\n%s", err, msg)
	}
	return out, nil
}

// recall is the share of the true k nearest among the answers in file.
func recall(d *dataset, file string, k int) (float64, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if len(raw) != 4*k*d.asks() {
		return 0, fmt.Errorf("%s: %d bytes, want %d", file, len(raw), 4*k*d.asks())
	}
	found := 0
	for q := range d.asks() {
		got := map[int32]bool{}
		for i := range k {
			got[int32(binary.LittleEndian.Uint32(raw[4*(q*k+i):]))] = true
		}
		for _, id := range d.truth[q][:k] {
			if got[id] {
				found++
			}
		}
	}
	return float64(found) / float64(k*d.asks()), nil
}
