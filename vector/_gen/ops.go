package main

import "fmt"

const preamble2 = `// 32 bytes of ones, then 32 of zeros: a load that starts k bytes before the
// middle gives a mask of the first k bytes.
DATA maskAVX2<>+0(SB)/8, $-1
DATA maskAVX2<>+8(SB)/8, $-1
DATA maskAVX2<>+16(SB)/8, $-1
DATA maskAVX2<>+24(SB)/8, $-1
DATA maskAVX2<>+32(SB)/8, $0
DATA maskAVX2<>+40(SB)/8, $0
DATA maskAVX2<>+48(SB)/8, $0
DATA maskAVX2<>+56(SB)/8, $0
GLOBL maskAVX2<>(SB), RODATA|NOPTR, $64

// Number of set bits of each four-bit number.
DATA nibbleBits<>+0(SB)/8, $0x0302020102010100
DATA nibbleBits<>+8(SB)/8, $0x0403030203020201
GLOBL nibbleBits<>(SB), RODATA|NOPTR, $16
`

const preamble512 = ""

// broadcast fills constant register reg with the 64-bit value.
func broadcast(g *gen, value uint64, reg int) {
	g.op("MOVQ $0x%x, AX", value)
	if g.t.wide() {
		g.op("VPBROADCASTQ AX, Z%d", reg)
		return
	}
	g.op("VMOVQ AX, X%d", reg)
	g.op("VPBROADCASTQ X%d, Y%d", reg, reg)
}

func whole(t *tier) int { return t.bytes }
func half(t *tier) int  { return t.bytes / 2 }

// loadF32 loads a register of float32, masked or not.
func loadF32(g *gen, addr string, reg int, masked bool) {
	switch {
	case !masked:
		g.op("VMOVUPS %s, %s", addr, g.t.reg(reg))
	case g.t.wide():
		g.op("VMOVUPS.Z %s, K1, Z%d", addr, reg)
	default:
		g.op("VMASKMOVPS %s, Y%d, Y%d", addr, regMask, reg)
	}
}

// loadBits loads a register of 64-bit words, masked or not.
func loadBits(g *gen, addr string, reg int, masked bool) {
	switch {
	case !masked:
		g.op("VMOVDQU%s %s, %s", g.t.suffix64(), addr, g.t.reg(reg))
	case g.t.wide():
		g.op("VMOVDQU64.Z %s, K1, Z%d", addr, reg)
	default:
		g.op("VPMASKMOVQ %s, Y%d, Y%d", addr, regMask, reg)
	}
}

// loadHalf loads half a register of 16-bit floats, widened to float32.
func loadHalf(g *gen, brain bool, addr string, reg int, masked bool) {
	r := g.t.reg(reg)
	if masked { // only AVX-512 has a mask for 16-bit lanes
		g.op("VMOVDQU16.Z %s, K1, Y%d", addr, reg)
		addr = fmt.Sprintf("Y%d", reg)
	}
	if !brain {
		g.op("VCVTPH2PS %s, %s", addr, r)
		return
	}
	g.op("VPMOVZXWD %s, %s", addr, r)
	g.op("VPSLLD $16, %s, %s", r, r)
}

// mulAdd adds x·(row) to acc, squareAdd (x-row)².
func mulAdd(g *gen, x, y string, acc int) {
	g.op("VFMADD231PS %s, %s, %s", y, x, g.t.reg(acc))
}

func squareAdd(g *gen, x, y string, acc int) {
	d := g.t.reg(regTmp2)
	g.op("VSUBPS %s, %s, %s", y, x, d)
	g.op("VFMADD231PS %s, %s, %s", d, d, g.t.reg(acc))
}

func batchOps(t *tier) []batchOp {
	query := func(g *gen, masked bool) { loadF32(g, "(SI)(AX*1)", regQuery, masked) }
	query2 := func(g *gen, masked bool) { loadF32(g, "(SI)(AX*2)", regQuery, masked) }
	floatRow := func(add func(*gen, string, string, int)) func(*gen, string, int, bool) {
		return func(g *gen, addr string, acc int, masked bool) {
			y := addr
			if masked {
				loadF32(g, addr, regTmp, true)
				y = g.t.reg(regTmp)
			}
			add(g, g.t.reg(regQuery), y, acc)
		}
	}
	halfRow := func(brain bool, add func(*gen, string, string, int)) func(*gen, string, int, bool) {
		return func(g *gen, addr string, acc int, masked bool) {
			loadHalf(g, brain, addr, regTmp, masked)
			add(g, g.t.reg(regQuery), g.t.reg(regTmp), acc)
		}
	}
	ops := []batchOp{
		{
			name: "dotF32", doc: "sets each dst to the dot product of q and its row",
			qType: "float32", rowType: "float32", dstType: "float32", rowBytes: 4, step: whole, float: true, tail: true,
			query: query, row: floatRow(mulAdd),
		},
		{
			name: "squaredL2F32", doc: "sets each dst to the squared Euclidean distance of q and its row",
			qType: "float32", rowType: "float32", dstType: "float32", rowBytes: 4, step: whole, float: true, tail: true,
			query: query, row: floatRow(squareAdd),
		},
	}
	for _, h := range []struct {
		name, what string
		brain      bool
	}{{"F16", "half", false}, {"BF16", "bfloat16", true}} {
		ops = append(ops,
			batchOp{
				name: "dot" + h.name, doc: "sets each dst to the dot product of q and its " + h.what + " row",
				qType: "float32", rowType: "uint16", dstType: "float32", rowBytes: 2, qScale: 2, step: half, float: true, tail: t.wide(),
				query: query2, row: halfRow(h.brain, mulAdd),
			},
			batchOp{
				name: "squaredL2" + h.name, doc: "sets each dst to the squared Euclidean distance of q and its " + h.what + " row",
				qType: "float32", rowType: "uint16", dstType: "float32", rowBytes: 2, qScale: 2, step: half, float: true, tail: t.wide(),
				query: query2, row: halfRow(h.brain, squareAdd),
			})
	}
	return append(ops,
		codeOp(t, "dotU8S8", "sets each dst to the sum of q·(row-128)", "int8", false),
		codeOp(t, "dotU8U8", "sets each dst to the sum of (q-128)·(row-128)", "uint8", true),
		batchOp{
			name: "sumAbsDiff", doc: "sets each dst to the sum of |q-row|",
			qType: "uint8", rowType: "uint8", dstType: "uint32", rowBytes: 1, step: whole,
			query: func(g *gen, masked bool) { loadBits(g, "(SI)(AX*1)", regQuery, false) },
			row: func(g *gen, addr string, acc int, masked bool) {
				g.op("VPSADBW %s, %s, %s", addr, g.t.reg(regQuery), g.t.reg(regTmp))
				g.op("VPADDQ %s, %s, %s", g.t.reg(regTmp), g.t.reg(acc), g.t.reg(acc))
			},
		},
		bitOp("hamming", "sets each dst to the number of bits that differ between q and its row", "XOR"),
		bitOp("andCount", "sets each dst to the number of bits set in both q and its row", "AND"),
	)
}

// codeOp multiplies int8 codes stored as x+128 with signed bytes, or with
// codes. AVX-512 has VPDPBUSD, unsigned times signed, four products a lane.
// The -128 of the row is a constant per query, which the sums start from. AVX2
// widens to 16 bits: its only byte multiply-add saturates.
func codeOp(t *tier, name, doc, qType string, codes bool) batchOp {
	op := batchOp{name: name, doc: doc, qType: qType, rowType: "uint8", dstType: "int32", rowBytes: 1, step: whole, correct: true}
	r := t.reg
	if t.wide() {
		op.query = func(g *gen, masked bool) {
			if codes { // x+128 to x
				g.op("VPXORQ (SI)(AX*1), %s, %s", r(regConst), r(regQuery))
			} else {
				g.op("VMOVDQU64 (SI)(AX*1), %s", r(regQuery))
			}
		}
		op.add = func(g *gen, addr string, q, acc int) {
			g.op("VMOVDQU64 %s, %s", addr, r(regTmp))
			g.op("VPDPBUSD %s, %s, %s", r(q), r(regTmp), r(acc))
		}
		op.row = func(g *gen, addr string, acc int, masked bool) { op.add(g, addr, regQuery, acc) }
		op.unroll = 16
	} else {
		op.step = half
		op.query = func(g *gen, masked bool) {
			if codes {
				g.op("VPMOVZXBW (SI)(AX*1), %s", r(regQuery))
				g.op("VPADDW %s, %s, %s", r(regConst), r(regQuery), r(regQuery))
			} else {
				g.op("VPMOVSXBW (SI)(AX*1), %s", r(regQuery))
			}
		}
		op.row = func(g *gen, addr string, acc int, masked bool) {
			g.op("VPMOVZXBW %s, %s", addr, r(regTmp))
			g.op("VPMADDWD %s, %s, %s", r(regTmp), r(regQuery), r(regTmp))
			g.op("VPADDD %s, %s, %s", r(regTmp), r(acc), r(acc))
		}
	}
	op.setup = func(g *gen, unroll int) {
		// The correction is -128·Σq. Nothing waits for it before the first store.
		if t.wide() {
			broadcast(g, 0x8080808080808080, regConst)
		} else {
			broadcast(g, 0xff80ff80ff80ff80, regConst)
		}
		zero(g, regCorrection)
		if unroll > 0 {
			g.op("CMPQ CX, $%d", unroll*op.step(t))
			g.op("JGT long")
			// Two more sums, so that they do not wait for each other.
			sums := []int{regCorrection, regMask, regConst2}
			zero(g, sums[1])
			zero(g, sums[2])
			for i := range unroll {
				at := i * op.step(t)
				g.op("CMPQ CX, $%d", at)
				g.op("JEQ short")
				if codes {
					g.op("VPXORQ %d(SI), %s, %s", at, r(regConst), r(16+i))
				} else {
					g.op("VMOVDQU64 %d(SI), %s", at, r(16+i))
				}
				g.op("VPDPBUSD %s, %s, %s", r(16+i), r(regConst), r(sums[i%3]))
			}
			g.line("\nshort:")
			g.op("VPADDD %s, %s, %s", r(sums[1]), r(sums[2]), r(sums[1]))
			g.op("VPADDD %s, %s, %s", r(sums[1]), r(sums[0]), r(sums[0]))
			g.op("JMP summed")
			g.line("\nlong:")
		}
		g.op("XORL AX, AX")
		g.op("CMPQ AX, CX")
		g.op("JGE summed")
		g.line("\nsum:")
		op.query(g, false)
		if t.wide() {
			g.op("VPDPBUSD %s, %s, %s", r(regQuery), r(regConst), r(regCorrection))
		} else {
			g.op("VPMADDWD %s, %s, %s", r(regConst), r(regQuery), r(regTmp))
			g.op("VPADDD %s, %s, %s", r(regTmp), r(regCorrection), r(regCorrection))
		}
		g.op("ADDQ $%d, AX", op.step(t))
		g.op("CMPQ AX, CX")
		g.op("JLT sum")
		g.line("\nsummed:")
		if t.wide() {
			g.op("VEXTRACTI64X4 $1, Z%d, Y%d", regCorrection, regTmp)
			g.op("VPADDD Y%[1]d, Y%[2]d, Y%[2]d", regTmp, regCorrection)
		}
		g.op("VEXTRACTI128 $1, Y%d, X%d", regCorrection, regTmp)
		g.op("VPADDD X%[1]d, X%[2]d, X%[2]d", regTmp, regCorrection)
		for _, order := range []string{"4e", "b1"} { // every lane gets the total
			g.op("VPSHUFD $0x%s, X%d, X%d", order, regCorrection, regTmp)
			g.op("VPADDD X%[1]d, X%[2]d, X%[2]d", regTmp, regCorrection)
		}
		if t.wide() { // VPDPBUSD took 128 for what means -128
			g.op("VPXOR X%[1]d, X%[1]d, X%[1]d", regTmp)
			g.op("VPSUBD X%[2]d, X%[1]d, X%[2]d", regTmp, regCorrection)
		}
	}
	return op
}

// bitOp counts the bits of q op row, by VPOPCNTQ or by two lookups of half
// bytes.
func bitOp(name, doc, logic string) batchOp {
	op := batchOp{name: name, doc: doc, qType: "byte", rowType: "byte", dstType: "uint32", rowBytes: 1, step: whole, tail: true, lane: 8}
	op.query = func(g *gen, masked bool) { loadBits(g, "(SI)(AX*1)", regQuery, masked) }
	op.setup = func(g *gen, _ int) {
		if g.t.wide() {
			return
		}
		g.op("VBROADCASTI128 nibbleBits<>(SB), Y%d", regConst)
		broadcast(g, 0x0f0f0f0f0f0f0f0f, regConst2)
		g.op("VPXOR Y%[1]d, Y%[1]d, Y%[1]d", regConst3)
	}
	op.row = func(g *gen, addr string, acc int, masked bool) {
		q, x, y, sum := g.t.reg(regQuery), g.t.reg(regTmp), g.t.reg(regTmp2), g.t.reg(acc)
		if masked {
			loadBits(g, addr, regTmp, true)
			addr = x
		}
		if g.t.wide() {
			g.op("VP%sQ %s, %s, %s", logic, addr, q, x)
			g.op("VPOPCNTQ %s, %s", x, x)
			g.op("VPADDQ %s, %s, %s", x, sum, sum)
			return
		}
		lut, low, zeros := g.t.reg(regConst), g.t.reg(regConst2), g.t.reg(regConst3)
		g.op("VP%s %s, %s, %s", logic, addr, q, x)
		g.op("VPSRLW $4, %s, %s", x, y)
		g.op("VPAND %s, %s, %s", low, x, x)
		g.op("VPAND %s, %s, %s", low, y, y)
		g.op("VPSHUFB %s, %s, %s", x, lut, x)
		g.op("VPSHUFB %s, %s, %s", y, lut, y)
		g.op("VPADDB %s, %s, %s", x, y, x)
		g.op("VPSADBW %s, %s, %s", zeros, x, x)
		g.op("VPADDQ %s, %s, %s", x, sum, sum)
	}
	return op
}
