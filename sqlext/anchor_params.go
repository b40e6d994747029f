package sqlext

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/vector"
)

// diskannParams are libSQL's parameters of an index; zero is "not given".
type diskannParams struct {
	metric       string // cosine, l2
	compress     string
	maxNeighbors int
	insertL      int
	searchL      int
}

// diskannChoices are the values of enumerated parameters, in the order in which
// libSQL looks for one that begins with what is given.
var diskannChoices = map[string][]string{
	"type":               {"diskann"},
	"metric":             {"cosine", "l2"},
	"compress_neighbors": {"float1bit", "float8", "float16", "floatb16", "float32"},
}

// parseDiskann reads parameters as libSQL does.
func parseDiskann(params []string) (*diskannParams, error) {
	d := &diskannParams{}
	given := map[string]bool{}
	for i, p := range params {
		bad := func(why string) (*diskannParams, error) {
			return nil, libsqlErrorf("vector index: invalid vector index parameter '%s': %s", p, why)
		}
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			return bad("unexpected parameter format")
		}
		key = strings.ToLower(key)
		switch key {
		case "type", "metric", "compress_neighbors":
			choice := ""
			for _, c := range diskannChoices[key] {
				if choice == "" && len(value) <= len(c) && strings.EqualFold(c[:len(value)], value) {
					choice = c
				}
			}
			switch {
			case choice == "":
				return bad("invalid parameter")
			case key == "metric":
				d.metric = choice
			case key == "compress_neighbors":
				d.compress = choice
			}
		case "max_neighbors", "insert_l", "search_l":
			n := parseInt32(value)
			switch {
			case n == 0:
				return bad("invalid representation of integer vector index parameter")
			case n < 0:
				return bad("integer vector index parameter must be positive")
			}
			switch key {
			case "max_neighbors":
				d.maxNeighbors = n
			case "insert_l":
				d.insertL = n
			default:
				d.searchL = n
			}
		case "alpha":
			if !isFloat(value) {
				return bad("invalid representation of floating point vector index parameter")
			}
		default:
			return bad("invalid parameter")
		}
		given[key] = true
		if paramBytes*(ownParams+i+1) > maxParamBytes {
			return bad("unable to serialize " + paramKinds[key] + "vector index parameter")
		}
	}
	// What is not given is added with its default, and two more.
	n := ownParams + len(params) + 2
	for _, key := range []string{"metric", "alpha", "insert_l", "search_l"} {
		if !given[key] {
			n++
		}
	}
	if paramBytes*n > maxParamBytes {
		return nil, libsqlErrorf("vector index: unable to initialize diskann")
	}
	return d, nil
}

// libSQL keeps the parameters, behind three of its own, in 128 bytes of 9 each; a key
// may be given any number of times.
const (
	paramBytes    = 9
	ownParams     = 3
	maxParamBytes = 128
)

// paramKinds are the words for the kind of a parameter in messages.
var paramKinds = map[string]string{
	"max_neighbors": "integer ", "insert_l": "integer ", "search_l": "integer ", "alpha": "floating point ",
}

// parseInt32 reads the number at the start of s as C's atoi does; 0 if there is none
// or it does not fit into 32 bits.
func parseInt32(s string) int {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	} else if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		n := 2
		for n < len(s) && strings.IndexByte("0123456789abcdef", s[n]|0x20) >= 0 {
			n++
		}
		v, err := strconv.ParseInt(s[2:n], 16, 32)
		if err != nil {
			return 0
		}
		return int(v)
	}
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if negative {
		s, n = "-"+s, n+1
	}
	v, err := strconv.ParseInt(s[:n], 10, 32)
	if err != nil {
		return 0
	}
	return int(v)
}

// isFloat reports whether s is a decimal number, as SQLite reads one.
func isFloat(s string) bool {
	s = strings.Trim(s, sqlSpace)
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil || strings.Contains(err.Error(), "range")
}

// maxDiskannBlock is the largest node of libSQL's index, in bytes.
const maxDiskannBlock = 1 << 27

// diskannElement is the size of one element of a compressed neighbor, in bits.
var diskannElement = map[string]int{"float1bit": 1, "float8": 8, "float16": 16, "floatb16": 16, "float32": 32}

// elementBits is the size of one element of a column's vectors.
var elementBits = map[vector.Type]int{
	vector.Float32: 32, vector.Float64: 64, vector.Bit: 1, vector.Float8: 8, vector.Float16: 16, vector.BFloat16: 16,
}

// check refuses what libSQL cannot build.
func (d *diskannParams) check(typ vector.Type, dims int) error {
	if d.compress == "float1bit" && d.metric == "l2" {
		return libsqlErrorf("vector index: unable to initialize diskann: 1-bit compression available only for cosine metric")
	}
	bits := elementBits[typ]
	if d.compress != "" {
		bits = diskannElement[d.compress]
	}
	if edge := (dims*bits+7)/8 + 16; d.maxNeighbors > maxDiskannBlock/edge {
		return libsqlErrorf("vector index: unable to initialize diskann")
	}
	return nil
}

// params are the nearest parameters of ours.
//
//	metric              the same
//	max_neighbors       m = half of it: the ground layer has 2m links
//	insert_l, search_l  ef_construction, ef_search
//	compress_neighbors  quantize: float1bit bit, float8 int8, float16 and floatb16
//	                    f16, float32 none
//	alpha, type         nothing: they have no counterpart
//
// Values below what a graph of ours needs to stay connected are raised.
func (d *diskannParams) params(dims int) hnsw.Params {
	p := hnsw.Params{Dims: dims, Metric: vector.Cosine}
	if d.metric == "l2" {
		p.Metric = vector.L2
	}
	if d.maxNeighbors > 0 {
		p.M = min(max((d.maxNeighbors+1)/2, leastM), hnsw.MaxM)
	}
	if d.insertL > 0 {
		p.EfConstruction = min(max(d.insertL, leastEf), hnsw.MaxEfConstruction)
	}
	if d.searchL > 0 {
		p.EfSearch = min(max(d.searchL, leastEf), hnsw.MaxEfSearch)
	}
	switch d.compress {
	case "float1bit":
		p.Quantize = hnsw.Bit
	case "float8":
		p.Quantize = hnsw.Int8
	case "float16", "floatb16":
		p.Quantize = hnsw.F16
	case "float32":
		p.Quantize = hnsw.None
	}
	return p.Normalize()
}

const (
	leastM  = 8
	leastEf = 32
)

// anchorOptions are the options of the hnsw table of an anchor. What the statement
// asked for stands beside what we made of it, so that reconcile can tell whether the
// statement has changed, whatever our defaults become.
func anchorOptions(a *anchor, typ vector.Type, p hnsw.Params) string {
	return fmt.Sprintf("anchor=%s, elements=%s, asked=%s, dims=%d, metric=%s, m=%d, ef_construction=%d, ef_search=%d, quantize=%s",
		quoteName(a.name), typ, quoteName(a.asked()), p.Dims, p.Metric, p.M, p.EfConstruction, p.EfSearch, p.Quantize)
}

// asked is the parameters as one text.
func (a *anchor) asked() string { return strings.Join(a.params, " ") }
