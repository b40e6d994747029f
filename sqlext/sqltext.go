package sqlext

import "strings"

// tokenKind classifies a token of SQL text.
type tokenKind uint8

const (
	tokWord   tokenKind = iota // bare word or number
	tokQuoted                  // "x", `x`, [x] or 'x'
	tokPunct                   // one operator character
)

// token is a piece of SQL text: text is its meaning (unquoted), from and to its
// place in the source.
type token struct {
	kind     tokenKind
	text     string
	quote    byte // opening quote of a tokQuoted, else 0
	from, to int
}

// is reports whether t is the bare keyword or the punctuation s.
func (t token) is(s string) bool {
	return t.kind != tokQuoted && strings.EqualFold(t.text, s)
}

// isName reports whether t can be an identifier.
func (t token) isName() bool { return t.kind != tokPunct }

// tokenize splits SQL text as SQLite's tokenizer would, as far as reading module
// arguments and our own triggers needs: comments and white space are dropped, an
// unterminated quote reaches to the end.
func tokenize(sql string) []token {
	var out []token
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
		case strings.HasPrefix(sql[i:], "--"):
			end := strings.IndexByte(sql[i:], '\n')
			if end < 0 {
				return out
			}
			i += end + 1
		case strings.HasPrefix(sql[i:], "/*"):
			end := strings.Index(sql[i+2:], "*/")
			if end < 0 {
				return out
			}
			i += 2 + end + 2
		case c == '"' || c == '`' || c == '\'' || c == '[':
			text, n := unquote(sql[i:])
			out = append(out, token{tokQuoted, text, c, i, i + n})
			i += n
		case isWordByte(c):
			j := i + 1
			for j < len(sql) && isWordByte(sql[j]) {
				j++
			}
			out = append(out, token{tokWord, sql[i:j], 0, i, j})
			i = j
		default:
			out = append(out, token{tokPunct, sql[i : i+1], 0, i, i + 1})
			i++
		}
	}
	return out
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// unquote reads the quoted token at the start of s, and says how long it is.
func unquote(s string) (text string, n int) {
	end := s[0]
	if end == '[' {
		if i := strings.IndexByte(s, ']'); i >= 0 {
			return s[1:i], i + 1
		}
		return s[1:], len(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != end {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == end {
			b.WriteByte(end)
			i++
			continue
		}
		return b.String(), i + 1
	}
	return b.String(), len(s)
}

// quoteName quotes an identifier.
func quoteName(s string) string {
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// parseName splits "name" or "schema.name", either part quoted or not.
func parseName(s string) (schema, name string, ok bool) {
	t := tokenize(s)
	switch {
	case len(t) == 1 && t[0].isName():
		return "", t[0].text, true
	case len(t) == 3 && t[0].isName() && t[1].is(".") && t[2].isName():
		return t[0].text, t[2].text, true
	}
	// Names that need quotes but came without, such as "my docs": taken whole.
	if s = strings.TrimSpace(s); s != "" {
		return "", s, true
	}
	return "", "", false
}

// foldName is the key of an identifier: SQLite compares them without regard to
// ASCII case.
func foldName(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
