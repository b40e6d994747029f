package lexical

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// memStore is the least Store a white-box test needs.
type memStore map[[2]int64][]byte

func (m memStore) Get(p Part, id int64, _ []byte) ([]byte, error) {
	return bytes.Clone(m[[2]int64{int64(p), id}]), nil
}

func (m memStore) Put(p Part, id int64, data []byte) error {
	m[[2]int64{int64(p), id}] = append([]byte{}, data...)
	return nil
}
func (m memStore) Delete(p Part, id int64) error { delete(m, [2]int64{int64(p), id}); return nil }
func (m memStore) Clear(p Part) error {
	for k := range m {
		if k[0] == int64(p) {
			delete(m, k)
		}
	}
	return nil
}

func (m memStore) Scan(p Part, from int64, fn func(int64, []byte) (bool, error)) error {
	for at := from; ; at++ {
		least, found := int64(0), false
		for k := range m {
			if k[0] == int64(p) && k[1] >= at && (!found || k[1] < least) {
				least, found = k[1], true
			}
		}
		if !found {
			return nil
		}
		if more, err := fn(least, m[[2]int64{int64(p), least}]); err != nil || !more {
			return err
		}
		at = least
	}
}

func fuzzIndex(t testing.TB) (*Index, memStore) {
	st := memStore{}
	if err := Create(st, Params{Columns: []Column{{Name: "title"}, {Name: "body", Analyzer: "cjk"}}, Analyzer: "en"}); err != nil {
		t.Fatal(err)
	}
	ix, err := Open(NewCache(0), st)
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.Begin(); err != nil {
		t.Fatal(err)
	}
	for i, s := range []string{"quick brown fox", "lazy dogs 2021", "東京都 quick", "a\xffb broken utf8", "x"} {
		if err := ix.Insert(int64(i*3-4), []string{s, s + " " + s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.Sync(); err != nil {
		t.Fatal(err)
	}
	ix.Commit()
	if err := ix.Begin(); err != nil {
		t.Fatal(err)
	}
	least := minPatched
	minPatched = 1
	err = ix.Update(2, []string{"a quick patch", ""}, 1)
	if minPatched = least; err != nil {
		t.Fatal(err)
	}
	if err := ix.Sync(); err != nil {
		t.Fatal(err)
	}
	ix.Commit()
	if s, err := ix.Stats(); err != nil || s.Patched != 1 {
		t.Fatalf("got %+v, %v, want a patch", s, err)
	}
	return ix, st
}

// FuzzQuery runs any text in any syntax: plain text never fails, the others fail
// with ErrQuery only, and marking text does not panic either.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"plain words", `+a -b "c d"~2 e~1 f* /g.h/ title:i^2 body:>5 body:<="2020-01-01"`, `{"match":"a","fuzziness":"auto"}`,
		`{"must":{"conjuncts":[{"term":"a"}]},"filter":{"match_all":{}}}`, `{"terms":[["a","b"],["c"]],"field":"body"}`,
		`"~`, `\"`, `a:b:c`, `^^`, `~~1`, "\x00\xff", `{"wildcard":"*?*"}`, `{"start":"2020-01-01","field":"body"}`, `/(a|b)*c{2,3}/`,
	} {
		f.Add(s, uint8(1))
		f.Add(s, uint8(2))
	}
	ix, _ := fuzzIndex(f)
	f.Fuzz(func(t *testing.T, text string, syntax uint8) {
		for _, s := range []Syntax{Match, Syntax(syntax % 3)} {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			_, _, err := ix.Search(ctx, Request{Query: text, Syntax: s, K: 3})
			cancel()
			if err != nil && (s == Match || !errors.Is(err, ErrQuery)) {
				t.Errorf("%v %q: %v", s, text, err)
			}
			for column := range 2 {
				if _, err := ix.Snippet(text, s, column, "quick "+text+" 東京都", "[", "]", "…", 3); err != nil && (s == Match || !errors.Is(err, ErrQuery)) {
					t.Errorf("%v %q: %v", s, text, err)
				}
			}
		}
	})
}

// FuzzText indexes any text: it can be searched, and the index checks out.
func FuzzText(f *testing.F) {
	f.Add("some text", "other text")
	f.Add("\xff\xfe", "\u202e\u0000")
	f.Fuzz(func(t *testing.T, a, b string) {
		ix, _ := fuzzIndex(t)
		if err := ix.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := ix.Insert(1<<40, []string{a, b}); err != nil {
			t.Fatal(err)
		}
		if err := ix.Sync(); err != nil {
			t.Fatal(err)
		}
		ix.Commit()
		if err := ix.Check(context.Background(), nil, func(s string) { t.Error(s) }); err != nil {
			t.Fatal(err)
		}
		if _, err := ix.Highlight(a, Match, 1, b, "<", ">"); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRows puts any bytes, with a right checksum, in the place of a row: reading
// them must not panic or run on, whatever they say.
func FuzzRows(f *testing.F) {
	_, st := fuzzIndex(f)
	for k, v := range st {
		f.Add(uint8(k[0]), k[1], v[:max(0, len(v)-4)])
	}
	f.Fuzz(func(t *testing.T, part uint8, id int64, data []byte) {
		ix, st := fuzzIndex(t)
		identity := ix.src.identity
		if Part(part) == PartConfig && id == configOptions {
			identity = 0
		}
		key := [2]int64{int64(part), id}
		if st[key] == nil {
			// Aim at a row that exists: the segment's.
			key = [2]int64{int64(PartSegments), 1}
		}
		st[key] = seal(identity, Part(key[0]), key[1], bytes.Clone(data))
		ix, err := Open(NewCache(0), st)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, q := range []string{"quick dog", `"quick brown" f*`} {
			_, _, _ = ix.Search(ctx, Request{Query: q, Syntax: QueryString, K: 5})
		}
		_ = ix.Check(ctx, nil, func(string) {})
		_, _ = ix.Terms("", -1)
		if ix.Begin() == nil {
			_, _ = ix.Delete(-4)
			if ix.Insert(2, []string{"new", "row"}) == nil && ix.Optimize(ctx) == nil {
				_ = ix.Sync()
			}
			ix.Rollback()
		}
	})
}

// FuzzPostings decodes any bytes as a posting list, and any list that decodes
// encodes to bytes that decode to the same list.
func FuzzPostings(f *testing.F) {
	var l postingList
	l.fill([]occurrence{{0 << columnBits, 1}, {2 << columnBits, 3}, {2<<columnBits | 1, 1}, {2<<columnBits | 1, 9}, {7 << columnBits, 2}})
	b, _ := l.append(nil, nil)
	f.Add(b, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		var l, again postingList
		if !l.decode(data, uint32(n), 1000, 3, nil, nil) {
			return
		}
		b, _ := l.append(nil, nil)
		if len(l.docs) > 0 && !again.decode(b, uint32(len(l.docs)), 1000, 3, nil, nil) {
			t.Fatalf("%x does not decode", b)
		}
		if len(again.docs) != len(l.docs) || len(again.pos) != len(l.pos) {
			t.Fatalf("got %d documents, %d positions, want %d, %d", len(again.docs), len(again.pos), len(l.docs), len(l.pos))
		}
	})
}
