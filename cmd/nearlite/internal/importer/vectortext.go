package importer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxDims is the largest number of dimensions of a vector, as in libSQL.
const maxDims = 65536

// parseVector reads a vector from text such as [1, 2.5, -3e-2] into dst.
func parseVector(text string, dst []float32) ([]float32, error) {
	dst = dst[:0]
	rest := strings.TrimSpace(text)
	if !strings.HasPrefix(rest, "[") || !strings.HasSuffix(rest, "]") {
		return nil, fmt.Errorf("got %s, want a list of numbers in brackets", quoteShort(text))
	}
	rest = strings.TrimSpace(rest[1 : len(rest)-1])
	if rest == "" {
		return nil, fmt.Errorf("got a vector without elements")
	}
	for more := true; more; {
		var element string
		element, rest, more = strings.Cut(rest, ",")
		element = strings.TrimSpace(element)
		if len(dst) == maxDims {
			return nil, fmt.Errorf("got more than %d dimensions", maxDims)
		}
		x, err := parseElement(element)
		if err != nil {
			return nil, fmt.Errorf("element %d is %w", len(dst)+1, err)
		}
		dst = append(dst, x)
	}
	return dst, nil
}

func parseElement(element string) (float32, error) {
	if element == "" || strings.Trim(element, "0123456789.eE+-") != "" {
		return 0, fmt.Errorf("%s, want a number", quoteShort(element))
	}
	x, err := strconv.ParseFloat(element, 32)
	if math.IsInf(x, 0) {
		return 0, fmt.Errorf("%s, beyond the range of float32", quoteShort(element))
	}
	if err != nil {
		return 0, fmt.Errorf("%s, want a number", quoteShort(element))
	}
	return float32(x), nil
}

// checkFinite names the first element that is no finite number.
func checkFinite(vector []float32) error {
	for i, x := range vector {
		if math.IsNaN(float64(x)) {
			return fmt.Errorf("element %d is NaN; vectors must be finite", i+1)
		}
		if math.IsInf(float64(x), 0) {
			return fmt.Errorf("element %d is infinite; vectors must be finite", i+1)
		}
	}
	return nil
}

// quoteShort quotes what was given, cut to a length that fits a message.
func quoteShort(text string) string {
	const longest = 24
	if len(text) <= longest {
		return strconv.Quote(text)
	}
	cut := longest
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}
