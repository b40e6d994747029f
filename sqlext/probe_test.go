package sqlext

import (
	"strings"
	"testing"
)

// probe asks only for names like ours; here is what that means.
func TestFunctionNames(t *testing.T) {
	var all []string
	for _, f := range append(functions(), infoFunctions()...) {
		all = append(all, f.Name)
	}
	for _, a := range aggregates() {
		all = append(all, a.Name)
	}
	seen := map[string]bool{}
	for _, name := range all {
		if !strings.Contains(name, "vector") && !strings.HasPrefix(name, "nearlite") {
			t.Errorf("probe does not ask for %s", name)
		}
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
}
