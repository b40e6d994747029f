package host

import "fmt"

// Code is an SQLite result code.
type Code int

// The codes that nearlite reports.
const (
	CodeError       Code = 1
	CodeBusy        Code = 5
	CodeLocked      Code = 6
	CodeNoMem       Code = 7
	CodeReadOnly    Code = 8
	CodeInterrupt   Code = 9
	CodeCorrupt     Code = 11
	CodeConstraint  Code = 19
	CodeMismatch    Code = 20
	CodeCorruptVTab Code = 11 | 1<<8
)

// Error is an error with the code that SQLite reports. Adapters return it from
// every call into SQLite, and take the code of any error that wraps it.
type Error struct {
	Code    Code // extended code where the host knows it
	Message string
	Err     error // optional cause
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error. A %w operand becomes its cause.
func Errorf(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: err}
}

// ErrNoPlan is returned by BestIndex when the constraints offered cannot be used
// (SQLITE_CONSTRAINT): SQLite then asks again with others.
var ErrNoPlan = &Error{Code: CodeConstraint, Message: "no query solution"}
