package main

import (
	"bytes"
	"fmt"
)

// dispatch writes the functions that pick a kernel by the tier in force. A
// switch with direct calls, not a function variable: arguments of an indirect
// call escape to the heap.
func dispatch() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, header, "//go:build amd64 && !noasm\n\npackage vector\n\nimport \"unsafe\"\n")
	for _, op := range pairOps() {
		for _, typ := range []string{"float32", "float64"} {
			name := op.name + map[string]string{"float32": "F32", "float64": "F64"}[typ] + "Pair"
			results := typ
			if op.results == 3 {
				results = fmt.Sprintf("(dot, aa, bb %s)", typ)
			}
			fmt.Fprintf(&b, `
func %[1]s(a, b []%[2]s) %[3]s {
	switch tier {
	case tierAVX512:
		return %[1]sAVX512(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	case tierAVX2:
		return %[1]sAVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	}
	return %[1]sGo(a, b)
}
`, name, typ, results)
		}
	}
	for _, op := range batchOps(avx2) {
		when := "tier == tierAVX512"
		if op.name == "dotF16" || op.name == "squaredL2F16" {
			// VCVTPH2PS of 16 halves is slower than two of 8 (Zen 4: 27 ns for a row
			// of 768 against 18); the wide form has the better tails.
			when += " && len(q)%8 != 0"
		}
		if op.lane == 8 {
			when += " && hasVPOPCNTDQ"
		}
		fmt.Fprintf(&b, `
func %[1]sBatch(q []%[2]s, rows []*%[3]s, dst []%[4]s) {
	switch {
	case %[5]s:
		%[1]sBatchAVX512(q, rows, dst)
	case tier >= tierAVX2:
		%[1]sBatchAVX2(q, rows, dst)
	default:
		%[1]sBatchGo(q, rows, dst)
	}
}
`, op.name, op.qType, op.rowType, op.dstType, when)
	}
	return b.Bytes()
}
