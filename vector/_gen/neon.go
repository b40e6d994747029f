package main

// NEON kernels. Go's assembler lacks most of the floating-point and widening
// vector instructions, so these are written as words, with the mnemonic
// beside each. The whole steps of 16 bytes are done here; the Go functions
// that call() writes add the few elements left over.
//
//	R0 query  R1 steps  R2 pointers of the group  R3 groups  R4 dst
//	R5-R12 rows   R13 query cursor   R14 steps left   R15 scratch
//	V0, V9 query  V1-V8 rows  V10-V13 scratch  V16-V23 sums  V31 constant

import (
	"bytes"
	"fmt"
)

// word3 is an instruction of three vector registers.
type word3 struct {
	name string
	code uint32
}

var (
	fadd4  = word3{"FADD.4S", 0x4e20d400}
	fsub4  = word3{"FSUB.4S", 0x4ea0d400}
	fabd4  = word3{"FABD.4S", 0x6ea0d400}
	fmla4  = word3{"FMLA.4S", 0x4e20cc00}
	faddp4 = word3{"FADDP.4S", 0x6e20d400}
	fadd2  = word3{"FADD.2D", 0x4e60d400}
	fsub2  = word3{"FSUB.2D", 0x4ee0d400}
	fabd2  = word3{"FABD.2D", 0x6ee0d400}
	fmla2  = word3{"FMLA.2D", 0x4e60cc00}
	faddp2 = word3{"FADDP.2D", 0x6e60d400}
	addp4  = word3{"ADDP.4S", 0x4ea0bc00}
	sdot   = word3{"SDOT.4S", 0x4e809400}
	smull  = word3{"SMULL.8H", 0x0e20c000}
	smull2 = word3{"SMULL2.8H", 0x4e20c000}
	uabd   = word3{"UABD.16B", 0x6e207400}
	eor    = word3{"EOR.16B", 0x6e201c00}
	and    = word3{"AND.16B", 0x4e201c00}

	// Two registers: the field of the third is part of the code.
	sadalp = word3{"SADALP.4S.8H", 0x4e606800}
	uadalp = word3{"UADALP.4S.8H", 0x6e606800}
	uaddlp = word3{"UADDLP.8H.16B", 0x6e202800}
	cnt    = word3{"CNT.16B", 0x4e205800}
	fcvtl  = word3{"FCVTL.4S", 0x0e217800}
	fcvtl2 = word3{"FCVTL2.4S", 0x4e217800}
	shll   = word3{"SHLL.4S.4H #16", 0x2e613800}
	shll2  = word3{"SHLL2.4S.8H #16", 0x6e613800}
)

func (g *gen) v3(w word3, d, n, m int) {
	g.op("WORD $0x%08x // %s V%d, V%d, V%d", w.code|uint32(m)<<16|uint32(n)<<5|uint32(d), w.name, d, n, m)
}

func (g *gen) v2(w word3, d, n int) {
	g.op("WORD $0x%08x // %s V%d, V%d", w.code|uint32(n)<<5|uint32(d), w.name, d, n)
}

var neon = &tier{name: "neon", suffix: "NEON", bytes: 16}

// neonOp is a batch operation: step adds row register row to sum acc, using
// scratch registers from 10 on.
type neonOp struct {
	name, doc                string
	qType, rowType, dstType  string
	elems                    int // elements per step of 16 row bytes
	float, wideQuery, signed bool
	query                    func(g *gen)
	step                     func(g *gen, row, acc int)
	tail                     string // Go expression for one element left over; "" if there is none
}

func neonOps() []neonOp {
	f := "float32"
	l2 := func(g *gen, q, row, acc int) {
		g.v3(fsub4, 10, q, row)
		g.v3(fmla4, acc, 10, 10)
	}
	dot := func(g *gen, q, row, acc int) { g.v3(fmla4, acc, q, row) }
	halves := func(lo, hi word3, add func(g *gen, q, row, acc int)) func(g *gen, row, acc int) {
		return func(g *gen, row, acc int) {
			g.v2(lo, 11, row)
			g.v2(hi, 12, row)
			add(g, 0, 11, acc)
			add(g, 9, 12, acc)
		}
	}
	bits := func(w word3) func(g *gen, row, acc int) {
		return func(g *gen, row, acc int) {
			g.v3(w, 10, 0, row)
			g.v2(cnt, 10, 10)
			g.v2(uaddlp, 10, 10)
			g.v2(uadalp, acc, 10)
		}
	}
	multiply := func(g *gen, row, acc int) {
		g.v3(eor, 10, row, 31)
		g.v3(smull, 11, 0, 10)
		g.v2(sadalp, acc, 11)
		g.v3(smull2, 12, 0, 10)
		g.v2(sadalp, acc, 12)
	}
	dotProd := func(g *gen, row, acc int) {
		g.v3(eor, 10, row, 31)
		g.v3(sdot, acc, 0, 10)
	}
	unbias := func(g *gen) { g.v3(eor, 0, 0, 31) }
	return []neonOp{
		{
			name: "dotF32", doc: "sets each dst to the dot product of q and its row", qType: f, rowType: f, dstType: f,
			elems: 4, float: true, step: func(g *gen, row, acc int) { dot(g, 0, row, acc) }, tail: "q[j] * row[j]",
		},
		{
			name: "squaredL2F32", doc: "sets each dst to the squared Euclidean distance of q and its row", qType: f, rowType: f, dstType: f,
			elems: 4, float: true, step: func(g *gen, row, acc int) { l2(g, 0, row, acc) }, tail: "(q[j] - row[j]) * (q[j] - row[j])",
		},
		{
			name: "dotF16", doc: "sets each dst to the dot product of q and its half row", qType: f, rowType: "uint16", dstType: f,
			elems: 8, float: true, wideQuery: true, step: halves(fcvtl, fcvtl2, dot), tail: "half",
		},
		{
			name: "squaredL2F16", doc: "sets each dst to the squared Euclidean distance of q and its half row", qType: f, rowType: "uint16", dstType: f,
			elems: 8, float: true, wideQuery: true, step: halves(fcvtl, fcvtl2, l2), tail: "half",
		},
		{
			name: "dotBF16", doc: "sets each dst to the dot product of q and its bfloat16 row", qType: f, rowType: "uint16", dstType: f,
			elems: 8, float: true, wideQuery: true, step: halves(shll, shll2, dot), tail: "half",
		},
		{
			name: "squaredL2BF16", doc: "sets each dst to the squared Euclidean distance of q and its bfloat16 row", qType: f, rowType: "uint16", dstType: f,
			elems: 8, float: true, wideQuery: true, step: halves(shll, shll2, l2), tail: "half",
		},
		{
			name: "dotU8S8", doc: "sets each dst to the sum of q·(row-128)", qType: "int8", rowType: "uint8", dstType: "int32",
			elems: 16, signed: true, step: multiply,
		},
		{
			name: "dotU8U8", doc: "sets each dst to the sum of (q-128)·(row-128)", qType: "uint8", rowType: "uint8", dstType: "int32",
			elems: 16, signed: true, step: multiply, query: unbias,
		},
		{
			name: "dotU8S8DP", doc: "is dotU8S8 with the dot product extension", qType: "int8", rowType: "uint8", dstType: "int32",
			elems: 16, signed: true, step: dotProd,
		},
		{
			name: "dotU8U8DP", doc: "is dotU8U8 with the dot product extension", qType: "uint8", rowType: "uint8", dstType: "int32",
			elems: 16, signed: true, step: dotProd, query: unbias,
		},
		{
			name: "sumAbsDiff", doc: "sets each dst to the sum of |q-row|", qType: "uint8", rowType: "uint8", dstType: "uint32",
			elems: 16, step: func(g *gen, row, acc int) {
				g.v3(uabd, 10, 0, row)
				g.v2(uaddlp, 10, 10)
				g.v2(uadalp, acc, 10)
			},
		},
		{
			name: "hamming", doc: "sets each dst to the number of bits that differ between q and its row", qType: "byte", rowType: "byte", dstType: "uint32",
			elems: 16, step: bits(eor), tail: "uint32(bits.OnesCount8(q[j] ^ row[j]))",
		},
		{
			name: "andCount", doc: "sets each dst to the number of bits set in both q and its row", qType: "byte", rowType: "byte", dstType: "uint32",
			elems: 16, step: bits(and), tail: "uint32(bits.OnesCount8(q[j] & row[j]))",
		},
	}
}

func neonBatch(g *gen, op neonOp, rows int) {
	g.fn(fmt.Sprintf("%sX%d", op.name, rows),
		fmt.Sprintf("(q *%s, steps int, rows **%s, groups int, dst *%s)", op.qType, op.rowType, op.dstType),
		fmt.Sprintf("%s, for groups of %d rows and steps of %d elements.", op.doc, rows, op.elems), 40)
	g.op("MOVD q+0(FP), R0")
	g.op("MOVD steps+8(FP), R1")
	g.op("MOVD rows+16(FP), R2")
	g.op("MOVD groups+24(FP), R3")
	g.op("MOVD dst+32(FP), R4")
	if op.signed {
		g.op("VMOVI $0x80, V31.B16")
	}
	g.line("\ngroup:")
	for i := range rows {
		g.op("MOVD.P 8(R2), R%d", 5+i)
	}
	for i := range rows {
		g.op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", 16+i)
	}
	g.op("MOVD R0, R13")
	g.op("MOVD R1, R14")
	g.op("CBZ R14, reduce")
	g.line("\nloop:")
	g.op("VLD1.P 16(R13), [V0.B16]")
	if op.wideQuery {
		g.op("VLD1.P 16(R13), [V9.B16]")
	}
	if op.query != nil {
		op.query(g)
	}
	for i := range rows {
		g.op("VLD1.P 16(R%d), [V%d.B16]", 5+i, 1+i)
	}
	for i := range rows {
		op.step(g, 1+i, 16+i)
	}
	g.op("SUBS $1, R14")
	g.op("BNE loop")
	g.line("\nreduce:")
	add := addp4
	if op.float {
		add = faddp4
	}
	if rows == 1 {
		g.v3(add, 16, 16, 16)
		g.v3(add, 16, 16, 16)
		g.op("VMOV V16.S[0], R15")
		g.op("MOVW.P R15, 4(R4)")
	} else {
		for i := 16; i < 16+rows; i += 4 {
			g.v3(add, i, i, i+1)
			g.v3(add, i+2, i+2, i+3)
			g.v3(add, i, i, i+2)
			g.op("VST1.P [V%d.S4], 16(R4)", i)
		}
	}
	g.op("SUBS $1, R3")
	g.op("BNE group")
	g.op("RET")
}

// neonCall writes the Go function over the kernels of one operation.
func neonCall(g *gen, op neonOp) {
	tail := ""
	switch op.tail {
	case "":
	case "half":
		tail = fmt.Sprintf("\n\tdefer %sTail(q, %d*steps, rows, dst)", op.name, op.elems)
	default:
		tail = fmt.Sprintf("\n\tdefer %sTailNEON(q, %d*steps, rows, dst)", op.name, op.elems)
		fmt.Fprintf(g.calls, `
// %[1]sTailNEON adds the elements from n on.
func %[1]sTailNEON(q []%[2]s, n int, rows []*%[3]s, dst []%[4]s) {
	if n == len(q) {
		return
	}
	for i, r := range rows {
		row := unsafe.Slice(r, len(q))
		for j := n; j < len(q); j++ {
			dst[i] += %[5]s
		}
	}
}
`, op.name, op.qType, op.rowType, op.dstType, op.tail)
	}
	fmt.Fprintf(g.calls, `
func %[1]sBatchNEON(q []%[2]s, rows []*%[3]s, dst []%[4]s) {
	if len(rows) == 0 {
		return
	}
	steps, p := len(q)/%[5]d, unsafe.SliceData(q)%[6]s
	groups, rest := len(rows)/8, len(rows)%%8
	if groups > 0 {
		%[1]sX8NEON(p, steps, unsafe.SliceData(rows), groups, unsafe.SliceData(dst))
		dst = dst[8*groups:]
	}
	var last [8]*%[3]s
	for i := range last {
		last[i] = rows[min(8*groups+i, len(rows)-1)]
	}
	switch {
	case rest == 0:
	case rest == 1:
		%[1]sX1NEON(p, steps, &last[0], 1, unsafe.SliceData(dst))
	case rest <= 4:
		var d [4]%[4]s
		%[1]sX4NEON(p, steps, &last[0], 1, &d[0])
		copy(dst[:rest], d[:])
	default:
		var d [8]%[4]s
		%[1]sX8NEON(p, steps, &last[0], 1, &d[0])
		copy(dst[:rest], d[:])
	}
}
`, op.name, op.qType, op.rowType, op.dstType, op.elems, tail)
}

// neonPair writes a pair kernel: blocks of four registers, then single ones.
func neonPair(g *gen, name, doc string, double bool, results int, step func(g *gen, a, b, set int)) {
	typ, size, elems, suffix, add, addp := "float32", 4, 4, "F32Pair", fadd4, faddp4
	if double {
		typ, size, elems, suffix, add, addp = "float64", 8, 2, "F64Pair", fadd2, faddp2
	}
	sig, args := fmt.Sprintf("(a, b *%s, steps int) %s", typ, typ), 24+size
	sets := 4
	if results == 3 {
		sig, args = fmt.Sprintf("(a, b *%s, steps int) (dot, aa, bb %s)", typ, typ), 24+3*size
		sets = 2
	}
	g.fn(name+suffix, sig, fmt.Sprintf("%s, over steps of %d elements.", doc, elems), args)
	g.op("MOVD a+0(FP), R0")
	g.op("MOVD b+8(FP), R1")
	g.op("MOVD steps+16(FP), R2")
	for i := range sets * results {
		g.op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", 16+i)
	}
	g.line("\nblocks:")
	g.op("CMP $4, R2")
	g.op("BLT steps")
	g.op("VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]")
	g.op("VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]")
	for i := range 4 {
		step(g, i, 4+i, 16+i%sets)
	}
	g.op("SUB $4, R2")
	g.op("B blocks")
	g.line("\nsteps:")
	g.op("CBZ R2, reduce")
	g.op("VLD1.P 16(R0), [V0.B16]")
	g.op("VLD1.P 16(R1), [V4.B16]")
	step(g, 0, 4, 16)
	g.op("SUB $1, R2")
	g.op("B steps")
	g.line("\nreduce:")
	for r := range results {
		base := 16 + r*sets
		for n := sets / 2; n > 0; n /= 2 {
			for i := range n {
				g.v3(add, base+i, base+i, base+i+n)
			}
		}
		g.v3(addp, base, base, base)
		if !double {
			g.v3(addp, base, base, base)
		}
		ret, mov := "ret", "FMOVS"
		if results == 3 {
			ret = []string{"dot", "aa", "bb"}[r]
		}
		if double {
			mov = "FMOVD"
		}
		g.op("%s F%d, %s+%d(FP)", mov, base, ret, 24+r*size)
	}
	g.op("RET")
	goType := map[bool]string{false: "F32", true: "F64"}[double]
	if results == 3 {
		fmt.Fprintf(g.calls, `
func %[1]s%[2]sPairNEON3(a, b []%[3]s) (dot, aa, bb %[3]s) {
	steps := len(a) / %[4]d
	dot, aa, bb = %[1]s%[2]sPairNEON(unsafe.SliceData(a), unsafe.SliceData(b), steps)
	d, x, y := %[1]s%[2]sPairGo(a[%[4]d*steps:], b[%[4]d*steps:])
	return dot + d, aa + x, bb + y
}
`, name, goType, typ, elems)
		return
	}
	fmt.Fprintf(g.calls, `
func %[1]s%[2]sPairNEON1(a, b []%[3]s) %[3]s {
	steps := len(a) / %[4]d
	return %[1]s%[2]sPairNEON(unsafe.SliceData(a), unsafe.SliceData(b), steps) +
		%[1]s%[2]sPairGo(a[%[4]d*steps:], b[%[4]d*steps:])
}
`, name, goType, typ, elems)
}

func neonKernels(g *gen) {
	for _, double := range []bool{false, true} {
		add, sub, abd, fma := fadd4, fsub4, fabd4, fmla4
		if double {
			add, sub, abd, fma = fadd2, fsub2, fabd2, fmla2
		}
		neonPair(g, "dot", "returns the dot product of two vectors", double, 1,
			func(g *gen, a, b, set int) { g.v3(fma, set, a, b) })
		neonPair(g, "squaredL2", "returns the squared Euclidean distance of two vectors", double, 1,
			func(g *gen, a, b, set int) { g.v3(sub, 10, a, b); g.v3(fma, set, 10, 10) })
		neonPair(g, "l1", "returns the sum of |a-b|", double, 1,
			func(g *gen, a, b, set int) { g.v3(abd, 10, a, b); g.v3(add, set, set, 10) })
		neonPair(g, "cosine", "returns dot(a, b), dot(a, a) and dot(b, b)", double, 3,
			func(g *gen, a, b, set int) {
				g.v3(fma, set, a, b)
				g.v3(fma, set+2, a, a)
				g.v3(fma, set+4, b, b)
			})
	}
	for _, op := range neonOps() {
		neonBatch(g, op, 8)
		neonBatch(g, op, 4)
		neonBatch(g, op, 1)
		neonCall(g, op)
	}
}

func neonDispatch() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, header, "//go:build arm64 && !noasm\n\npackage vector\n")
	for _, op := range pairOps() {
		for _, typ := range []string{"float32", "float64"} {
			name := op.name + map[string]string{"float32": "F32", "float64": "F64"}[typ] + "Pair"
			results, n := typ, 1
			if op.results == 3 {
				results, n = fmt.Sprintf("(dot, aa, bb %s)", typ), 3
			}
			fmt.Fprintf(&b, `
func %[1]s(a, b []%[2]s) %[3]s {
	if tier == tierNEON {
		return %[1]sNEON%[4]d(a, b)
	}
	return %[1]sGo(a, b)
}
`, name, typ, results, n)
		}
	}
	for _, op := range batchOps(avx2) {
		dp := ""
		if op.name == "dotU8S8" || op.name == "dotU8U8" {
			dp = fmt.Sprintf(`	case tier == tierNEON && hasDotProd:
		%sDPBatchNEON(q, rows, dst)
`, op.name)
		}
		fmt.Fprintf(&b, `
func %[1]sBatch(q []%[2]s, rows []*%[3]s, dst []%[4]s) {
	switch {
%[5]s	case tier == tierNEON:
		%[1]sBatchNEON(q, rows, dst)
	default:
		%[1]sBatchGo(q, rows, dst)
	}
}
`, op.name, op.qType, op.rowType, op.dstType, dp)
	}
	return b.Bytes()
}
