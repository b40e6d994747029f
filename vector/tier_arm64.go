//go:build arm64 && !noasm

package vector

import "golang.org/x/sys/cpu"

// availableTiers lists the tiers of this machine, slowest first. Every arm64
// processor that Go runs on has NEON.
func availableTiers() []tierID { return []tierID{tierGo, tierNEON} }

// hasDotProd says whether SDOT may be used. Tests change it.
var hasDotProd = cpu.ARM64.HasASIMDDP
