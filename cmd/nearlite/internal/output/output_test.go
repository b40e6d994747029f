package output_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/output"
)

func render(t *testing.T, format string, width int, columns, types []string, sets ...[][]any) string {
	t.Helper()
	var b strings.Builder
	w, err := output.New(format, &b, width)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range sets {
		if err := w.Begin(columns, types); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := w.Row(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestTable(t *testing.T) {
	vector := []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}
	for _, tc := range []struct {
		name    string
		width   int
		columns []string
		types   []string
		rows    [][]any
		want    string
	}{
		{
			"Aligned", 0,
			[]string{"id", "title", "score"},
			[]string{"", "", ""},
			[][]any{{int64(7), "harp", 0.5}, {int64(12), nil, 10.0}},
			"id  title  score\n--  -----  -----\n 7  harp     0.5\n12  NULL    10.0\n",
		},
		{"NoRows", 0, []string{"id", "title"}, []string{"", ""}, nil, "id  title\n--  -----\n"},
		{
			"VectorAndBlob", 0,
			[]string{"embedding", "b"},
			[]string{"F32_BLOB(2)", "BLOB"},
			[][]any{{vector, vector}, {bytes.Repeat(vector, 256), bytes.Repeat(vector, 256)}},
			"embedding                   b\n--------------------------  --------------------------------------\n" +
				"[1, -2]                     x'0000803f000000c0'\n" +
				"[1, -2, 1, -2, … 512 dims]  x'0000803f000000c00000803f…' (2048 bytes)\n",
		},
		{
			"ControlCharacters", 0,
			[]string{"a"},
			[]string{""},
			[][]any{{"one\ntwo\x1b[31m\xff"}},
			"a\n---------------------\none\\ntwo\\x1b[31m\\xff\n",
		},
		{
			"Shortened", 6,
			[]string{"a", "b"},
			[]string{"", ""},
			[][]any{{"abcdefgh", "日本語日本語"}, {"abcdef", "x"}},
			"a       b\n------  -----\nabcde…  日本…\nabcdef  x\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := render(t, "table", tc.width, tc.columns, tc.types, tc.rows)
			// Widths of the rule under the last column depend on nothing else.
			if diff := cmp.Diff(squeezeRules(tc.want), squeezeRules(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// squeezeRules shortens the dashes of rule lines, so that expectations need not
// count them.
func squeezeRules(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" && strings.Trim(line, "- ") == "" {
			lines[i] = strings.Join(strings.Fields(line), " ")
			for strings.Contains(lines[i], "--") {
				lines[i] = strings.ReplaceAll(lines[i], "--", "-")
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestTableStreams(t *testing.T) {
	var rows [][]any
	for i := range 1000 {
		rows = append(rows, []any{int64(i)})
	}
	got := render(t, "table", 0, []string{"n"}, []string{""}, rows)
	if lines := strings.Count(got, "\n"); lines != 1002 {
		t.Errorf("got %d lines, want 1002", lines)
	}
	if want := "999"; !strings.HasSuffix(got, "\n"+want+"\n") {
		t.Errorf("last line: got %q, want %s", got[len(got)-8:], want)
	}
}

func TestJSON(t *testing.T) {
	got := render(t, "json", 0, []string{"id", "x", "id", "t", "b"}, make([]string, 5),
		[][]any{
			{int64(math.MaxInt64), 0.1, int64(-1), "a\"<b>\n\xff", []byte{0, 255}},
			{nil, 10.0, math.Inf(1), "", []byte{}},
		}, nil)
	want := `[{"id":9223372036854775807,"x":0.1,"id:1":-1,"t":"a\"<b>\n\ufffd","b":"AP8="},` + "\n" +
		` {"id":null,"x":10.0,"id:1":9e999,"t":"","b":""}]` + "\n[]\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	dec := json.NewDecoder(strings.NewReader(got))
	dec.UseNumber()
	for i, rows := range []int{2, 0} {
		var set []map[string]any
		if err := dec.Decode(&set); err != nil || len(set) != rows {
			t.Errorf("result set %d: got %d rows, %v; want %d", i, len(set), err, rows)
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Errorf("after the last result set: got %v, want EOF", err)
	}
}

func TestCSV(t *testing.T) {
	got := render(t, "csv", 0, []string{"id", "t"}, make([]string, 2),
		[][]any{{int64(1), "a,\"b\"\nc"}, {nil, []byte("hi")}}, [][]any{{2.0, ""}})
	want := "id,t\n1,\"a,\"\"b\"\"\nc\"\n,aGk=\n\nid,t\n2.0,\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCSVEmptyCell(t *testing.T) {
	got := render(t, "csv", 0, []string{"a"}, []string{""}, [][]any{{"x"}, {nil}, {""}})
	if want := "a\nx\n\"\"\n\"\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnknownFormat(t *testing.T) {
	_, err := output.New("xml", io.Discard, 0)
	if want := `format is "xml", want one of table, json, csv`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
