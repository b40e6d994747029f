package sqlext

import (
	"context"
	"errors"
	"fmt"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// Every message starts with "nearlite: ", names the object it is about, says what
// was given and what was expected, and ends without a full stop.

// errorf makes a plain error (SQLITE_ERROR) with our prefix.
func errorf(format string, args ...any) error {
	return host.Errorf(host.CodeError, "nearlite: "+format, args...)
}

// mismatchf makes an error about a value of the wrong shape (SQLITE_MISMATCH).
func mismatchf(format string, args ...any) error {
	return host.Errorf(host.CodeMismatch, "nearlite: "+format, args...)
}

// corruptf makes an error about damaged shadow rows (SQLITE_CORRUPT_VTAB).
func corruptf(format string, args ...any) error {
	return host.Errorf(host.CodeCorruptVTab, "nearlite: "+format, args...)
}

// isDamage reports whether err says that the rows of an index cannot be what nearlite
// wrote.
func isDamage(err error) bool {
	return errors.Is(err, hnsw.ErrCorrupt) || errors.Is(err, lexical.ErrCorrupt) || isCorrupt(err)
}

// isCorrupt reports whether err carries SQLite's code for a damaged file.
func isCorrupt(err error) bool {
	var he *host.Error
	return errors.As(err, &he) && he.Code&0xff == host.CodeCorrupt
}

// wrapIndexError names the index in an error of the hnsw or lexical package and
// gives it the SQLite code that fits. Errors that SQLite itself returned keep
// their code: it decides whether the statement or the transaction ends.
func wrapIndexError(index string, err error) error {
	if err == nil {
		return nil
	}
	var he *host.Error
	switch {
	case errors.As(err, &he):
		if he == err { //nolint:errorlint // identity: it already says all there is to say
			return err
		}
		return &host.Error{Code: he.Code, Message: fmt.Sprintf("nearlite: %s: %v", index, err), Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &host.Error{Code: host.CodeInterrupt, Message: "interrupted", Err: err}
	case isDamage(err):
		_, name, _ := parseName(index)
		return host.Errorf(host.CodeCorruptVTab, "nearlite: %s: %w; run INSERT INTO %s(%s) VALUES('rebuild')", index, err, name, name)
	}
	return host.Errorf(host.CodeError, "nearlite: %s: %w", index, err)
}
