package server

import (
	"context"
	"sync/atomic"
	"time"
)

// gate lets so many requests run at once; a few more may wait for a while, the rest
// are told to come again.
type gate struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	timeout time.Duration
}

func newGate(l *Limits) *gate {
	return &gate{slots: make(chan struct{}, l.Concurrent), queue: int64(l.Queue), timeout: l.QueueTimeout}
}

// enter waits for a place; leave gives it back.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return busy("too many requests wait already")
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.timeout)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return busy("no place became free in time")
	case <-ctx.Done():
		return busy("the client went away")
	}
}

func (g *gate) leave() { <-g.slots }
