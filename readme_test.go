package nearlite_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// TestReadme runs the SQL that README.md shows and compares what comes out with
// what it says comes out.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, shown := block(t, string(text), "sql"), block(t, string(text), "text")

	db, err := sqlite.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	var got []string
	err = sqlite.RunScript(t.Context(), conn, script, func(s *sqlite.Statement) error {
		columns := s.Columns()
		if len(columns) == 0 {
			return nil
		}
		got = append(got, strings.Join(columns, " | "))
		for s.Next() {
			cells := make([]string, len(columns))
			for i := range cells {
				cells[i] = fmt.Sprint(s.Value(i))
			}
			got = append(got, strings.Join(cells, " | "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	var want []string
	gap := regexp.MustCompile(` {2,}`)
	for i, line := range strings.Split(strings.TrimSpace(shown), "\n") {
		if i != 1 { // the rule under the header
			want = append(want, strings.Join(gap.Split(strings.TrimSpace(line), -1), " | "))
		}
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the README's statements give\n%s\nand the README says\n%s", g, w)
	}

	var check string
	if err := conn.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity_check: got %q, %v, want ok", check, err)
	}
}

// block returns the first code block of a language.
func block(t *testing.T, markdown, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(markdown, "\n```"+language+"\n")
	body, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("README.md has no block of %s", language)
	}
	return body
}
