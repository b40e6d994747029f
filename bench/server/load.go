package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// measured is the outcome of a load; those of several slices of time add up.
type measured struct {
	took    []time.Duration // of each request
	seconds float64
	cpu     time.Duration // of the server, all requests
	own     time.Duration // of the clients, all requests
	errors  int
	first   error
}

func (m *measured) add(o measured) {
	m.took = append(m.took, o.took...)
	m.seconds += o.seconds
	m.cpu += o.cpu
	m.own += o.own
	m.errors += o.errors
	m.first = errors.Join(m.first, o.first)
}

func (m *measured) perSecond() float64 { return float64(len(m.took)) / m.seconds }

// each is a processor time for one request.
func (m *measured) each(d time.Duration) time.Duration { return d / time.Duration(max(len(m.took), 1)) }

// percentile wants the requests sorted.
func (m *measured) percentile(p int) time.Duration {
	if len(m.took) == 0 {
		return 0
	}
	return m.took[len(m.took)*p/100]
}

func (m *measured) String() string {
	slices.Sort(m.took)
	return fmt.Sprintf("%7.0f req/s  p50 %6.2f ms  p99 %7.2f ms  CPU a request: server %5.3f ms, client %5.3f ms  %d requests, %d errors",
		m.perSecond(), ms(m.percentile(50)), ms(m.percentile(99)), ms(m.each(m.cpu)), ms(m.each(m.own)), len(m.took), m.errors)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// work is what the requests of a load do.
type work uint8

const (
	selectOne work = iota
	topK
)

// contestant sends requests over a number of connections at once.
type contestant interface {
	name() string
	load(w work, d time.Duration) (measured, error)
}

// lean is a client that does next to nothing: requests are made beforehand, answers are
// not taken apart. What it measures is the server, and what costs the server more shows
// in full.
type lean struct {
	server      *child
	connections int
	one         []byte
	searches    [][]byte
}

func newLean(c *child, connections int, queries [][]byte) *lean {
	l := &lean{server: c, connections: connections, one: body("SELECT 1")}
	for _, q := range queries {
		l.searches = append(l.searches, body(searchSQL, q))
	}
	return l
}

func (l *lean) name() string { return "lean" }

func (l *lean) load(w work, d time.Duration) (measured, error) {
	var mu sync.Mutex
	var m measured
	var wg sync.WaitGroup
	own, begin := ownCPU(), time.Now()
	for n := range l.connections {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), uint64(begin.UnixNano())))
			var took []time.Duration
			var failed error
			failures := 0
			for time.Since(begin) < d && failures < 100 {
				request, values := l.one, 1
				if w == topK {
					request, values = l.searches[rng.IntN(len(l.searches))], hits
				}
				t := time.Now()
				if err := l.server.expect(request, values); err != nil {
					failures++
					failed = err
					continue
				}
				took = append(took, time.Since(t))
			}
			mu.Lock()
			defer mu.Unlock()
			m.took = append(m.took, took...)
			m.errors += failures
			m.first = errors.Join(m.first, failed)
		})
	}
	wg.Wait()
	m.seconds = time.Since(begin).Seconds()
	m.own = ownCPU() - own
	return m, nil
}

// ownCPU is the processor time that this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
