package sqlext

import (
	"math"
	"strconv"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// defaultK is the number of rows of a planned search that names none.
const defaultK = 10

// searchCall reads the arguments of one call. Its methods keep the first error.
type searchCall struct {
	fn    string
	usage string
	names []string // of the arguments
	args  []host.Value
	given []bool
	err   error
}

func (c *searchCall) fail(format string, args ...any) {
	if c.err == nil {
		c.err = mismatchf(c.fn+": "+format, args...)
	}
}

// require reports a call with too few arguments.
func (c *searchCall) require(n int) {
	for i := range n {
		if !c.given[i] && c.err == nil {
			c.err = errorf("%s: the argument %s is missing, want %s", c.fn, c.names[i], c.usage)
		}
	}
}

// text is argument i, which must be text.
func (c *searchCall) text(i int, what string) string {
	v := c.args[i]
	if v.Kind != host.Text {
		c.fail("%s is %s, want %s", c.names[i], describeValue(v), what)
		return ""
	}
	return string(v.Bytes)
}

// query is the text to search for; ok is false when there is none. Numbers are
// taken as SQLite writes them.
func (c *searchCall) query(i int) (text string, ok bool) {
	switch v := c.args[i]; v.Kind {
	case host.Null:
		return "", false
	case host.BlobKind:
		c.fail("%s is %s, want text to search for", c.names[i], describeValue(v))
		return "", false
	default:
		text = indexText(v)
		return text, strings.TrimSpace(text) != ""
	}
}

// optional is the text of argument i; NULL and no argument are "".
func (c *searchCall) optional(i int, what string) string {
	if !c.given[i] || c.args[i].IsNull() {
		return ""
	}
	return c.text(i, what)
}

// k is the number of rows wanted: a whole number, also as REAL because JavaScript
// sends all numbers so. NULL and no argument mean defaultK.
func (c *searchCall) k(i int) int { return c.count(i, "k") }

// count is argument i as a number of rows, named in messages.
func (c *searchCall) count(i int, name string) int {
	v := c.args[i]
	switch {
	case !c.given[i] || v.IsNull():
		return defaultK
	case v.Kind == host.Integer && v.Int >= 0 && v.Int <= math.MaxInt32:
		return int(v.Int)
	case v.Kind == host.Float && v.Float >= 0 && v.Float <= math.MaxInt32 && v.Float == math.Trunc(v.Float):
		return int(v.Float)
	}
	c.fail("%s is %s, want a whole number from 0 to %d", name, describeValue(v), math.MaxInt32)
	return 0
}

// describeValue shows a value in a message: numbers as they are, text cut short,
// blobs by length.
func describeValue(v host.Value) string {
	switch v.Kind {
	case host.Integer:
		return strconv.FormatInt(v.Int, 10)
	case host.Float:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case host.Text:
		return "the text " + quoteShort(string(v.Bytes))
	case host.BlobKind:
		return "a blob of " + strconv.Itoa(len(v.Bytes)) + " bytes"
	}
	return "NULL"
}

// quoteShort quotes text for a message and cuts it after 60 bytes.
func quoteShort(s string) string {
	if len(s) > 60 {
		return strconv.Quote(strings.ToValidUTF8(s[:60], "")) + "…"
	}
	return strconv.Quote(s)
}
