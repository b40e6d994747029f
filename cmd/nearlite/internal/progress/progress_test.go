package progress

import (
	"strings"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newTest(terminal, quiet bool) (*Progress, *strings.Builder, *clock) {
	var b strings.Builder
	c := &clock{time.Unix(1_000_000, 0)}
	p := New(&b, terminal, quiet)
	p.now = c.now
	return p, &b, c
}

func TestPlainLines(t *testing.T) {
	p, out, c := newTest(false, false)
	p.Start(10_000)
	c.t = c.t.Add(4 * time.Second)
	p.Update(1000, 640)
	if out.String() != "" {
		t.Errorf("after 4 s: got %q, want nothing yet", out)
	}
	c.t = c.t.Add(2 * time.Second)
	p.Update(2500, 1280)
	p.Note("line 7: left out")
	p.Stop()
	want := "1280 rows, 213 rows/s, 25 % of the file, about 18s left\nline 7: left out\n"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestPlainLinesUnknownSize(t *testing.T) {
	p, out, c := newTest(false, false)
	p.Start(-1)
	c.t = c.t.Add(10 * time.Second)
	p.Update(2500, 1280)
	if got, want := out.String(), "1280 rows, 128 rows/s\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBarShowsRateAndTimeLeft(t *testing.T) {
	p, out, c := newTest(true, false)
	p.Start(10_000)
	time.Sleep(20 * time.Millisecond) // the bar measures its rate by the real clock
	c.t = c.t.Add(2 * time.Second)
	p.Update(2500, 1280)
	got := out.String()
	for _, want := range []string{"importing 1280 rows (640 rows/s)", "25%", "B/s", ":"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	p.Stop()
}

func TestQuiet(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		p, out, c := newTest(terminal, true)
		p.Start(100)
		c.t = c.t.Add(time.Minute)
		p.Update(50, 64)
		p.Stop()
		p.Note("left out")
		if got, want := out.String(), "left out\n"; got != want {
			t.Errorf("terminal %v: got %q, want %q", terminal, got, want)
		}
	}
}

func TestBuilding(t *testing.T) {
	p, out, c := newTest(false, false)
	for i := range int64(12) {
		p.Building("main.t_vec", i*1000, 11000)
		c.t = c.t.Add(time.Second)
	}
	if got, want := out.String(), "main.t_vec: 5000 of 11000 rows linked, about 6s left\nmain.t_vec: 10000 of 11000 rows linked, about 1s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p, out, c = newTest(true, false)
	p.Building("v", 1, 4)
	c.t = c.t.Add(time.Second)
	p.Building("v", 2, 4)
	c.t = c.t.Add(time.Millisecond)
	p.Building("v", 3, 4)
	p.Building("v", 4, 4)
	if got, want := out.String(), "\r\x1b[Kv: 2 of 4 rows linked, about 1s left\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p, out, c = newTest(true, true)
	p.Building("v", 1, 4)
	c.t = c.t.Add(time.Minute)
	p.Building("v", 2, 4)
	if out.String() != "" {
		t.Errorf("quiet: got %q", out)
	}
}
