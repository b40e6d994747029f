package lexical

import (
	"errors"
	"fmt"
)

// ErrCorrupt marks errors about rows that cannot be what this package wrote.
// Remedy: rebuild the index from its base table.
var ErrCorrupt = errors.New("lexical index is corrupt")

// ErrVersion marks an index that a newer release wrote. Remedy: use that release,
// or rebuild.
var ErrVersion = errors.New("unknown format version")

// ErrQuery marks errors in the text of a query, as opposed to errors while it ran.
var ErrQuery = errors.New("malformed query")

// errTooBig stops a merge that would exceed what page numbers can address; the
// segments stay apart then.
var errTooBig = errors.New("segment would be too large")

// ErrNoTransaction is returned by writes outside Begin … Commit or Rollback.
var ErrNoTransaction = errors.New("no transaction is open on the lexical index")

// corruptf makes an error that names the damage and is ErrCorrupt.
func corruptf(format string, args ...any) error {
	return &markedError{text: fmt.Sprintf(format, args...), mark: ErrCorrupt}
}

// queryErrorf makes an error that is ErrQuery.
func queryErrorf(format string, args ...any) error {
	return &markedError{text: fmt.Sprintf(format, args...), mark: ErrQuery}
}

// markedError carries a sentinel without printing it.
type markedError struct {
	text string
	mark error
}

func (e *markedError) Error() string { return e.text }
func (e *markedError) Unwrap() error { return e.mark }
