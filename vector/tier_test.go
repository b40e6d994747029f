package vector_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/nearlite/nearlite/vector"
)

// restoreKernels puts the tier in force back when the test ends.
func restoreKernels(t testing.TB) {
	old := vector.Kernels()
	t.Cleanup(func() {
		if err := vector.SetKernels(old); err != nil {
			t.Error(err)
		}
	})
}

// TestForcedTier starts this test again with NEARLITE_KERNELS set, for each
// tier and for a name there is not.
func TestForcedTier(t *testing.T) {
	if os.Getenv("NEARLITE_TEST_PRINT") != "" {
		fmt.Println(vector.Kernels())
		os.Exit(0)
	}
	tiers := vector.KernelTiers()
	for _, name := range append(slices.Clone(tiers), "altivec", "") {
		want := name
		if !slices.Contains(tiers, name) {
			want = tiers[len(tiers)-1]
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestForcedTier$")
		cmd.Env = append(os.Environ(), "NEARLITE_TEST_PRINT=1", "NEARLITE_KERNELS="+name)
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("cannot start a process: %v", err)
		}
		if string(out) != want+"\n" {
			t.Errorf("NEARLITE_KERNELS=%q: got tier %q, want %q", name, out, want)
		}
	}
}

func TestSetKernels(t *testing.T) {
	restoreKernels(t)
	for _, name := range vector.KernelTiers() {
		if err := vector.SetKernels(name); err != nil || vector.Kernels() != name {
			t.Errorf("SetKernels(%q): %v, then Kernels() = %q", name, err, vector.Kernels())
		}
	}
	if err := vector.SetKernels("sse9"); err == nil {
		t.Error("SetKernels of an unknown tier: no error")
	}
}
