package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// newRoot returns the command with its subcommands, one file each.
func newRoot(ctx context.Context) *cobra.Command {
	root := &cobra.Command{
		Use:           "nearlite",
		Short:         "Vector and hybrid search inside SQLite",
		Long:          "nearlite searches SQLite databases by meaning (vectors), by words (BM25) and by both.",
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
	}
	root.SetContext(ctx)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())
	})
	root.AddCommand(newSQL(), newImport(), newDemo(), newServe(), newVersion())
	return root
}

// openDB opens a database file with one connection, after a look at the file:
// SQLite would report a file that is none only at the first statement that reads
// it. cleanup closes the database and removes a file that was made but is still
// empty.
func openDB(ctx context.Context, path string, readOnly bool) (conn *sql.Conn, cleanup func() error, err error) {
	if err := dbfile.Check(path, readOnly); err != nil {
		return nil, nil, err
	}
	_, statErr := os.Stat(path)
	isNew := path != dbfile.Memory && errors.Is(statErr, fs.ErrNotExist)
	db, err := sqlite.Open(dbfile.DSN(path, readOnly))
	if err != nil {
		return nil, nil, err
	}
	conn, err = db.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %s", path, sqlite.ErrorText(err)), db.Close())
	}
	return conn, func() error {
		err := errors.Join(conn.Close(), db.Close())
		if info, e := os.Stat(path); isNew && e == nil && info.Size() == 0 {
			err = errors.Join(err, os.Remove(path))
		}
		return err
	}, nil
}

// interruptible returns a reader of r whose reads end when ctx does. A read from a
// terminal or a pipe cannot be stopped itself; it is left behind.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	in, out := io.Pipe()
	go func() {
		_, err := io.Copy(out, r)
		out.CloseWithError(err) // nil is the end of the file
	}()
	context.AfterFunc(ctx, func() { out.CloseWithError(context.Cause(ctx)) })
	return in
}
