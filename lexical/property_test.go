package lexical_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
)

// vocabulary is small, so that documents share words.
var vocabulary = strings.Fields("ant bee cat dog eel fox gnu hen ibis jay kiwi lynx mole newt owl pig quail rat seal toad")

// history is a random life of an index beside a plain map of what it must hold.
type history struct {
	t    *rapid.T
	file *lexicaltest.File
	st   *lexicaltest.Store
	ix   *lexical.Index
	// other is a second connection: it must see the committed rows only.
	other *lexical.Index

	committed map[int64][]string
	rows      map[int64][]string // nil outside a transaction
	marks     []map[int64][]string
}

func (h *history) must(err error) {
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) open() {
	h.st = h.file.Open()
	var err error
	h.ix, err = lexical.Open(nil, h.st)
	h.must(err)
}

func (h *history) step() {
	if h.rows == nil {
		switch rapid.IntRange(0, 9).Draw(h.t, "idle") {
		case 0:
			h.open() // reopen
		default:
			h.st.Begin()
			h.must(h.ix.Begin())
			h.rows, h.marks = maps.Clone(h.committed), nil
		}
		return
	}
	switch op := rapid.IntRange(0, 99).Draw(h.t, "op"); {
	case op < 30:
		rowid := rapid.Int64Range(-5, 60).Draw(h.t, "rowid")
		texts := []string{text(h.t), text(h.t), text(h.t)}
		h.must(h.ix.Insert(rowid, texts))
		h.rows[rowid] = texts
	case op < 50:
		rowid := rapid.Int64Range(-5, 60).Draw(h.t, "rowid")
		texts, changed := slices.Clone(h.rows[rowid]), uint64(7)
		if texts == nil {
			texts = make([]string, 3)
		} else {
			changed = rapid.Uint64Range(1, 7).Draw(h.t, "changed")
		}
		for c := range texts {
			if changed>>c&1 == 1 {
				texts[c] = text(h.t)
			}
		}
		h.must(h.ix.Update(rowid, texts, changed))
		h.rows[rowid] = texts
	case op < 68:
		rowid := rapid.Int64Range(-5, 60).Draw(h.t, "rowid")
		found, err := h.ix.Delete(rowid)
		h.must(err)
		if _, want := h.rows[rowid]; found != want {
			h.t.Fatalf("delete %d: found is %v, want %v", rowid, found, want)
		}
		delete(h.rows, rowid)
	case op < 76:
		id := len(h.marks)
		h.st.Savepoint(id)
		h.must(h.ix.Savepoint(id))
		h.marks = append(h.marks, maps.Clone(h.rows))
	case op < 80 && len(h.marks) > 0:
		id := rapid.IntRange(0, len(h.marks)-1).Draw(h.t, "release")
		h.st.Release(id)
		h.must(h.ix.Release(id))
		h.marks = h.marks[:id]
	case op < 86 && len(h.marks) > 0:
		id := rapid.IntRange(0, len(h.marks)-1).Draw(h.t, "to")
		h.must(h.ix.RollbackTo(id))
		h.st.RollbackTo(id)
		h.rows = maps.Clone(h.marks[id])
		h.marks = h.marks[:id+1]
	case op < 89:
		h.compare(h.ix, h.rows) // between writes
	case op < 90:
		h.must(h.ix.Optimize(context.Background()))
	case op < 91:
		h.must(h.ix.Sync()) // a COMMIT that failed after Sync
	case op < 93:
		h.rows = nil
		h.st.Rollback()
		h.ix.Rollback()
		h.compare(h.ix, h.committed)
	case op < 98:
		h.must(h.ix.Sync())
		h.compare(h.other, h.committed)
		h.st.Commit()
		h.ix.Commit()
		h.committed, h.rows = h.rows, nil
		h.compare(h.ix, h.committed)
		h.compare(h.other, h.committed)
	}
}

func text(t *rapid.T) string {
	words := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 8).Draw(t, "words")
	return strings.Join(words, " ")
}

// queries exercise each kind of node.
var queries = []lexical.Request{
	{Query: "ant bee cat", K: 10},
	{Query: "dog", K: 3},
	{Query: "+eel -fox title:gnu^2", Syntax: lexical.QueryString, K: -1},
	{Query: `"hen ibis" OR "jay kiwi"~2`, Syntax: lexical.QueryString, K: -1},
	{Query: "ra* mol~1 /to.d/", Syntax: lexical.QueryString, K: -1},
	{Query: `{"match_all":{}}`, Syntax: lexical.JSON, K: -1},
}

// compare holds an index against a fresh one of the same documents: statistics,
// document frequencies, hits and scores must be equal to the last bit.
func (h *history) compare(ix *lexical.Index, want map[int64][]string) {
	st := lexicaltest.New()
	st.Begin()
	h.must(lexical.Create(st, ix.Params()))
	fresh, err := lexical.Open(nil, st)
	h.must(err)
	h.must(fresh.Begin())
	for _, rowid := range slices.Sorted(maps.Keys(want)) {
		h.must(fresh.Insert(rowid, want[rowid]))
	}
	h.must(fresh.Sync())
	st.Commit()
	fresh.Commit()

	source := func(yield func(int64, []string) error) error {
		for rowid, texts := range want {
			if err := yield(rowid, texts); err != nil {
				return err
			}
		}
		return nil
	}
	h.must(ix.Check(context.Background(), source, func(f string) { h.t.Error("check: " + f) }))

	a, err := ix.Stats()
	h.must(err)
	b, err := fresh.Stats()
	h.must(err)
	if a.Rows != b.Rows || !slices.Equal(a.Tokens, b.Tokens) {
		h.t.Fatalf("got %d rows, tokens %v, want %d, %v", a.Rows, a.Tokens, b.Rows, b.Tokens)
	}
	terms, err := ix.Terms("", -1)
	h.must(err)
	wantTerms, err := fresh.Terms("", -1)
	h.must(err)
	if !slices.Equal(terms, wantTerms) {
		h.t.Fatalf("got terms %v, want %v", terms, wantTerms)
	}
	for _, q := range queries {
		if ix.Params().Scoring == lexical.ScoringBleve && strings.Contains(q.Query, "~2") {
			continue // bleve's phrases have no slop
		}
		got, _, err := ix.Search(context.Background(), q)
		h.must(err)
		wantHits, _, err := fresh.Search(context.Background(), q)
		h.must(err)
		if !slices.Equal(got, wantHits) {
			h.t.Fatalf("%s: got %v, want %v", q.Query, got, wantHits)
		}
	}
}

// TestHistoryOfBleveScoring is the same with bleve's searchers.
func TestHistoryOfBleveScoring(t *testing.T) { histories(t, lexical.ScoringBleve) }

// TestHistory takes 10,000 random steps (2,000 with -short) of inserts, updates,
// deletes, savepoints, rollbacks, commits and reopenings.
func TestHistory(t *testing.T) { histories(t, lexical.ScoringBM25) }

// TestHistoryOfLargeTransactions is the same with limits so low that transactions
// store segments before they end, which savepoints and rollbacks must undo.
func TestHistoryOfLargeTransactions(t *testing.T) {
	t.Cleanup(lexical.SetLimits(3, 200, 64))
	histories(t, lexical.ScoringBM25)
}

func histories(t *testing.T, scoring string) {
	t.Cleanup(lexical.SetMinPatched(3))
	boost := 2.0
	if scoring == lexical.ScoringBleve {
		boost = 1
	}
	const steps = 100 // rapid repeats this 100 times
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t, file: lexicaltest.NewFile(), committed: map[int64][]string{}}
		st := h.file.Open()
		st.Begin()
		h.must(lexical.Create(st, lexical.Params{
			Columns:  []lexical.Column{{Name: "title", Boost: boost}, {Name: "body"}, {Name: "note"}},
			Analyzer: "simple", Scoring: scoring,
		}))
		st.Commit()
		h.open()
		var err error
		h.other, err = lexical.Open(lexical.NewCache(1<<14), h.file.Open())
		h.must(err)
		for range steps {
			h.step()
		}
		if h.rows != nil {
			h.must(h.ix.Sync())
			h.st.Commit()
			h.ix.Commit()
			h.committed = h.rows
		}
		h.open()
		h.compare(h.ix, h.committed)
	})
}

// TestSavepoints follows one history step by step, where a failure is easy to read.
func TestSavepoints(t *testing.T) {
	c := corpus(t)
	expect := func(query string, want ...int64) {
		t.Helper()
		if got := c.search(query, lexical.Match); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	savepoint := func(id int) { c.st.Savepoint(id); c.must(c.ix.Savepoint(id)) }
	rollbackTo := func(id int) { c.must(c.ix.RollbackTo(id)); c.st.RollbackTo(id) }

	c.begin()
	c.insert(100, "zebra", "")
	savepoint(0)
	c.insert(101, "zebra zebra", "")
	expect("zebra", 101, 100) // turns the buffer into a segment
	_, err := c.ix.Delete(100)
	c.must(err)
	savepoint(1)
	_, err = c.ix.Delete(4) // a committed document
	c.must(err)
	c.insert(102, "zebra", "in the body: zebra")
	expect("zebra", 101, 102)
	expect("fox")
	rollbackTo(1)
	expect("zebra", 101)
	expect("fox", 4)
	rollbackTo(0)
	expect("zebra", 100)
	c.insert(103, "zebra", "a longer body")
	expect("zebra", 100, 103)
	c.rollback()
	expect("zebra")
	expect("fox", 4)

	// A table that is first written inside savepoints hears of the innermost only.
	c.begin()
	c.must(c.ix.Savepoint(3))
	c.insert(200, "yak", "")
	c.must(c.ix.RollbackTo(1))
	expect("yak")
	c.rollback()
}

func TestWritesNeedATransaction(t *testing.T) {
	c := corpus(t)
	for name, err := range map[string]error{
		"insert":   c.ix.Insert(1, []string{"", ""}),
		"delete":   func() error { _, err := c.ix.Delete(1); return err }(),
		"optimize": c.ix.Optimize(context.Background()),
		"build":    c.ix.Build(context.Background(), nil, nil),
	} {
		if !errors.Is(err, lexical.ErrNoTransaction) {
			t.Errorf("%s: got %v, want ErrNoTransaction", name, err)
		}
	}
	c.begin()
	err := c.ix.Insert(1, []string{"one"})
	if want := "rowid 1: got 1 texts, want 2"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	c.rollback()
}

// TestManyCommits has one document a commit: segments must stay few.
func TestManyCommits(t *testing.T) {
	c := create(t, twoColumns)
	const n = 300
	for i := range n {
		c.begin()
		c.insert(int64(i), fmt.Sprintf("document %d", i), vocabulary[i%len(vocabulary)])
		c.commit()
	}
	st, err := c.ix.Stats()
	c.must(err)
	if st.Rows != n || st.Segments > 25 {
		t.Errorf("got %d rows in %d segments, want %d in at most 25", st.Rows, st.Segments, n)
	}
	if got := c.search("document", lexical.Match); len(got) != n {
		t.Errorf("got %d hits, want %d", len(got), n)
	}
	c.begin()
	c.must(c.ix.Optimize(context.Background()))
	c.commit()
	if st, err = c.ix.Stats(); err != nil || st.Segments != 1 {
		t.Errorf("got %d segments, %v, want 1", st.Segments, err)
	}
	c.check(nil)
	for i := range n {
		c.begin()
		_, err := c.ix.Delete(int64(i))
		c.must(err)
		c.commit()
	}
	if st, err = c.ix.Stats(); err != nil || st.Segments != 0 || st.Rows != 0 || st.Tokens[0] != 0 {
		t.Errorf("got %+v, %v, want nothing left", st, err)
	}
	if _, ids := c.st.File().Keys(); len(ids) != 3 {
		t.Errorf("got %d rows in the store, want the 3 of config", len(ids))
	}
}
