package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example does what README.md says, in memory and in a file.
func TestRun(t *testing.T) {
	const want = `nearest in meaning:
  the cat sleeps on the warm stove
  die Katze schläft
only English notes:
  the cat sleeps on the warm stove
  a kitten plays with wool
by words:
  the cat sleeps on the warm stove
by both:
  the cat sleeps on the warm stove
  die Katze schläft
`
	for _, dsn := range []string{":memory:", filepath.Join(t.TempDir(), "notes.db")} {
		var out strings.Builder
		if err := run(t.Context(), dsn, &out); err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s: -want +got\n%s", dsn, diff)
		}
	}
}
