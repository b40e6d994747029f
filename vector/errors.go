package vector

import (
	"errors"
	"fmt"
)

// The texts of errors about vector values are libSQL's, word for word:
// clients match them. This file holds all of them.

// ErrVector marks every error about the text or the bytes of a vector, or
// about vectors that do not fit each other; find it with errors.Is.
var ErrVector = errors.New("vector")

// valueError is an error with libSQL's text, marked as ErrVector.
type valueError string

func (e valueError) Error() string        { return string(e) }
func (e valueError) Is(target error) bool { return target == ErrVector }

func errf(format string, args ...any) error {
	return valueError(fmt.Sprintf(format, args...))
}

const (
	errStart    valueError = "vector: must start with '['"
	errEnd      valueError = "vector: must end with ']'"
	errAfterEnd valueError = "vector: non-space symbols after closing ']' are forbidden"
	errBitL2    valueError = "vector_distance: l2 distance is not supported for float1bit vectors"
)

func errTextDims() error { return errf("vector: max size exceeded %d", MaxDims) }

func errBlobDims(dims int) error { return errf("vector: max size exceeded: %d > %d", dims, MaxDims) }

func errDataSize(t Type, dims, got, want int) error {
	return errf("vector: unexpected data part size: type=%d, dims=%d, %d != %d", t, dims, got, want)
}

func errNumber(position int, text []byte) error {
	return errf("vector: invalid float at position %d: '%s'", position, text)
}

func errNumberLength(text []byte) error {
	return errf("vector: float string length exceeded %d characters: '%s'", maxNumberLen, text)
}

// UnexpectedValue returns the error for an SQL value that is neither TEXT nor
// BLOB. got is the SQL type's name: NULL, INTEGER or FLOAT.
func UnexpectedValue(got string) error {
	return errf("vector: unexpected value type: got %s, expected TEXT or BLOB", got)
}
