package hnsw_test

import (
	"context"
	"math"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// TestEstimate compares estimates with the distances of the vectors, for rows in order,
// rows with gaps, rows that share a node, and after rows were replaced and deleted.
func TestEstimate(t *testing.T) {
	for _, p := range []hnsw.Params{
		{Dims: 24, Metric: vector.Cosine},
		{Dims: 24, Metric: vector.L2},
		{Dims: 24, Metric: vector.InnerProduct, Quantize: hnsw.F16},
		{Dims: 24, Metric: vector.L1, Quantize: hnsw.None},
		{Dims: 24, Metric: vector.Hamming, Quantize: hnsw.Bit},
	} {
		t.Run(p.Metric.String()+" "+p.Quantize.String(), func(t *testing.T) {
			e := newEnv(t, p)
			vecs := random(3, 400, p.Dims)
			q := random(4, 1, p.Dims)[0]
			var rows []hnsw.RowID
			for i, v := range vecs {
				row := hnsw.RowID(i + 1)
				if i > 100 {
					row = hnsw.RowID(3 * i) // gaps
				}
				if i > 200 && i%5 == 0 {
					v = vecs[i-1] // the same node
				}
				e.base[row] = v
				rows = append(rows, row)
			}
			compare := func() {
				t.Helper()
				for _, again := range []bool{false, true} { // then from memory
					got, ok, err := e.ix.Estimate(q, append(rows, -5, 1<<40), nil)
					e.ok(err)
					if !ok || len(got) != len(rows)+2 {
						t.Fatalf("got %d estimates, %v, want %d", len(got), ok, len(rows)+2)
					}
					for i, row := range rows {
						v, there := e.base[row]
						if !there {
							if !math.IsNaN(got[i]) {
								t.Errorf("again %v: rowid %d: got %v, want NaN: it is gone", again, row, got[i])
							}
							continue
						}
						want := p.Metric.Distance(q, v)
						if math.Abs(got[i]-want) > 0.02*math.Max(1, math.Abs(want)) {
							t.Errorf("again %v: rowid %d: got %v, want %v", again, row, got[i], want)
						}
					}
					exact, err := e.ix.Distances(q, rows, nil)
					e.ok(err)
					for i, row := range rows {
						v, there := e.base[row]
						if there && exact[i] != p.Metric.Distance(q, v) || there == math.IsNaN(exact[i]) {
							t.Errorf("rowid %d: got distance %v, want that of %v", row, exact[i], v)
						}
					}
					if !math.IsNaN(got[len(rows)]) || !math.IsNaN(got[len(rows)+1]) {
						t.Errorf("got %v for rows that are not indexed, want NaN", got[len(rows):])
					}
				}
			}
			e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
			compare()
			e.write(func() {
				for i, row := range rows {
					switch i % 7 {
					case 0:
						e.delete(row)
					case 1: // other rows take the nodes
						e.insert(row, vecs[(i*31+5)%len(vecs)])
					}
				}
				compare() // the transaction's own changes
			})
			compare()
			e.reopen()
			compare()
		})
	}
}

// TestEstimateOfSigns has nothing to say about angles.
func TestEstimateOfSigns(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 16, Metric: vector.Cosine, Quantize: hnsw.Bit})
	e.write(func() { e.insert(1, random(1, 1, 16)[0]) })
	if got, ok, err := e.ix.Estimate(random(2, 1, 16)[0], []hnsw.RowID{1}, nil); ok || err != nil || len(got) != 0 {
		t.Errorf("got %v, %v, %v, want no estimate", got, ok, err)
	}
	if _, _, err := e.ix.Estimate(make([]float32, 3), []hnsw.RowID{1}, nil); err == nil {
		t.Error("3 dimensions: no error")
	}
}

// TestPin sees one state until Unpin, whatever others commit.
func TestPin(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 8})
	vecs := random(1, 3, 8)
	e.write(func() { e.insert(1, vecs[0]) })
	rows := func(want int64) {
		t.Helper()
		if n, err := e.ix.Rows(); err != nil || n != want {
			t.Errorf("got %d rows, %v, want %d", n, err, want)
		}
	}
	e.ix.Pin()
	rows(1)
	other, err := hnsw.Open(e.cache, e.conn, e.base)
	e.ok(err)
	e.conn.Begin()
	e.ok(other.Begin())
	e.base[2] = vecs[1]
	e.ok(other.Insert(2, vecs[1]))
	e.ok(other.Sync())
	e.ok(e.conn.Commit())
	other.Commit()
	rows(1)
	e.ix.Unpin()
	rows(2)
}

// TestEstimateOfChangedQuery changes the vector in place: what is kept of a query is
// that of its elements, not of the slice they are in.
func TestEstimateOfChangedQuery(t *testing.T) {
	e := newEnv(t, hnsw.Params{Dims: 16, Metric: vector.L2})
	for i, v := range random(5, 50, 16) {
		e.base[hnsw.RowID(i+1)] = v
	}
	e.write(func() { e.ok(e.ix.Build(context.Background(), e.base.source, nil)) })
	rows := []hnsw.RowID{3, 1, 44}
	q := random(6, 1, 16)[0]
	for round := range 4 {
		if round == 2 {
			e.write(func() { // encodes other vectors
				v := random(7, 1, 16)[0]
				e.base[60] = v
				e.insert(60, v)
			})
		}
		q[round] += 3
		if round%2 == 0 {
			_, _, err := e.ix.Search(context.Background(), q, hnsw.SearchOptions{K: 3})
			e.ok(err)
		}
		got, _, err := e.ix.Estimate(q, rows, nil)
		e.ok(err)
		for i, row := range rows {
			if want := vector.L2.Distance(q, e.base[row]); math.Abs(got[i]-want) > 0.03*want {
				t.Errorf("round %d: rowid %d: got %v, want %v", round, row, got[i], want)
			}
		}
	}
}
