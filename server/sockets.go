package server

import (
	"context"
	"sync"
	"time"
)

// sockets are the open WebSockets, so that a server which stops can finish their requests.
type sockets struct {
	mu    sync.Mutex
	open  map[*wsConn]struct{}
	drain bool
}

func (s *sockets) add(c *wsConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*wsConn]struct{}{}
	}
	s.open[c] = struct{}{}
}

func (s *sockets) remove(c *wsConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *sockets) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drain
}

// busy reports whether a request waits for its answer; all: whether a connection is open.
func (s *sockets) busy(all bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if all || c.pending.Load() > 0 {
			return true
		}
	}
	return false
}

// wait ends when nothing is busy anymore, or with ctx.
func (s *sockets) wait(ctx context.Context, all bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.busy(all) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// Drain lets the requests that came over WebSockets end, or ctx; new ones are refused from
// now on. http.Server.Shutdown does so for the others.
func (s *Server) Drain(ctx context.Context) error {
	s.sockets.mu.Lock()
	s.sockets.drain = true
	s.sockets.mu.Unlock()
	return s.sockets.wait(ctx, false)
}
