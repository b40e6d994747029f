package main

// Conversions between float32 and halves, a whole register at a time; n is a
// multiple of 8. VCVTPS2PH rounds to nearest even whatever MXCSR says.

func conversions(g *gen) {
	g.fn("widenF16", "(dst *float32, src *uint16, n int)", "converts n halves to float32; n is a multiple of 8.", 24)
	convert(g, func() {
		g.op("VCVTPH2PS (SI)(AX*2), Y0")
		g.op("VMOVUPS Y0, (DI)(AX*4)")
	})
	g.fn("narrowF16", "(dst *uint16, src *float32, n int)", "converts n float32 to halves; n is a multiple of 8.", 24)
	convert(g, func() {
		g.op("VMOVUPS (SI)(AX*4), Y0")
		g.op("VCVTPS2PH $0, Y0, (DI)(AX*2)")
	})
}

func convert(g *gen, step func()) {
	g.op("MOVQ dst+0(FP), DI")
	g.op("MOVQ src+8(FP), SI")
	g.op("MOVQ n+16(FP), CX")
	g.op("XORL AX, AX")
	g.op("JMP next")
	g.line("\nloop:")
	step()
	g.op("ADDQ $8, AX")
	g.line("\nnext:")
	g.op("CMPQ AX, CX")
	g.op("JLT loop")
	g.op("VZEROUPPER")
	g.op("RET")
}
