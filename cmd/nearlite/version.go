package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of nearlite, SQLite and Go, and the vector kernels in use",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			conn, cleanup, err := openDB(cmd.Context(), dbfile.Memory, false)
			if err != nil {
				return err
			}
			defer func() {
				if e := cleanup(); err == nil {
					err = e
				}
			}()
			var sqliteVersion, text string
			if err := conn.QueryRowContext(cmd.Context(), "SELECT sqlite_version(), nearlite_info()").Scan(&sqliteVersion, &text); err != nil {
				return err
			}
			var info struct {
				Version string `json:"version"`
				Kernels string `json:"kernels"`
			}
			if err := json.Unmarshal([]byte(text), &info); err != nil {
				return fmt.Errorf("nearlite_info(): %w", err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "nearlite  %s (module %s)\n", info.Version, moduleVersion())
			fmt.Fprintf(out, "SQLite    %s\n", sqliteVersion)
			fmt.Fprintf(out, "Go        %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			_, err = fmt.Fprintf(out, "kernels   %s\n", info.Kernels)
			return err
		},
	}
}

// moduleVersion is the version that go install recorded, or the commit of a build
// from a working tree.
func moduleVersion() string {
	build, ok := debug.ReadBuildInfo()
	if !ok || build.Main.Version == "" {
		return "unknown"
	}
	return build.Main.Version
}
