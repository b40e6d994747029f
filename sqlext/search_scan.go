package sqlext

import (
	"context"
	"slices"

	"github.com/nearlite/nearlite/hnsw"
)

// nearest is the exact scan: it reads the vectors of all rows that pass the filter
// in one statement, which costs less than half of looking them up one by one, and
// returns the k nearest to q and the number of distances. On the way it learns the
// list of matching rows.
func (r *filterRun) nearest(ctx context.Context, t *vectorTable, q []float32, k int) ([]hnsw.Hit, int64, error) {
	if err := r.prepareScan(t.base); err != nil {
		return nil, 0, err
	}
	st := r.f.scan
	defer func() { _ = st.Reset() }()
	metric := t.params.Metric
	best := nearestK{k: k}
	var rows []int64
	if !r.listed {
		rows = r.rows[:0]
	}
	var buf []float32
	var n int64
	for step := 1; ; step++ {
		if step%256 == 0 && ctx.Err() != nil {
			return nil, n, t.wrap(ctx.Err())
		}
		ok, err := st.Step()
		if err != nil {
			return nil, n, r.fail(err)
		}
		if !ok {
			break
		}
		rowid := st.Value(0).Int
		if !r.listed {
			rows = append(rows, rowid)
		}
		v := st.Value(1)
		if v.IsNull() {
			continue
		}
		// As when rescoring, a cell that cannot be this index's vector is skipped.
		vec, err := appendVector(buf[:0], v)
		if err != nil || len(vec) != len(q) {
			continue
		}
		buf = vec
		n++
		if d := metric.Distance(q, vec); d == d {
			best.add(hnsw.Hit{RowID: rowid, Distance: d})
		}
	}
	if !r.listed {
		slices.Sort(rows)
		r.rows, r.listed = slices.Compact(rows), true
	}
	return best.sorted(), n, nil
}

// prepareScan compiles the statement of nearest on first use, and binds it.
func (r *filterRun) prepareScan(b *baseTable) error {
	if r.f.scan == nil {
		sql := "SELECT " + b.rowid + ", " + quoteName(b.columns[0]) + " FROM " + b.qualifiedName() + " WHERE (" + r.f.expr + "\n)"
		if b.where != "" {
			sql += " AND (" + b.where + ")"
		}
		st, err := r.conn.Prepare(sql)
		if err != nil {
			return r.fail(err)
		}
		r.f.scan = st
	}
	for i, v := range r.args {
		if err := r.f.scan.Bind(i+1, v); err != nil {
			return r.fail(err)
		}
	}
	return nil
}

// nearestK keeps the k nearest hits in a heap with the farthest on top.
type nearestK struct {
	k    int
	hits []hnsw.Hit
}

func (h *nearestK) add(x hnsw.Hit) {
	if len(h.hits) < h.k {
		h.hits = append(h.hits, x)
		for i := len(h.hits) - 1; i > 0; {
			up := (i - 1) / 2
			if compareHits(h.hits[up], h.hits[i]) >= 0 {
				return
			}
			h.hits[up], h.hits[i] = h.hits[i], h.hits[up]
			i = up
		}
		return
	}
	if h.k == 0 || compareHits(x, h.hits[0]) >= 0 {
		return
	}
	h.hits[0] = x
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(h.hits) {
			return
		}
		if down+1 < len(h.hits) && compareHits(h.hits[down+1], h.hits[down]) > 0 {
			down++
		}
		if compareHits(h.hits[i], h.hits[down]) >= 0 {
			return
		}
		h.hits[i], h.hits[down] = h.hits[down], h.hits[i]
		i = down
	}
}

func (h *nearestK) sorted() []hnsw.Hit {
	slices.SortFunc(h.hits, compareHits)
	return h.hits
}
