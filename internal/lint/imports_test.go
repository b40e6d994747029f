package lint

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says what one package may import. Everything that is not listed is
// forbidden, so a new dependency is a decision that shows in this table.
type rule struct {
	pkg     string   // folder; a trailing /... covers the folders below it
	own     []string // packages of this module; a trailing /... covers those below
	outside []string // modules or packages from elsewhere, by path prefix
	never   []string // packages of the standard library that would break the rule's idea
	tests   []string // outside or own paths that only its test files may import
}

// The libraries that any test may use.
var testLibraries = []string{
	"github.com/cockroachdb/datadriven",
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"go.uber.org/goleak",
	"pgregory.net/rapid",
}

// Libraries without a database in them keep it that way: no SQL, no network.
var noServices = []string{"database/sql", "net", "net/http"}

// rules is the picture in ARCHITECTURE.md as a table. The first entry that
// covers a package counts, so the narrower one stands first.
var rules = []rule{
	{pkg: ".", tests: []string{"sqlext/sqlite"}},
	{
		pkg:     "vector/...",
		outside: []string{"golang.org/x/sys/cpu", "github.com/viterin/vek"},
		never:   append([]string{"io", "io/fs", "path/filepath"}, noServices...),
		tests:   []string{"vector", "golang.org/x/sys/unix"},
	},
	{
		pkg:   "hnsw/...",
		own:   []string{"vector"},
		never: noServices,
		tests: []string{"hnsw", "internal/memstore"},
	},
	{
		pkg:     "lexical/...",
		own:     []string{"lexical/..."},
		outside: []string{"github.com/blevesearch", "github.com/RoaringBitmap/roaring/v2"},
		never:   noServices,
		tests:   []string{"lexical", "internal/memstore"},
	},
	{
		pkg:   "planner/...",
		own:   []string{"vector"},
		never: append([]string{"os", "io", "io/fs"}, noServices...),
		tests: []string{"planner", "os"},
	},
	{pkg: "internal/lint"},
	{pkg: "internal/memstore", own: []string{"hnsw", "lexical"}},
	{pkg: "internal/shadow", own: []string{"hnsw", "lexical", "sqlext/host"}, tests: []string{"internal/shadow", "sqlext/sqlite"}},
	{pkg: "sqlext/host"},
	{pkg: "sqlext/host/hosttest", own: []string{"sqlext/host"}}, // what every adapter must do, as tests
	{
		pkg: "sqlext/sqlite/...",
		own: []string{"sqlext", "sqlext/host"},
		// The only door to SQLite's Go binding.
		outside: []string{"github.com/ncruces/go-sqlite3"},
		tests:   []string{"sqlext/sqlite", "sqlext/host/hosttest", "vector"},
	},
	// The cgo adapter, the other host: knows C's SQLite and no Go binding.
	{
		pkg:   "sqlext/loadable/...",
		own:   []string{"sqlext", "sqlext/host", "sqlext/loadable/..."},
		tests: []string{"sqlext/loadable", "sqlext/host/hosttest", "sqlext/loadable/internal/chost"},
	},
	{
		pkg:     "sqlext",
		own:     []string{"vector", "hnsw", "lexical", "planner", "internal/shadow", "sqlext/host"},
		outside: []string{"github.com/RoaringBitmap/roaring/v2", "golang.org/x/sys/cpu"},
		tests:   []string{"sqlext", "sqlext/sqlite", "github.com/ncruces/go-sqlite3", "examples/data"},
	},
	{
		pkg: "server/...",
		own: []string{"sqlext/sqlite", "sqlext/host"}, // host for result codes
		outside: []string{
			"github.com/coder/websocket", "github.com/golang-jwt/jwt/v5", "github.com/prometheus/client_golang",
			"google.golang.org/protobuf",
		},
		tests: []string{"server"},
	},
	{
		pkg:     "cmd/...",
		own:     []string{"sqlext/sqlite", "server", "cmd/...", "examples/data/..."},
		outside: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/schollz/progressbar/v3", "github.com/rivo/uniseg", "golang.org/x/term"},
		tests:   []string{"github.com/ncruces/go-sqlite3"},
	},
	{
		pkg:     "bench/...",
		own:     []string{"vector", "hnsw", "lexical/...", "planner", "sqlext/sqlite", "internal/memstore", "bench/...", "examples/data/..."},
		outside: []string{"golang.org/x/sys", "github.com/viterin/vek", "github.com/blevesearch/bleve/v2", "github.com/ncruces/go-sqlite3"}, // measured against: vek, scorch, FTS5
	},
	{pkg: "tests/hosts/...", own: []string{"sqlext/sqlite"}},
	{pkg: "examples/...", own: []string{"sqlext/sqlite", "examples/..."}},
}

// TestImportRules reads the import lists of all Go files, of every processor and
// build tag, and compares them with the table.
func TestImportRules(t *testing.T) {
	for _, file := range repoFiles(t, ".go", false) {
		if strings.Contains(file, "/testdata/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repoRoot, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		pkg := path.Dir(file)
		i := slices.IndexFunc(rules, func(r rule) bool { return covers(r.pkg, pkg) })
		if i < 0 {
			t.Errorf("%s: package %s has no import rule, want one in internal/lint/imports_test.go", file, pkg)
			continue
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: import %s: %v", file, spec.Path.Value, err)
				continue
			}
			if problem := rules[i].check(imported, strings.HasSuffix(file, "_test.go")); problem != "" {
				t.Errorf("%s imports %s: %s", file, imported, problem)
			}
		}
	}
}

// check returns why a package under the rule may not import the given path, or "".
func (r rule) check(imported string, isTest bool) string {
	own, isOwn := strings.CutPrefix(imported, modulePath+"/")
	switch {
	case imported == modulePath:
		return "the root package exports nothing"
	case isTest && (below(r.tests, imported) || isOwn && below(r.tests, own) || below(testLibraries, imported)):
		return ""
	case isOwn:
		if !slices.ContainsFunc(r.own, func(p string) bool { return covers(p, own) }) {
			return fmt.Sprintf("%s may import of this module only %q", r.pkg, r.own)
		}
	case strings.Contains(strings.Split(imported, "/")[0], "."):
		if !below(r.outside, imported) {
			return fmt.Sprintf("%s may import from outside only %q", r.pkg, r.outside)
		}
	case slices.Contains(r.never, imported):
		return fmt.Sprintf("%s must do without %q", r.pkg, r.never)
	}
	return ""
}

// covers reports whether a pattern, with or without a trailing /..., names pkg.
func covers(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pkg == pattern
}

// below reports whether path is one of the prefixes or lies below one.
func below(prefixes []string, path string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return covers(p+"/...", path) })
}

// TestRuleCheck proves that the rules can fail: each case is a change that
// somebody could make without noticing.
func TestRuleCheck(t *testing.T) {
	find := func(pkg string) rule {
		i := slices.IndexFunc(rules, func(r rule) bool { return covers(r.pkg, pkg) })
		if i < 0 {
			t.Fatalf("no rule covers %s", pkg)
		}
		return rules[i]
	}
	for _, c := range []struct {
		pkg, imported string
		isTest, ok    bool
	}{
		{"hnsw", modulePath + "/vector", false, true},
		{"hnsw", modulePath + "/lexical", false, false},
		{"hnsw", "github.com/ncruces/go-sqlite3", false, false},
		{"hnsw", "github.com/ncruces/go-sqlite3", true, false},
		{"hnsw", "pgregory.net/rapid", false, false},
		{"hnsw", "pgregory.net/rapid", true, true},
		{"vector", modulePath + "/hnsw", true, false},
		{"vector", "net/http", false, false},
		{"planner", "os", false, false},
		{"planner", "github.com/blevesearch/bleve/v2", false, false},
		{"lexical", "github.com/blevesearch/bleve/v2/analysis", false, true},
		{"sqlext", "github.com/ncruces/go-sqlite3", false, false},
		{"sqlext", "github.com/ncruces/go-sqlite3-other", true, false},
		{"sqlext/sqlite", "github.com/ncruces/go-sqlite3/driver", false, true},
		{"sqlext/sqlite", modulePath + "/hnsw", false, false},
		{"cmd/nearlite", modulePath + "/hnsw", false, false},
		{"cmd/nearlite", "github.com/ncruces/go-sqlite3", false, false},
		{"examples/embed", modulePath + "/internal/shadow", false, false},
		{"internal/shadow", modulePath + "/planner", false, false},
		{"server", modulePath + "/sqlext", false, false},
		{"vector", modulePath, false, false},
	} {
		problem := find(c.pkg).check(c.imported, c.isTest)
		if (problem == "") != c.ok {
			t.Errorf("%s imports %s (test file: %v): got %q, want allowed = %v", c.pkg, c.imported, c.isTest, problem, c.ok)
		}
	}
}
