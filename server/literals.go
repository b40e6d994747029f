package server

import "strings"

// withoutLiterals puts a question mark in the place of each value in the text of a statement:
// strings, blobs, numbers. Comments, which may hold anything, are left out. Names stay, also
// in double quotes.
func withoutLiterals(sql string) string {
	var out strings.Builder
	for i := 0; i < len(sql); {
		from, c := i, sql[i]
		switch {
		case c == '\'':
			i = quotedEnd(sql, i)
			out.WriteByte('?')
		case (c == 'x' || c == 'X') && i+1 < len(sql) && sql[i+1] == '\'':
			i = quotedEnd(sql, i+1)
			out.WriteByte('?')
		case c == '"' || c == '`' || c == '[':
			i = quotedEnd(sql, i)
			out.WriteString(sql[from:i])
		case strings.HasPrefix(sql[i:], "--"):
			i = lineEnd(sql, i)
		case strings.HasPrefix(sql[i:], "/*"):
			i = commentEnd(sql, i)
			out.WriteByte(' ')
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(sql) && sql[i+1] >= '0' && sql[i+1] <= '9':
			i = numberEnd(sql, i)
			out.WriteByte('?')
		case isNameByte(c) || c == '?' || c == ':' || c == '@':
			// Also ?1 and t1.
			for i++; i < len(sql) && isNameByte(sql[i]); i++ {
			}
			out.WriteString(sql[from:i])
		default:
			i++
			out.WriteByte(c)
		}
	}
	return out.String()
}

func isNameByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// quotedEnd is the end of what is quoted at i. A quote inside is written twice.
func quotedEnd(sql string, i int) int {
	q := sql[i]
	if q == '[' {
		q = ']'
	}
	for i++; i < len(sql); i++ {
		if sql[i] != q {
			continue
		}
		if q == ']' || i+1 == len(sql) || sql[i+1] != q {
			return i + 1
		}
		i++
	}
	return len(sql)
}

func lineEnd(sql string, i int) int {
	if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(sql)
}

func commentEnd(sql string, i int) int {
	if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
		return i + 2 + n + 2
	}
	return len(sql)
}

// numberEnd takes digits, points, letters (0xff, 1e5), and the sign of an exponent.
func numberEnd(sql string, i int) int {
	hex := strings.HasPrefix(strings.ToLower(sql[i:min(len(sql), i+2)]), "0x")
	for i++; i < len(sql); i++ {
		c := sql[i]
		sign := (c == '+' || c == '-') && sql[i-1]|0x20 == 'e' && !hex
		if !isNameByte(c) && c != '.' && !sign {
			break
		}
	}
	return i
}
