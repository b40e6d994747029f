package lexical_test

import (
	"context"
	"fmt"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/lexical/lexicaltest"
)

// A life in one transaction: create, insert, search, mark the words found.
func Example() {
	st := lexicaltest.New() // rows of a database in real life
	st.Begin()
	err := lexical.Create(st, lexical.Params{
		Columns:  []lexical.Column{{Name: "title", Boost: 2}, {Name: "body"}},
		Analyzer: "en",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ix, err := lexical.Open(lexical.SharedCache(), st)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = ix.Begin()
	body := "Nearest neighbors are found by walking a graph of vectors."
	_ = ix.Insert(1, []string{"Vector search", body})
	_ = ix.Insert(2, []string{"Cooking", "Bring the water to the boil."})
	if err := ix.Sync(); err != nil {
		fmt.Println(err)
		return
	}
	st.Commit()
	ix.Commit()

	ctx := context.Background()
	hits, stats, err := ix.Search(ctx, lexical.Request{Query: "searching a vector?", K: 10})
	fmt.Println(len(hits), "hit, row", hits[0].RowID, "of", stats.Matches, err)

	text, err := ix.Highlight("walk* OR neighbbor~1", lexical.QueryString, 1, body, "[", "]")
	fmt.Println(text, err)
	// Output:
	// 1 hit, row 1 of 1 <nil>
	// Nearest [neighbors] are found by [walking] a graph of vectors. <nil>
}
