package lexical_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
)

// script is a transaction that uses every kind of write.
func script(ix *lexical.Index) error {
	if err := ix.Begin(); err != nil {
		return err
	}
	for i := range 40 {
		if err := ix.Insert(int64(i), []string{"title " + vocabulary[i%20], fmt.Sprintf("new words of row %[1]d, n%[1]d, x%[1]d", i)}); err != nil {
			return err
		}
	}
	for i := range 10 {
		if _, err := ix.Delete(int64(100 + i)); err != nil {
			return err
		}
	}
	for i := range 20 { // parts of documents, of which some are already in patches
		if err := ix.Update(int64(150+i), []string{"patched twice", "old words"}, 1); err != nil {
			return err
		}
	}
	if _, _, err := ix.Search(context.Background(), lexical.Request{Query: "row", K: 5}); err != nil {
		return err
	}
	if _, err := ix.Delete(152); err != nil {
		return err
	}
	if err := ix.Optimize(context.Background()); err != nil {
		return err
	}
	if err := ix.Insert(500, []string{"last", ""}); err != nil {
		return err
	}
	return ix.Sync()
}

// state is what users can see of an index.
func state(t *testing.T, ix *lexical.Index) string {
	t.Helper()
	hits, _, err := ix.Search(context.Background(), lexical.Request{Query: `{"match_all":{}}`, Syntax: lexical.JSON, K: -1})
	if err != nil {
		t.Fatal(err)
	}
	terms, err := ix.Terms("", -1)
	if err != nil {
		t.Fatal(err)
	}
	st, err := ix.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(hits, terms, st.Tokens)
}

// TestFaults makes each write, then each read, of a transaction fail in turn.
// After the rollback, rows and memory are as before; without a fault, as after.
func TestFaults(t *testing.T) {
	t.Cleanup(lexical.SetLimits(10, 1000, 64))
	t.Cleanup(lexical.SetMinPatched(3))
	c := create(t, twoColumns)
	for i := range 30 { // several segments with deletes, so that there is much to fail
		c.begin()
		for j := range 4 {
			c.insert(int64(100+i*4+j), vocabulary[(i+j)%20], fmt.Sprintf("old words of row %[1]d, as unique%[1]d as un%[1]dique", 1000*i+j))
		}
		_, err := c.ix.Delete(int64(100 + i*3))
		c.must(err)
		c.commit()
	}
	for i := range 12 {
		c.begin()
		c.must(c.ix.Update(int64(140+i*2), []string{"patched", "x"}, 1))
		c.commit()
	}
	if st, err := c.ix.Stats(); err != nil || st.Patched == 0 {
		t.Fatalf("got %+v, %v, want patches", st, err)
	}
	before := state(t, c.ix)
	for _, kind := range []string{"write", "read"} {
		for n := 0; ; n++ {
			file := c.st.File().Clone()
			st := file.Open()
			ix, err := lexical.Open(lexical.NewCache(0), st)
			if err != nil {
				t.Fatal(err)
			}
			st.Begin()
			if kind == "write" {
				st.Arm(n, -1)
			} else {
				st.Arm(-1, n)
			}
			err = script(ix)
			fired := st.Fired()
			st.Arm(-1, -1)
			if err == nil {
				st.Commit()
				ix.Commit()
				if fired {
					t.Fatalf("%s %d failed and nobody said so", kind, n)
				}
				if state(t, ix) == before {
					t.Fatal("the script changed nothing")
				}
			} else {
				if !errors.Is(err, lexicaltest.ErrInjected) {
					t.Fatalf("%s %d: got %v, want the injected fault", kind, n, err)
				}
				// What is broken stays so until it is rolled back.
				if kind == "write" {
					if err := ix.Sync(); !errors.Is(err, lexicaltest.ErrInjected) {
						t.Fatalf("%s %d: Sync after the fault: got %v", kind, n, err)
					}
				}
				st.Rollback()
				ix.Rollback()
				if got := state(t, ix); got != before {
					t.Fatalf("%s %d: after the rollback\n got %s\nwant %s", kind, n, got, before)
				}
			}
			if err := ix.Check(context.Background(), nil, func(f string) { t.Errorf("%s %d: %s", kind, n, f) }); err != nil {
				t.Fatal(err)
			}
			if !fired {
				t.Logf("%d %ss", n, kind)
				break
			}
		}
	}
}

// TestCorruption damages each row in several ways: every call answers rightly or
// with an error, and Check tells.
func TestCorruption(t *testing.T) {
	c := create(t, twoColumns)
	for i := range 5 {
		c.begin()
		for j := range 300 {
			c.insert(int64(i*300+j), vocabulary[j%20], fmt.Sprintf("row %d has words like w%d and %s", j, i*300+j, vocabulary[(i+j)%20]))
		}
		if i > 0 {
			_, err := c.ix.Delete(int64(i*300 - 7))
			c.must(err)
		}
		c.commit()
	}
	for i := range 4 {
		c.begin()
		for j := range 30 + i {
			c.must(c.ix.Update(int64(i*300+j*2+100), []string{"patched " + vocabulary[j%20], ""}, 1))
		}
		c.commit()
	}
	if st, err := c.ix.Stats(); err != nil || st.Patched == 0 {
		t.Fatalf("got %+v, %v, want patches", st, err)
	}
	want := state(t, c.ix)
	parts, ids := c.st.File().Keys()
	seen := map[lexical.Part]bool{}
	r := rand.New(rand.NewPCG(7, 7))
	for i, part := range parts {
		seen[part] = true
		row := c.st.File().Row(part, ids[i])
		damages := map[string][]byte{
			"missing":   nil,
			"empty":     {},
			"truncated": row[:len(row)/2],
			"longer":    append(slices.Clone(row), 0),
			"flipped":   slices.Clone(row),
			"swapped":   c.st.File().Row(parts[(i+1)%len(parts)], ids[(i+1)%len(parts)]),
		}
		damages["flipped"][r.IntN(len(row))] ^= 1 << r.IntN(8)
		for name, data := range damages {
			file := c.st.File().Clone()
			file.SetRow(part, ids[i], data)
			what := fmt.Sprintf("%s row %d of %v", name, ids[i], part)
			ix, err := lexical.Open(lexical.NewCache(0), file.Open())
			if err != nil {
				if !errors.Is(err, lexical.ErrCorrupt) && !errors.Is(err, lexical.ErrVersion) {
					t.Errorf("%s: open: %v is not marked", what, err)
				}
				continue
			}
			findings := 0
			if err := ix.Check(context.Background(), nil, func(string) { findings++ }); err != nil {
				t.Errorf("%s: check: %v", what, err)
			}
			if findings == 0 {
				t.Errorf("%s: check found nothing", what)
			}
			exercise(t, what, ix, want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("damaged rows of %d parts, want 4", len(seen))
	}
}

// exercise runs every read; an answer must be the right one.
func exercise(t *testing.T, what string, ix *lexical.Index, want string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil && !errors.Is(err, lexical.ErrCorrupt) {
			t.Errorf("%s: %v is not marked as corruption", what, err)
		}
	}
	hits, _, err := ix.Search(context.Background(), lexical.Request{Query: `{"match_all":{}}`, Syntax: lexical.JSON, K: -1})
	check(err)
	terms, err2 := ix.Terms("", -1)
	check(err2)
	st, err3 := ix.Stats()
	check(err3)
	if err == nil && err2 == nil && err3 == nil {
		if got := fmt.Sprint(hits, terms, st.Tokens); got != want {
			t.Errorf("%s: a wrong answer", what)
		}
	}
	for _, q := range queries {
		_, _, err := ix.Search(context.Background(), q)
		check(err)
	}
	_, err = ix.Contains(77)
	check(err)
	check(ix.Scan(func(int64) (bool, error) { return true, nil }))
	_, err = ix.DocFreq(context.Background(), "row")
	check(err)
}

// TestSharedCache has readers beside a writer, each with its own connection and a
// cache so small that pages come and go.
func TestSharedCache(t *testing.T) {
	t.Cleanup(lexical.SetMinPatched(20))
	cache := lexical.NewCache(64 << 10)
	st := lexicaltest.New()
	st.Begin()
	if err := lexical.Create(st, twoColumns); err != nil {
		t.Fatal(err)
	}
	st.Commit()
	w := connect(t, st.File(), cache)
	const rounds, perRound = 20, 50
	// Stores of one file are not safe for concurrent use, so each reader gets the
	// committed file of a round; the cache is what they share.
	var wg sync.WaitGroup
	for round := range rounds {
		w.begin()
		for i := range perRound {
			w.insert(int64(round*perRound+i), "common", fmt.Sprintf("word%d unique%d", i%7, round*perRound+i))
		}
		for i := range round { // of all rounds before
			w.must(w.ix.Update(int64(i*perRound+round), []string{"common patched", ""}, 1))
		}
		w.commit()
		file := w.st.File().Clone()
		for range 2 {
			wg.Go(func() {
				ix, err := lexical.Open(cache, file.Open())
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					hits, _, err := ix.Search(context.Background(), lexical.Request{Query: "common", K: -1})
					if want := (round + 1) * perRound; err != nil || len(hits) != want {
						t.Errorf("round %d: got %d hits, %v, want %d", round, len(hits), err, want)
					}
					q := fmt.Sprintf("unique%d", round*perRound)
					if hits, _, err = ix.Search(context.Background(), lexical.Request{Query: q, K: -1}); err != nil || len(hits) != 1 {
						t.Errorf("round %d: %s: got %v, %v", round, q, hits, err)
					}
				}
			})
		}
	}
	wg.Wait()
	if cache.Bytes() > 64<<10 {
		t.Errorf("the cache holds %d bytes, want at most %d", cache.Bytes(), 64<<10)
	}
}

// TestOldSnapshot has a reader whose transaction began before two commits.
func TestOldSnapshot(t *testing.T) {
	c := corpus(t)
	cache := lexical.NewCache(0)
	reader := connect(t, c.st.File(), cache)
	reader.st.BeginRead()
	if got := reader.search("kittens", lexical.Match); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	for i := range 3 {
		c.begin()
		_, err := c.ix.Delete(5)
		c.must(err)
		c.insert(int64(50+i), "more kittens", "")
		c.must(c.ix.Optimize(context.Background()))
		c.commit()
		// A second connection with the same cache sees the new state,
		other := connect(t, c.st.File(), cache)
		if got := other.search("kittens", lexical.Match); len(got) != i+1 {
			t.Errorf("other: got %v", got)
		}
		// the first its old one.
		if got := reader.search("kittens", lexical.Match); !slices.Equal(got, []int64{5}) {
			t.Errorf("reader: got %v, want [5]", got)
		}
	}
	reader.st.Rollback()
	if got := reader.search("kittens", lexical.Match); !slices.Equal(got, []int64{50, 51, 52}) {
		t.Errorf("reader: got %v", got)
	}
}

// TestRestoredFile has a file go back to an older copy, as a restored backup does:
// counters repeat, tokens do not.
func TestRestoredFile(t *testing.T) {
	c := corpus(t)
	old := c.st.File().Clone()
	c.begin()
	c.insert(9, "walrus", "")
	c.commit()
	if got := c.search("walrus", lexical.Match); len(got) != 1 {
		t.Fatal(got)
	}
	parts, ids := c.st.File().Keys()
	for i := range parts {
		c.st.File().SetRow(parts[i], ids[i], nil)
	}
	parts, ids = old.Keys()
	for i := range parts {
		c.st.File().SetRow(parts[i], ids[i], old.Row(parts[i], ids[i]))
	}
	if got := c.search("walrus", lexical.Match); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
	c.begin()
	c.insert(10, "ocelot", "")
	c.commit()
	if got := c.search("walrus ocelot", lexical.Match); !slices.Equal(got, []int64{10}) {
		t.Errorf("got %v, want [10]", got)
	}
}
