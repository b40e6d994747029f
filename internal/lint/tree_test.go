package lint

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// modulePath is the module that go.mod at the repository's root declares.
const modulePath = "github.com/nearlite/nearlite"

// repoRoot is the repository's root as seen from this package's folder, where
// `go test` runs.
const repoRoot = "../.."

// repoFiles lists the files under the root whose name ends in suffix, as
// slash-separated paths relative to it. Folders that are hidden or hold what was
// built are left out. Nested modules are left out unless nested is set, since
// they have imports of their own.
//
// Files are read in this process, not through the go command, for two reasons:
// go list sees only the files of one processor and one set of build tags, and
// the test cache notices changes only in files that the test itself opened.
func repoFiles(t *testing.T, suffix string, nested bool) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(repoRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(repoRoot, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "." {
				return nil
			}
			if strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "dist" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && !nested {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, suffix) {
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no file ends in %s below %s: the test looks in the wrong place", suffix, repoRoot)
	}
	return files
}

// readFile returns a file's contents; path is relative to the repository's root.
func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repoRoot, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
