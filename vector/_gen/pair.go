package main

import "fmt"

// Pair kernels: two vectors of n elements, one or three sums.
//
//	SI, DI  the vectors   AX  offset   CX  end of whole steps   R8  end of whole blocks
//
// Four sums (two per result for the cosine) cover the latency of the
// multiply-add; the tail is one masked step.

type pairOp struct {
	name, doc string
	results   int
	// step adds one register of a (in 8) and b (in 9) to sum number set.
	step  func(g *gen, double bool, set int)
	setup func(g *gen, double bool)
}

func pairKernels(g *gen) {
	for _, op := range pairOps() {
		pair(g, op, false)
		pair(g, op, true)
	}
}

func pairOps() []pairOp {
	p := func(double bool) string {
		if double {
			return "PD"
		}
		return "PS"
	}
	fma := func(g *gen, double bool, x, y, acc int) {
		g.op("VFMADD231%s %s, %s, %s", p(double), g.t.reg(x), g.t.reg(y), g.t.reg(acc))
	}
	return []pairOp{
		{
			name: "dot", doc: "returns the dot product of two vectors of n elements.", results: 1,
			step: func(g *gen, double bool, set int) { fma(g, double, 8, 9, set) },
		},
		{
			name: "squaredL2", doc: "returns the squared Euclidean distance of two vectors of n elements.", results: 1,
			step: func(g *gen, double bool, set int) {
				g.op("VSUB%s %s, %s, %s", p(double), g.t.reg(9), g.t.reg(8), g.t.reg(8))
				fma(g, double, 8, 8, set)
			},
		},
		{
			name: "l1", doc: "returns the sum of |a-b| over n elements.", results: 1,
			setup: func(g *gen, double bool) {
				if double {
					broadcast(g, 0x7fffffffffffffff, regConst)
				} else {
					broadcast(g, 0x7fffffff7fffffff, regConst)
				}
			},
			step: func(g *gen, double bool, set int) {
				g.op("VSUB%s %s, %s, %s", p(double), g.t.reg(9), g.t.reg(8), g.t.reg(8))
				and := "VPAND"
				if g.t.wide() {
					and = "VPANDQ"
				}
				g.op("%s %s, %s, %s", and, g.t.reg(regConst), g.t.reg(8), g.t.reg(8))
				g.op("VADD%s %s, %s, %s", p(double), g.t.reg(8), g.t.reg(set), g.t.reg(set))
			},
		},
		{
			name: "cosine", doc: "returns dot(a, b), dot(a, a) and dot(b, b) over n elements.", results: 3,
			step: func(g *gen, double bool, set int) {
				fma(g, double, 8, 9, set)
				fma(g, double, 8, 8, 2+set)
				fma(g, double, 9, 9, 4+set)
			},
		},
	}
}

func pair(g *gen, op pairOp, double bool) {
	t := g.t
	name, typ, size, shift, suffix := op.name+"F32Pair", "float32", 4, 2, "PS"
	if double {
		name, typ, size, shift, suffix = op.name+"F64Pair", "float64", 8, 3, "PD"
	}
	sets := 4 // sums per result
	sig := fmt.Sprintf("(a, b *%s, n int) %s", typ, typ)
	args := 24 + size
	if op.results == 3 {
		sets = 2
		sig = fmt.Sprintf("(a, b *%s, n int) (dot, aa, bb %s)", typ, typ)
		args = 24 + 3*size
	}
	g.fn(name, sig, op.doc, args)
	g.op("MOVQ a+0(FP), SI")
	g.op("MOVQ b+8(FP), DI")
	g.op("MOVQ n+16(FP), CX")
	g.op("SHLQ $%d, CX", shift)
	loadMask(g, size, t.bytes)
	if op.setup != nil {
		op.setup(g, double)
	}
	for i := range sets * op.results {
		zero(g, i)
	}
	load := func(off int, masked bool) {
		for i, base := range []string{"SI", "DI"} {
			addr := fmt.Sprintf("%d(%s)(AX*1)", off, base)
			if off == 0 {
				addr = fmt.Sprintf("(%s)(AX*1)", base)
			}
			r := 8 + i
			switch {
			case !masked:
				g.op("VMOVU%s %s, %s", suffix, addr, t.reg(r))
			case t.wide():
				g.op("VMOVU%s.Z %s, K1, %s", suffix, addr, t.reg(r))
			default:
				g.op("VMASKMOV%s %s, Y%d, %s", suffix, addr, regMask, t.reg(r))
			}
		}
	}
	block := sets * t.bytes
	g.op("MOVQ CX, R8")
	g.op("ANDQ $%d, R8", -block)
	g.op("XORL AX, AX")
	g.op("CMPQ AX, R8")
	g.op("JGE steps")
	g.line("\nblocks:")
	for s := range sets {
		load(s*t.bytes, false)
		op.step(g, double, s)
	}
	g.op("ADDQ $%d, AX", block)
	g.op("CMPQ AX, R8")
	g.op("JLT blocks")
	g.line("\nsteps:")
	g.op("CMPQ AX, CX")
	g.op("JGE tail")
	load(0, false)
	op.step(g, double, 0)
	g.op("ADDQ $%d, AX", t.bytes)
	g.op("JMP steps")
	g.line("\ntail:")
	if t.wide() {
		g.op("KTESTQ K1, K1")
	} else {
		g.op("VPTEST Y%d, Y%d", regMask, regMask)
	}
	g.op("JZ reduce")
	load(0, true)
	op.step(g, double, 0)
	g.line("\nreduce:")
	for r := range op.results {
		base := r * sets
		for n := sets / 2; n > 0; n /= 2 {
			for i := range n {
				g.op("VADD%s %s, %s, %s", suffix, t.reg(base+i+n), t.reg(base+i), t.reg(base+i))
			}
		}
		fold(g, base, suffix)
		ret := []string{"ret"}
		if op.results == 3 {
			ret = []string{"dot", "aa", "bb"}
		}
		// Through a general register: vet takes VMOVD to a result for a store
		// of 64 bits.
		mov, vmov := "MOVL", "VMOVD"
		if double {
			mov, vmov = "MOVQ", "VMOVQ"
		}
		g.op("%s X%d, AX", vmov, base)
		g.op("%s AX, %s+%d(FP)", mov, ret[r], 24+r*size)
	}
	g.op("VZEROUPPER")
	g.op("RET")
}

// fold adds up the lanes of register i into its lowest lane.
func fold(g *gen, i int, suffix string) {
	if g.t.wide() {
		g.op("VEXTRACTF64X4 $1, Z%d, Y%d", i, regTmp)
		g.op("VADD%s Y%d, Y%d, Y%d", suffix, regTmp, i, i)
	}
	g.op("VEXTRACTF128 $1, Y%d, X%d", i, regTmp)
	g.op("VADD%s X%d, X%d, X%d", suffix, regTmp, i, i)
	g.op("VPSHUFD $0x4e, X%d, X%d", i, regTmp)
	g.op("VADD%s X%d, X%d, X%d", suffix, regTmp, i, i)
	if suffix == "PS" {
		g.op("VPSHUFD $0xb1, X%d, X%d", i, regTmp)
		g.op("VADD%s X%d, X%d, X%d", suffix, regTmp, i, i)
	}
}
