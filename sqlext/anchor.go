package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// A vector index in libSQL's form,
//
//	CREATE INDEX docs_vec ON docs(libsql_vector_idx(embedding, 'metric=l2')) WHERE lang = 'de'
//
// is to SQLite an ordinary index on an expression. We keep that index as the anchor
// of ours: SQLite itself drops it with its table, rewrites it when the table or the
// column is renamed, undoes it with its transaction, and keeps VACUUM from
// renumbering the rows. Our index is an hnsw table beside it (anchorTable), which
// reconcile makes, drops and makes anew as the anchors in sqlite_schema ask.
//
// Messages about libSQL's statements are libSQL's own, word by word: clients match
// them.

// markerName is the function that marks the expression.
const markerName = "libsql_vector_idx"

// anchor is a vector index in libSQL's form, as sqlite_schema has it.
type anchor struct {
	schema, name, table string
	column              string   // as the index spells it
	where               string   // condition of a partial index, "" if none
	params              []string // the arguments behind the column
}

// label is schema.name for messages.
func (a *anchor) label() string { return a.schema + "." + a.name }

// anchorTable is the name of the hnsw table of an anchor. Clients take tables whose
// SQL holds F32_BLOB and indexes whose name ends in _vector_idx for their own, and
// hide what begins with libsql_.
func anchorTable(index string) string { return "libsql_vector_" + index + "_shadow" }

// libsqlErrorf makes an error with libSQL's text.
func libsqlErrorf(format string, args ...any) error {
	return host.Errorf(host.CodeError, format, args...)
}

// parseAnchor reads the SQL of an index. nil: it is no vector index. An error: it
// wants to be one and is wrong.
func parseAnchor(schema, name, table, sql string) (*anchor, error) {
	if !containsFold(sql, markerName) {
		return nil, nil
	}
	t := tokenize(sql)
	open := 0
	for open < len(t) && !t[open].is("ON") {
		open++
	}
	for open < len(t) && !t[open].is("(") {
		open++
	}
	end := closing(t, open)
	if end < 0 {
		return nil, nil
	}
	terms := splitArgs(t[open+1 : end])
	a := &anchor{schema: schema, name: name, table: table}
	if rest := t[end+1:]; len(rest) > 1 && rest[0].is("WHERE") {
		a.where = strings.TrimSpace(sql[rest[1].from:rest[len(rest)-1].to])
	}
	var call []token
	collated := false
	for _, term := range terms {
		args, c, ok := markerCall(term)
		if ok {
			call, collated = args, collated || c
		}
	}
	switch {
	case call == nil:
		return nil, nil
	case collated:
		return nil, libsqlErrorf("vector index: collation in expression is forbidden")
	case len(terms) != 1:
		return nil, libsqlErrorf("vector index: must contain exactly one column wrapped into the %s function", markerName)
	}
	return a, a.parseArgs(splitArgs(call))
}

// parseArgs reads the arguments of the marker.
func (a *anchor) parseArgs(args [][]token) error {
	if len(args) == 0 {
		return libsqlErrorf("vector index: %s must contain at least one argument", markerName)
	}
	first := args[0]
	if len(first) > 1 && first[0].is("DISTINCT") {
		first = first[1:]
	}
	first = unwrap(first)
	if len(first) != 1 || !first[0].isName() || first[0].quote == '\'' || first[0].quote == 0 && isLiteral(first[0].text) {
		return libsqlErrorf("vector index: %s first argument must be a column token", markerName)
	}
	a.column = first[0].text
	for _, arg := range args[1:] {
		if arg = unwrap(arg); len(arg) != 1 || arg[0].quote != '\'' {
			return libsqlErrorf("vector index: all arguments after first must be strings")
		}
		a.params = append(a.params, arg[0].text)
	}
	return nil
}

// isLiteral reports whether a bare word is a number or a constant, not a name.
func isLiteral(word string) bool {
	if word == "" || '0' <= word[0] && word[0] <= '9' {
		return true
	}
	switch strings.ToUpper(word) {
	case "NULL", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP":
		return true
	}
	return false
}

// markerCall returns the arguments of the marker when an indexed term is a call of
// it, whatever COLLATE, ASC or parentheses are around.
func markerCall(term []token) (args []token, collated, ok bool) {
	for {
		term = unwrap(term)
		n := len(term)
		switch {
		case n > 1 && (term[n-1].is("ASC") || term[n-1].is("DESC")):
			term = term[:n-1]
		case n > 2 && term[n-2].is("COLLATE"):
			term, collated = term[:n-2], true
		default:
			if n < 3 || !strings.EqualFold(term[0].text, markerName) || term[0].quote == '\'' || !term[1].is("(") || closing(term, 1) != n-1 {
				return nil, false, false
			}
			return term[2 : n-1 : n-1], collated, true
		}
	}
}

// unwrap drops parentheses around an expression.
func unwrap(t []token) []token {
	for len(t) > 2 && t[0].is("(") && closing(t, 0) == len(t)-1 {
		t = t[1 : len(t)-1]
	}
	return t
}

// closing is the position of the parenthesis that closes the one at open, -1 if
// there is none.
func closing(t []token, open int) int {
	depth := 0
	for i := open; i < len(t); i++ {
		switch {
		case t[i].is("("):
			depth++
		case t[i].is(")"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// splitArgs splits at the commas outside of parentheses.
func splitArgs(t []token) [][]token {
	if len(t) == 0 {
		return nil
	}
	var out [][]token
	depth, from := 0, 0
	for i := range t {
		switch {
		case t[i].is("("):
			depth++
		case t[i].is(")"):
			depth--
		case depth == 0 && t[i].is(","):
			out = append(out, t[from:i])
			from = i + 1
		}
	}
	return append(out, t[from:])
}

// containsFold reports whether s contains the lower-case word in any ASCII case.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// readAnchor reads one anchor; nil if there is none of that name. Names are compared
// as SQLite does; the caller compares a.name where case matters.
func readAnchor(c host.Conn, schema, name string) (a *anchor, err error) {
	err = query(c, "SELECT name, tbl_name, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type='index' AND name=?1 COLLATE NOCASE",
		[]host.Value{host.TextValue(name)}, func(row host.Stmt) (err error) {
			a, err = parseAnchor(schema, row.Value(0).String(), row.Value(1).String(), row.Value(2).String())
			return err
		})
	return a, err
}

// readAnchors reads all anchors of a schema, in the order they were made. The first
// that is wrong is the error; the others are returned all the same.
func readAnchors(c host.Conn, schema string) (all []*anchor, err error) {
	var wrong error
	err = query(c, "SELECT name, tbl_name, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type='index' AND sql LIKE '%libsql_vector_idx%' ORDER BY rowid",
		nil, func(row host.Stmt) error {
			a, err := parseAnchor(schema, row.Value(0).String(), row.Value(1).String(), row.Value(2).String())
			switch {
			case err != nil:
				if wrong == nil {
					wrong = err
				}
			case a != nil:
				all = append(all, a)
			}
			return nil
		})
	if err == nil {
		err = wrong
	}
	return all, err
}

// columnTypeNames are libSQL's names of vector types.
var columnTypeNames = []struct {
	name string
	typ  vector.Type
}{
	{"FLOAT32", vector.Float32},
	{"FLOAT64", vector.Float64},
	{"F32_BLOB", vector.Float32},
	{"F64_BLOB", vector.Float64},
	{"FLOAT1BIT", vector.Bit},
	{"F1BIT_BLOB", vector.Bit},
	{"FLOAT8", vector.Float8},
	{"F8_BLOB", vector.Float8},
	{"FLOAT16", vector.Float16},
	{"F16_BLOB", vector.Float16},
	{"FLOATB16", vector.BFloat16},
	{"FB16_BLOB", vector.BFloat16},
}

// maxVectorDims is libSQL's limit.
const maxVectorDims = 65536

// parseColumnType reads a declared type such as F32_BLOB(384) as libSQL does.
func parseColumnType(declared string) (typ vector.Type, dims int, err error) {
	bad := func(why string) (vector.Type, int, error) {
		return 0, 0, libsqlErrorf("vector index: %s: %s", why, declared)
	}
	declared = strings.TrimLeft(declared, sqlSpace)
	for _, n := range columnTypeNames {
		if len(declared) < len(n.name) || !strings.EqualFold(declared[:len(n.name)], n.name) {
			continue
		}
		rest := strings.TrimLeft(declared[len(n.name):], sqlSpace)
		if !strings.HasPrefix(rest, "(") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], sqlSpace)
		for rest != "" && rest[0] != ')' && !strings.Contains(sqlSpace, rest[:1]) {
			if rest[0] < '0' || rest[0] > '9' {
				return bad("non digit symbol in vector column parameter")
			}
			if dims = dims*10 + int(rest[0]-'0'); dims > maxVectorDims {
				return bad("max vector dimension exceeded")
			}
			rest = rest[1:]
		}
		rest = strings.TrimLeft(rest, sqlSpace)
		if !strings.HasPrefix(rest, ")") {
			return bad("missed closing brace for vector column type")
		}
		if strings.TrimLeft(rest[1:], sqlSpace) != "" {
			return bad("extra data after dimension parameter for vector column type")
		}
		if dims == 0 {
			return bad("vector column must have non-zero dimension for index")
		}
		return n.typ, dims, nil
	}
	return bad("unexpected vector column type")
}

// sqlSpace is white space as SQLite sees it.
const sqlSpace = " \t\n\v\f\r"
