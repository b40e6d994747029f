package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
	"github.com/nearlite/nearlite/cmd/nearlite/internal/output"
	"github.com/nearlite/nearlite/cmd/nearlite/internal/progress"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func newSQL() *cobra.Command {
	var opt struct {
		db, format string
		readOnly   bool
		width      int
	}
	cmd := &cobra.Command{
		Use:   "sql [--db FILE] [--format table|json|csv] [SQL]",
		Short: "Run SQL statements",
		Long: `Runs the statements one after another and prints their rows. Without SQL (or with "-") they are
read from standard input. The first error ends the run: it is printed on standard error with the
number of its statement, and the exit status is 1.`,
		Example: `  nearlite sql "SELECT nearlite_version()"
  nearlite sql --db docs.db --format json "SELECT id, distance FROM vector_search('docs_vec', '[1, 2, 3]', 10)"
  nearlite sql --db docs.db < schema.sql`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.width < 0 {
				return fmt.Errorf("--width is %d, want 0 (no limit) or a number of columns", opt.width)
			}
			w, err := output.New(opt.format, cmd.OutOrStdout(), opt.width)
			if err != nil {
				return fmt.Errorf("--%w", err)
			}
			text, err := scriptText(cmd, args)
			if err != nil {
				return err
			}
			// On a terminal only: rows go to standard output meanwhile.
			ctx := cmd.Context()
			if term.IsTerminal(int(os.Stderr.Fd())) {
				ctx = sqlite.WithProgress(ctx, progress.New(cmd.ErrOrStderr(), true, false).Building)
			}
			return runSQL(ctx, opt.db, opt.readOnly, text, w)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opt.db, "db", dbfile.Memory, "database file; made if it does not exist")
	flags.StringVar(&opt.format, "format", "table", "output: table, json or csv")
	flags.BoolVar(&opt.readOnly, "readonly", false, "open the file for reading only; it must exist")
	flags.IntVar(&opt.width, "width", 80, "widest cell of a table, 0 for no limit")
	return cmd
}

// scriptText returns the SQL of the argument or of standard input.
func scriptText(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if f, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(cmd.ErrOrStderr(), "reading SQL from the terminal, Ctrl-D ends it")
	}
	data, err := io.ReadAll(interruptible(cmd.Context(), cmd.InOrStdin()))
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return string(data), nil
}

// runSQL prints the rows of each statement.
func runSQL(ctx context.Context, path string, readOnly bool, text string, w output.Writer) (err error) {
	conn, cleanup, err := openDB(ctx, path, readOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	if err := sqlite.RunScript(ctx, conn, text, func(s *sqlite.Statement) error { return printRows(s, w) }); err != nil {
		return err
	}
	open, err := sqlite.InTransaction(conn)
	if err == nil && open {
		err = errors.New("the SQL ends inside a transaction, which is undone; COMMIT is missing")
	}
	return err
}

func printRows(s *sqlite.Statement, w output.Writer) error {
	columns := s.Columns()
	if len(columns) == 0 {
		return nil
	}
	// The first row comes before the header: a statement that fails at once
	// prints nothing but its error.
	more := s.Next()
	if s.Err() != nil {
		return nil //nolint:nilerr // RunScript reports it, with the statement's number
	}
	if err := w.Begin(columns, s.DeclTypes()); err != nil {
		return err
	}
	values := make([]any, len(columns))
	for ; more; more = s.Next() {
		for i := range values {
			values[i] = s.Value(i)
		}
		if err := w.Row(values); err != nil {
			return err
		}
	}
	return w.End()
}
