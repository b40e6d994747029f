package server

import (
	"errors"
	"strconv"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// sequence runs a script to its first error; rows are dropped.
func (r *runner) sequence(text string) error {
	defer r.link.settle()
	for {
		start := time.Now()
		p, rest, err := r.link.session.PrepareNext(text)
		if errors.Is(err, sqlite.ErrNoStatement) {
			return nil
		}
		if err != nil {
			r.srv.ran(r.link, text, nil, time.Since(start), err)
			return r.stopped(err)
		}
		err = r.drain(p)
		p.Release()
		r.srv.ran(r.link, p.Text(), &statement{}, time.Since(start), err)
		r.link.settle()
		if err != nil {
			return err
		}
		text = rest
	}
}

func (r *runner) drain(p *sqlite.SessionStmt) error {
	if n := p.Parameters(); n > 0 {
		return hranaErrorf("ARGS_INVALID", "value for parameter %s not found: a sequence binds none", parameterLabel(1, p.ParameterName(1)))
	}
	more, err := r.step(p)
	for more && err == nil {
		more, err = p.Step()
	}
	return r.stopped(err)
}

// describe appends what is known of a statement without running it.
func (r *runner) describe(dst []byte, text string) ([]byte, error) {
	p, err := r.link.session.Prepare(text)
	if err != nil {
		return dst, r.stopped(err)
	}
	defer p.Release()
	dst = append(dst, `{"params":[`...)
	for i := 1; i <= p.Parameters(); i++ {
		if i > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendOptional(dst, p.ParameterName(i))
		dst = append(dst, '}')
	}
	dst = append(dst, `],"cols":`...)
	dst = appendColumns(dst, p)
	dst = append(dst, `,"is_explain":`...)
	dst = strconv.AppendBool(dst, p.IsExplain())
	dst = append(dst, `,"is_readonly":`...)
	dst = strconv.AppendBool(dst, p.ReadOnly())
	return append(dst, '}'), nil
}
