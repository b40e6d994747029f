package lint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// largeFiles are the tracked files that may exceed maxFileBytes, with the reason.
var largeFiles = map[string]string{}

const maxFileBytes = 1 << 20

// TestTrackedFilesAreSmall keeps binaries and databases out of the history,
// where they would stay for ever.
func TestTrackedFilesAreSmall(t *testing.T) {
	if _, err := os.Stat(filepath.Join(repoRoot, ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("not a git checkout: which files are tracked is unknown")
	}
	// Naming the folder as safe lets CI read a clone that another user owns.
	root, err := filepath.Abs(repoRoot)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-c", "safe.directory="+root, "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		info, err := os.Stat(filepath.Join(root, string(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted in the work tree, not yet in the index
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if _, listed := largeFiles[string(name)]; info.Size() > maxFileBytes && !listed {
			t.Errorf("%s: %d bytes, want at most %d, or an entry with its reason in largeFiles", name, info.Size(), maxFileBytes)
		}
	}
}

var (
	codeFence = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	link      = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	makeCall  = regexp.MustCompile(`\bmake ([a-z][a-z0-9-]*)\b`)
	makeRule  = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// anchors returns the names that a document's headings can be linked by, made
// as the usual hosts make them: lower case, punctuation dropped, spaces to dashes.
func anchors(markdown string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(codeFence.ReplaceAllString(markdown, ""), -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(slug, " ", "-"))
	}
	return names
}

// TestDocumentLinks follows every relative link in every document, to the file
// and to the heading in it.
func TestDocumentLinks(t *testing.T) {
	for _, file := range repoFiles(t, ".md", true) {
		text := codeSpan.ReplaceAllString(codeFence.ReplaceAllString(readFile(t, file), ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // a web or mail address
			}
			to := file
			if target != "" {
				to = path.Join(path.Dir(file), target)
			}
			if _, err := os.Stat(filepath.Join(repoRoot, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: link %q: no file %s", file, m[1], to)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readFile(t, to)), anchor) {
				t.Errorf("%s: link %q: %s has no such heading", file, m[1], to)
			}
		}
	}
}

// TestDocumentedTargets wants every `make x` that a document shows to exist.
func TestDocumentedTargets(t *testing.T) {
	var targets []string
	for _, m := range makeRule.FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		targets = append(targets, m[1])
	}
	shown := 0
	for _, file := range repoFiles(t, ".md", true) {
		text := readFile(t, file)
		code := append(codeFence.FindAllString(text, -1), codeSpan.FindAllString(codeFence.ReplaceAllString(text, ""), -1)...)
		for _, part := range code {
			for _, m := range makeCall.FindAllStringSubmatch(part, -1) {
				shown++
				if !slices.Contains(targets, m[1]) {
					t.Errorf("%s: shows `make %s`, want one of %q", file, m[1], targets)
				}
			}
		}
	}
	if shown == 0 {
		t.Error("no document shows a make target: the test looks in the wrong place")
	}
}

func TestAnchors(t *testing.T) {
	got := anchors("# The `docs_vec` table\n```sql\n# not this\n```\n## k, ef_search: limits\n")
	want := []string{"the-docs_vec-table", "k-ef_search-limits"}
	if !slices.Equal(got, want) {
		t.Errorf("anchors: got %q, want %q", got, want)
	}
}
