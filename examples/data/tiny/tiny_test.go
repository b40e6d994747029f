package tiny_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/nearlite/nearlite/examples/data/tiny"
)

// The files belong together: the exact scores recorded in expected.json come out
// of the vectors as they are read here.
func TestVectorsBelongToRows(t *testing.T) {
	docs, err := tiny.Docs()
	if err != nil {
		t.Fatal(err)
	}
	queries, err := tiny.Queries()
	if err != nil {
		t.Fatal(err)
	}
	data, err := tiny.FS.ReadFile("expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Queries []struct {
			ID     string    `json:"id"`
			Rows   []int     `json:"cos_rows"`
			Scores []float64 `json:"cos_scores"`
		} `json:"queries"`
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	if len(docs) != 500 || len(queries) != 40 || len(expected.Queries) != 40 {
		t.Fatalf("got %d docs, %d queries, %d expectations; want 500, 40, 40", len(docs), len(queries), len(expected.Queries))
	}
	for i, e := range expected.Queries {
		if queries[i].ID != e.ID {
			t.Fatalf("query %d: got id %s, want %s", i, queries[i].ID, e.ID)
		}
		for j, row := range e.Rows {
			if got := cosine(queries[i].Embedding, docs[row].Embedding); math.Abs(got-e.Scores[j]) > 1e-5 {
				t.Errorf("query %s, row %d: got cosine %.6f, want %.6f", e.ID, row, got, e.Scores[j])
			}
		}
	}
}

func TestAnswersAreRows(t *testing.T) {
	answers, err := tiny.Answers()
	if err != nil {
		t.Fatal(err)
	}
	docs, err := tiny.Docs()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, d := range docs {
		known[d.ID] = true
	}
	queries, err := tiny.Queries()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		if !known[answers[q.ID]] {
			t.Errorf("query %s: answer %q is no row", q.ID, answers[q.ID])
		}
	}
}

func TestBlob(t *testing.T) {
	got := tiny.Blob([]float32{1, -2})
	if want := "\x00\x00\x80\x3f\x00\x00\x00\xc0"; string(got) != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}
