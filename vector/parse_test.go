package vector_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// TestParseEncode checks text against the bytes libSQL makes of it.
func TestParseEncode(t *testing.T) {
	for _, c := range []struct {
		text string
		typ  vector.Type
		blob string
	}{
		{"[1.5,-2.25,3e0]", vector.Float32, "0000c03f000010c000004040"},
		{" [ 1 , .5 ]\r\n", vector.Float32, "0000803f0000003f"},
		{"[1 2,- 1,1e 3]", vector.Float32, "00004041000080bf00007a44"},
		{"[]", vector.Float32, ""},
		{"[ ]", vector.Float64, "02"},
		{"[3.4028234e38,1e39,-1e39]", vector.Float32, "ffff7f7f0000807f000080ff"},
		{"[16777217,0.1]", vector.Float64, "00000010000070419a9999999999b93f02"},
		{"[1,2]\x00 x", vector.Float32, "0000803f00000040"},
		{"[70000]", vector.BFloat16, "884706"},
		{"[1,-1,0.5,-0.25]", vector.Float8, "ff00bf608180003c000080bf000004"},
		{"[0.1,0.2,0.3,0.4,0.5]", vector.Float8, "004080bfff000000679acd3acdcccc3d000304"},
	} {
		v, err := vector.Parse([]byte(c.text), c.typ)
		if err != nil {
			t.Errorf("Parse(%q, %v): %v", c.text, c.typ, err)
			continue
		}
		if got := hex.EncodeToString(v.AppendBlob(nil)); got != c.blob {
			t.Errorf("Parse(%q, %v) = %s, want %s", c.text, c.typ, got, c.blob)
		}
	}
}

// TestParseErrors fixes libSQL's texts and which of two faults is reported.
func TestParseErrors(t *testing.T) {
	zeros := strings.Repeat("0", 1022)
	for text, want := range map[string]string{
		"":                          "vector: must start with '['",
		" x[1]":                     "vector: must start with '['",
		"\x00[1]":                   "vector: must start with '['",
		"\u00a0[1]":                 "vector: must start with '['",
		"[":                         "vector: must end with ']'",
		"[1,2":                      "vector: must end with ']'",
		"[1,a":                      "vector: must end with ']'",
		"[1,\x002]":                 "vector: must end with ']'",
		"[1]]":                      "vector: non-space symbols after closing ']' are forbidden",
		"[1,2] , ":                  "vector: non-space symbols after closing ']' are forbidden",
		"[,]":                       "vector: invalid float at position 0: ''",
		"[1, ]":                     "vector: invalid float at position 1: ''",
		"[1,,2]":                    "vector: invalid float at position 1: ''",
		"[1,2.3.4] x":               "vector: invalid float at position 1: '2.3.4'",
		"[[1,2]]":                   "vector: invalid float at position 0: '[1'",
		"[1, n a\tn]":               "vector: invalid float at position 1: 'nan'",
		"[1,Infinity":               "vector: must end with ']'",
		"[0x1p4]":                   "vector: invalid float at position 0: '0x1p4'",
		"[1_0]":                     "vector: invalid float at position 0: '1_0'",
		"[.]":                       "vector: invalid float at position 0: '.'",
		"[.e1]":                     "vector: invalid float at position 0: '.e1'",
		"[1e+]":                     "vector: invalid float at position 0: '1e+'",
		"[+-1]":                     "vector: invalid float at position 0: '+-1'",
		"[1\u00a0]":                 "vector: invalid float at position 0: '1\u00a0'",
		"[1.0" + zeros + "]":        "vector: float string length exceeded 1024 characters: '1.0" + zeros[1:] + "'",
		"[1 . 0" + zeros + "]":      "vector: float string length exceeded 1024 characters: '1.0" + zeros[1:] + "'",
		"[1.0" + zeros:              "vector: float string length exceeded 1024 characters: '1.0" + zeros[1:] + "'",
		tooMany(vector.MaxDims + 1): "vector: max size exceeded 65536",
	} {
		for _, typ := range allTypes {
			_, err := vector.Parse([]byte(text), typ)
			if err == nil || err.Error() != want {
				t.Errorf("Parse(%.60q, %v): got %.200v, want %.200s", text, typ, err, want)
			}
		}
	}
	if v, err := vector.Parse([]byte("[1."+zeros+"]"), vector.Float32); err != nil || v.Dims() != 1 {
		t.Errorf("a number of 1024 characters: %v", err)
	}
	if v, err := vector.Parse([]byte(tooMany(vector.MaxDims)), vector.Float64); err != nil || v.Dims() != vector.MaxDims {
		t.Errorf("a vector of %d dimensions: %v", vector.MaxDims, err)
	}
	if _, err := vector.Parse([]byte("[1]"), 9); err == nil {
		t.Error("an unknown type: no error")
	}
}

func tooMany(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }

// TestDecodeErrors fixes libSQL's texts for malformed blobs.
func TestDecodeErrors(t *testing.T) {
	for blob, want := range map[string]string{
		"0102":                       "vector: unexpected data part size: type=1, dims=0, 2 != 0",
		"000000000000":               "vector: unexpected data part size: type=1, dims=1, 6 != 4",
		"000001":                     "vector: float32 vector blob length must be divisible by 4 (excluding optional 'type'-byte): length=2",
		"0000000002":                 "vector: float64 vector blob length must be divisible by 8 (excluding 'type'-byte): length=4",
		"03":                         "vector: float1bit vector blob length must be divisible by 2 and not be empty (excluding 'type'-byte): length=0",
		"04":                         "vector: float8 vector blob length must be divisible by 2 and has at least 2 bytes (excluding 'type'-byte): length=0",
		"000004":                     "vector: unexpected data part size: type=4, dims=0, 2 != 10",
		"00ff03":                     "vector: unexpected data part size: type=3, dims=0, 2 != 241",
		"00":                         "vector: unexpected binary type: 0",
		"000007":                     "vector: unexpected binary type: 7",
		"0000ff":                     "vector: unexpected binary type: 255",
		"00000000000000000000000304": "vector: unexpected data part size: type=4, dims=0, 12 != 13",
	} {
		data, err := hex.DecodeString(blob)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vector.Decode(data); err == nil || err.Error() != want {
			t.Errorf("Decode(%s): got %v, want %s", blob, err, want)
		}
	}
	for _, c := range []struct {
		len  int
		typ  byte
		want string
	}{
		{4*vector.MaxDims + 4, 0, "vector: max size exceeded: 65537 > 65536"},
		{8*vector.MaxDims + 8, 2, "vector: max size exceeded: 65537 > 65536"},
		{2*vector.MaxDims + 2, 5, "vector: max size exceeded: 65537 > 65536"},
		{1 << 20, 3, "vector: max size exceeded: 8388608 > 65536"},
	} {
		data := bytes.Repeat([]byte{0}, c.len)
		if c.typ != 0 {
			data = append(data, c.typ)
		}
		if _, err := vector.Decode(data); err == nil || err.Error() != c.want {
			t.Errorf("Decode of %d bytes: got %v, want %s", len(data), err, c.want)
		}
	}
}

// TestDecode reads what libSQL wrote, also in forms that we write otherwise.
func TestDecode(t *testing.T) {
	for blob, want := range map[string]string{
		"":                   "[]",
		"01":                 "[]",
		"0000803f0000004001": "[1,2]", // with the optional type byte
		"05000d03":           "[4.14362e-37]",
		"050003":             "[1,-1,1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1]",
		"050d03":             "[1,-1,1]",
		"00ff0000" + "8180803b" + "000080bf" + "000204": "[-1,0]",
		"003c004005":               "[1,2]",
		"803f004006":               "[1,2]",
		"0000c07f0000807f000080ff": "[NaN,Inf,-Inf]",
	} {
		data, err := hex.DecodeString(blob)
		if err != nil {
			t.Fatal(err)
		}
		v, err := vector.Decode(data)
		if err != nil {
			t.Errorf("Decode(%s): %v", blob, err)
			continue
		}
		if got := string(vector.AppendText(nil, v)); got != want {
			t.Errorf("Decode(%s) = %s, want %s", blob, got, want)
		}
	}
}
