// Package progress shows how far an import is: a bar with rate and time left on a
// terminal, plain lines now and then elsewhere.
package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress reports to one writer, standard error as a rule. It is used by one
// goroutine.
type Progress struct {
	w        io.Writer
	terminal bool
	quiet    bool
	now      func() time.Time

	bar   *progressbar.ProgressBar
	total int64 // bytes; -1: not known
	begin time.Time
	last  time.Time // of the last plain line or bar update
	rows  int64

	building string    // the index that is built
	began    time.Time // that
	drawn    time.Time // its last line
}

// linesEvery is how often a plain line appears.
const linesEvery = 5 * time.Second

// New returns a Progress that draws a bar if terminal, and only notes if quiet.
func New(w io.Writer, terminal, quiet bool) *Progress {
	return &Progress{w: w, terminal: terminal, quiet: quiet, now: time.Now}
}

// Start begins work on totalBytes bytes; -1 if that is not known.
func (p *Progress) Start(totalBytes int64) {
	p.total, p.begin, p.rows = totalBytes, p.now(), 0
	p.last = p.begin
	if !p.terminal || p.quiet {
		return
	}
	p.bar = progressbar.NewOptions64(totalBytes,
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(16),
		progressbar.OptionThrottle(0), // Update throttles
		progressbar.OptionClearOnFinish(),
	)
}

// Update says how many bytes are read and how many rows are in.
func (p *Progress) Update(bytes, rows int64) {
	p.rows = rows
	if p.quiet {
		return
	}
	// The clock is asked once in a while only: rows are faster than it is.
	if rows%64 != 0 {
		return
	}
	now := p.now()
	if p.bar != nil {
		if now.Sub(p.last) >= 100*time.Millisecond {
			p.last = now
			p.bar.Describe(fmt.Sprintf("importing %d rows (%s)", rows, rate(rows, now.Sub(p.begin))))
			_ = p.bar.Set64(bytes) // only the drawing can fail
		}
		return
	}
	if now.Sub(p.last) < linesEvery {
		return
	}
	p.last = now
	elapsed := now.Sub(p.begin)
	line := fmt.Sprintf("%d rows, %s", rows, rate(rows, elapsed))
	if p.total > 0 && bytes > 0 && bytes <= p.total {
		left := time.Duration(float64(elapsed) * float64(p.total-bytes) / float64(bytes))
		line += fmt.Sprintf(", %d %% of the file, about %s left", 100*bytes/p.total, left.Round(time.Second))
	}
	p.print(line)
}

// Stop removes the bar.
func (p *Progress) Stop() {
	if p.bar != nil {
		_ = p.bar.Clear() // only the drawing can fail
		p.bar = nil
	}
}

// Building says how far an index is: a line that rewrites itself on a terminal, a
// line of its own every few seconds elsewhere. After the last row nothing of the
// former is left.
func (p *Progress) Building(index string, done, total int64) {
	if p.quiet {
		return
	}
	now := p.now()
	if p.building != index {
		p.building, p.began, p.drawn = index, now, now
	}
	every := linesEvery
	if p.terminal {
		every = 100 * time.Millisecond
	}
	ended := done >= total
	if !ended && now.Sub(p.drawn) < every {
		return
	}
	p.drawn = now
	line := fmt.Sprintf("%s: %d of %d rows linked", index, done, total)
	if elapsed := now.Sub(p.began); done > 0 && elapsed > 0 && !ended {
		left := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
		line += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	switch {
	case p.terminal && ended:
		_, _ = fmt.Fprint(p.w, "\r\x1b[K") // there is nowhere to report that it is closed
	case p.terminal:
		_, _ = fmt.Fprint(p.w, "\r\x1b[K", line)
	case !ended:
		p.print(line)
	}
	if ended {
		p.building = ""
	}
}

// Note prints a line.
func (p *Progress) Note(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	p.print(text)
	if p.bar != nil {
		_ = p.bar.RenderBlank()
	}
}

func (p *Progress) print(line string) {
	// There is nowhere to report that standard error is closed.
	_, _ = fmt.Fprintln(p.w, line)
}

func rate(rows int64, elapsed time.Duration) string {
	if elapsed <= 0 {
		return "0 rows/s"
	}
	return fmt.Sprintf("%.0f rows/s", float64(rows)/elapsed.Seconds())
}
