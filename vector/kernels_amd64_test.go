//go:build amd64 && !noasm

package vector

import (
	"math/rand/v2"
	"testing"
)

// TestWithoutPopulationCount takes the way of processors that have VNNI but
// not VPOPCNTDQ.
func TestWithoutPopulationCount(t *testing.T) {
	old, oldTier := hasVPOPCNTDQ, tier
	defer func() { hasVPOPCNTDQ, tier = old, oldTier }()
	tiers := availableTiers()
	tier = tiers[len(tiers)-1]
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]byte, 1<<14)
	for i := range block {
		block[i] = byte(r.Uint32())
	}
	const n = 104
	rows := make([]*byte, 21)
	for i := range rows {
		rows[i] = &block[r.IntN(len(block)-n)]
	}
	want, got := make([]uint32, len(rows)), make([]uint32, len(rows))
	hammingBatchGo(block[:n], rows, want)
	for _, hasVPOPCNTDQ = range []bool{false, old} {
		hammingBatch(block[:n], rows, got)
		for i := range rows {
			if got[i] != want[i] {
				t.Fatalf("VPOPCNTDQ %v, row %d: got %d, want %d", hasVPOPCNTDQ, i, got[i], want[i])
			}
		}
	}
}
