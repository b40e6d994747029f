// Command nearlite searches SQLite databases by meaning and by words: it runs SQL
// with nearlite's functions and indexes, imports files, and shows a demonstration.
// docs/cli.md describes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func main() { os.Exit(run()) }

// run is main without the exit, so that tests can be the command.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := newRoot(ctx).ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "nearlite:", sqlite.ErrorText(err))
	return 1
}
