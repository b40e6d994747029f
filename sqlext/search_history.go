package sqlext

import "time"

// history remembers how traversals under a filter with certain arguments ended. Where
// matching rows lie far from what is searched for, they find out and switch to another
// plan: the planner charges them for that as often as it happened. One search in
// farRetry is not charged: other queries may be nearer.
type history struct {
	far   float64 // share of traversals that switched, smoothed
	turns int
	exact float64 // nanoseconds of an exact scan
	work  float64 // of the filter in the dearest search

	version uint32 // of the database in the last search that asked
	scans   int
}

const farRetry = 8

// share is what the planner is to know.
func (h *history) share() float64 {
	if h.turns++; h.turns%farRetry == 0 {
		return 0
	}
	return h.far
}

// ended takes down how a traversal went.
func (h *history) ended(switched bool) {
	was := 0.0
	if switched {
		was = 1
	}
	h.far += (was - h.far) / 4
}

// worked takes down what the filter cost a search.
func (h *history) worked(ns float64) { h.work = max(h.work, ns) }

// scanned takes down how long an exact scan took. Short times count more: a long one
// may be that of something else the machine did.
func (h *history) scanned(took time.Duration) {
	ns := float64(took.Nanoseconds())
	if h.scans++; h.scans == 1 || ns < h.exact {
		h.exact = ns
	} else {
		h.exact += (ns - h.exact) / 16
	}
}

// scansTrusted is after how many scans their time is taken for their price.
const scansTrusted = 3

// exactSeen is what exact scans took; 0: unknown.
func (h *history) exactSeen() float64 {
	if pricesPinned.Load() || h.scans < scansTrusted {
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
