package sqlext_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// runner holds the connections of one case.
type runner struct {
	dir   string
	file  string // "" for a database in memory
	conns map[string]*sqlite3.Conn
}

// runCase runs one case and reports how its outcome differs from what is expected.
func runCase(tempDir func() string, c conformanceCase) (err error) {
	r := &runner{conns: map[string]*sqlite3.Conn{}}
	text := c.SQL + string(must(json.Marshal(c.Setup)))
	if c.DB == "file" || strings.Contains(text, "{DIR}") {
		r.dir = tempDir()
	}
	if c.DB == "file" {
		r.file = filepath.Join(r.dir, "case.db")
		r.dir = filepath.Join(r.dir, "") // {DIR} is beside the database
	}
	defer func() {
		if e := r.close(); e != nil && err == nil {
			err = fmt.Errorf("close: %w", e)
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	for i, raw := range c.Setup {
		if err := r.setup(raw); err != nil {
			return fmt.Errorf("setup step %d: %w", i+1, err)
		}
	}
	conn, err := r.conn(c.Conn)
	if err != nil {
		return err
	}
	want := c.Expect
	if c.Level == "bug" {
		if c.Better == nil {
			return errors.New("the case has no better expectation")
		}
		want = *c.Better
	}
	got := r.run(conn, c.SQL, c.Params)
	return compare(got, want, c.Tol, c.Order == "any")
}

// step is a step of setup in its long form.
type step struct {
	SQL         string            `json:"sql"`
	Params      []json.RawMessage `json:"params"`
	Conn        string            `json:"conn"`
	Reopen      bool              `json:"reopen"`
	ExpectError bool              `json:"expect_error"`
	Error       string            `json:"error"`
	LibSQLError json.RawMessage   `json:"libsql_error"` // fails in libSQL, must not fail here
}

func (r *runner) setup(raw json.RawMessage) error {
	var s step
	if json.Unmarshal(raw, &s.SQL) != nil {
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
	}
	if s.Reopen {
		return r.close()
	}
	conn, err := r.conn(s.Conn)
	if err != nil {
		return err
	}
	got := r.run(conn, s.SQL, s.Params)
	switch {
	case s.ExpectError && got.err == nil:
		return fmt.Errorf("%s: succeeded, want error %q", s.SQL, s.Error)
	case s.ExpectError && s.Error != "" && got.message() != s.Error:
		return fmt.Errorf("%s: got error %q, want %q", s.SQL, got.message(), s.Error)
	case !s.ExpectError && got.err != nil:
		return fmt.Errorf("%s: %w", s.SQL, got.err)
	}
	return nil
}

// conn returns the connection of that name, opening it at first use.
func (r *runner) conn(name string) (*sqlite3.Conn, error) {
	if name == "" {
		name = "a"
	}
	if c := r.conns[name]; c != nil {
		return c, nil
	}
	if r.file == "" && len(r.conns) > 0 {
		return nil, errors.New("a second connection to a database in memory")
	}
	file := r.file
	if file == "" {
		file = ":memory:"
	}
	c, err := sqlite3.Open(file)
	if err != nil {
		return nil, err
	}
	r.conns[name] = c
	return c, sqlite.Register(c)
}

func (r *runner) close() error {
	var all error
	for name, c := range r.conns {
		all = errors.Join(all, c.Close())
		delete(r.conns, name)
	}
	return all
}

// outcome is what a statement did.
type outcome struct {
	columns []string
	rows    [][]any // nil, int64, float64, string, []byte
	err     error
}

// message is the error as libSQL shows it: SQLite's own message.
func (o outcome) message() string {
	if o.err == nil {
		return ""
	}
	msg := o.err.Error()
	var code sqlite3.ExtendedErrorCode
	if errors.As(o.err, &code) {
		if rest, ok := strings.CutPrefix(msg, code.Error()+": "); ok {
			return rest
		}
	}
	return strings.TrimPrefix(msg, "sqlite3: ")
}

func (o outcome) code() string {
	var code sqlite3.ErrorCode
	if !errors.As(o.err, &code) {
		return ""
	}
	var extended sqlite3.ExtendedErrorCode
	if errors.As(o.err, &extended) && extendedNames[extended] != "" {
		return extendedNames[extended]
	}
	if name := codeNames[code]; name != "" {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// extendedNames are the names of extended codes, which libSQL's binding prefers.
var extendedNames = map[sqlite3.ExtendedErrorCode]string{
	sqlite3.CONSTRAINT_CHECK:      "SQLITE_CONSTRAINT_CHECK",
	sqlite3.CONSTRAINT_FOREIGNKEY: "SQLITE_CONSTRAINT_FOREIGNKEY",
	sqlite3.CONSTRAINT_NOTNULL:    "SQLITE_CONSTRAINT_NOTNULL",
	sqlite3.CONSTRAINT_PRIMARYKEY: "SQLITE_CONSTRAINT_PRIMARYKEY",
	sqlite3.CONSTRAINT_ROWID:      "SQLITE_CONSTRAINT_ROWID",
	sqlite3.CONSTRAINT_TRIGGER:    "SQLITE_CONSTRAINT_TRIGGER",
	sqlite3.CONSTRAINT_UNIQUE:     "SQLITE_CONSTRAINT_UNIQUE",
}

// codeNames are the names of primary result codes that libSQL's binding shows.
var codeNames = map[sqlite3.ErrorCode]string{
	sqlite3.ERROR:      "SQLITE_ERROR",
	sqlite3.ABORT:      "SQLITE_ABORT",
	sqlite3.AUTH:       "SQLITE_AUTH",
	sqlite3.BUSY:       "SQLITE_BUSY",
	sqlite3.CANTOPEN:   "SQLITE_CANTOPEN",
	sqlite3.CONSTRAINT: "SQLITE_CONSTRAINT",
	sqlite3.CORRUPT:    "SQLITE_CORRUPT",
	sqlite3.INTERRUPT:  "SQLITE_INTERRUPT",
	sqlite3.LOCKED:     "SQLITE_LOCKED",
	sqlite3.MISMATCH:   "SQLITE_MISMATCH",
	sqlite3.RANGE:      "SQLITE_RANGE",
	sqlite3.READONLY:   "SQLITE_READONLY",
	sqlite3.TOOBIG:     "SQLITE_TOOBIG",
}

func (r *runner) run(c *sqlite3.Conn, sql string, params []json.RawMessage) (o outcome) {
	st, _, err := sqlite.Prepare(c, strings.ReplaceAll(sql, "{DIR}", filepath.ToSlash(r.dir)))
	if err != nil {
		return outcome{err: err}
	}
	defer st.Close()
	for i, raw := range params {
		v, err := readValue(raw)
		if err == nil {
			err = bind(st, i+1, v)
		}
		if err != nil {
			return outcome{err: err}
		}
	}
	for i := range st.ColumnCount() {
		o.columns = append(o.columns, st.ColumnName(i))
	}
	for st.Step() {
		row := make([]any, st.ColumnCount())
		for i := range row {
			row[i] = column(st, i)
		}
		o.rows = append(o.rows, row)
	}
	o.err = st.Err()
	return o
}

func bind(st *sqlite.Stmt, i int, v any) error {
	switch v := v.(type) {
	case int64:
		return st.BindInt64(i, v)
	case float64:
		return st.BindFloat(i, v)
	case string:
		return st.BindText(i, v)
	case []byte:
		return st.BindBlob(i, v)
	}
	return st.BindNull(i)
}

func column(st *sqlite.Stmt, i int) any {
	switch st.ColumnType(i) {
	case sqlite3.INTEGER:
		return st.ColumnInt64(i)
	case sqlite3.FLOAT:
		return st.ColumnFloat(i)
	case sqlite3.TEXT:
		return st.ColumnText(i)
	case sqlite3.BLOB:
		return st.ColumnBlob(i, []byte{})
	}
	return nil
}

// readValue reads a value of a case file.
func readValue(raw json.RawMessage) (any, error) {
	var v *struct {
		Int        *string         `json:"int"`
		Real       json.RawMessage `json:"real"`
		Text       *string         `json:"text"`
		Blob       *string         `json:"blob"`
		BlobZero   *int            `json:"blob_zero"`
		Tail       string          `json:"tail"`
		TextRepeat *struct {
			Prefix, Unit, Sep, Suffix string
			Count                     int
		} `json:"text_repeat"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		return nil, err
	}
	switch {
	case v.Int != nil:
		return strconv.ParseInt(*v.Int, 10, 64)
	case v.Real != nil:
		return strconv.ParseFloat(strings.Trim(string(v.Real), `"`), 64)
	case v.Text != nil:
		return *v.Text, nil
	case v.Blob != nil:
		return hex.DecodeString(*v.Blob)
	case v.BlobZero != nil:
		tail, err := hex.DecodeString(v.Tail)
		return append(make([]byte, *v.BlobZero), tail...), err
	case v.TextRepeat != nil:
		p := v.TextRepeat
		return p.Prefix + strings.TrimSuffix(strings.Repeat(p.Unit+p.Sep, p.Count), p.Sep) + p.Suffix, nil
	}
	return nil, fmt.Errorf("unknown value %s", raw)
}

// compare says how an outcome differs from the expectation, nil if it does not.
func compare(got outcome, want expectation, tol float64, anyOrder bool) error {
	switch {
	case want.Error != nil:
		if got.message() != *want.Error {
			return fmt.Errorf("got %s\nwant error %q", got, *want.Error)
		}
		if want.Code != "" && got.code() != want.Code {
			return fmt.Errorf("got code %s, want %s", got.code(), want.Code)
		}
		return nil
	case want.ErrorContains != nil:
		if got.err == nil || !strings.Contains(got.message(), *want.ErrorContains) {
			return fmt.Errorf("got %s\nwant an error with %q", got, *want.ErrorContains)
		}
		return nil
	case got.err != nil:
		return fmt.Errorf("got error %q (%s)", got.message(), got.code())
	}
	if fmt.Sprint(got.columns) != fmt.Sprint(want.Columns) {
		return fmt.Errorf("got columns %q, want %q", got.columns, want.Columns)
	}
	if tol == 0 {
		tol = 1e-12
	}
	rows := make([][]any, len(want.Rows))
	for i, raw := range want.Rows {
		for _, cell := range raw {
			v, err := readValue(cell)
			if err != nil {
				return err
			}
			rows[i] = append(rows[i], v)
		}
	}
	if len(got.rows) != len(rows) && !want.OrAnyInternalTables || len(got.rows) < len(rows) {
		return fmt.Errorf("got %d rows, want %d\n%s", len(got.rows), len(rows), got)
	}
	if anyOrder || want.OrAnyInternalTables {
		return matchAnyOrder(got.rows, rows, tol)
	}
	for i := range rows {
		if !sameRow(got.rows[i], rows[i], tol) {
			return fmt.Errorf("row %d: got %s, want %s", i, showRow(got.rows[i]), showRow(rows[i]))
		}
	}
	return nil
}

// matchAnyOrder finds each wanted row among the rows that came.
func matchAnyOrder(got, want [][]any, tol float64) error {
	used := make([]bool, len(got))
next:
	for _, w := range want {
		for i, g := range got {
			if !used[i] && sameRow(g, w, tol) {
				used[i] = true
				continue next
			}
		}
		return fmt.Errorf("row %s is missing", showRow(w))
	}
	return nil
}

func sameRow(got, want []any, tol float64) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		g, isReal := got[i].(float64)
		w, wantReal := want[i].(float64)
		if isReal && wantReal && g != w {
			if !(math.Abs(g-w) <= tol*max(1, math.Abs(w))) {
				return false
			}
			continue
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			return false
		}
	}
	return true
}

func showRow(row []any) string {
	var cells []string
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			cells = append(cells, "NULL")
		case []byte:
			cells = append(cells, shorten(fmt.Sprintf("x'%x'", v)))
		case string:
			cells = append(cells, shorten(strconv.Quote(v)))
		default:
			cells = append(cells, fmt.Sprintf("%T %v", v, v))
		}
	}
	return "(" + strings.Join(cells, ", ") + ")"
}

func shorten(s string) string {
	const limit = 1000
	if len(s) > limit {
		return fmt.Sprintf("%s… (%d bytes)", s[:limit], len(s))
	}
	return s
}

func (o outcome) String() string {
	if o.err != nil {
		return fmt.Sprintf("error %q (%s)", o.message(), o.code())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "columns %q, %d rows", o.columns, len(o.rows))
	for _, row := range o.rows {
		b.WriteString("\n  " + showRow(row))
	}
	return b.String()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
