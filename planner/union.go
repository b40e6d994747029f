package planner

import (
	"math"
	"slices"
)

// union is the rows of two legs: each column is an array, because a fusion reads few of
// them, of all rows, and all of them of the few rows that it keeps.
type union struct {
	ids []int64
	// Ranks count from 1; 0: the row is not in that list.
	lexicalRank, vectorRank []int32
	// Scores are NaN when unknown.
	lexical, vector []float64
	score           []float64 // what a fusion writes

	table rowTable
}

// join makes the union of two lists, and appends to alone the places in the first of
// the rows that the second lacks. Of a row that a list has twice the first counts.
func (u *union) join(lexical, vector []Item, alone []int) []int {
	u.resize(len(lexical) + len(vector))
	at := &u.table
	at.reset(len(u.ids))
	nan := math.NaN()
	n := 0
	for i, it := range lexical {
		if s := at.slot(it.RowID); s.at == 0 {
			u.ids[n], u.lexicalRank[n], u.vectorRank[n], u.lexical[n], u.vector[n] = it.RowID, int32(i+1), 0, it.Score, nan
			n++
			*s = rowSlot{it.RowID, int32(n)}
		}
	}
	listed := n
	for i, it := range vector {
		if s := at.slot(it.RowID); s.at == 0 {
			u.ids[n], u.lexicalRank[n], u.vectorRank[n], u.lexical[n], u.vector[n] = it.RowID, 0, int32(i+1), nan, it.Score
			n++
			*s = rowSlot{it.RowID, int32(n)}
		} else if r := s.at - 1; u.vectorRank[r] == 0 {
			u.vectorRank[r], u.vector[r] = int32(i+1), it.Score
		}
	}
	u.resize(n)
	if listed < len(lexical) { // a row twice
		for i, it := range lexical {
			if u.vectorRank[at.find(it.RowID)] == 0 {
				alone = append(alone, i)
			}
		}
		return alone
	}
	for i, r := range u.vectorRank[:listed] {
		if r == 0 {
			alone = append(alone, i)
		}
	}
	return alone
}

// resize makes every column n long; what the first rows have is kept where they shrink.
func (u *union) resize(n int) {
	u.ids = slices.Grow(u.ids[:0], n)[:n]
	u.lexicalRank = slices.Grow(u.lexicalRank[:0], n)[:n]
	u.vectorRank = slices.Grow(u.vectorRank[:0], n)[:n]
	u.lexical = slices.Grow(u.lexical[:0], n)[:n]
	u.vector = slices.Grow(u.vector[:0], n)[:n]
	u.score = slices.Grow(u.score[:0], n)[:n]
}

// know sets the scores that a leg has of rows outside of its list.
func (u *union) know(lexical, vector []Item) {
	for _, it := range lexical {
		if i := u.table.find(it.RowID); i >= 0 && u.lexicalRank[i] == 0 {
			u.lexical[i] = it.Score
		}
	}
	for _, it := range vector {
		if i := u.table.find(it.RowID); i >= 0 && u.vectorRank[i] == 0 {
			u.vector[i] = it.Score
		}
	}
}

// row is a row of the union as fusion returns it.
func (u *union) row(i int) Fused {
	return Fused{
		RowID: u.ids[i], Score: u.score[i],
		LexicalRank: int(u.lexicalRank[i]), VectorRank: int(u.vectorRank[i]),
		LexicalScore: u.lexical[i], VectorScore: u.vector[i],
	}
}
