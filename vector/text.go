package vector

import (
	"math"
	"strconv"
)

// AppendText appends the vector as libSQL's vector_extract prints it:
// "[a,b,c]" with six significant digits each, which is lossy. Infinities and
// NaN print as Inf, -Inf and NaN, a negative zero as 0.
func AppendText(dst []byte, v Vector) []byte {
	dst = append(dst, '[')
	if v.Type() == Float64 {
		for i := range v.dims {
			dst = appendG6(appendComma(dst, i), v.float64At(i))
		}
	} else {
		for i, x := range v.f32() {
			dst = appendG6(appendComma(dst, i), float64(x))
		}
	}
	return append(dst, ']')
}

// AppendJSON appends the vector as a JSON array whose numbers are the
// shortest that read back to the same bits in the vector's type. Elements
// that JSON cannot hold (NaN, infinities) become null.
func AppendJSON(dst []byte, v Vector) []byte {
	dst = append(dst, '[')
	if v.Type() == Float64 {
		for i := range v.dims {
			dst = appendShortest(appendComma(dst, i), v.float64At(i), 64)
		}
	} else {
		for i, x := range v.f32() {
			dst = appendShortest(appendComma(dst, i), float64(x), 32)
		}
	}
	return append(dst, ']')
}

func appendComma(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return dst
}

func appendShortest(dst []byte, x float64, bits int) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, x, format, -1, bits)
}

// appendG6 prints x as SQLite's printf does for %g: C's %g, except that a
// digit 5 is rounded up even if nothing but zeros follows it.
func appendG6(dst []byte, x float64) []byte {
	switch {
	case x == 0:
		return append(dst, '0')
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Inf"...)
	case math.IsInf(x, -1):
		return append(dst, "-Inf"...)
	}
	// d.ddd…e±dd with more digits than matter: d[0] is the first digit, d[1]
	// the dot.
	var buf [32]byte
	if x < 0 {
		dst = append(dst, '-')
		x = -x
	}
	s := strconv.AppendFloat(buf[:0], x, 'e', 18, 64)
	exp, _ := strconv.Atoi(string(s[21:]))
	var d [6]byte
	d[0] = s[0]
	copy(d[1:], s[2:7])
	if s[7] >= '5' {
		i := 5
		for ; i >= 0 && d[i] == '9'; i-- {
			d[i] = '0'
		}
		if i >= 0 {
			d[i]++
		} else {
			d[0] = '1' // 999999.5 became 1000000
			exp++
		}
	}
	n := 6
	for n > 1 && d[n-1] == '0' {
		n--
	}
	switch {
	case exp < -4 || exp >= 6:
		dst = append(dst, d[0])
		if n > 1 {
			dst = append(append(dst, '.'), d[1:n]...)
		}
		dst = append(dst, 'e')
		if exp < 0 {
			dst = append(dst, '-')
			exp = -exp
		} else {
			dst = append(dst, '+')
		}
		if exp < 10 {
			dst = append(dst, '0')
		}
		return strconv.AppendInt(dst, int64(exp), 10)
	case exp < 0:
		dst = append(dst, "0.000"[:1-exp]...)
		return append(dst, d[:n]...)
	case n <= exp+1:
		return append(dst, d[:exp+1]...)
	}
	dst = append(append(dst, d[:exp+1]...), '.')
	return append(dst, d[exp+1:n]...)
}
