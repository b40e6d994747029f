package hnsw

import (
	"errors"
	"fmt"
)

var (
	// ErrCorrupt marks every error that says the stored index is damaged.
	// Remedy: rebuild it.
	ErrCorrupt = errors.New("index is corrupt")

	// ErrDims marks the error for a vector of the wrong length.
	ErrDims = errors.New("wrong number of dimensions")

	// ErrVector marks the error for a vector with an element that is not finite.
	ErrVector = errors.New("vector is not finite")

	// ErrNoTransaction is returned by changes outside Begin and Commit.
	ErrNoTransaction = errors.New("hnsw: change outside a transaction")

	// ErrVersion marks the error for an index whose format this program does not
	// know. Remedy: use the newer program, or rebuild.
	ErrVersion = errors.New("unknown index format")

	// ErrTooLarge is returned when the index has no node id left.
	ErrTooLarge = errors.New("hnsw: index is full")
)

// DimsError says that a vector has the wrong number of dimensions. It matches
// ErrDims.
type DimsError struct{ Got, Want int }

func (e *DimsError) Error() string { return fmt.Sprintf("got %d dimensions, want %d", e.Got, e.Want) }

// Is reports whether target is ErrDims.
func (e *DimsError) Is(target error) bool { return target == ErrDims }

// ValueError says which element of a vector is not finite. It matches ErrVector.
type ValueError struct {
	Element int
	Value   float32
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("element %d is %v; vectors must be finite", e.Element, e.Value)
}

// Is reports whether target is ErrVector.
func (e *ValueError) Is(target error) bool { return target == ErrVector }

// corruptf makes an error that matches ErrCorrupt and names part and id.
func corruptf(part Part, id int64, format string, args ...any) error {
	return fmt.Errorf("%w: %v %d: %s", ErrCorrupt, part, id, fmt.Sprintf(format, args...))
}
