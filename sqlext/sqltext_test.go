package sqlext

import (
	"strings"
	"testing"
)

func TestTokenize(t *testing.T) {
	for _, tc := range []struct{ sql, want string }{
		{`SELECT a, "b c" FROM [d e] -- no`, `SELECT|a|,|b c|FROM|d e`},
		{"x/* no */y `a``b` 'it''s'", "x|y|a`b|it's"},
		{`"unterminated`, `unterminated`},
		{`[open`, `open`},
		{`/* open`, ``},
		{`a-b/c`, `a|-|b|/|c`},
		{`größe=1`, `größe|=|1`},
		{``, ``},
	} {
		var got []string
		for _, tok := range tokenize(tc.sql) {
			got = append(got, tok.text)
			if tok.from >= tok.to || tok.to > len(tc.sql) {
				t.Errorf("tokenize(%q): token %q at %d to %d", tc.sql, tok.text, tok.from, tok.to)
			}
		}
		if s := strings.Join(got, "|"); s != tc.want {
			t.Errorf("tokenize(%q): got %q, want %q", tc.sql, s, tc.want)
		}
	}
}

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		in, schema, name string
		ok               bool
	}{
		{"docs", "", "docs", true},
		{" aux.docs ", "aux", "docs", true},
		{`"my schema"."my.docs"`, "my schema", "my.docs", true},
		{"my docs", "", "my docs", true},
		{"", "", "", false},
		{"  ", "", "", false},
	} {
		schema, name, ok := parseName(tc.in)
		if schema != tc.schema || name != tc.name || ok != tc.ok {
			t.Errorf("parseName(%q): got %q, %q, %v, want %q, %q, %v", tc.in, schema, name, ok, tc.schema, tc.name, tc.ok)
		}
	}
}

func TestParseColumn(t *testing.T) {
	c, err := parseColumn(` "the title" boost = 2.5 analyzer='keyword' gram=ngram(2, 3)`)
	if err != nil {
		t.Fatal(err)
	}
	want := []option{{"boost", "2.5"}, {"analyzer", "keyword"}, {"gram", "ngram(2, 3)"}}
	if c.name != "the title" || len(c.options) != len(want) {
		t.Fatalf("got %+v", c)
	}
	for i, o := range c.options {
		if o != want[i] {
			t.Errorf("option %d: got %+v, want %+v", i, o, want[i])
		}
	}
	for _, bad := range []string{"", ",", "title boost", "title 2", "title boost 2"} {
		if c, err := parseColumn(bad); err == nil {
			t.Errorf("parseColumn(%q): got %+v, want an error", bad, c)
		}
	}
}

func TestDeclaredDims(t *testing.T) {
	for _, tc := range []struct {
		declared string
		want     int
		bad      bool
	}{
		{"F32_BLOB(384)", 384, false},
		{"float32( 3 )", 3, false},
		{"BLOB", 0, false},
		{"", 0, false},
		{"F32_BLOB", 0, true},
		{"F32_BLOB(0)", 0, true},
		{"F32_BLOB(-3)", 0, true},
		{"F32_BLOB(x)", 0, true},
		{"F32_BLOB(99999999999999999999)", 0, true},
	} {
		n, err := declaredDims(tc.declared)
		if n != tc.want || (err != nil) != tc.bad {
			t.Errorf("declaredDims(%q): got %d, %v, want %d", tc.declared, n, err, tc.want)
		}
	}
}

// The names in a trigger are read back as they were written, also the awkward
// ones, and also after SQLite has rewritten them with other quotes.
func TestTriggerRoundTrip(t *testing.T) {
	for _, base := range []*baseTable{
		{schema: "main", table: "docs", rowid: "rowid", columns: []string{"embedding"}},
		{schema: "main", table: `a "b" c`, rowid: "_rowid_", columns: []string{"new", "values", `x"y`, "a,b"}},
		{schema: "main", table: "docs", rowid: "oid", columns: []string{"e"}, where: `lang IN ('de', 'e)n') AND (a > (1))`},
	} {
		fields := make([]string, len(base.columns))
		for i := range fields {
			fields[i] = "f"
		}
		body := triggerBodies("lexical", "the index", base, "id", fields)[0]
		sql := `CREATE TRIGGER t ` + body.event + ` ON docs BEGIN ` + body.body + `; END`
		for _, text := range []string{sql, strings.ReplaceAll(sql, `"the index"`, "[THE index]")} {
			tr := indexTrigger{sql: text, tokens: tokenize(text)}
			if tr.body = ourInsert(tr.tokens, "the index"); tr.body == 0 {
				t.Fatalf("not recognized: %s", text)
			}
			var got baseTable
			if !tr.readUpsert(&got) {
				t.Fatalf("not read: %s", text)
			}
			if got.rowid != base.rowid || strings.Join(got.columns, "|") != strings.Join(base.columns, "|") || got.where != base.where {
				t.Errorf("got %q %q %q\nof %s", got.rowid, got.columns, got.where, text)
			}
		}
		if ourInsert(tokenize(sql), "another index") != 0 {
			t.Errorf("taken for another index's: %s", sql)
		}
	}
}

func TestRowSet(t *testing.T) {
	for _, rows := range [][]int64{nil, {5}, {3, 1, 2, 2}, {-9223372036854775808, 9223372036854775807}, {1, 1 << 40}} {
		s := newRowSet(append([]int64(nil), rows...))
		in := map[int64]bool{}
		for _, r := range rows {
			in[r] = true
		}
		if len(s.rows) != len(in) {
			t.Errorf("%v: %d rows, want %d", rows, len(s.rows), len(in))
		}
		for _, r := range append(rows, 0, 4, 64, -1, 1<<40+1) {
			if ok, err := s.Allows(r); ok != in[r] || err != nil {
				t.Errorf("%v: Allows(%d) is %v, %v, want %v", rows, r, ok, err, in[r])
			}
		}
	}
}
