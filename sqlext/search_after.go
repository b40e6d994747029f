package sqlext

import (
	"encoding/json"
	"math"
	"sort"

	"github.com/nearlite/nearlite/sqlext/host"
)

// cursor is the option "after": [value, id] of the last row of a page, where value is
// its distance in a vector search and its score in a text search.
type cursor struct {
	value float64
	id    int64
}

func (a optionArg) cursor() (*cursor, error) {
	what := "the distance (in lexical_search the score) and the id of the last row seen, such as [0.25, 17]"
	list, ok := a.value.([]any)
	if !ok || len(list) != 2 {
		return nil, a.want(what)
	}
	value, ok1 := list[0].(json.Number)
	id, ok2 := list[1].(json.Number)
	if !ok1 || !ok2 {
		return nil, a.want(what)
	}
	f, err1 := value.Float64()
	n, err2 := id.Int64()
	if err1 != nil || err2 != nil {
		return nil, a.want(what)
	}
	return &cursor{f, n}, nil
}

// page searches for n rows behind the cursor. more fetches at least as many rows as
// asked for, best first, in the order of less; all: there are no more.
//
// A page is a search for all rows up to its end, as with OFFSET. Unlike OFFSET it
// stays in place when rows are inserted or deleted before it.
func (c *cursor) page(n int, less func(row searchRow) bool, more func(n int) ([]searchRow, bool, error)) ([]searchRow, bool, error) {
	for ask := 2 * n; ; ask *= 2 {
		rows, all, err := more(ask)
		if err != nil {
			return nil, false, err
		}
		from := sort.Search(len(rows), func(i int) bool { return !less(rows[i]) })
		if rows = rows[from:]; len(rows) >= n || all {
			return rows, all, nil
		}
		if ask > math.MaxInt32/2 {
			return rows, true, nil
		}
	}
}

// notBehind reports whether a row of a vector search comes before the cursor, or is it.
func (c *cursor) notBehind(r searchRow) bool {
	return r.distance < c.value || r.distance == c.value && r.id <= c.id
}

// scoredNotBehind is notBehind for a text search.
func (c *cursor) scoredNotBehind(r searchRow) bool {
	return r.score > c.value || r.score == c.value && r.id <= c.id
}

// settleOn takes the cursor's distance from the row itself, if that is still there and
// as far: a host may have written the number with fewer digits than it has.
func (c *cursor) settleOn(t *vectorTable, q []float32) error {
	v, ok, err := baseVectors{t}.Vector(c.id, nil)
	if err != nil || !ok {
		return t.wrap(err)
	}
	if d := t.params.Metric.Distance(q, v); math.Abs(d-c.value) <= 1e-9*math.Max(1, math.Abs(d)) {
		c.value = d
	}
	return nil
}

// blankRow is the only row of a search with the option "explain": the record of what
// was done, also where nothing was found.
func blankRow() []searchRow {
	nan := math.NaN()
	return []searchRow{{blank: true, key: host.Value{}, score: nan, distance: nan, lexical: nan}}
}
