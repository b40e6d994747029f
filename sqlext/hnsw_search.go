package sqlext

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/sqlext/host"
)

// hnswRows is a running scan of a vector index.
type hnswRows struct {
	t       *vectorTable
	used    uint64
	pending []hnsw.Hit // found and not yet handed out
	more    func() ([]hnsw.Hit, error)
	ranked  bool // the hits have a distance
	k, ef   host.Value
	recall  host.Value
	closed  bool
}

// Search starts a scan with a plan of BestIndex.
func (o hnswObject) Search(plan host.Plan, args host.Args) (host.Rows, error) {
	t := o.vectorTable
	t.enter()
	r := &hnswRows{t: t, used: plan.ColumnsUsed}
	err := t.ready()
	if err == nil {
		switch plan.Num {
		case planLookup:
			err = r.lookup(args.Value(0))
		case planSearch:
			err = r.search(plan.Str, args)
		default:
			err = r.scan()
		}
	}
	if err != nil {
		t.leave()
		return nil, err
	}
	t.base.release()
	return r, nil
}

// lookup finds one row.
func (r *hnswRows) lookup(v host.Value) error {
	rowid, found, err := r.t.find(v)
	if found {
		r.pending = []hnsw.Hit{{RowID: rowid}}
	}
	return err
}

// scan lists all rows that are indexed and still in the table.
func (r *hnswRows) scan() error {
	indexed, err := r.t.index.Rows()
	if err != nil {
		return r.t.wrap(err)
	}
	n := int64(0)
	err = r.t.index.Scan(func(rowid int64) (bool, error) {
		n++
		ok, err := r.t.base.exists(rowid)
		if ok {
			r.pending = append(r.pending, hnsw.Hit{RowID: rowid})
		}
		return true, err
	})
	if err == nil && n != indexed {
		err = fmt.Errorf("%w: %d rows are listed, want %d", hnsw.ErrCorrupt, n, indexed)
	}
	return r.t.wrap(err)
}

// vectorQuery is a search as SQL asks for it.
type vectorQuery struct {
	q     []float32
	k     int     // -1: as many as are read
	ef    int     // 0: by recall
	goal  float64 // recall; 0: the index's setting
	rows  rowidFilter
	bound float64 // NaN: none
	open  bool    // bound is exclusive
}

// search reads the arguments of a search and runs it.
func (r *hnswRows) search(letters string, args host.Args) error {
	t := r.t
	label := t.label()
	vq := vectorQuery{k: -1, bound: math.NaN(), rows: anyRow()}
	limit, offset := -1, 0
	letters, _, _ = strings.Cut(letters, " ") // the rest is for EXPLAIN QUERY PLAN
	for i := range len(letters) {
		var err error
		switch v := args.Value(i); letters[i] {
		case 'v':
			vq.q, err = queryVector(label, v, t.params.Dims)
		case 'k':
			vq.k, err = countArg(label, "k", v)
			r.k = host.IntValue(int64(vq.k))
		case 'e':
			vq.ef, err = rangeArg(label, "ef_search", v, hnsw.MinEfSearch, hnsw.MaxEfSearch)
			r.ef = host.IntValue(int64(vq.ef))
		case 'R':
			vq.goal, err = recallArg(label, v)
			r.recall = host.FloatValue(vq.goal)
		case 'i', 'r', 'a', 'b', 'c', 'd':
			err = vq.rows.read(letters[i], args, i)
		case '<', 'l':
			x, ok := number(v)
			if !ok || math.IsNaN(x) {
				return mismatchf("%s: the bound of distance is %s, want a number", label, v.KindName())
			}
			vq.bound, vq.open = x, letters[i] == '<'
		case 'L':
			if v.Kind == host.Integer && v.Int >= 0 {
				limit = int(min(v.Int, math.MaxInt32))
			}
		case 'O':
			if v.Kind == host.Integer && v.Int > 0 {
				offset = int(min(v.Int, math.MaxInt32))
			}
		}
		if err != nil {
			return err
		}
	}
	if vq.ef > 0 && vq.goal > 0 {
		return errorf("%s: ef_search and recall are both given, want one of them", label)
	}
	if limit >= 0 && (vq.k < 0 || vq.k > limit+offset) {
		vq.k = limit + offset
	}
	r.ranked = true
	vq.rows.settle()
	if vq.k < 0 && !vq.rows.restricts() {
		r.more = t.nearest(vq)
		return nil
	}
	hits, err := t.search(vq)
	if err != nil {
		return err
	}
	r.pending = hits
	return nil
}

// recallArg reads a recall.
func recallArg(label string, v host.Value) (float64, error) {
	f, ok := number(v)
	if !ok {
		return 0, mismatchf("%s: recall is %s, want a number between 0 and 1, such as 0.95", label, v.KindName())
	}
	if err := hnsw.CheckRecall(f); err != nil {
		return 0, errorf("%s: %v", label, err)
	}
	return f, nil
}

// exactRows is up to how many rows of a list are compared one by one rather than
// filtered inside the traversal: about what a traversal for few hits visits.
const exactRows = 2000

// search answers a query with a known number of hits.
func (t *vectorTable) search(vq vectorQuery) ([]hnsw.Hit, error) {
	indexed, err := t.index.Rows()
	if err != nil {
		return nil, t.wrap(err)
	}
	ctx := t.cat.context()
	k := vq.k
	if k < 0 || int64(k) > indexed {
		k = int(indexed)
	}
	set := vq.rows.set
	if set != nil {
		k = min(k, len(set.rows))
	}
	if k == 0 {
		return nil, nil
	}
	var hits []hnsw.Hit
	if set == nil || len(set.rows) > max(exactRows, int(indexed/100)) && k < len(set.rows)/2 {
		opt := hnsw.SearchOptions{K: k, EfSearch: vq.ef, Recall: vq.goal, Exact: int64(k) >= indexed}
		if vq.rows.restricts() {
			opt.Filter = &vq.rows
		}
		if set != nil {
			opt.FilterHint = min(1, float64(len(set.rows))/float64(indexed))
		}
		if hits, _, err = t.index.Search(ctx, vq.q, opt); err != nil {
			return nil, t.wrap(err)
		}
		if len(hits) == k || opt.Exact {
			return vq.cut(hits), nil
		}
	}
	// A list holds rows that are not indexed, and a traversal may miss some or meet
	// entries whose rows are gone: only the exact answer tells that there are no more.
	if set == nil && vq.rows.restricts() {
		if set, err = t.rowsWithin(&vq.rows); err != nil {
			return nil, err
		}
	}
	if set == nil {
		hits, _, err = t.index.Search(ctx, vq.q, hnsw.SearchOptions{K: k, Exact: true})
	} else {
		hits, _, err = t.index.SearchRows(ctx, vq.q, k, slices.Values(set.rows))
	}
	if err != nil {
		return nil, t.wrap(err)
	}
	return vq.cut(hits), nil
}

// rowsWithin lists the indexed rows that a filter allows.
func (t *vectorTable) rowsWithin(f *rowidFilter) (*rowSet, error) {
	var rows []int64
	err := t.index.Scan(func(rowid int64) (bool, error) {
		ok, err := f.Allows(rowid)
		if ok {
			rows = append(rows, rowid)
		}
		return true, err
	})
	return newRowSet(rows), t.wrap(err)
}

// cut drops the hits beyond the bound; hits are in order of distance.
func (vq *vectorQuery) cut(hits []hnsw.Hit) []hnsw.Hit {
	if math.IsNaN(vq.bound) {
		return hits
	}
	for i, h := range hits {
		if h.Distance > vq.bound || vq.open && h.Distance == vq.bound {
			return hits[:i]
		}
	}
	return hits
}

// portion is how many rows of an open search are found before they are read.
const portion = 64

// nearest returns a function that yields the nearest rows in portions, for as long as
// they are read. It is one search, which goes on where it stopped. Should the index
// change under it (a statement that writes while it reads), or should a row not be
// reached, the rest comes from searches that begin anew.
func (t *vectorTable) nearest(vq vectorQuery) func() ([]hnsw.Hit, error) {
	seen := map[int64]struct{}{}
	var it *hnsw.Iterator
	var rest func() ([]hnsw.Hit, error)
	done := false
	return func() ([]hnsw.Hit, error) {
		if rest != nil || done {
			if done {
				return nil, nil
			}
			return rest()
		}
		if it == nil {
			var err error
			it, err = t.index.Iterate(t.cat.context(), vq.q, hnsw.SearchOptions{K: portion, EfSearch: vq.ef, Recall: vq.goal})
			if err != nil {
				return nil, t.wrap(err)
			}
		} else if stale, err := it.Stale(t.index); err != nil {
			return nil, t.wrap(err)
		} else if stale {
			rest = t.nearestAnew(vq, seen)
			return rest()
		}
		fresh := make([]hnsw.Hit, 0, portion)
		for len(fresh) < portion {
			h, ok, err := it.Next()
			if err != nil {
				return nil, t.wrap(err)
			}
			if !ok {
				indexed, err := t.index.Rows()
				if err != nil {
					return nil, t.wrap(err)
				}
				if int64(len(seen)+it.Stats().StaleRows) < indexed {
					rest = t.nearestAnew(vq, seen)
				} else {
					done = true
				}
				break
			}
			if len(vq.cut([]hnsw.Hit{h})) == 0 {
				done = true
				break
			}
			seen[h.RowID] = struct{}{}
			fresh = append(fresh, h)
		}
		if len(fresh) == 0 && rest != nil {
			return rest()
		}
		return fresh, nil
	}
}

// nearestAnew yields the nearest rows that have not been seen. Each portion is a search
// for more rows than all before; at the end stands an exact scan, so that every row
// comes exactly once.
func (t *vectorTable) nearestAnew(vq vectorQuery, seen map[int64]struct{}) func() ([]hnsw.Hit, error) {
	k, done := max(portion, 2*len(seen)), false
	return func() ([]hnsw.Hit, error) {
		for !done {
			indexed, err := t.index.Rows()
			if err != nil {
				return nil, t.wrap(err)
			}
			ask := vq
			ask.k = int(min(int64(k), indexed))
			ask.bound = math.NaN()
			hits, err := t.search(ask)
			if err != nil {
				return nil, err
			}
			within := vq.cut(hits)
			done = len(within) < len(hits) || int64(ask.k) >= indexed
			k *= 4
			fresh := make([]hnsw.Hit, 0, len(within))
			for _, h := range within {
				if _, ok := seen[h.RowID]; !ok {
					seen[h.RowID] = struct{}{}
					fresh = append(fresh, h)
				}
			}
			if len(fresh) > 0 {
				return fresh, nil
			}
		}
		return nil, nil
	}
}

// batchRows is the number of rows handed over at a time.
const batchRows = 64

// Next implements host.Rows.
func (r *hnswRows) Next(b *host.Batch) error {
	b.Columns = hnswColumns + r.t.included()
	if len(r.pending) == 0 && r.more != nil {
		hits, err := r.more()
		r.t.base.release()
		if err != nil {
			return err
		}
		r.pending = hits
	}
	n := min(len(r.pending), batchRows)
	row := make([]host.Value, b.Columns)
	for _, h := range r.pending[:n] {
		clear(row)
		if r.ranked {
			row[hnswDistance] = host.FloatValue(h.Distance)
		}
		if r.used>>hnswVector&1 != 0 {
			row[hnswVector].Kind = host.Deferred
		}
		row[hnswK], row[hnswEfSearch], row[hnswRecall] = r.k, r.ef, r.recall
		b.Add(h.RowID, row...)
	}
	r.pending = r.pending[n:]
	return nil
}

// Late implements host.LateRows: the vector is looked up when it is selected, not
// whenever MATCH names its column.
func (r *hnswRows) Late(rowid int64, _ int) (host.Value, error) {
	return r.t.base.vectorValue(rowid)
}

// Close implements host.Rows.
func (r *hnswRows) Close() error {
	if !r.closed {
		r.closed = true
		r.t.leave()
	}
	return nil
}

// vectorValue is a row's vector as the table holds it, copied; NULL when the row is
// gone.
func (b *baseTable) vectorValue(rowid int64) (host.Value, error) {
	found, err := b.seek(rowid)
	if err != nil || !found {
		return host.Value{}, err
	}
	v := b.point.Value(1)
	v.Bytes = slices.Clone(v.Bytes)
	return v, b.point.Reset()
}
