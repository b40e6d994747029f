//go:build noasm || !(amd64 || arm64)

package vector

// availableTiers lists the tiers of this build: plain Go.
func availableTiers() []tierID { return []tierID{tierGo} }
