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

// vectorIndexMarker is libsql_vector_idx(column, …): it marks an index expression.
// Without arguments libSQL crashes; we refuse.
//
// A query that calls it gets its first argument back. SQLite, which keeps the value of
// the expression for every row in its own index, our anchor, gets NULL: the vectors
// would be there a second time, sorted by their bytes; UNIQUE, which means nothing in
// libSQL, would refuse equal ones; and a query that SQLite answers from the index would
// give its rows in another order than the table. The value of an index must not change,
// so NULL is the rule, and the argument comes back only where no index can be written:
// outside of a write transaction, in a statement that names the function.
//
// It runs for each row written to such a table, which is where a write to a table of
// libSQL's is refused.
func (cat *catalog) vectorIndexMarker() host.Function {
	return host.Function{Name: markerName, NArg: -1, Call: func(ctx host.Context, args []host.Value) {
		if len(args) == 0 {
			ctx.ResultError(libsqlErrorf("vector index: libsql_vector_idx got 0 arguments, want a column and parameters"))
			return
		}
		if c, ok := cat.conn.(host.StatementTexts); ok && c.ReadsWith(isMarkerCall) {
			ctx.ResultValue(args[0])
			return
		}
		if err := cat.refuseForeign(); err != nil {
			ctx.ResultError(err)
		}
	}}
}

// isMarkerCall reports whether a statement calls the marker by name.
func isMarkerCall(sql string) bool {
	if !containsFold(sql, markerName) {
		return false
	}
	t := tokenize(sql)
	for i := 0; i+1 < len(t); i++ {
		if t[i].quote != '\'' && foldName(t[i].text) == markerName && t[i+1].is("(") {
			return !t[0].is("PRAGMA")
		}
	}
	return false
}
