package server

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// quickPipeline reads the body of a pipeline as clients write it, five times as fast as
// encoding/json: the text of a vector is looked at once. It knows plain strings and each
// key once; ok is false for anything else, valid or not, which is left to encoding/json.
func quickPipeline(data []byte) (req pipelineRequest, ok bool) {
	q := quickReader{b: data}
	q.object(func(key string) {
		switch key {
		case "baton":
			req.Baton = q.optionalString()
		case "requests":
			req.Requests = []streamRequest{}
			q.array(func() {
				var r streamRequest
				q.object(func(key string) { q.request(&r, key) })
				req.Requests = append(req.Requests, r)
			})
		default:
			q.bad = true
		}
	})
	q.space()
	return req, !q.bad && q.at == len(q.b)
}

// quickMessage reads the message of a WebSocket as clients write it, in the same way.
func quickMessage(data []byte) (m wsMessage, ok bool) {
	q := quickReader{b: data}
	q.object(func(key string) {
		switch key {
		case "type":
			m.Type = q.string()
		case "request_id":
			m.RequestID = q.int32()
		case "request":
			r := &wsRequest{}
			q.object(func(key string) {
				if key == "stream_id" {
					r.StreamID = q.int32()
				} else {
					q.request(&r.streamRequest, key)
				}
			})
			m.Request = r
		default:
			q.bad = true
		}
	})
	q.space()
	return m, !q.bad && q.at == len(q.b)
}

// quickReader reads JSON from the front. bad is set by all that it does not know.
type quickReader struct {
	b   []byte
	at  int
	bad bool
}

func (q *quickReader) space() {
	for q.at < len(q.b) {
		switch q.b[q.at] {
		case ' ', '\t', '\n', '\r':
			q.at++
		default:
			return
		}
	}
}

// next skips blanks and takes a byte if it is c.
func (q *quickReader) next(c byte) bool {
	q.space()
	if !q.bad && q.at < len(q.b) && q.b[q.at] == c {
		q.at++
		return true
	}
	return false
}

func (q *quickReader) want(c byte) {
	if !q.next(c) {
		q.bad = true
	}
}

// object calls field with each key; field reads the value.
func (q *quickReader) object(field func(key string)) {
	q.want('{')
	if q.bad || q.next('}') {
		return
	}
	var seen [8]string
	for n := 0; !q.bad; n++ {
		key := q.string()
		for _, k := range seen[:min(n, len(seen))] {
			q.bad = q.bad || k == key
		}
		if n == len(seen) {
			q.bad = true
			return
		}
		seen[n] = key
		q.want(':')
		if !q.bad {
			field(key)
		}
		if !q.next(',') {
			break
		}
	}
	q.want('}')
}

func (q *quickReader) array(element func()) {
	q.want('[')
	if q.bad || q.next(']') {
		return
	}
	for !q.bad {
		element()
		if !q.next(',') {
			break
		}
	}
	q.want(']')
}

// string reads a string without escapes.
func (q *quickReader) string() string { return string(q.bytes()) }

// long reads a string that may be long, without a copy: it is as valid as the body, which
// nobody changes, and must not be kept for longer.
func (q *quickReader) long() string {
	b := q.bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (q *quickReader) bytes() []byte {
	q.want('"')
	if q.bad {
		return nil
	}
	from := q.at
	end := from + plainLen(q.b[from:])
	ascii := true
	for i, c := range q.b[end:] {
		if c == '"' {
			q.at = end + i + 1
			s := q.b[from : end+i]
			if !ascii && !utf8.Valid(s) {
				break
			}
			return s
		}
		if c < 0x20 || c == '\\' {
			break
		}
		ascii = ascii && c < 0x80
	}
	q.bad = true
	return nil
}

// plainLen returns the length of a run of printable ASCII without quotes and
// backslashes at the front of b, eight bytes at a time; the rest is not looked at.
func plainLen(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		// A top bit is set where x is beyond ASCII or below a blank, and where one of the
		// others is zero; borrows set more, but only behind such a byte.
		if (x|(x-ones*0x20)|(quote-ones)&^quote|(slash-ones)&^slash)&tops != 0 {
			break
		}
	}
	return i
}

// null takes a null if there is one.
func (q *quickReader) null() bool { return q.word("null") }

func (q *quickReader) word(w string) bool {
	q.space()
	if q.bad || len(q.b)-q.at < len(w) || string(q.b[q.at:q.at+len(w)]) != w {
		return false
	}
	q.at += len(w)
	return true
}

func (q *quickReader) optionalString() *string {
	if q.null() {
		return nil
	}
	s := q.string()
	return &s
}

// request reads a field of a request.
func (q *quickReader) request(r *streamRequest, key string) {
	switch key {
	case "type":
		r.Type = q.string()
	case "stmt":
		r.Stmt = q.statement()
	case "batch":
		r.Batch = q.batch()
	case "sql":
		text := q.string()
		r.SQL = &text
	case "sql_id":
		id := q.int32()
		r.SQLID = &id
	default:
		q.bad = true
	}
}

func (q *quickReader) batch() *batch {
	b := &batch{}
	q.object(func(key string) {
		if key != "steps" {
			q.bad = true
			return
		}
		b.Steps = []batchStep{}
		q.array(func() {
			var step batchStep
			q.object(func(key string) {
				switch key {
				case "condition":
					if !q.null() {
						step.Condition = q.condition(0)
					}
				case "stmt":
					step.Stmt = q.statement()
				default:
					q.bad = true
				}
			})
			b.Steps = append(b.Steps, step)
		})
	})
	return b
}

// condition reads a condition. Clients nest them two deep; encoding/json bounds what
// others send.
func (q *quickReader) condition(depth int) *condition {
	c := &condition{}
	if depth > 8 {
		q.bad = true
		return c
	}
	q.object(func(key string) {
		switch key {
		case "type":
			c.Type = q.string()
		case "step":
			n := q.int64()
			c.Step = &n
		case "cond":
			c.Cond = q.condition(depth + 1)
		case "conds":
			c.Conds = []condition{}
			q.array(func() { c.Conds = append(c.Conds, *q.condition(depth + 1)) })
		default:
			q.bad = true
		}
	})
	return c
}

func (q *quickReader) statement() *statement {
	st := &statement{}
	q.object(func(key string) {
		switch key {
		case "sql":
			s := q.string()
			st.SQL = &s
		case "sql_id":
			id := q.int32()
			st.SQLID = &id
		case "want_rows":
			yes := q.word("true")
			if !yes && !q.word("false") {
				q.bad = true
			}
			st.WantRows = &yes
		case "args":
			st.Args = []value{}
			q.array(func() { st.Args = append(st.Args, q.value()) })
		case "named_args":
			st.NamedArgs = []namedArg{}
			q.array(func() {
				var a namedArg
				q.object(func(key string) {
					switch key {
					case "name":
						s := q.string()
						a.Name = &s
					case "value":
						v := q.value()
						a.Value = &v
					default:
						q.bad = true
					}
				})
				st.NamedArgs = append(st.NamedArgs, a)
			})
		default:
			q.bad = true
		}
	})
	return st
}

func (q *quickReader) value() (v value) {
	q.object(func(key string) {
		switch key {
		case "type":
			v.Type = q.string()
		case "base64":
			s := q.long()
			v.Base64 = &s
		case "value":
			q.space()
			switch {
			case q.at < len(q.b) && q.b[q.at] == '"':
				v.Raw = q.long()
			case q.null():
			default:
				v.Raw = q.number()
			}
		default:
			q.bad = true
		}
	})
	return v
}

// number reads a number of digits, sign and point; others are left to encoding/json.
func (q *quickReader) number() float64 {
	from := q.at
	for q.at < len(q.b) && (q.b[q.at] >= '0' && q.b[q.at] <= '9' || q.at == from && q.b[q.at] == '-' || q.at > from && q.b[q.at] == '.') {
		q.at++
	}
	text := string(q.b[from:q.at])
	f, err := strconv.ParseFloat(text, 64)
	lead := strings.TrimPrefix(text, "-")
	// JSON has neither .5 nor 5. nor 05.
	if err != nil || lead == "" || lead[0] == '.' || lead[len(lead)-1] == '.' || len(lead) > 1 && lead[0] == '0' && lead[1] != '.' {
		q.bad = true
	}
	return f
}

// int32 reads a whole number of 32 bits.
func (q *quickReader) int32() int32 { return int32(q.whole(32)) }

// int64 reads a whole number of 64 bits.
func (q *quickReader) int64() int64 { return q.whole(64) }

func (q *quickReader) whole(bits int) int64 {
	q.space()
	from := q.at
	if q.number(); q.bad {
		return 0
	}
	n, err := strconv.ParseInt(string(q.b[from:q.at]), 10, bits)
	q.bad = err != nil
	return n
}
