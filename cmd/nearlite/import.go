package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/importer"
	"github.com/nearlite/nearlite/cmd/nearlite/internal/progress"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func newImport() *cobra.Command {
	var opt importer.Options
	var path, onError string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "import FILE --db DB --table T [--vectors FILE] [--hnsw] [--lexical COLUMNS]",
		Short: "Load a file of rows and vectors into a table",
		Long: `Loads JSON lines (.jsonl), CSV or TSV with a header line, lines of text (.txt), or vectors alone (.npy,
.fvecs, .f32, .f16; any of them also as .gz) into a table, which is made if it does not exist. Vectors come
from the field --vector-column or, row by row, from the file --vectors. --hnsw and --lexical build the
indexes T_vec and T_text.

Everything happens in one transaction: after an error nothing is changed. With --batch N every N rows are
committed; an error undoes its own batch only and says with which --skip to go on.`,
		Example: `  nearlite import docs.jsonl --db docs.db --table docs --hnsw --lexical title,body --analyzer en
  nearlite import words.txt --vectors glove.npy --db words.db --table words --hnsw`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opt.File = args[0]
			if opt.File == "-" {
				opt.Stdin = interruptible(cmd.Context(), cmd.InOrStdin())
			}
			switch onError {
			case "stop", "skip":
				opt.SkipBad = onError == "skip"
			default:
				return fmt.Errorf("--on-error is %q, want stop or skip", onError)
			}
			if path == "" {
				return errors.New("--db is missing, want the database file")
			}
			conn, cleanup, err := openDB(cmd.Context(), path, false)
			if err != nil {
				return err
			}
			defer func() {
				if e := cleanup(); err == nil {
					err = e
				}
			}()
			terminal := term.IsTerminal(int(os.Stderr.Fd()))
			report := progress.New(cmd.ErrOrStderr(), terminal, quiet)
			res, err := importer.Run(sqlite.WithProgress(cmd.Context(), report.Building), conn, opt, report)
			if err != nil {
				return err
			}
			return printResult(cmd, opt, path, res)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "db", "", "database file; made if it does not exist")
	flags.StringVar(&opt.Table, "table", "", "table; made if it does not exist")
	flags.StringVar(&opt.Format, "format", "", "format of FILE if its name does not tell: jsonl, csv, tsv, lines, npy, fvecs, f32, f16")
	flags.StringSliceVar(&opt.Columns, "columns", nil, "fields to import (default: all)")
	flags.StringSliceVar(&opt.TextColumns, "text-columns", nil, "fields to keep as text even if they look like numbers")
	flags.StringVar(&opt.VectorColumn, "vector-column", "embedding", "field, or with --vectors the column, that holds the vectors")
	flags.StringVar(&opt.Vectors, "vectors", "", "file of vectors for the rows of FILE: .npy, .fvecs, .f32 or .f16")
	flags.IntVar(&opt.Dims, "dims", 0, "dimensions of the vectors; needed for .f32 and .f16")
	flags.BoolVar(&opt.HNSW, "hnsw", false, "build the vector index T_vec")
	flags.StringVar(&opt.HNSWOptions, "hnsw-options", "", `options of the vector index, such as "metric=l2, m=24"`)
	flags.StringSliceVar(&opt.Lexical, "lexical", nil, "columns of the lexical index T_text")
	flags.StringVar(&opt.Analyzer, "analyzer", "", "analyzer of the lexical index, such as en")
	flags.Int64Var(&opt.Batch, "batch", 0, "rows in a transaction; 0: all in one")
	flags.Int64Var(&opt.Skip, "skip", 0, "rows of FILE to pass over, to continue an import")
	flags.StringVar(&onError, "on-error", "stop", "what to do with a bad row: stop or skip")
	flags.BoolVar(&quiet, "quiet", false, "no progress")
	return cmd
}

func printResult(cmd *cobra.Command, opt importer.Options, path string, res importer.Result) error {
	out := cmd.OutOrStdout()
	verb := "appended to"
	if res.Created {
		verb = "imported into the new table"
	}
	fmt.Fprintf(out, "%s %s %s of %s in %s\n", count(res.Rows, "row"), verb, opt.Table, path, res.Elapsed.Round(time.Millisecond))
	if res.Bad > 0 {
		fmt.Fprintf(out, "%s left out\n", count(res.Bad, "bad row"))
	}
	if res.WithoutVector > 0 {
		fmt.Fprintf(out, "%s without a vector (NULL), which a vector search does not find\n", count(res.WithoutVector, "row"))
	}
	for _, name := range res.Indexes {
		fmt.Fprintf(out, "index %s built\n", name)
	}
	return nil
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
