package main

// Batch kernels: one query against groups of eight or four rows, or one,
// given by pointer.
//
//	func fooX8(q, rows *…, n, groups int, dst *…, next **…)
//
// n is the number of elements, groups the number of groups; dst receives one
// 32-bit result per row. next, in X8 only, points at eight further rows that
// the caller will ask for next.
//
// Registers:
//
//	SI   query           R13  pointers of the current group
//	AX   offset in rows  CX   end of the part that needs no mask
//	R14  pointers of the group to prefetch, or 0     R15  scratch
//	BX DI R8-R12 DX      the rows
//
// Eight rows share each load of the query and keep eight independent sums, so
// the loop is bound by the loads of the rows alone and by nothing that waits
// for the sum before. Rows may lie at any address: VEX and EVEX loads do not
// ask for alignment, and a masked lane is never read.
//
// Rows that lie far apart are rarely in a cache. If next is given, the loop
// over one group also asks for the lines of the group after it, line by line
// in step with its own loads: a burst of prefetches in front of the loop
// would only queue before the loads it needs itself. They go to the second
// level (PREFETCHT1), which has room for far more misses at a time than the
// first. Rows close together are likely resident, and a prefetch would take
// the place of a load: then next is nil.

import "fmt"

// rowRegs hold the row pointers.
var rowRegs = []string{"BX", "DI", "R8", "R9", "R10", "R11", "R12", "DX"}

// batchOp is one element type and operation.
type batchOp struct {
	name, doc               string
	qType, rowType, dstType string            // Go types of the pointers
	rowBytes                int               // bytes per element of a row
	qScale                  int               // query bytes per row byte
	step                    func(t *tier) int // row bytes per step
	float                   bool
	// setup loads constants, after SI, CX and the mask are there.
	// unroll, if not zero, asks it to fill the registers of the query, see below.
	setup func(g *gen, unroll int)
	// correct says that setup leaves in register 14, in each 32-bit lane, what
	// is to be added to every result.
	correct bool
	// query loads one step of the query into register 8 (or a masked part).
	query func(g *gen, masked bool)
	// add multiplies register q with the row at addr; only for unroll.
	add func(g *gen, addr string, q, acc int)
	// row adds one step of the row at addr to the sum acc.
	row func(g *gen, addr string, acc int, masked bool)
	// tail says whether n may be any number, not only a multiple of a step.
	tail bool
	// lane is the width in bytes of what a mask bit stands for, if not rowBytes.
	lane int
	// unroll keeps up to so many steps of the query in registers 16 and up,
	// which saves its loads: a third of all where rows are short.
	unroll int
}

// Vector registers: 0-7 sums, 8 query, 9 and 10 scratch, 11-14 constants, 15
// mask (AVX2).
const (
	regQuery      = 8
	regTmp        = 9
	regTmp2       = 10
	regConst      = 11
	regConst2     = 12
	regConst3     = 13
	regCorrection = 14
	regMask       = 15
)

func batchKernels(g *gen) {
	for _, op := range batchOps(g.t) {
		batch(g, op, 8)
		batch(g, op, 4)
		batch(g, op, 1)
		call(g, op)
	}
}

func batch(g *gen, op batchOp, rows int) {
	t := g.t
	step := op.step(t)
	next, args := "", 40
	if rows == 8 {
		next, args = fmt.Sprintf(", next **%s", op.rowType), 48
	}
	g.fn(fmt.Sprintf("%sX%d", op.name, rows),
		fmt.Sprintf("(q *%s, n int, rows **%s, groups int, dst *%s%s)", op.qType, op.rowType, op.dstType, next),
		fmt.Sprintf("%s, for groups of %d rows.", op.doc, rows), args)
	g.op("MOVQ q+0(FP), SI")
	g.op("MOVQ n+8(FP), CX")
	g.op("MOVQ rows+16(FP), R13")
	if op.rowBytes > 1 {
		g.op("SHLQ $%d, CX", map[int]int{2: 1, 4: 2, 8: 3}[op.rowBytes])
	}
	if op.tail {
		loadMask(g, max(op.rowBytes, op.lane), step)
	}
	unroll := 0
	if rows == 8 {
		unroll = op.unroll
	}
	if op.setup != nil {
		op.setup(g, unroll)
	}

	g.line("\ngroup:")
	for i, r := range rowRegs[:rows] {
		g.op("MOVQ %d(R13), %s", 8*i, r)
	}
	for i := range rows {
		zero(g, i)
	}
	g.op("XORL AX, AX")
	g.op("CMPQ AX, CX")
	g.op("JGE tail")
	if rows == 8 {
		// The last group prefetches next, the others the group behind them.
		g.op("MOVQ next+40(FP), R14")
		g.op("TESTQ R14, R14")
		g.op("JZ near")
		g.op("LEAQ 64(R13), R15")
		g.op("CMPQ groups+24(FP), $1")
		g.op("CMOVQNE R15, R14")
		// A step of less than a line prefetches a line all the same: the lines
		// are all asked for before the row is done, and the rest goes on below.
		lines := max(1, 64/step)
		g.line("\nfar:")
		op.query(g, false)
		for i, r := range rowRegs {
			g.op("MOVQ %d(R14), R15", 8*i)
			g.op("PREFETCHT1 (R15)(AX*%d)", lines)
			op.row(g, fmt.Sprintf("(%s)(AX*1)", r), i, false)
		}
		g.op("ADDQ $%d, AX", step)
		if lines > 1 {
			g.op("LEAQ (AX*%d), R15", lines)
			g.op("CMPQ R15, CX")
			g.op("JLT far")
			g.op("CMPQ AX, CX")
			g.op("JLT loop")
		} else {
			g.op("CMPQ AX, CX")
			g.op("JLT far")
		}
		g.op("JMP tail")
		g.line("\nnear:")
	}
	if unroll > 0 {
		g.op("CMPQ CX, $%d", unroll*step)
		g.op("JGT loop")
		for i := range unroll {
			for j, r := range rowRegs {
				addr := fmt.Sprintf("%d(%s)", i*step, r)
				if i == 0 {
					addr = fmt.Sprintf("(%s)", r)
				}
				op.add(g, addr, 16+i, j)
			}
			if i+1 < unroll {
				g.op("CMPQ CX, $%d", (i+1)*step)
				g.op("JEQ tail")
			}
		}
		g.op("JMP tail")
	}
	g.line("\nloop:")
	op.query(g, false)
	for i, r := range rowRegs[:rows] {
		op.row(g, fmt.Sprintf("(%s)(AX*1)", r), i, false)
	}
	g.op("ADDQ $%d, AX", step)
	g.op("CMPQ AX, CX")
	g.op("JLT loop")

	g.line("\ntail:")
	if op.tail {
		if t.wide() {
			g.op("KTESTQ K1, K1")
		} else {
			g.op("VPTEST Y%d, Y%d", regMask, regMask)
		}
		g.op("JZ reduce")
		op.query(g, true)
		for i, r := range rowRegs[:rows] {
			op.row(g, fmt.Sprintf("(%s)(AX*1)", r), i, true)
		}
		g.line("\nreduce:")
	}
	g.op("MOVQ dst+32(FP), AX")
	reduce(g, op, rows)
	g.op("ADDQ $%d, AX", 4*rows)
	g.op("MOVQ AX, dst+32(FP)")
	g.op("ADDQ $%d, R13", 8*rows)
	g.op("DECQ groups+24(FP)")
	g.op("JNZ group")
	g.op("VZEROUPPER")
	g.op("RET")
}

func zero(g *gen, i int) {
	r := g.t.reg(i)
	if g.t.wide() {
		g.op("VPXORD %s, %s, %s", r, r, r)
	} else {
		g.op("VPXOR %s, %s, %s", r, r, r)
	}
}

// suffix64 completes the name of moves and logic that EVEX splits by lane.
func (t *tier) suffix64() string {
	if t.wide() {
		return "64"
	}
	return ""
}

// loadMask cuts CX down to whole steps and prepares the mask of the rest: K1
// (AVX-512) or register 15 (AVX2), with lanes of lane bytes.
func loadMask(g *gen, lane, step int) {
	g.op("MOVQ CX, AX")
	g.op("ANDQ $%d, AX", step-1)
	g.op("SUBQ AX, CX")
	if g.t.wide() {
		lanes := map[int]int{1: 0, 2: 1, 4: 2, 8: 3}[lane]
		if lanes > 0 {
			g.op("SHRQ $%d, AX", lanes)
		}
		g.op("MOVQ $-1, DX")
		g.op("BZHIQ AX, DX, DX")
		g.op("KMOVQ DX, K1")
		return
	}
	g.op("LEAQ maskAVX2<>+32(SB), DX")
	g.op("SUBQ AX, DX")
	g.op("VMOVDQU (DX), Y%d", regMask)
}

// reduce adds up the lanes of each of the sums 0..rows-1 and stores the
// totals, 32 bits each, at (AX). Sums of 64-bit lanes below 2^32 may pass as
// twice as many 32-bit ones.
func reduce(g *gen, op batchOp, rows int) {
	add, unlo, unhi, qlo, qhi := "VPADDD", "VPUNPCKLDQ", "VPUNPCKHDQ", "VPUNPCKLQDQ", "VPUNPCKHQDQ"
	if op.float {
		add, unlo, unhi, qlo, qhi = "VADDPS", "VUNPCKLPS", "VUNPCKHPS", "VUNPCKLPD", "VUNPCKHPD"
	}
	r := g.t.reg
	if rows == 1 {
		if g.t.wide() {
			g.op("VEXTRACTI64X4 $1, Z0, Y%d", regTmp)
			g.op("%s Y%d, Y0, Y0", add, regTmp)
		}
		g.op("VEXTRACTI128 $1, Y0, X%d", regTmp)
		for _, order := range []string{"", "4e", "b1"} {
			if order != "" {
				g.op("VPSHUFD $0x%s, X0, X%d", order, regTmp)
			}
			g.op("%s X%d, X0, X0", add, regTmp)
		}
		if op.correct {
			g.op("VPADDD X%d, X0, X0", regCorrection)
		}
		g.op("VMOVD X0, CX")
		g.op("MOVL CX, (AX)")
		return
	}
	// Pairs of rows interleaved: half as many registers each time.
	for i := 0; i < rows; i += 2 {
		g.op("%s %s, %s, %s", unlo, r(i+1), r(i), r(regTmp))
		g.op("%s %s, %s, %s", unhi, r(i+1), r(i), r(regTmp2))
		g.op("%s %s, %s, %s", add, r(regTmp), r(regTmp2), r(i))
	}
	for i := 0; i < rows; i += 4 {
		g.op("%s %s, %s, %s", qlo, r(i+2), r(i), r(regTmp))
		g.op("%s %s, %s, %s", qhi, r(i+2), r(i), r(regTmp2))
		g.op("%s %s, %s, %s", add, r(regTmp), r(regTmp2), r(i))
	}
	// Each 128-bit lane of sum i now holds a part of rows i..i+3.
	for i := 0; i < rows; i += 4 {
		if g.t.wide() {
			g.op("VEXTRACTI64X4 $1, Z%d, Y%d", i, regTmp)
			g.op("%s Y%d, Y%d, Y%d", add, regTmp, i, i)
		}
		g.op("VEXTRACTI128 $1, Y%d, X%d", i, regTmp)
		g.op("%s X%d, X%d, X%d", add, regTmp, i, i)
		if op.correct {
			g.op("VPADDD X%[1]d, X%[2]d, X%[2]d", regCorrection, i)
		}
		g.op("VMOVDQU X%d, %d(AX)", i, 4*i)
	}
}

// call writes the Go function that cuts a batch into groups of eight rows. A
// rest is filled up with its last row to four or eight: those loads hit the
// first-level cache, and one call is cheaper than several.
func call(g *gen, op batchOp) {
	cut := ""
	if op.qScale == 2 && !op.tail {
		// AVX2 has no mask for 16-bit lanes: what is left over is added in Go.
		cut = fmt.Sprintf(`
	n &^= 7
	defer %sTail(q, n, rows, dst)`, op.name)
	}
	fmt.Fprintf(g.calls, `
func %[1]sBatch%[2]s(q []%[3]s, rows []*%[4]s, dst []%[5]s) {
	if len(rows) == 0 {
		return
	}
	n, p := len(q), unsafe.SliceData(q)%[6]s
	groups, rest := len(rows)/8, len(rows)%%8
	var last [8]*%[4]s
	next := &last[0]
	if rest > 0 {
		// Fill the last group up with its last row.
		for i := copy(last[:], rows[8*groups:]); i < 8; i++ {
			last[i] = rows[len(rows)-1]
		}
	} else {
		next = &rows[8*groups-8] // nothing comes after the last group
	}
	if groups > 0 {
		if !farApart(unsafe.Pointer(rows[0]), unsafe.Pointer(rows[len(rows)/2]), unsafe.Pointer(rows[len(rows)-1])) {
			next = nil
		}
		%[1]sX8%[2]s(p, n, unsafe.SliceData(rows), groups, unsafe.SliceData(dst), next)
		dst = dst[8*groups:]
	}
	switch {
	case rest == 0:
	case rest == 1:
		%[1]sX1%[2]s(p, n, &last[0], 1, unsafe.SliceData(dst))
	case rest <= 4:
		var d [4]%[5]s
		%[1]sX4%[2]s(p, n, &last[0], 1, &d[0])
		copy(dst[:rest], d[:])
	default:
		var d [8]%[5]s
		%[1]sX8%[2]s(p, n, &last[0], 1, &d[0], nil)
		copy(dst[:rest], d[:])
	}
}
`, op.name, g.t.suffix, op.qType, op.rowType, op.dstType, cut)
}
