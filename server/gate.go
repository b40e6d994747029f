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

// place is a place among the requests that run. The zero place is that of a request
// which needs none, because it goes on with a transaction.
type place struct {
	gate *gate
	held bool
}

// leave gives the place up, if it is held.
func (p *place) leave() {
	if p.held {
		p.held = false
		<-p.gate.slots
	}
}

// back waits for the place again, however long the queue is: who comes back holds
// the turn to write, for which others wait.
func (p *place) back(ctx context.Context) error {
	if p.gate == nil || p.held {
		return nil
	}
	select {
	case p.gate.slots <- struct{}{}:
		p.held = true
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// enter waits for a place.
func (g *gate) enter(ctx context.Context) (*place, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return &place{g, true}, nil
}

func (g *gate) wait(ctx context.Context) error {
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
