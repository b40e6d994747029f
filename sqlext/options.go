package sqlext

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// option is one name=value of a module argument.
type option struct {
	name  string // folded
	value string // without the outer quotes
}

// parseOption reads "name=value", reporting false when arg has another form.
func parseOption(arg string) (option, bool) {
	t := tokenize(arg)
	if len(t) < 2 || t[0].kind != tokWord || !t[1].is("=") {
		return option{}, false
	}
	return option{name: foldName(t[0].text), value: optionValue(arg, t[2:])}, true
}

// optionValue is the meaning of the tokens of a value: a single quoted token
// without its quotes, else the source text.
func optionValue(src string, t []token) string {
	switch len(t) {
	case 0:
		return ""
	case 1:
		return t[0].text
	}
	return strings.TrimSpace(src[t[0].from:t[len(t)-1].to])
}

// indexedColumn is a column argument with its own options: "title boost=2".
type indexedColumn struct {
	name    string
	options []option
}

// parseColumn reads a column argument: a name, then name=value pairs.
func parseColumn(arg string) (indexedColumn, error) {
	t := tokenize(arg)
	if len(t) == 0 || !t[0].isName() {
		return indexedColumn{}, errorf("got %q among the module's arguments, want a column name or name=value", strings.TrimSpace(arg))
	}
	c := indexedColumn{name: t[0].text}
	for i := 1; i < len(t); {
		if t[i].kind != tokWord || i+1 >= len(t) || !t[i+1].is("=") {
			return indexedColumn{}, errorf("got %q after column %q, want name=value", t[i].text, c.name)
		}
		end := i + 2
		for end < len(t) && !(t[end].kind == tokWord && end+1 < len(t) && t[end+1].is("=")) {
			end++
		}
		c.options = append(c.options, option{foldName(t[i].text), optionValue(arg, t[i+2:end])})
		i = end
	}
	return c, nil
}

// parseTableArg reads the first module argument, the base table, without its
// schema.
func parseTableArg(module, schema, index string, args []string) (string, error) {
	usage := "CREATE VIRTUAL TABLE " + index + " USING " + module
	switch module {
	case "hnsw":
		usage += "(table, column, option=value, ...)"
	default:
		usage += "(table, column, ..., option=value, ...)"
	}
	if len(args) == 0 || strings.TrimSpace(args[0]) == "" {
		return "", errorf("%s.%s: no table to index is given, want %s", schema, index, usage)
	}
	if o, ok := parseOption(args[0]); ok {
		return "", errorf("%s.%s: the first argument is the option %q, want the table to index: %s", schema, index, o.name, usage)
	}
	_, table, ok := parseName(args[0])
	if !ok {
		return "", errorf("%s.%s: got %q, want the name of the table to index: %s", schema, index, strings.TrimSpace(args[0]), usage)
	}
	return table, nil
}

// checkTableSchema refuses a table in another schema than the index. It is asked
// when the index is made only: the file may be attached under another name later.
func checkTableSchema(module, schema, index string, args []string) error {
	in, _, _ := parseName(args[0])
	if in != "" && foldName(in) != foldName(schema) {
		return errorf("%s.%s: the table is in schema %q; an index lives in the schema of its table: CREATE VIRTUAL TABLE %s.%s USING %s(...)", schema, index, in, in, index, module)
	}
	return nil
}

// unknownOption names the options there are.
func unknownOption(label, name string, known []string) error {
	return errorf("%s: unknown option %q, want one of %s", label, name, strings.Join(known, ", "))
}

// intOption reads a whole number.
func intOption(label string, o option) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(o.value))
	if err != nil {
		return 0, errorf("%s: %s is %q, want a whole number", label, o.name, o.value)
	}
	return n, nil
}

// floatOption reads a finite number.
func floatOption(label string, o option) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(o.value), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errorf("%s: %s is %q, want a number", label, o.name, o.value)
	}
	return f, nil
}

// declaredDims reads the dimensions from the declared type of a vector column,
// such as F32_BLOB(384); 0 when the type says nothing.
func declaredDims(declared string) (int, error) {
	t := tokenize(declared)
	if len(t) == 0 || !vectorTypeNames[foldName(t[0].text)] {
		return 0, nil
	}
	if len(t) != 4 || !t[1].is("(") || !t[3].is(")") {
		return 0, fmt.Errorf("declared %s, want the dimensions in it, such as %s(384)", declared, t[0].text)
	}
	n, err := strconv.Atoi(t[2].text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("declared %s, want a whole number of dimensions of at least 1", declared)
	}
	return n, nil
}

// vectorTypeNames are the column types that libSQL knows as vectors.
var vectorTypeNames = map[string]bool{
	"float32": true, "f32_blob": true,
	"float64": true, "f64_blob": true,
	"float16": true, "f16_blob": true,
	"floatb16": true, "fb16_blob": true,
	"float8": true, "f8_blob": true,
	"float1bit": true, "f1bit_blob": true,
}
