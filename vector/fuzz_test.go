package vector_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// slowParse is the text grammar in its plainest form: white space dropped,
// split at commas, strconv. It returns the elements, or false if the text is
// wrong in any way.
func slowParse(text string) ([]float64, bool) {
	text, _, _ = strings.Cut(text, "\x00")
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\n\v\f\r", r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if !strings.HasPrefix(text, "[") || !strings.HasSuffix(text, "]") || len(text) < 2 {
		return nil, false
	}
	text = text[1 : len(text)-1]
	if text == "" {
		return nil, true
	}
	var v []float64
	for _, s := range strings.Split(text, ",") {
		if strings.Trim(s, "0123456789+-.eE") != "" || len(s) > 1024 {
			return nil, false
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, false
		}
		v = append(v, x)
	}
	return v, len(v) <= vector.MaxDims
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"[1,2,3]", "[]", " [ 1 2 , - 3e -4 ]\t", "[.5,5.,+1,00012]", "[1,,2]", "[1,]", "[1.2.3]", "[0x10]", "[nan]", "[1e400,-1e400]",
		"[123456789012345678901234567890]", "[1e]", "[1]\x00]", "[1]]", "[1", "1]", "", "[4.9e-324,2.2250738585072014e-308]",
		"[9007199254740993,0.1e23]", "[" + strings.Repeat("0", 1030) + "]",
	} {
		for t := vector.Float32; t <= vector.BFloat16; t++ {
			f.Add([]byte(s), uint8(t))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, typ uint8) {
		v, err := vector.Parse(text, vector.Type(typ))
		if !vector.Type(typ).Valid() {
			if err == nil {
				t.Fatal("invalid type: no error")
			}
			return
		}
		want, ok := slowParse(string(text))
		if ok != (err == nil) {
			t.Fatalf("Parse(%q): %v, the reference says ok=%v", text, err, ok)
		}
		if err != nil {
			if !errors.Is(err, vector.ErrVector) || !strings.HasPrefix(err.Error(), "vector: ") {
				t.Fatalf("odd error %v", err)
			}
			return
		}
		if v.Dims() != len(want) || v.Type() != vector.Type(typ) {
			t.Fatalf("got %d elements of %v, want %d of %v", v.Dims(), v.Type(), len(want), vector.Type(typ))
		}
		switch v.Type() {
		case vector.Float64:
			for i, x := range v.Float64s(nil) {
				if math.Float64bits(x) != math.Float64bits(want[i]) {
					t.Fatalf("element %d: got %v, want %v", i, x, want[i])
				}
			}
		case vector.Float32:
			for i, x := range v.Float32s(nil) {
				if math.Float32bits(x) != math.Float32bits(float32(want[i])) {
					t.Fatalf("element %d: got %v, want %v", i, x, want[i])
				}
			}
		}
		checkRoundTrip(t, v)
	})
}

func FuzzDecode(f *testing.F) {
	for _, typ := range allTypes {
		for _, s := range []string{"[]", "[1,2,3]", "[1,-1,0,0,0,0,0,0,9]", "[1e39,0,-1e39]"} {
			v, err := vector.Parse([]byte(s), typ)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(v.AppendBlob(nil))
		}
	}
	for typ := range byte(8) {
		f.Add([]byte{typ})
		f.Add([]byte{0, 0, typ})
		f.Add([]byte{0, 255, typ})
		f.Add([]byte{0, 0, 192, 127, typ})
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		before := bytes.Clone(blob)
		v, err := vector.Decode(blob)
		if err != nil {
			if !errors.Is(err, vector.ErrVector) || !strings.HasPrefix(err.Error(), "vector: ") {
				t.Fatalf("odd error %v", err)
			}
			return
		}
		if v.Dims() > vector.MaxDims || len(v.Float32s(nil)) != v.Dims() || len(v.Float64s(nil)) != v.Dims() {
			t.Fatalf("%d dimensions", v.Dims())
		}
		checkRoundTrip(t, v)
		for _, typ := range allTypes {
			checkRoundTrip(t, vector.Convert(v, typ))
		}
		if d, ok, err := vector.DistanceCos(v, v); err != nil || ok && !(d >= -1e-3 && d <= 1e-3) && !math.IsInf(d, 0) {
			t.Fatalf("distance to itself: %v, %v, %v", d, ok, err)
		}
		if !bytes.Equal(before, blob) {
			t.Fatal("the blob was written to")
		}
	})
}

// checkRoundTrip encodes and decodes v, as a blob and, if it is finite, as
// JSON, and wants the same bits back.
func checkRoundTrip(t *testing.T, v vector.Vector) {
	t.Helper()
	blob := v.AppendBlob([]byte("x"))[1:]
	if len(blob) != v.BlobLen() {
		t.Fatalf("BlobLen %d, blob has %d", v.BlobLen(), len(blob))
	}
	w, err := vector.Decode(blob)
	if err != nil || w.Type() != v.Type() || w.Dims() != v.Dims() || !bytes.Equal(blob, w.AppendBlob(nil)) {
		t.Fatalf("%v of %d dimensions: encoded and decoded: %v", v.Type(), v.Dims(), err)
	}
	if text := vector.AppendText(nil, v); len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		t.Fatalf("text %q", text)
	}
	json := vector.AppendJSON(nil, v)
	if bytes.Contains(json, []byte("null")) {
		return
	}
	typ := vector.Float32
	if v.Type() == vector.Float64 {
		typ = vector.Float64
	}
	w, err = vector.Parse(json, typ)
	if err != nil {
		t.Fatalf("JSON %.200s does not parse: %v", json, err)
	}
	if !bytes.Equal(w.AppendBlob(nil), vector.Convert(v, typ).AppendBlob(nil)) {
		t.Fatalf("JSON %.200s reads back differently", json)
	}
}

func FuzzQuantize(f *testing.F) {
	add := func(v ...float32) {
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		f.Add(b, uint64(1))
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	add(1, 2, 3, 4)
	add(0, 0, 0, 0)
	add(1e38, -1e38, 1e38, 1e-38)
	add(1e-45, 0, 0, 1e-45)
	add(inf, 1, nan, -inf)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		all, _ := vector.BytesToFloat32(bytes.Clone(data[:min(len(data), 4*600)&^7]))
		n := len(all) / 2
		a, b := all[:n], all[n:]
		ref := refer(a, b)
		// Where squares neither overflow nor vanish, the bounds hold.
		tame := n > 0 && ref.aa < 1e30 && ref.bb < 1e30 && ref.aa > 1e-20 && ref.bb > 1e-20
		for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
			z := vector.Int8{Metric: m, Dims: n}
			ca, cb := make([]uint8, z.PaddedLen()), make([]uint8, z.PaddedLen())
			ta, tb := z.Encode(ca, a), z.Encode(cb, b)
			got := z.Distance(ta, tb, vector.DotCodes(ca, cb))
			q := make([]int8, z.PaddedLen())
			z.EncodeQuery(q, a)
			if tame {
				normA, absA := sums(a)
				normB, absB := sums(b)
				scale := 1.0
				if m == vector.Cosine {
					absA, absB, normA, normB = absA/normA, absB/normB, 1, 1
				} else if m == vector.L2 {
					scale = 2
				}
				bound := scale*z.DotErrorBound(float64(ta.Mul), absA, float64(tb.Mul), absB) + 0x1p-18*(normA+normB)*(normA+normB)
				if want := exact(m, a, b); !(math.Abs(float64(got)-want) <= bound) {
					t.Fatalf("%v: got %v, want %v within %v", m, got, want, bound)
				}
			}
			bit := vector.NewBitQuantizer(m, n, nil, seed)
			code, scratch := make([]byte, bit.CodeLen()), make([]float32, bit.ScratchLen())
			terms := bit.Encode(code, a, scratch)
			var bq vector.BitQuery
			bit.Query(&bq, b)
			var d [1]float32
			if len(code) > 0 {
				bit.Distances(&bq, []*byte{&code[0]}, []vector.BitTerms{terms}, d[:])
				if tame && d[0] != d[0] {
					t.Fatalf("%v: the bit estimate is NaN", m)
				}
			}
			if z := vector.TrainInt8(m, n, [][]float32{a, b}); !(z.Scale >= 0) {
				t.Fatalf("%v: trained scale %v", m, z.Scale)
			}
		}
		h := make([]uint16, n)
		back := make([]float32, n)
		vector.EncodeFloat16(h, a)
		vector.DecodeFloat16(back, h)
		for i, x := range a {
			if d := math.Abs(float64(back[i]) - float64(x)); math.Abs(float64(x)) < 65504 && !(d <= max(0x1p-11*math.Abs(float64(x)), 0x1p-25)) {
				t.Fatalf("float16 of %v: got %v", x, back[i])
			}
		}
		vector.EncodeBFloat16(h, a)
		vector.DecodeBFloat16(back, h)
		for i, x := range a {
			if d := math.Abs(float64(back[i]) - float64(x)); math.Abs(float64(x)) < 1e38 && !(d <= 0x1p-8*math.Abs(float64(x))+0x1p-133) {
				t.Fatalf("bfloat16 of %v: got %v", x, back[i])
			}
		}
	})
}
