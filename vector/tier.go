package vector

import (
	"fmt"
	"os"
	"strings"
)

// tierID is a set of kernels.
type tierID uint8

const (
	tierGo tierID = iota
	tierAVX2
	tierAVX512
	tierNEON
)

var tierNames = [...]string{tierGo: "go", tierAVX2: "avx2", tierAVX512: "avx512", tierNEON: "neon"}

// tier is the set in force. It is set before main starts; only SetKernels
// changes it later.
var tier = chooseTier(os.Getenv("NEARLITE_KERNELS"))

// chooseTier returns the tier of that name if this machine and build have it,
// else the best there is.
func chooseTier(name string) tierID {
	tiers := availableTiers()
	for _, t := range tiers {
		if tierNames[t] == name {
			return t
		}
	}
	return tiers[len(tiers)-1]
}

// Kernels returns the name of the tier in force: go, avx2, avx512 or neon. It
// is the best that the processor and the build have, or the one that the
// environment variable NEARLITE_KERNELS named when the program started; a
// name that is not available here is passed over.
func Kernels() string { return tierNames[tier] }

// KernelTiers returns the names of the tiers this machine and build can run,
// slowest first.
func KernelTiers() []string {
	var names []string
	for _, t := range availableTiers() {
		names = append(names, tierNames[t])
	}
	return names
}

// SetKernels puts the tier of that name in force. It is for tests and
// benchmarks that compare tiers: nothing else of this package may run at the
// same time.
func SetKernels(name string) error {
	for _, t := range availableTiers() {
		if tierNames[t] == name {
			tier = t
			return nil
		}
	}
	return fmt.Errorf("nearlite: kernels: got %q, want one of %s", name, strings.Join(KernelTiers(), ", "))
}
