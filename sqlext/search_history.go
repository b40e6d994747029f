package sqlext

import "time"

// history remembers how traversals under a filter with certain arguments ended. Where
// matching rows lie far from what is searched for, they find out and switch to another
// plan; after two in a row that plan is taken at once. One search in farRetry tries
// again: other queries may be nearer.
type history struct {
	far   int
	turns int
	exact float64 // nanoseconds of an exact scan, smoothed
}

const (
	farEnough = 2
	farMost   = 4
	farRetry  = 8
)

// isFar reports whether this search should not try to traverse.
func (h *history) isFar() bool {
	if h.far < farEnough {
		return false
	}
	h.turns++
	return h.turns%farRetry != 0
}

// ended takes down how a traversal went.
func (h *history) ended(switched bool) {
	if switched {
		h.far = min(h.far+1, farMost)
	} else {
		h.far = max(h.far-1, 0)
	}
}

// scanned takes down how long an exact scan took.
func (h *history) scanned(took time.Duration) {
	ns := float64(took.Nanoseconds())
	if h.exact == 0 {
		h.exact = ns
	}
	h.exact += (ns - h.exact) / 4
}

// exactSeen is what exact scans took; 0: unknown.
func (h *history) exactSeen() float64 {
	if pricesPinned.Load() {
		return 0
	}
	return h.exact
}

// history returns what is remembered of earlier searches.
func (r *filterRun) history() *history {
	if r.past == nil {
		key := argsKey(r.args)
		if r.past = r.f.histories[key]; r.past == nil {
			if len(r.f.histories) >= maxEstimates {
				clear(r.f.histories)
			}
			r.past = &history{}
			r.f.histories[key] = r.past
		}
	}
	return r.past
}
