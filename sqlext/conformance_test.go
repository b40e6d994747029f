package sqlext_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// conformanceCase is one line of a case file; testdata/conformance/README.md
// explains the fields.
type conformanceCase struct {
	ID     string            `json:"id"`
	Group  string            `json:"group"`
	Level  string            `json:"level"`
	Title  string            `json:"title"`
	DB     string            `json:"db"`
	Setup  []json.RawMessage `json:"setup"`
	SQL    string            `json:"sql"`
	Params []json.RawMessage `json:"params"`
	Conn   string            `json:"conn"`
	Expect expectation       `json:"expect"`
	Better *expectation      `json:"better"`
	Tol    float64           `json:"tol"`
	Order  string            `json:"order"`
}

// expectation is what a statement should do.
type expectation struct {
	Columns       []string            `json:"columns"`
	Rows          [][]json.RawMessage `json:"rows"`
	Error         *string             `json:"error"`
	ErrorContains *string             `json:"error_contains"`
	Code          string              `json:"code"`
	Crash         string              `json:"crash"`

	OrAnyInternalTables bool `json:"or_any_internal_tables"`
}

// TestConformance runs every case file of testdata/conformance, or of the folder
// that NEARLITE_CONFORMANCE names.
func TestConformance(t *testing.T) {
	dir := os.Getenv("NEARLITE_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("testdata", "conformance")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("case files: %d found, error %v", len(files), err)
	}
	report := &compatibility{}
	total := tally{}
	for _, file := range files {
		cases := readCases(t, file)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			group := tally{}
			for _, c := range cases {
				err := runCase(t.TempDir, c)
				group.count(c.Level, err == nil)
				switch {
				case err == nil:
				case c.Level == "info" || c.Level == "should" && exceptions[c.ID] != "":
					report.differs(c, err)
					t.Logf("%s differs (%s, which is allowed): %v", c.ID, c.Title, err)
				default:
					t.Errorf("%s (%s, %s)\n%s\n%v", c.ID, c.Level, c.Title, c.SQL, err)
				}
			}
			t.Log(group)
			report.group(strings.TrimSuffix(filepath.Base(file), ".jsonl"), group)
			for level, n := range group {
				total[level] = [2]int{total[level][0] + n[0], total[level][1] + n[1]}
			}
		})
	}
	t.Logf("conformance with libSQL, %d groups: %s", len(files), total)
	if os.Getenv("NEARLITE_CONFORMANCE") == "" && !t.Failed() {
		report.check(t, total)
	}
}

// tally counts cases that passed and all cases, by level.
type tally map[string][2]int

func (y tally) count(level string, passed bool) {
	n := y[level]
	if passed {
		n[0]++
	}
	n[1]++
	y[level] = n
}

func (y tally) String() string {
	var parts []string
	passed, all := 0, 0
	for _, level := range slices.Sorted(mapKeys(y)) {
		n := y[level]
		parts = append(parts, fmt.Sprintf("%s %d/%d", level, n[0], n[1]))
		passed += n[0]
		all += n[1]
	}
	return fmt.Sprintf("%d of %d cases passed (%s)", passed, all, strings.Join(parts, ", "))
}

func mapKeys(y tally) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range y {
			if !yield(k) {
				return
			}
		}
	}
}

func readCases(t *testing.T, file string) []conformanceCase {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []conformanceCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var c conformanceCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s, line %d: %v", file, len(cases)+1, err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}
