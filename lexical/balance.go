package lexical

import "strings"

// checkBalance refuses a query string with a parenthesis that is not closed, or not
// opened, and a regular expression without its end. bleve's parser takes them for
// characters of a word, which no document holds: a mistake would look like no hits.
// Parentheses that match are such characters still, and mean nothing.
func checkBalance(text string) error {
	unfinished := func(what string, at int) error {
		end := len(text)
		if i := strings.IndexAny(text[at:], " \t\n"); i >= 0 {
			end = at + i
		}
		return queryErrorf("query string: %s near character %d, %s; a \\ before it takes its meaning away", what, len([]rune(text[:at]))+1, excerpt(text[at:end]))
	}
	var open []int
	begin := true // of a clause, behind its sign and column
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			i++
		case ' ', '\t', '\n', '\r', '+', '-', ':', '>', '<', '=':
			begin = begin || c <= ' ' || c == ':'
			continue
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			if !begin {
				break
			}
			from := i
			for i++; i < len(text) && text[i] != '/'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) {
				return unfinished("regular expression is not closed", from)
			}
		case '(':
			open = append(open, i)
			continue
		case ')':
			if len(open) == 0 {
				return unfinished("parenthesis closes none", i)
			}
			open = open[:len(open)-1]
		}
		begin = false
	}
	if len(open) > 0 {
		return unfinished("parenthesis is not closed", open[len(open)-1])
	}
	return nil
}
