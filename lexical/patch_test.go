package lexical_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

// patched is an index of n documents in one segment, and their texts.
func patched(t *testing.T, n int) (*conn, map[int64][]string) {
	c := create(t, twoColumns)
	rows := map[int64][]string{}
	c.begin()
	for i := range n {
		rows[int64(i)] = []string{
			"title " + vocabulary[i%len(vocabulary)],
			fmt.Sprintf("body with %s and %s, number n%d", vocabulary[i%7], vocabulary[i%13], i),
		}
		c.must(c.ix.Insert(int64(i), rows[int64(i)]))
	}
	c.commit()
	return c, rows
}

// equalsFresh compares an index with one that was made of the same documents.
func equalsFresh(t *testing.T, c *conn, rows map[int64][]string) {
	t.Helper()
	fresh := create(t, c.ix.Params())
	fresh.begin()
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		fresh.must(fresh.ix.Insert(id, rows[id]))
	}
	fresh.commit()
	if got, want := state(t, c.ix), state(t, fresh.ix); got != want {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		at = max(at-20, 0)
		t.Fatalf("from %d on\ngot  %.200s\nwant %.200s", at, got[at:], want[at:])
	}
	for _, q := range append(queries,
		lexical.Request{Query: "+title:changed +body:bee", Syntax: lexical.QueryString, K: -1},
		lexical.Request{Query: `"body with"`, Syntax: lexical.QueryString, K: -1},
		lexical.Request{Query: "-title:changed", Syntax: lexical.QueryString, K: -1},
		lexical.Request{Query: "chang* bod* n1*", Syntax: lexical.QueryString, K: -1},
		lexical.Request{Query: "changed n7 bee", K: 20},
	) {
		got, _, err := c.ix.Search(context.Background(), q)
		c.must(err)
		want, _, err := fresh.ix.Search(context.Background(), q)
		c.must(err)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: got %d hits %v, want %d %v", q.Query, len(got), got[:min(5, len(got))], len(want), want[:min(5, len(want))])
		}
	}
	c.check(func(yield func(int64, []string) error) error {
		for id, texts := range rows {
			if err := yield(id, texts); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestPatches updates titles in a segment of several blocks, bodies of some of the same
// rows, deletes, and reads it all again in a connection that knows nothing of it.
func TestPatches(t *testing.T) {
	c, rows := patched(t, 1500)
	update := func(id int64, column int, text string) {
		rows[id] = slices.Clone(rows[id])
		rows[id][column] = text
		c.must(c.ix.Update(id, rows[id], 1<<column))
	}
	want := func(patches int64) {
		t.Helper()
		st, err := c.ix.Stats()
		c.must(err)
		if st.Patched != patches {
			t.Errorf("got %d documents in patches, want %d", st.Patched, patches)
		}
	}
	for round := range 10 {
		c.begin()
		for i := range 20 {
			update(int64((round*149+i*67)%1500), 0, fmt.Sprintf("changed in round %d", round))
		}
		c.commit()
	}
	equalsFresh(t, c, rows)
	st, err := c.ix.Stats()
	c.must(err)
	if st.Patched < 100 || st.Segments < 2 || st.Deleted != 0 {
		t.Fatalf("got %+v, want patches and nothing deleted", st)
	}

	c.begin()
	var both []int64
	for id := int64(0); len(both) < 5; id++ {
		if rows[id][0][0] == 'c' { // changed
			update(id, 1, "another body, with bee")
			both = append(both, id)
		}
	}
	want(st.Patched - 5) // all columns are new: they are whole documents now
	_, err = c.ix.Delete(1499)
	c.must(err)
	delete(rows, 1499)
	c.commit()
	equalsFresh(t, c, rows)

	again := connect(t, c.st.File().Clone(), lexical.NewCache(1<<12))
	equalsFresh(t, again, rows)

	c.begin()
	c.must(c.ix.Optimize(context.Background()))
	c.commit()
	want(0)
	equalsFresh(t, c, rows)
}

// TestPatchesAreTakenIn updates most of a segment: it is written anew.
func TestPatchesAreTakenIn(t *testing.T) {
	c, rows := patched(t, 700)
	c.begin()
	for id := range int64(400) {
		rows[id] = []string{"changed", rows[id][1]}
		c.must(c.ix.Update(id, rows[id], 1))
	}
	c.commit()
	equalsFresh(t, c, rows)
	if st, err := c.ix.Stats(); err != nil || st.Patched != 0 || st.Segments != 1 {
		t.Errorf("got %+v, %v, want one segment without patches", st, err)
	}
}

// TestUpdateWritesChangedColumns compares what an update writes with the size of the
// text that stays as it is.
func TestUpdateWritesChangedColumns(t *testing.T) {
	c, rows := patched(t, 300)
	long := ""
	for i := range 2000 {
		long += fmt.Sprintf(" word%d", i)
	}
	c.begin()
	rows[7] = []string{rows[7][0], long}
	c.must(c.ix.Update(7, rows[7], 2))
	rows[9] = []string{"all", "new"}
	c.must(c.ix.Update(9, rows[9], 0)) // unknown: all
	c.commit()
	before, err := c.ix.Stats()
	c.must(err)
	c.begin()
	rows[8] = []string{"another", long} // says that only the title is new
	c.must(c.ix.Update(8, []string{"another", long}, 1))
	rows[8][1] = "body with " + vocabulary[8%7] + " and " + vocabulary[8%13] + ", number n8"
	c.commit()
	after, err := c.ix.Stats()
	c.must(err)
	if n := after.Bytes - before.Bytes; n > 200 {
		t.Errorf("an update of a title wrote %d bytes", n)
	}
	equalsFresh(t, c, rows)
}

// TestIndexWithoutPatches writes to an index of the format that has none: updates are
// whole documents there, and it stays readable for the release that made it.
func TestIndexWithoutPatches(t *testing.T) {
	c, rows := patched(t, 300)
	c.st.Begin()
	c.must(lexical.MakeOld(c.st))
	c.st.Commit()
	old := connect(t, c.st.File().Clone(), lexical.NewCache(0))
	old.begin()
	for id := range int64(20) {
		rows[id] = []string{"changed", rows[id][1]}
		old.must(old.ix.Update(id, rows[id], 1))
	}
	old.commit()
	equalsFresh(t, old, rows)
	if st, err := old.ix.Stats(); err != nil || st.Patched != 0 || st.Deleted != 20 {
		t.Errorf("got %+v, %v, want 20 deleted and no patches", st, err)
	}
	for i, part := range []lexical.Part{lexical.PartConfig, lexical.PartConfig, lexical.PartSegments} {
		id := int64([]int{0, 2, 1}[i])
		if row := old.st.File().Row(part, id); row == nil || row[0] != 1 {
			t.Errorf("row %d of %v has another version than 1", id, part)
		}
	}
}
