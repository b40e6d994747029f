package vector

import "bytes"

// Value is an SQL value given where a vector is expected: text, a blob,
// something else, or a vector that was decoded before. It exists because the
// order of libSQL's checks spans both arguments of a function: first the kind
// of each, then their types and lengths, and only then what is in them.
type Value struct {
	kind  valueKind
	bytes []byte // text or blob
	other string // SQL type that is neither
	vec   Vector
}

type valueKind uint8

const (
	kindVector valueKind = iota
	kindText
	kindBlob
	kindOther
)

// TextValue is an SQL text. It counts as float32. s is not copied.
func TextValue(s []byte) Value { return Value{kind: kindText, bytes: s} }

// BlobValue is an SQL blob. b is not copied.
func BlobValue(b []byte) Value { return Value{kind: kindBlob, bytes: b} }

// OtherValue is an SQL value that cannot hold a vector; sqlType is NULL,
// INTEGER or FLOAT.
func OtherValue(sqlType string) Value { return Value{kind: kindOther, other: sqlType} }

// VectorValue is a value that was decoded before.
func VectorValue(v Vector) Value { return Value{vec: v} }

// Vector decodes the value. Text is parsed as textType.
func (v Value) Vector(textType Type) (Vector, error) {
	switch v.kind {
	case kindText:
		return Parse(v.bytes, textType)
	case kindBlob:
		return Decode(v.bytes)
	case kindOther:
		return Vector{}, UnexpectedValue(v.other)
	}
	return v.vec, nil
}

// detect finds the type and the dimensions without decoding. The dimensions
// of a text are a count of its commas, right if the text is.
func (v Value) detect() (t Type, dims int, err error) {
	switch v.kind {
	case kindText:
		text := v.bytes
		if i := bytes.IndexByte(text, 0); i >= 0 {
			text = text[:i]
		}
		dims = bytes.Count(text, comma)
		if bytes.ContainsAny(text, "0123456789") {
			dims++
		}
		return Float32, dims, nil
	case kindBlob:
		return detectBlob(v.bytes)
	case kindOther:
		return 0, 0, UnexpectedValue(v.other)
	}
	return v.vec.Type(), v.vec.dims, nil
}

// Pair decodes the two arguments of a distance with libSQL's checks in
// libSQL's order: they must have the same type and the same length.
func Pair(a, b Value) (Vector, Vector, error) {
	ta, da, err := a.detect()
	if err != nil {
		return Vector{}, Vector{}, err
	}
	tb, db, err := b.detect()
	if err != nil {
		return Vector{}, Vector{}, err
	}
	if err := comparable2(ta, tb, da, db); err != nil {
		return Vector{}, Vector{}, err
	}
	va, err := a.Vector(Float32)
	if err != nil {
		return Vector{}, Vector{}, err
	}
	vb, err := b.Vector(Float32)
	if err != nil {
		return Vector{}, Vector{}, err
	}
	return va, vb, nil
}

// ValueDistanceCos is [DistanceCos] of two SQL values.
func ValueDistanceCos(a, b Value) (d float64, ok bool, err error) {
	va, vb, err := Pair(a, b)
	if err != nil {
		return 0, false, err
	}
	return DistanceCos(va, vb)
}

// ValueDistanceL2 is [DistanceL2] of two SQL values.
func ValueDistanceL2(a, b Value) (d float64, ok bool, err error) {
	va, vb, err := Pair(a, b)
	if err != nil {
		return 0, false, err
	}
	return DistanceL2(va, vb)
}
