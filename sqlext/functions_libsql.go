package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// libsqlFunctions are the constructors and vector_extract of libSQL, with its
// results and messages; its distances are in distanceFunctions.
func libsqlFunctions() []host.Function {
	constructor := func(name string, t vector.Type) host.Function {
		s := &scratch{}
		return host.Function{Name: name, NArg: 1, Call: func(ctx host.Context, args []host.Value) {
			v, err := vectorArg(args[0]).Vector(t)
			if err != nil {
				ctx.ResultError(err)
				return
			}
			s.resultVector(ctx, vector.Convert(v, t))
		}}
	}
	extract := &scratch{}
	return []host.Function{
		constructor("vector", vector.Float32),
		constructor("vector32", vector.Float32),
		constructor("vector64", vector.Float64),
		constructor("vector16", vector.Float16),
		constructor("vectorb16", vector.BFloat16),
		constructor("vector8", vector.Float8),
		constructor("vector1bit", vector.Bit),
		{Name: "vector_extract", NArg: 1, Call: func(ctx host.Context, args []host.Value) {
			v, err := decodeArg(args[0])
			if err != nil {
				ctx.ResultError(err)
				return
			}
			extract.out = vector.AppendText(extract.out[:0], v)
			ctx.ResultValue(host.Value{Kind: host.Text, Bytes: extract.out})
		}},
	}
}

// markerKeepsBlob and markerKeepsText are the sizes in bytes of the longest values that
// libsql_vector_idx returns.
const (
	markerKeepsBlob = 16
	markerKeepsText = 64
)

// vectorIndexMarker is libsql_vector_idx(column, …): it marks an index expression
// and returns its first argument. Without arguments libSQL crashes; we refuse.
//
// A longer argument comes back as NULL. SQLite keeps the value of the expression for
// every row in its own index, our anchor, which would be a second copy of all vectors,
// sorted by their bytes; and a function of an index has to give the same value
// wherever it is called. All NULL, the entries are a few bytes each and in the order of
// the table, so that a query that SQLite answers from them gives its rows in the usual
// order. Nobody has a use for the value, but small ones, as one types them to try, are
// returned.
//
// It runs for each row written to such a table, which is where a write to a table of
// libSQL's is refused.
func (cat *catalog) vectorIndexMarker() host.Function {
	return host.Function{Name: markerName, NArg: -1, Call: func(ctx host.Context, args []host.Value) {
		if len(args) == 0 {
			ctx.ResultError(libsqlErrorf("vector index: libsql_vector_idx got 0 arguments, want a column and parameters"))
			return
		}
		if err := cat.refuseForeign(); err != nil {
			ctx.ResultError(err)
			return
		}
		keeps := markerKeepsBlob
		if args[0].Kind == host.Text {
			keeps = markerKeepsText
		}
		if len(args[0].Bytes) > keeps {
			return // NULL
		}
		ctx.ResultValue(args[0])
	}}
}
