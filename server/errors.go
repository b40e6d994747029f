package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// hranaError is an error that a client sees: in the result of one request, or as the
// answer to all of them.
type hranaError struct {
	Message string
	Code    string
}

func (e *hranaError) Error() string { return e.Message }

func hranaErrorf(code, format string, args ...any) *hranaError {
	return &hranaError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// httpError is an error that ends an HTTP request as a whole.
type httpError struct {
	status     int
	code       string // if not "", the body is JSON
	message    string
	retryAfter int // seconds; 0: no header
}

func (e *httpError) Error() string { return e.message }

func badRequest(format string, args ...any) *httpError {
	return &httpError{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

var errStreamExpired = &httpError{
	status: http.StatusBadRequest, code: "STREAM_EXPIRED",
	message: "The stream has expired due to inactivity",
}

func busy(what string) *httpError {
	return &httpError{
		status: http.StatusServiceUnavailable, code: "SERVER_BUSY", retryAfter: 1,
		message: "the server is busy: " + what,
	}
}

// toHrana turns any error of running SQL into one for the client, in the words that
// clients of libSQL look for.
func toHrana(err error) *hranaError {
	var own *hranaError
	if errors.As(err, &own) {
		return own
	}
	switch {
	case errors.Is(err, sqlite.ErrNoStatement):
		return hranaErrorf("SQL_NO_STATEMENT", "SQL string does not contain any statement")
	case errors.Is(err, sqlite.ErrManyStatements):
		return hranaErrorf("SQL_MANY_STATEMENTS", "SQL string contains more than one statement")
	case errors.Is(err, sqlite.ErrZeroByte):
		return hranaErrorf("SQL_PARSE_ERROR", "SQL string could not be parsed: %s", err)
	}
	var e *sqlite.SQLError
	if errors.As(err, &e) {
		if e.Offset >= 0 {
			return hranaErrorf("SQL_INPUT_ERROR", "SQL input error: %s (at offset %d)", e.Message, e.Offset)
		}
		return hranaErrorf(e.Name, "SQLite error: %s", e.Message)
	}
	return hranaErrorf("SQLITE_UNKNOWN", "SQLite error: %s", err)
}

func appendError(dst []byte, err error) []byte {
	e := toHrana(err)
	dst = append(dst, `{"message":`...)
	dst = appendText(dst, e.Message)
	dst = append(dst, `,"code":`...)
	dst = appendText(dst, e.Code)
	return append(dst, '}')
}
