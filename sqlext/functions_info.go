package sqlext

import (
	"encoding/json"
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// Version is nearlite's version.
const Version = "0.1.0-dev"

func infoFunctions() []host.Function {
	return []host.Function{
		{Name: "nearlite_version", NArg: 0, Call: func(ctx host.Context, _ []host.Value) {
			ctx.ResultValue(host.TextValue(Version))
		}},
		{Name: "nearlite_info", NArg: 0, Call: func(ctx host.Context, _ []host.Value) {
			info, err := buildInfo(ctx.Conn())
			if err != nil {
				ctx.ResultError(err)
				return
			}
			ctx.ResultValue(host.Value{Kind: host.Text, Bytes: info})
		}},
	}
}

// Info is what nearlite_info() says about the running program, as JSON.
type Info struct {
	Version string   `json:"version"`
	SQLite  string   `json:"sqlite"`
	Go      string   `json:"go"`
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	CPU     []string `json:"cpu"`     // instruction sets that kernels can use
	Kernels string   `json:"kernels"` // tier in force: go, avx2, avx512 or neon
}

func buildInfo(c host.Conn) ([]byte, error) {
	info := Info{
		Version: Version,
		Go:      runtime.Version(),
		OS:      runtime.GOOS,
		Arch:    runtime.GOARCH,
		CPU:     cpuFeatures(),
		Kernels: vector.Kernels(),
	}
	st, err := c.Prepare("SELECT sqlite_version()")
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if _, err := st.Step(); err != nil {
		return nil, err
	}
	info.SQLite = st.Value(0).String()
	return json.Marshal(info)
}

// cpuFeatures names the instruction sets of this processor that matter here.
func cpuFeatures() []string {
	names := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2},
		{"fma", cpu.X86.HasFMA},
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512bw", cpu.X86.HasAVX512BW},
		{"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"avx512vpopcntdq", cpu.X86.HasAVX512VPOPCNTDQ},
		{"neon", cpu.ARM64.HasASIMD},
		{"dotprod", cpu.ARM64.HasASIMDDP},
	} {
		if f.has {
			names = append(names, f.name)
		}
	}
	return names
}
