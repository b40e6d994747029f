package vector

import "testing"

// EachTier runs f once per kernel tier of this machine, with that tier in
// force.
func EachTier(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	old := tier
	t.Cleanup(func() { tier = old })
	for _, id := range availableTiers() {
		tier = id
		t.Run("tier="+tierNames[id], f)
	}
}
