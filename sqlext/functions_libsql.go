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
		{Name: "libsql_vector_idx", NArg: -1, Call: vectorIndexMarker},
	}
}

// markerKeeps is the size in bytes of the longest value that libsql_vector_idx returns.
const markerKeeps = 128

// vectorIndexMarker is libsql_vector_idx(column, …): it marks an index expression
// and returns its first argument. Without arguments libSQL crashes; we refuse.
//
// A longer argument comes back as NULL. SQLite keeps the value of the expression for
// every row in its own index, our anchor, which would be a second copy of all vectors,
// sorted by their bytes; and a function of an index has to give the same value
// wherever it is called. Nobody has a use for the value, but small ones, as one types
// them to try, are returned.
func vectorIndexMarker(ctx host.Context, args []host.Value) {
	if len(args) == 0 {
		ctx.ResultError(host.Errorf(host.CodeError, "vector index: libsql_vector_idx got 0 arguments, want a column and parameters"))
		return
	}
	if len(args[0].Bytes) > markerKeeps {
		return // NULL
	}
	ctx.ResultValue(args[0])
}
