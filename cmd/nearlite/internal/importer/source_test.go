package importer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAll reads a source and prints one line per record or bad record.
func readAll(t *testing.T, format, content string) []string {
	t.Helper()
	in := &input{Reader: bufio.NewReader(strings.NewReader(content)), name: "in"}
	if err := in.skipBOM(); err != nil {
		t.Fatal(err)
	}
	src, err := newSource(in, format)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var lines []string
	for {
		rec, err := src.next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		var bad *RowError
		if errors.As(err, &bad) {
			lines = append(lines, "bad: "+bad.Error())
			continue
		}
		if err != nil {
			return append(lines, "error: "+err.Error())
		}
		line := fmt.Sprintf("%s %d:", rec.unit, rec.number)
		for _, f := range rec.fields {
			line += fmt.Sprintf(" %s=%s<%s>", f.name, f.text, [...]string{"null", "integer", "real", "text"}[f.kind])
		}
		lines = append(lines, line)
	}
}

func TestSources(t *testing.T) {
	for _, tc := range []struct {
		name, format, content string
		want                  []string
	}{
		{"JSONL", "jsonl", "\uFEFF{\"a\": 1, \"b\": \"x\\ny\"}\r\n\n{\"b\": null, \"a\": -1.5e3, \"c\": [1, 2], \"d\": {\"e\": [1]}, \"f\": true}", []string{
			"line 1: a=1<integer> b=x\ny<text>",
			"line 3: b=<null> a=-1.5e3<real> c=[1, 2]<text> d={\"e\": [1]}<text> f=1<integer>",
		}},
		{"JSONLBigAndOddNumbers", "jsonl", `{"a": 9223372036854775808, "b": 1e400, "c": 0, "d": -0, "e": 0.0}`, []string{
			"line 1: a=9223372036854775808<text> b=1e400<text> c=0<integer> d=-0<integer> e=0.0<real>",
		}},
		{"JSONLBad", "jsonl", "{\"a\": 1\n[1]\n\"x\"\n{\"a\": 1} {\"b\": 2}\n{\"a\": 1, \"a\": 2}\n{a: 1}\n{\"a\": \"\xff\"}\nnull\n{\"a\": 1}", []string{
			"bad: line 1: the JSON object is cut off",
			"bad: line 2: got a JSON array, want a JSON object",
			"bad: line 3: got a string, want a JSON object",
			`bad: line 4: got "{\"b\": 2}" after the JSON object, want one object a line`,
			`bad: line 5: field "a" is there twice`,
			"bad: line 6: invalid character 'a', want a JSON object",
			"bad: line 7: byte 8 is 0xff, want text in UTF-8",
			"bad: line 8: got null, want a JSON object",
			"line 9: a=1<integer>",
		}},
		{"CSV", "csv", "id, name ,x\r\n1,\"a,\"\"b\"\"\nc\",2.5\n007,,+1\n", []string{
			"line 2: id=1<integer> name=a,\"b\"\nc<text> x=2.5<real>",
			"line 4: id=007<text> name=<null> x=+1<text>",
		}},
		{"CSVBad", "csv", "a,b\n1\n1,2,3\nx\"y,2\n\xe9,1\n3,4\n\"open,5\n", []string{
			"bad: line 2: got 1 cells, want 2 as in the header",
			"bad: line 3: got 3 cells, want 2 as in the header",
			`bad: line 4: column 2: bare " in non-quoted-field`,
			"bad: line 5: a: byte 1 is 0xe9, want text in UTF-8",
			"line 6: a=3<integer> b=4<integer>",
			`bad: line 7: column 9: extraneous or missing " in quoted-field`,
		}},
		{"CSVEmpty", "csv", "", []string{"error: in: is empty, want a header line with the names of the columns"}},
		{"CSVTwice", "csv", "a,A\n", []string{`error: in: header: column "A" is there twice`}},
		{"CSVUnnamed", "csv", "a,\n", []string{"error: in: header: column 2 has no name"}},
		{"TSV", "tsv", "a\tb\n1\tx y\n", []string{"line 2: a=1<integer> b=x y<text>"}},
		{"Lines", "lines", "one\n\n3\r\nlast", []string{
			"line 1: text=one<text>", "line 2: text=<text>", "line 3: text=3<text>", "line 4: text=last<text>",
		}},
		{"LinesBad", "lines", "a\xff\nb", []string{"bad: line 1: byte 2 is 0xff, want text in UTF-8", "line 2: text=b<text>"}},
		{"Unknown", "xml", "", []string{`error: format is "xml", want one of jsonl, csv, tsv, lines, npy, fvecs, f32, f16`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, readAll(t, tc.format, tc.content)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestLongLine(t *testing.T) {
	in := bufio.NewReaderSize(io.MultiReader(
		strings.NewReader("a\n"), io.LimitReader(endless{}, maxLine+10), strings.NewReader("\nb\n")), 1<<16)
	var got []string
	var buf []byte
	for {
		line, err := readLine(in, buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got, buf = append(got, string(line)), line
		if cap(buf) > maxLine {
			t.Fatalf("the buffer grew to %d bytes", cap(buf))
		}
	}
	if diff := cmp.Diff([]string{"a", "longer than 67108864 bytes", "b"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// endless is a line that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestParseVector(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"[1, -2.5,3e-2 ]", "[1 -2.5 0.03]"},
		{" [7] ", "[7]"},
		{"[]", "got a vector without elements"},
		{"[1,]", `element 2 is "", want a number`},
		{"[1 2]", `element 1 is "1 2", want a number`},
		{"[1, null]", `element 2 is "null", want a number`},
		{"[1, \"2\"]", `element 2 is "\"2\"", want a number`},
		{"[[1]]", `element 1 is "[1]", want a number`},
		{"[NaN]", `element 1 is "NaN", want a number`},
		{"[0x10]", `element 1 is "0x10", want a number`},
		{"[1, 1e39]", `element 2 is "1e39", beyond the range of float32`},
		{"1, 2", `got "1, 2", want a list of numbers in brackets`},
		{"", `got "", want a list of numbers in brackets`},
		{"[" + strings.Repeat("1,", maxDims) + "1]", "got more than 65536 dimensions"},
	} {
		v, err := parseVector(tc.text, nil)
		got := fmt.Sprint(v)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%.30q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestOpenInput(t *testing.T) {
	dir := t.TempDir()
	notGzip := filepath.Join(dir, "x.csv.gz")
	if err := os.WriteFile(notGzip, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "no.csv"): "no.csv: there is no such file",
		dir:                          "is a folder, want a file",
		notGzip:                      "x.csv.gz: ",
	} {
		if _, err := openInput(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// Whatever a file of rows holds, reading it ends, in rows and bad rows whose
// numbers grow.
func FuzzSources(f *testing.F) {
	for _, format := range []string{"jsonl", "csv", "tsv", "lines"} {
		f.Add(format, []byte("{\"a\": [1, {}], \"b\": \"\\ud800\"}\n[\n{\"a\":"))
		f.Add(format, []byte("a,\"b\n\"\n1,2\n\"3\n"))
	}
	f.Fuzz(func(t *testing.T, format string, content []byte) {
		in := &input{Reader: bufio.NewReader(strings.NewReader(string(content))), name: "in"}
		src, err := newSource(in, format)
		if err != nil {
			return
		}
		for last := int64(0); ; {
			rec, err := src.next()
			number := rec.number
			var bad *RowError
			if errors.As(err, &bad) {
				number = bad.Number
			} else if err != nil {
				return
			}
			if number <= last {
				t.Fatalf("line %d comes after line %d", number, last)
			}
			last = number
			for _, f := range rec.fields {
				if f.kind != kindNull && numberKind(f.text) != kindText && f.kind != kindText {
					if _, err := (column{kind: f.kind}).value(f); err != nil {
						t.Fatalf("%s: %v", f.text, err)
					}
				}
			}
		}
	})
}
