package vector

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"
)

// maxNumberLen is the longest text of one number, white space left out.
const maxNumberLen = 1024

// Parse reads a vector from libSQL's text form: numbers between '[' and ']',
// separated by commas, with ASCII white space allowed anywhere and ignored,
// even inside a number. It stops at a NUL byte. Every type but Float64 is
// read as float32 and then converted to t; a number too large for the type
// becomes an infinity. Text is not retained. t must be valid.
//
// Checks come in libSQL's order: the opening bracket, then each number where
// its comma or the closing bracket is met, the number of dimensions, the
// closing bracket, and what follows it.
func Parse(text []byte, t Type) (Vector, error) {
	if !t.Valid() {
		return Vector{}, errf("vector: unexpected binary type: %d", t)
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	text = trimLeft(text)
	if len(text) == 0 || text[0] != '[' {
		return Vector{}, errStart
	}
	text = text[1:]

	// Commas bound the number of elements. A text that is all commas must not
	// make us allocate more than the limit allows.
	size := 4
	if t == Float64 {
		size = 8
	}
	data := make([]byte, 0, size*min(bytes.Count(text, comma)+1, MaxDims))
	var spaced [64]byte // a number that had white space inside, put together
	dims := 0
	for {
		text = trimLeft(text)
		// The usual case: a number, then at once a comma or the end.
		if x, n, ok := scanNumber(text); ok && n < len(text) && n <= maxNumberLen && dims < MaxDims &&
			(text[n] == ',' || text[n] == ']') {
			dims++
			data = appendNumber(data, x, t)
			text = text[n:]
			if text[0] == ']' {
				break
			}
			text = text[1:]
			continue
		}
		end := numberEnd(text)
		if end == len(text) { // no closing bracket
			if number := squeeze(spaced[:0], text); len(number) > maxNumberLen {
				return Vector{}, errNumberLength(number[:maxNumberLen])
			}
			return Vector{}, errEnd
		}
		number := trimRight(trimLeft(text[:end]))
		x, ok := parseNumber(number)
		if !ok {
			number = squeeze(spaced[:0], number)
			if len(number) > maxNumberLen {
				return Vector{}, errNumberLength(number[:maxNumberLen])
			}
			if x, ok = parseNumber(number); !ok {
				if dims == 0 && len(number) == 0 && text[end] == ']' {
					text = text[end:]
					break // the empty vector
				}
				return Vector{}, errNumber(dims, number)
			}
		} else if len(number) > maxNumberLen {
			return Vector{}, errNumberLength(number[:maxNumberLen])
		}
		if dims == MaxDims {
			return Vector{}, errTextDims()
		}
		dims++
		data = appendNumber(data, x, t)
		if text[end] == ']' {
			text = text[end:]
			break
		}
		text = text[end+1:]
	}
	if len(trimLeft(text[1:])) != 0 {
		return Vector{}, errAfterEnd
	}
	v := Vector{typ: Float32, dims: dims, data: data}
	if t == Float64 {
		v.typ = Float64
		return v, nil
	}
	return Convert(v, t), nil
}

func appendNumber(data []byte, x float64, t Type) []byte {
	if t == Float64 {
		return binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
	}
	return binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(x)))
}

var comma = []byte{','}

// numberEnd returns the position of the first ',' or ']', or len(text).
func numberEnd(text []byte) int {
	for i, c := range text {
		if c == ',' || c == ']' {
			return i
		}
	}
	return len(text)
}

func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func trimLeft(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func trimRight(s []byte) []byte {
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// squeeze appends s without its white space to dst. It stops once the result
// is longer than any number may be.
func squeeze(dst, s []byte) []byte {
	for _, c := range s {
		if !isSpace(c) {
			if dst = append(dst, c); len(dst) > maxNumberLen {
				break
			}
		}
	}
	return dst
}

// pow10 are the powers of ten that float64 holds exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseNumber reads a number that is all of s.
func parseNumber(s []byte) (x float64, ok bool) {
	x, n, ok := scanNumber(s)
	return x, ok && n == len(s)
}

// scanNumber reads a decimal number at the start of s and returns its length:
// sign, digits with at most one dot, exponent. The result is the nearest
// float64, infinite on overflow.
//
// Nearly every number of a real vector has a mantissa below 2^53 and a power
// of ten within ±22; both are then exact float64 values, and one rounded
// operation gives the correctly rounded result (Clinger 1990). The others go
// to strconv, once the grammar is known to be ours.
func scanNumber(s []byte) (x float64, n int, ok bool) {
	i := 0
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		i = 1
	}
	var man uint64
	start := i
	for i < len(s) && s[i]-'0' < 10 {
		man = man*10 + uint64(s[i]-'0')
		i++
	}
	digits := i - start
	exp := 0
	if i < len(s) && s[i] == '.' {
		i++
		start = i
		for i < len(s) && s[i]-'0' < 10 {
			man = man*10 + uint64(s[i]-'0')
			i++
		}
		exp = start - i
		digits += i - start
	}
	if digits == 0 {
		return 0, 0, false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		eneg := false
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			eneg = s[i] == '-'
			i++
		}
		start = i
		e := 0
		for ; i < len(s) && s[i]-'0' < 10; i++ {
			if e < 1e6 { // enough to overflow any mantissa of a legal length
				e = e*10 + int(s[i]-'0')
			}
		}
		if i == start {
			return 0, 0, false
		}
		if eneg {
			e = -e
		}
		exp += e
	}
	if digits > 19 || man >= 1<<53 || exp < -22 || exp > 22 {
		// The error can only be "out of range", which comes with the infinity or
		// zero that is wanted.
		x, _ = strconv.ParseFloat(unsafe.String(&s[0], i), 64)
		return x, i, true
	}
	x = float64(man)
	if exp < 0 {
		x /= pow10[-exp]
	} else {
		x *= pow10[exp]
	}
	if neg {
		x = -x
	}
	return x, i, true
}
