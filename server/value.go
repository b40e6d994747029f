package server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nearlite/nearlite/sqlext/host"
)

// value is a value of the protocol: {"type": ..., "value": ... | "base64": ...}.
// Integers are strings, because JavaScript's numbers do not hold 64 bits.
//
// It has no UnmarshalJSON: encoding/json would read the text of a vector two times
// more for it. check makes the Value.
type value struct {
	Type   string  `json:"type"`
	Raw    any     `json:"value"`
	Base64 *string `json:"base64"`

	host.Value `json:"-"`
}

func (v *value) check() error {
	text, isText := v.Raw.(string)
	switch v.Type {
	case "null":
	case "integer":
		if !isText {
			return fmt.Errorf("value of type integer: got %s, want the digits in a string", v.given())
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("value of type integer: got %q, want a whole number of 64 bits", clip([]byte(text)))
		}
		v.Value = host.IntValue(n)
	case "float":
		f, ok := v.Raw.(float64)
		if !ok {
			return fmt.Errorf("value of type float: got %s, want a number", v.given())
		}
		v.Value = host.FloatValue(f)
	case "text":
		if !isText {
			return fmt.Errorf("value of type text: got %s, want a string", v.given())
		}
		v.Value = host.TextValue(text)
	case "blob":
		if v.Base64 == nil {
			return fmt.Errorf("value of type blob: base64 is missing")
		}
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(*v.Base64, "="))
		if err != nil {
			return fmt.Errorf("value of type blob: %w", err)
		}
		v.Value = host.BlobValue(b)
		v.Base64 = nil
	default:
		return fmt.Errorf("value: got type %q, want null, integer, float, text or blob", clip([]byte(v.Type)))
	}
	v.Raw = nil
	return nil
}

// given describes what a client sent in the wrong form.
func (v *value) given() string {
	switch raw := v.Raw.(type) {
	case nil:
		return "nothing"
	case string:
		return strconv.Quote(clip([]byte(raw)))
	case float64:
		return "the number " + strconv.FormatFloat(raw, 'g', -1, 64)
	default:
		return fmt.Sprintf("a JSON %T", raw)
	}
}

// clip shortens text of a client for a message.
func clip(b []byte) string {
	const most = 40
	if len(b) == 0 {
		return "nothing"
	}
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "…"
	}
	return string(b)
}

// appendValue writes a value. What JSON has no form for, an infinity, is null.
func appendValue(dst []byte, v host.Value) []byte {
	switch v.Kind {
	case host.Integer:
		dst = append(dst, `{"type":"integer","value":"`...)
		dst = strconv.AppendInt(dst, v.Int, 10)
		return append(dst, `"}`...)
	case host.Float:
		if math.IsInf(v.Float, 0) || math.IsNaN(v.Float) {
			break
		}
		dst = append(dst, `{"type":"float","value":`...)
		dst = strconv.AppendFloat(dst, v.Float, 'g', -1, 64)
		return append(dst, '}')
	case host.Text:
		dst = append(dst, `{"type":"text","value":`...)
		dst = appendString(dst, v.Bytes)
		return append(dst, '}')
	case host.BlobKind:
		dst = append(dst, `{"type":"blob","base64":"`...)
		dst = base64.RawStdEncoding.AppendEncode(dst, v.Bytes)
		return append(dst, `"}`...)
	}
	return append(dst, `{"type":"null"}`...)
}

// appendString writes a JSON string; bytes that are no UTF-8 become U+FFFD.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func appendText(dst []byte, s string) []byte { return appendString(dst, []byte(s)) }

// appendOptional writes a string, or null for "".
func appendOptional(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendText(dst, s)
}
