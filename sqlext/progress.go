package sqlext

import "context"

// Progress is told now and then how far the building of an index is: done rows of
// total are linked. It is called on the goroutine that runs the statement, inside it, and must not
// use the connection.
type Progress func(index string, done, total int64)

type progressKey struct{}

// WithProgress returns a context for statements that build indexes, CREATE VIRTUAL
// TABLE and the command rebuild: fn is told how far they are. It works where
// host.Conn.Interrupt returns the statement's context, as that of sqlext/sqlite does.
func WithProgress(ctx context.Context, fn Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, fn)
}

// progress returns what the running statement wants to be told of an index; nil for
// nothing.
func (cat *catalog) progress(index string) func(done, total int64) {
	fn, _ := cat.context().Value(progressKey{}).(Progress)
	if fn == nil {
		return nil
	}
	return func(done, total int64) { fn(index, done, total) }
}
