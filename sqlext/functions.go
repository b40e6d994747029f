package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// functions lists the scalar functions over vectors. All are deterministic and
// innocuous: usable in CHECK, DEFAULT, generated columns, indexes and triggers.
func functions() []host.Function {
	var all []host.Function
	all = append(all, libsqlFunctions()...)
	all = append(all, distanceFunctions()...)
	all = append(all, arithmeticFunctions()...)
	return all
}

// aggregates lists the aggregates, which are window functions too.
func aggregates() []host.Aggregate {
	return []host.Aggregate{
		{Name: "vector_avg", NArg: 1, New: func() host.AggregateState { return &vectorSum{name: "vector_avg", mean: true} }},
		{Name: "vector_sum", NArg: 1, New: func() host.AggregateState { return &vectorSum{name: "vector_sum"} }},
	}
}

// registerFunctions registers the functions whose names the host does not have.
func registerFunctions(c host.Conn, names *known, list []host.Function) error {
	for _, f := range list {
		if names.function(f.Name) {
			continue
		}
		if err := c.CreateFunction(f); err != nil {
			return err
		}
	}
	return nil
}

// registerAggregates does the same for the aggregates.
func registerAggregates(c host.Conn, names *known) error {
	for _, a := range aggregates() {
		if names.function(a.Name) {
			continue
		}
		if err := c.CreateAggregate(a); err != nil {
			return err
		}
	}
	return nil
}

// scratch is the memory of one function of one connection, used again by each
// call so that rows cost no allocation. Functions that use it run no SQL, so no
// call begins while another runs.
type scratch struct {
	out []byte
	a   []float32
	b   []float32
	a64 []float64
	b64 []float64
}

// resultVector returns v's blob.
func (s *scratch) resultVector(ctx host.Context, v vector.Vector) {
	s.out = v.AppendBlob(s.out[:0])
	ctx.ResultValue(host.BlobValue(s.out))
}

// vectorArg is an SQL value as package vector takes it.
func vectorArg(v host.Value) vector.Value {
	switch v.Kind {
	case host.Text:
		return vector.TextValue(v.Bytes)
	case host.BlobKind:
		return vector.BlobValue(v.Bytes)
	}
	return vector.OtherValue(v.KindName())
}

// decodeArg reads an argument in any form; text counts as float32, as in libSQL.
func decodeArg(v host.Value) (vector.Vector, error) {
	return vectorArg(v).Vector(vector.Float32)
}
