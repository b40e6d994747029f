package sqlext_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The blocks "sql run" of the manual say the truth: lines that begin with --> are the
// rows of the statement before them.
func TestDocsExamples(t *testing.T) {
	for _, name := range []string{"lexical.md", "planner.md"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("../docs/" + name)
			if err != nil {
				t.Fatal(err)
			}
			blocks := regexp.MustCompile("(?s)```sql run\n(.*?)```").FindAllStringSubmatch(string(text), -1)
			if len(blocks) == 0 {
				t.Fatal("no examples found")
			}
			for _, b := range blocks {
				d, _ := openTemp(t)
				d.runExample(b[1])
			}
		})
	}
}

func (d *testDB) runExample(block string) {
	d.t.Helper()
	statement, want := "", []string(nil)
	flush := func() {
		switch {
		case statement == "":
		case want == nil:
			d.exec(statement)
		default:
			d.wants(strings.Join(want, "\n"), statement)
		}
		statement, want = "", nil
	}
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		if row, ok := strings.CutPrefix(line, "--> "); ok {
			want = append(want, row)
			continue
		}
		if strings.HasSuffix(strings.TrimSpace(statement), ";") {
			flush()
		}
		statement += line + "\n"
	}
	flush()
}
