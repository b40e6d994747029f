package lexical_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/lexical"
)

func TestNote(t *testing.T) {
	c := create(t, twoColumns)
	c.st.Begin()
	if got, err := c.ix.Note(); got != nil || err != nil {
		t.Errorf("no note: %q, %v", got, err)
	}
	if err := c.ix.SetNote([]byte("remember")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ix.Note(); string(got) != "remember" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := c.ix.SetNote(make([]byte, 1<<16+1)); err == nil || err.Error() != "note has 65537 bytes, want at most 65536" {
		t.Errorf("too long: %v", err)
	}
	// The checksum covers it.
	if err := c.st.Put(lexical.PartConfig, 3, []byte("forged note")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ix.Note(); !errors.Is(err, lexical.ErrCorrupt) {
		t.Errorf("forged: %v, want ErrCorrupt", err)
	}
	var findings []string
	if err := c.ix.Check(context.Background(), nil, func(s string) { findings = append(findings, s) }); err != nil {
		t.Fatal(err)
	}
	if len(findings) != 1 || !strings.Contains(findings[0], "row 3 of config") {
		t.Errorf("findings: %q", findings)
	}
	if err := c.ix.SetNote(nil); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ix.Note(); got != nil || err != nil {
		t.Errorf("removed: %q, %v", got, err)
	}
	c.st.Commit()
}
