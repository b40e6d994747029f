package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// docs/cli.md has a section for each command that names each of its flags, and no
// flag that is not there.
func TestDocsNameEveryFlag(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = body
	}
	flag := regexp.MustCompile("--[a-z][a-z-]*")
	for _, cmd := range newRoot(t.Context()).Commands() {
		section, ok := sections["nearlite "+cmd.Name()]
		if !ok {
			if own(cmd) {
				t.Errorf("docs/cli.md has no section for %s", cmd.CommandPath())
			}
			continue
		}
		for _, name := range flag.FindAllString(cmd.LocalFlags().FlagUsages(), -1) {
			if name != "--help" && !strings.Contains(section, name) {
				t.Errorf("docs/cli.md: section %s does not name %s", cmd.Name(), name)
			}
		}
		for _, name := range flag.FindAllString(section, -1) {
			if cmd.Flags().Lookup(strings.TrimPrefix(name, "--")) == nil {
				t.Errorf("docs/cli.md: section %s names %s, which there is not", cmd.Name(), name)
			}
		}
	}
}

// own reports whether a command is ours and not one that cobra adds.
func own(cmd *cobra.Command) bool { return cmd.Name() != "help" && cmd.Name() != "completion" }
