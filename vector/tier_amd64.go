//go:build amd64 && !noasm

package vector

import "golang.org/x/sys/cpu"

// availableTiers lists the tiers of this machine, slowest first.
func availableTiers() []tierID {
	tiers := []tierID{tierGo}
	x := cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		tiers = append(tiers, tierAVX2)
	}
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL &&
		x.HasAVX512VNNI && x.HasBMI2 {
		tiers = append(tiers, tierAVX512)
	}
	return tiers
}

// hasVPOPCNTDQ says whether the bit kernels of the avx512 tier may be used;
// the first processors with VNNI (Cascade Lake) lack it. Tests change it.
var hasVPOPCNTDQ = cpu.X86.HasAVX512VPOPCNTDQ
