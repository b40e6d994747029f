package sqlext

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
)

func truthOf(is bool) hnsw.Truth {
	if is {
		return hnsw.True
	}
	return hnsw.False
}

// numberAttr is a numeric literal: an integer if it fits one.
func numberAttr(text string) (hnsw.Attr, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return hnsw.Attr{Kind: hnsw.AttrInt, Int: n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return hnsw.Attr{}, errOpaque
	}
	return hnsw.Attr{Kind: hnsw.AttrFloat, Float: f}, nil
}

// compare makes a term of a comparison. Section 4.2 of SQLite's "Datatypes In SQLite"
// says what a column's affinity makes of the constant; the conversions that depend on
// the spelling of numbers are left to SQLite.
func (p *attrParser) compare(col int, op string, v hnsw.Attr, top bool) (*hnsw.AttrExpr, error) {
	c := p.cols[col]
	switch c.affinity {
	case affinityNumeric:
		if v.Kind == hnsw.AttrText {
			return nil, errOpaque
		}
	case affinityText:
		switch v.Kind {
		case hnsw.AttrInt:
			v = hnsw.Attr{Kind: hnsw.AttrText, Bytes: strconv.FormatInt(v.Int, 10)}
		case hnsw.AttrFloat:
			return nil, errOpaque
		}
	}
	p.known++
	if top && op == "=" && p.equal != nil {
		p.equal[col] = 1
	}
	if top && op == "=" && col == p.partition {
		p.parted = true
	}
	var holds func(order int) bool
	switch op {
	case "=":
		holds = func(o int) bool { return o == 0 }
	case "<>":
		holds = func(o int) bool { return o != 0 }
	case "<":
		holds = func(o int) bool { return o < 0 }
	case "<=":
		holds = func(o int) bool { return o <= 0 }
	case ">":
		holds = func(o int) bool { return o > 0 }
	case ">=":
		holds = func(o int) bool { return o >= 0 }
	default:
		return nil, errOpaque
	}
	collate := c.collate
	return &hnsw.AttrExpr{Col: col, Point: op == "=", Test: func(a hnsw.Attr) hnsw.Truth {
		if a.Kind == hnsw.AttrNull || v.Kind == hnsw.AttrNull {
			return hnsw.Null
		}
		o, known := compareAttrs(a, v, collate)
		if !known {
			return hnsw.Unknown
		}
		return truthOf(holds(o))
	}}, nil
}

// compareAttrs orders two values as SQLite does: NULL, then numbers, texts, blobs.
// known is false for texts under a collation that is not known here.
func compareAttrs(a, b hnsw.Attr, collate string) (order int, known bool) {
	if ca, cb := attrClass(a.Kind), attrClass(b.Kind); ca != cb {
		return cmp.Compare(ca, cb), true
	}
	switch {
	case a.Kind == hnsw.AttrNull:
		return 0, true
	case a.Kind == hnsw.AttrBlob:
		return strings.Compare(a.Bytes, b.Bytes), true
	case a.Kind == hnsw.AttrText:
		switch collate {
		case "BINARY":
			return strings.Compare(a.Bytes, b.Bytes), true
		case "NOCASE":
			return compareNoCase(a.Bytes, b.Bytes), true
		}
		return 0, false
	case a.Kind == hnsw.AttrInt && b.Kind == hnsw.AttrInt:
		return cmp.Compare(a.Int, b.Int), true
	case a.Kind == hnsw.AttrFloat && b.Kind == hnsw.AttrFloat:
		return cmp.Compare(a.Float, b.Float), true
	case a.Kind == hnsw.AttrInt:
		return compareIntFloat(a.Int, b.Float), true
	}
	return -compareIntFloat(b.Int, a.Float), true
}

// attrClass orders the storage classes.
func attrClass(k hnsw.AttrKind) int {
	switch k {
	case hnsw.AttrNull:
		return 0
	case hnsw.AttrInt, hnsw.AttrFloat:
		return 1
	case hnsw.AttrText:
		return 2
	}
	return 3
}

// compareIntFloat compares without rounding the integer.
func compareIntFloat(i int64, f float64) int {
	switch {
	case f < -0x1p63:
		return 1
	case f >= 0x1p63:
		return -1
	}
	if c := cmp.Compare(i, int64(f)); c != 0 { // the conversion drops the fraction
		return c
	}
	return cmp.Compare(0, f-math.Trunc(f))
}

// compareNoCase folds the 26 letters of ASCII and nothing else.
func compareNoCase(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
