package sqlite

import (
	"context"

	"github.com/nearlite/nearlite/sqlext"
)

// WithProgress returns a context for ExecContext of statements that build vector
// indexes, CREATE VIRTUAL TABLE and the command rebuild: fn is told now and then how
// many rows of how many are linked. It is called while the statement runs, on its
// goroutine, and must not use the connection.
func WithProgress(ctx context.Context, fn func(index string, done, total int64)) context.Context {
	return sqlext.WithProgress(ctx, fn)
}
