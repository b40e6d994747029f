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

// SetTier puts the named tier in force and returns a function that undoes it.
// ok is false if this machine or build lacks the tier.
func SetTier(name string) (undo func(), ok bool) {
	old := tier
	for _, id := range availableTiers() {
		if tierNames[id] == name {
			tier = id
			return func() { tier = old }, true
		}
	}
	return func() {}, false
}
