package lint

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	explained  = regexp.MustCompile(`\b(TODO|FIXME)\(#[0-9]+\): \S+ \S+`)
)

// unexplained returns the first line of a comment that marks unfinished work
// without an issue's number and a reason, or "".
func unexplained(comment string) string {
	for line := range strings.Lines(comment) {
		if unfinished.MatchString(line) && !explained.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestUnfinishedWorkIsExplained wants the form "TODO(#12): why not now".
func TestUnfinishedWorkIsExplained(t *testing.T) {
	for _, file := range repoFiles(t, ".go", true) {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, filepath.Join(repoRoot, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if file == "internal/lint/comments_test.go" {
			continue // its comments name the form
		}
		for _, group := range parsed.Comments {
			for _, comment := range group.List {
				if line := unexplained(comment.Text); line != "" {
					t.Errorf("%s:%d: %q, want the form TO"+"DO(#issue): reason", file, fset.Position(comment.Pos()).Line, line)
				}
			}
		}
	}
}

func TestUnexplained(t *testing.T) {
	for comment, want := range map[string]string{
		"// TODO(#12): waits for the new block format":   "",
		"// a list of todos is no mark":                  "",
		"// TODO faster":                                 "// TODO faster",
		"// FIXME(#3):":                                  "// FIXME(#3):",
		"/* first line\n   XXX second line\n   third */": "XXX second line",
	} {
		if got := unexplained(comment); got != want {
			t.Errorf("unexplained(%q): got %q, want %q", comment, got, want)
		}
	}
}

// TestLongFiles keeps a file small enough for one reader; generated files and
// tables of test cases are counted too, because they are read as well.
func TestLongFiles(t *testing.T) {
	const most = 700
	for _, file := range repoFiles(t, ".go", true) {
		text := readFile(t, file)
		if strings.Contains(text, "// Code generated ") {
			continue
		}
		if lines := strings.Count(text, "\n"); lines > most {
			t.Errorf("%s: %d lines, want at most %d: split it by verb", file, lines, most)
		}
	}
}
