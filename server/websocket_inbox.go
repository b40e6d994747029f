package server

import (
	"sync"
	"sync/atomic"
)

// wsQueued is how many times the bytes of the largest request may wait on one connection.
const wsQueued = 4

// wsOverhead is what a waiting request takes in memory beside its text.
const wsOverhead = 512

// wsInbox holds the requests of a stream that wait for those before them. Clients send
// thousands at once. They must be taken off the line at once: behind them may be the
// COMMIT of another stream, for which the first of them waits.
type wsInbox struct {
	ready chan struct{} // has an element while queue has

	mu    sync.Mutex
	queue []wsMessage
}

func newInbox() wsInbox { return wsInbox{ready: make(chan struct{}, 1)} }

// push appends a request. queued are the bytes that wait on all streams of the
// connection; it returns false if they were more than most. There is always room for one
// request, and for those that close a stream.
func (q *wsInbox) push(m wsMessage, queued *atomic.Int64, most int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := queued.Load(); n > 0 && n+m.size > most && m.Request.Type != "close_stream" {
		return false
	}
	queued.Add(m.size)
	q.queue = append(q.queue, m)
	q.signal()
	return true
}

// pop takes the first request. It must be called once for each element of ready.
func (q *wsInbox) pop(queued *atomic.Int64) wsMessage {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.queue[0]
	q.queue[0] = wsMessage{} // its memory is free before the queue is
	q.queue = q.queue[1:]
	queued.Add(-m.size)
	if len(q.queue) > 0 {
		q.signal()
	}
	return m
}

// signal is called with q.mu held.
func (q *wsInbox) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *wsInbox) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queue) == 0
}
