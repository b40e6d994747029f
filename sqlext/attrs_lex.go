package sqlext

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// exprKind classifies a token of an expression.
type exprKind uint8

const (
	exprEnd    exprKind = iota
	exprName            // bare or quoted identifier
	exprString          // text is its value
	exprBlob            // text is its value
	exprNumber          // text is as written
	exprParam           // param is its number
	exprOp              // operator or punctuation; bare words that may be keywords are names
	exprOther           // something that no term of ours has
)

type exprToken struct {
	kind  exprKind
	text  string
	bare  bool // a name without quotes: it may be a keyword
	param int
}

// is reports whether t is the operator or the bare keyword s.
func (t exprToken) is(s string) bool {
	return t.kind == exprOp && t.text == s || t.kind == exprName && t.bare && strings.EqualFold(t.text, s)
}

// operators of more than one character, longest first.
var operators = []string{"->>", "||", "->", "==", "<>", "<=", ">=", "!=", "<<", ">>"}

// lexExpr splits an expression into tokens, with exprEnd behind the last. ok is false
// where it has parameters with names: their numbers are not known here.
func lexExpr(s string) (tokens []exprToken, ok bool) {
	params := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
		case strings.HasPrefix(s[i:], "--"):
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				n = len(s) - i
			}
			i += n
		case strings.HasPrefix(s[i:], "/*"):
			n := strings.Index(s[i+2:], "*/")
			if n < 0 {
				return nil, false
			}
			i += n + 4
		case c == '\'':
			text, n := unquote(s[i:])
			tokens = append(tokens, exprToken{kind: exprString, text: text})
			i += n
		case c == '"' || c == '`' || c == '[':
			text, n := unquote(s[i:])
			tokens = append(tokens, exprToken{kind: exprName, text: text})
			i += n
		case (c == 'x' || c == 'X') && i+1 < len(s) && s[i+1] == '\'':
			text, n := unquote(s[i+1:])
			b, err := hex.DecodeString(text)
			if err != nil {
				return nil, false
			}
			tokens = append(tokens, exprToken{kind: exprBlob, text: string(b)})
			i += 1 + n
		case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
			n := numberEnd(s[i:])
			t := exprToken{kind: exprNumber, text: s[i : i+n]}
			if i += n; i < len(s) && isWordByte(s[i]) { // 0x1f, 1_000
				for i < len(s) && isWordByte(s[i]) {
					i++
				}
				t.kind = exprOther
			}
			tokens = append(tokens, t)
		case c == '?':
			n := i + 1
			for n < len(s) && isDigit(s[n]) {
				n++
			}
			number := params + 1
			if n > i+1 {
				var err error
				if number, err = strconv.Atoi(s[i+1 : n]); err != nil || number < 1 {
					return nil, false
				}
			}
			params = max(params, number)
			tokens = append(tokens, exprToken{kind: exprParam, param: number})
			i = n
		case c == ':' || c == '@' || c == '#' || c == '$':
			return nil, false
		case isWordByte(c):
			n := i + 1
			for n < len(s) && isWordByte(s[n]) {
				n++
			}
			tokens = append(tokens, exprToken{kind: exprName, text: s[i:n], bare: true})
			i = n
		default:
			op := s[i : i+1]
			for _, o := range operators {
				if strings.HasPrefix(s[i:], o) {
					op = o
					break
				}
			}
			tokens = append(tokens, exprToken{kind: exprOp, text: op})
			i += len(op)
		}
	}
	return append(tokens, exprToken{}), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// numberEnd is the length of the decimal number at the start of s.
func numberEnd(s string) int {
	i := 0
	digits := func() {
		for i < len(s) && isDigit(s[i]) {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' {
		i++
		digits()
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && isDigit(s[j]) {
			i = j
			digits()
		}
	}
	return i
}
