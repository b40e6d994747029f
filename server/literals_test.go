package server

import "testing"

func TestWithoutLiterals(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                                  "SELECT ?",
		"SELECT 'it''s', x'00FF', X'1'":             "SELECT ?, ?, ?",
		"SELECT a1, t2.b FROM t2 WHERE c=-1.5e-3":   "SELECT a1, t2.b FROM t2 WHERE c=-?",
		"LIMIT 0x1F+1, .5, 1_000":                   "LIMIT ?+?, ?, ?",
		"SELECT ?1, :a2, @b3, $c4, ?":               "SELECT ?1, :a2, @b3, $c4, ?",
		`SELECT "a 1""2", [b 2], ` + "`c 3` FROM t": `SELECT "a 1""2", [b 2], ` + "`c 3` FROM t",
		"SELECT a -- 'secret' 1\n, b":               "SELECT a \n, b",
		"SELECT/* 1 */a":                            "SELECT a",
		"SELECT vector32('[1,2,3]')":                "SELECT vector32(?)",
		"SELECT 'open":                              "SELECT ?",
		"SELECT /* open":                            "SELECT  ",
		"-- all":                                    "",
		"WHERE é=1 AND xx'a'":                       "WHERE é=? AND xx?",
		"":                                          "",
	} {
		if got := withoutLiterals(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzWithoutLiterals(f *testing.F) {
	for _, s := range []string{"SELECT 'a'", "x'", "\"", "/*", "0x", "1e+", "[", "--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := withoutLiterals(text)
		if again := withoutLiterals(out); again != out {
			t.Errorf("%q: %q, then %q", text, out, again)
		}
	})
}
