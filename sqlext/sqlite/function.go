package sqlite

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// callContext is the host.Context of one running call.
type callContext struct {
	conn *conn
	ctx  sqlite3.Context
}

func (x *callContext) Conn() host.Conn          { return x.conn }
func (x *callContext) ResultValue(v host.Value) { setResult(x.ctx, v) }
func (x *callContext) ResultError(err error)    { x.ctx.ResultError(toSQLite(err)) }
func (x *callContext) ResultSubtype(t uint8)    { x.ctx.ResultSubtype(uint(t)) }
func (x *callContext) AuxData(arg int) any      { return x.ctx.GetAuxData(arg) }

func (x *callContext) SetAuxData(arg int, data any) {
	if data != nil {
		x.ctx.SetAuxData(arg, data)
	}
}

func (c *conn) CreateFunction(f host.Function) error {
	var flags sqlite3.FunctionFlag
	if !f.Volatile {
		flags |= sqlite3.DETERMINISTIC
	}
	if f.DirectOnly {
		flags |= sqlite3.DIRECTONLY
	} else {
		flags |= sqlite3.INNOCUOUS
	}
	if f.UsesSubtype {
		flags |= sqlite3.SUBTYPE
	}
	if f.ResultSubtype {
		flags |= sqlite3.RESULT_SUBTYPE
	}
	name, call, subtypes := f.Name, f.Call, f.UsesSubtype
	return fromSQLite(c.db.CreateFunction(name, f.NArg, flags, func(ctx sqlite3.Context, args ...sqlite3.Value) {
		fr := c.enter()
		defer c.leaveCall(fr, name)
		fr.ctx.ctx = ctx
		vals := fr.load(args)
		if subtypes {
			for i := range args {
				vals[i].Subtype = uint8(args[i].Subtype())
			}
		}
		call(&fr.ctx, vals)
	}))
}

// leaveCall ends a function call; deferred, because it also catches panics.
func (c *conn) leaveCall(fr *frame, name string) {
	if r := recover(); r != nil {
		fr.ctx.ResultError(recovered(name, r))
	}
	c.leave()
}

// aggregate adapts one running aggregation. After an error it stays silent: SQLite
// ends the statement.
type aggregate struct {
	conn  *conn
	name  string
	make  func() host.AggregateState
	state host.AggregateState // nil before the first call, whose guard covers make
}

func (a *aggregate) begun() host.AggregateState {
	if a.state == nil {
		a.state = a.make()
	}
	return a.state
}

var _ sqlite3.WindowFunction = (*aggregate)(nil)

func (a *aggregate) Step(ctx sqlite3.Context, args ...sqlite3.Value) {
	fr := a.conn.enter()
	defer a.conn.leaveCall(fr, a.name)
	fr.ctx.ctx = ctx
	a.begun().Step(&fr.ctx, fr.load(args))
}

func (a *aggregate) Inverse(ctx sqlite3.Context, args ...sqlite3.Value) {
	fr := a.conn.enter()
	defer a.conn.leaveCall(fr, a.name)
	fr.ctx.ctx = ctx
	a.begun().Inverse(&fr.ctx, fr.load(args))
}

func (a *aggregate) Value(ctx sqlite3.Context) {
	fr := a.conn.enter()
	defer a.conn.leaveCall(fr, a.name)
	fr.ctx.ctx = ctx
	a.begun().Value(&fr.ctx)
}

func (c *conn) CreateAggregate(a host.Aggregate) error {
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	return fromSQLite(c.db.CreateWindowFunction(a.Name, a.NArg, flags, func() sqlite3.AggregateFunction {
		return &aggregate{conn: c, name: a.Name, make: a.New}
	}))
}
