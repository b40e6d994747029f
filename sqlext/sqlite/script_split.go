package sqlite

import "strings"

// skipBlank returns the length of the blanks, semicolons and comments that text
// begins with: between two statements, nothing to run.
func skipBlank(text string) int {
	i := 0
	for i < len(text) {
		n := commentLen(text[i:])
		if n == 0 {
			if text[i] != ';' && !isSpace(text[i]) {
				break
			}
			n = 1
		}
		i += n
	}
	return i
}

// statementLen returns how far the first statement of text reaches past from:
// up to and with the semicolon that ends it, or all of text. It knows strings,
// quoted names, comments and the bodies of triggers, by the rules of
// https://sqlite.org/c3ref/complete.html: a trigger ends at "; END ;".
func statementLen(text string, from int) int {
	var head []string // the first words, upper case
	inTrigger := false
	end := 0 // progress towards "; END ;": 1 after ";", 2 after "; END"
	for i := 0; i < len(text); {
		if n := commentLen(text[i:]); n > 0 {
			i += n
			continue
		}
		switch c := text[i]; {
		case isSpace(c):
			i++
			continue
		case c == ';':
			i++
			if (!inTrigger || end == 2) && i > from {
				return i - from
			}
			end = 1
			continue
		case isWord(c):
			j := i + 1
			for j < len(text) && isWord(text[j]) {
				j++
			}
			word := strings.ToUpper(text[i:j])
			if len(head) < 6 {
				head = append(head, word)
				inTrigger = startsTrigger(head)
			}
			if word == "END" && end == 1 {
				end = 2
			} else {
				end = 0
			}
			i = j
			continue
		default:
			i += quotedLen(text[i:])
		}
		end = 0
	}
	return len(text) - from
}

// startsTrigger reports whether the words begin a CREATE TRIGGER statement.
func startsTrigger(words []string) bool {
	if len(words) > 0 && words[0] == "EXPLAIN" {
		words = words[1:]
		if len(words) > 1 && words[0] == "QUERY" && words[1] == "PLAN" {
			words = words[2:]
		}
	}
	if len(words) < 2 || words[0] != "CREATE" {
		return false
	}
	if w := words[1]; w == "TEMP" || w == "TEMPORARY" {
		words = words[1:]
	}
	return len(words) > 1 && words[1] == "TRIGGER"
}

// quotedLen returns the length of the string or quoted name that text begins
// with, or 1. A doubled quote inside reads as two quoted parts side by side,
// which ends at the same place.
func quotedLen(text string) int {
	closing := text[0]
	switch text[0] {
	case '\'', '"', '`':
	case '[':
		closing = ']'
	default:
		return 1
	}
	if n := strings.IndexByte(text[1:], closing); n >= 0 {
		return n + 2
	}
	return len(text)
}

// commentLen returns the length of the comment that text begins with, or 0.
func commentLen(text string) int {
	opening, closing := "--", "\n"
	switch {
	case strings.HasPrefix(text, opening):
	case strings.HasPrefix(text, "/*"):
		opening, closing = "/*", "*/"
	default:
		return 0
	}
	if n := strings.Index(text[len(opening):], closing); n >= 0 {
		return len(opening) + n + len(closing)
	}
	return len(text)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
