package lexical

import (
	"errors"
	"testing"
)

func TestBalance(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`+(unclosed`, `query string: parenthesis is not closed near character 2, "(unclosed"; a \ before it takes its meaning away`},
		{`é (a OR (b) c`, `query string: parenthesis is not closed near character 3, "(a"; a \ before it takes its meaning away`},
		{`a b) c`, `query string: parenthesis closes none near character 4, ")"; a \ before it takes its meaning away`},
		{`x title:/abc d`, `query string: regular expression is not closed near character 9, "/abc"; a \ before it takes its meaning away`},
		{`-/a\/b`, `query string: regular expression is not closed near character 2, "/a\\/b"; a \ before it takes its meaning away`},
		{`(a) f(x) "( /" /(/ \( a/b c`, ""},
		{`/a(b/ +/x/ "a\"("`, ""},
		{``, ""},
		{`\`, ""},
	} {
		err := checkBalance(c.text)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.Is(err, ErrQuery) {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}
