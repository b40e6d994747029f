package host

// IntValue returns an SQL integer.
func IntValue(i int64) Value { return Value{Kind: Integer, Int: i} }

// FloatValue returns an SQL real; NaN becomes NULL in SQLite.
func FloatValue(f float64) Value { return Value{Kind: Float, Float: f} }

// TextValue returns an SQL text.
func TextValue(s string) Value { return Value{Kind: Text, Bytes: []byte(s)} }

// BlobValue returns an SQL blob that aliases b.
func BlobValue(b []byte) Value { return Value{Kind: BlobKind, Bytes: b} }

// String is the value as a string: the text itself for text and blobs, else "".
func (v Value) String() string { return string(v.Bytes) }

// IsNull reports whether v is NULL.
func (v Value) IsNull() bool { return v.Kind == Null }

// KindName is SQLite's name of the storage class.
func (v Value) KindName() string {
	switch v.Kind {
	case Integer:
		return "INTEGER"
	case Float:
		return "FLOAT"
	case Text:
		return "TEXT"
	case BlobKind:
		return "BLOB"
	}
	return "NULL"
}
