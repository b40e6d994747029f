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
