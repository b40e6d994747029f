package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// runner runs the requests of one stream on its link, within one HTTP request or one
// message of a WebSocket.
type runner struct {
	ctx    context.Context
	srv    *Server
	link   *link
	place  *place
	sqls   *storedSQL
	budget int // bytes that the rows of the answer may still take
}

var errTooLarge = hranaErrorf("RESPONSE_TOO_LARGE", "Response is too large: the rows take more bytes than the server allows; ask for fewer")

// sql finds the text that a request means.
func (r *runner) sql(text *string, id *int32) (string, error) {
	switch {
	case text != nil && id != nil:
		return "", hranaErrorf("SQL_BOTH", "a request has sql or sql_id, not both")
	case text != nil:
		return *text, nil
	case id == nil:
		return "", hranaErrorf("SQL_MISSING", "a request needs sql or sql_id")
	}
	return r.sqls.get(*id)
}

// execute runs a statement and appends its StmtResult.
func (r *runner) execute(dst []byte, st *statement) (out []byte, err error) {
	start := time.Now()
	from := len(dst)
	text, err := r.sql(st.SQL, st.SQLID)
	if err != nil {
		return dst, err
	}
	defer func() { r.srv.ran(r.link, text, st, time.Since(start), err) }()
	p, err := r.prepare(text, st)
	if err != nil {
		return dst, err
	}
	defer p.Release()
	defer r.link.settle()
	end, err := r.undoable(p)
	if err != nil {
		return dst, r.stopped(err)
	}
	defer func() {
		if err = end(err); err != nil {
			out = dst[:from]
		}
	}()
	more, err := r.step(p)
	if err != nil {
		return dst, r.stopped(err)
	}
	dst = append(dst, `{"cols":`...)
	dst = appendColumns(dst, p)
	dst = append(dst, `,"rows":[`...)
	wanted := st.WantRows == nil || *st.WantRows
	for n := 0; more; n++ {
		if wanted {
			if n > 0 {
				dst = append(dst, ',')
			}
			var fits bool
			if dst, fits = appendRow(dst, p, r.budget-(len(dst)-from)); !fits {
				return dst[:from], errTooLarge
			}
		}
		if more, err = p.Step(); err != nil {
			return dst[:from], r.stopped(err)
		}
	}
	r.budget -= len(dst) - from
	changes, rowid := r.counts(p)
	dst = append(dst, `],"affected_row_count":`...)
	dst = strconv.AppendInt(dst, changes, 10)
	dst = append(dst, `,"last_insert_rowid":`...)
	dst = append(dst, rowid...)
	dst = append(dst, `,"replication_index":null,"query_duration_ms":`...)
	dst = strconv.AppendFloat(dst, float64(time.Since(start).Microseconds())/1000, 'f', 3, 64)
	return append(dst, '}'), nil
}

// counts returns what a statement changed; the rowid as JSON.
func (r *runner) counts(p *sqlite.SessionStmt) (changes int64, rowid string) {
	if p.Changes() {
		changes = r.link.session.Changes()
	}
	if !p.Inserts() {
		return changes, "null"
	}
	return changes, `"` + strconv.FormatInt(r.link.session.LastInsertRowID(), 10) + `"`
}

// prepare compiles and binds.
func (r *runner) prepare(text string, st *statement) (*sqlite.SessionStmt, error) {
	p, err := r.link.session.Prepare(text)
	if err != nil {
		return nil, r.stopped(err)
	}
	if err := bind(p, st); err != nil {
		p.Release()
		return nil, err
	}
	return p, nil
}

// stopped explains an interrupt.
func (r *runner) stopped(err error) error {
	var e *sqlite.SQLError
	if errors.As(err, &e) && e.Name == "SQLITE_INTERRUPT" && r.ctx.Err() != nil {
		return interrupted(r.ctx)
	}
	return err
}

// bind sets the parameters of a statement. A name comes with its prefix or without.
func bind(p *sqlite.SessionStmt, st *statement) error {
	n := p.Parameters()
	if len(st.Args) > 0 && len(st.NamedArgs) > 0 {
		return hranaErrorf("ARGS_BOTH_POSITIONAL_AND_NAMED", "Specifying both positional and named arguments is not supported")
	}
	if len(st.Args) > n {
		return hranaErrorf("ARGS_INVALID", "SQL statement has %d parameters, got %d arguments", n, len(st.Args))
	}
	for i := 1; i <= n; i++ {
		var v host.Value
		name := p.ParameterName(i)
		switch {
		case len(st.NamedArgs) > 0:
			found, ok := st.named(name)
			if !ok {
				return hranaErrorf("ARGS_INVALID", "value for parameter %s not found", parameterLabel(i, name))
			}
			v = found
		case i <= len(st.Args):
			v = st.Args[i-1].Value
		default:
			return hranaErrorf("ARGS_INVALID", "value for parameter %s not found", parameterLabel(i, name))
		}
		if err := p.Bind(i, v); err != nil {
			return err
		}
	}
	return nil
}

func parameterLabel(i int, name string) string {
	if name == "" {
		return strconv.Itoa(i)
	}
	return name
}

// named finds the argument for a parameter; the last one of a name counts.
func (st *statement) named(parameter string) (host.Value, bool) {
	if parameter == "" {
		return host.Value{}, false
	}
	for i := len(st.NamedArgs) - 1; i >= 0; i-- {
		if name := *st.NamedArgs[i].Name; name == parameter || name == parameter[1:] {
			return st.NamedArgs[i].Value.Value, true
		}
	}
	return host.Value{}, false
}

func appendColumns(dst []byte, p *sqlite.SessionStmt) []byte {
	dst = append(dst, '[')
	for i := range p.Columns() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendText(dst, p.ColumnName(i))
		dst = append(dst, `,"decltype":`...)
		dst = appendOptional(dst, p.DeclType(i))
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendRow writes the current row; false if that takes more bytes than most. Large values
// are not written out to find that they are too large.
func appendRow(dst []byte, p *sqlite.SessionStmt, most int) ([]byte, bool) {
	from := len(dst)
	dst = append(dst, '[')
	for i := range p.Columns() {
		if i > 0 {
			dst = append(dst, ',')
		}
		v := p.Column(i)
		if len(dst)-from+len(v.Bytes) > most {
			return dst, false
		}
		dst = appendValue(dst, v)
	}
	return append(dst, ']'), len(dst)-from < most
}
