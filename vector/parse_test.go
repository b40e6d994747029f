package vector_test

import (
	"encoding/hex"
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
