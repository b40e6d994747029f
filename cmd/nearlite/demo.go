package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/demo"
)

func newDemo() *cobra.Command {
	var dir string
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo [--dir FOLDER] [--keep]",
		Short: "A tour on real data: make a database, index it, search it",
		Long: `Makes the database ` + demo.FileName + ` from real texts and embeddings that the program carries, builds a
vector index and a lexical index, and shows each kind of search. The file stays, for "nearlite sql".
A file of an earlier run is made anew, or used as it is with --keep; a file that is not the demo's own
is never touched.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd, filepath.Join(dir, demo.FileName), keep)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder for the database")
	cmd.Flags().BoolVar(&keep, "keep", false, "use the database of an earlier run as it is")
	return cmd
}

func runDemo(cmd *cobra.Command, path string, keep bool) (err error) {
	ctx := cmd.Context()
	state, err := demo.Look(path)
	if err != nil {
		return err
	}
	built := keep && state == demo.Ours
	if !built {
		if err := replaceDemo(ctx, path, state); err != nil {
			return err
		}
	}
	conn, cleanup, err := openDB(ctx, path, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	return demo.Run(ctx, conn, path, built, cmd.OutOrStdout())
}

// replaceDemo removes the file of an earlier run, if nobody added to it.
func replaceDemo(ctx context.Context, path string, state demo.State) error {
	if state == demo.Ours {
		conn, cleanup, err := openDB(ctx, path, true)
		if err != nil {
			return err
		}
		err = demo.CheckUntouched(ctx, conn, path)
		if err = errors.Join(err, cleanup()); err != nil {
			return err
		}
	}
	if err := demo.Remove(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
