package sqlext

import (
	"math"
	"strings"

	"github.com/nearlite/nearlite/hnsw"
	plans "github.com/nearlite/nearlite/planner"
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// columnType is the declared vector type of an indexed column.
type columnType struct {
	version int64 // schema version it was read at
	typ     vector.Type
	known   bool
}

// topKErrorf makes an error of vector_top_k with libSQL's text.
func topKErrorf(format string, args ...any) error {
	return host.Errorf(host.CodeError, format, args...)
}

// runTopK is vector_top_k(idx, vector, k), with the semantics and the messages of
// libSQL: an index without a schema is one of main, names are compared with case,
// and text is a float32 vector, whatever the column's type.
func runTopK(s *searcher, c *searchCall, _ bool) (*searchResult, error) {
	n := 0
	for _, g := range c.given {
		if g {
			n++
		}
	}
	if n < 3 {
		return nil, topKErrorf("vector index(search): got %d parameters, expected 3", n)
	}
	if c.args[0].Kind != host.Text {
		return nil, topKErrorf("vector index(search): first parameter (index) must be a string")
	}
	k, err := topKCount(c.args[2])
	if err != nil {
		return nil, err
	}
	t, err := s.topKIndex(c.args[0].String())
	if err != nil {
		return nil, err
	}
	t.startSearch()
	defer t.done()
	q, err := s.topKVector(t, c.args[1])
	if err != nil || k == 0 {
		return &searchResult{}, err
	}
	rows, err := t.index.Rows()
	if err != nil {
		return nil, t.wrap(err)
	}
	if k = int(min(int64(k), rows)); k == 0 {
		return &searchResult{}, nil
	}
	hits, st, err := t.index.Search(s.interrupt(), q, hnsw.SearchOptions{K: k})
	if err != nil {
		return nil, t.wrap(err)
	}
	countSearch(st)
	countPlan("vector", plans.Traversal)
	r := &searchResult{rows: vectorRows(t.params.Metric, hits)}
	return r, t.addKeys(r.rows)
}

// topKCount reads k: an integer, or a REAL that is one.
func topKCount(v host.Value) (int, error) {
	k := v.Int
	switch v.Kind {
	case host.Integer:
	case host.Float:
		if v.Float != math.Trunc(v.Float) || math.Abs(v.Float) > math.MaxInt64/2 {
			return 0, topKErrorf("vector index(search): third parameter (k) must be an integer, but float value were provided")
		}
		k = int64(v.Float)
	default:
		return 0, topKErrorf("vector index(search): third parameter (k) must be an integer, but unexpected type of value were provided")
	}
	if k < 0 {
		return 0, topKErrorf("vector index(search): third parameter (k) must be a non-negative integer, but negative value were provided")
	}
	return int(min(k, math.MaxInt32)), nil
}

// topKIndex finds the index; its name is split at the first dot.
func (s *searcher) topKIndex(name string) (*vectorTable, error) {
	schema, index, qualified := strings.Cut(name, ".")
	if !qualified {
		schema, index = "main", name
	}
	// An index that is connected is found without a query; an index in libSQL's form and
	// a table cannot have the same name.
	alias := s.cat.knownAlias(schema, index)
	if t := s.cat.tables[catalogKey(schema, index)]; t != nil && t.module == "hnsw" && t.name == index {
		alias = index
	}
	if alias != "" {
		if t, err := s.cat.vectorIndex(quoteName(schema) + "." + quoteName(alias)); err == nil {
			return t, nil
		}
	}
	schemas, err := s.cat.schemas()
	if err != nil {
		return nil, err
	}
	known := false
	for _, have := range schemas {
		known = known || foldName(have) == foldName(schema)
	}
	if !known {
		return nil, topKErrorf("vector index(search): unknown schema '%s'", schema)
	}
	missing := topKErrorf("vector index(search): failed to parse vector index parameters")
	if alias, err := s.cat.anchoredTable(schema, index, true); err != nil || alias != "" {
		if err != nil {
			return nil, err
		}
		return s.cat.vectorIndex(quoteName(schema) + "." + quoteName(alias))
	}
	there, err := s.cat.tableExists(schema, index)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, missing
	}
	t, err := s.cat.vectorIndex(quoteName(schema) + "." + quoteName(index))
	if err != nil {
		if have := s.cat.tables[catalogKey(schema, index)]; have == nil || have.module != "hnsw" {
			return nil, missing // a table, but no vector index
		}
		return nil, err
	}
	if t.name != index {
		return nil, missing
	}
	return t, nil
}

// topKVector reads the query vector. Its type has to be the column's, where that is
// declared as one of libSQL's.
func (s *searcher) topKVector(t *vectorTable, v host.Value) ([]float32, error) {
	var d vector.Vector
	var err error
	switch v.Kind {
	case host.Text:
		d, err = vector.Parse(v.Bytes, vector.Float32)
	case host.BlobKind:
		d, err = vector.Decode(v.Bytes)
	default:
		return nil, topKErrorf("vector: unexpected value type: got %s, expected TEXT or BLOB", v.KindName())
	}
	if err != nil {
		return nil, topKErrorf("%v", err)
	}
	if d.Dims() != t.params.Dims {
		return nil, topKErrorf("vector index(search): dimensions are different: %d != %d", d.Dims(), t.params.Dims)
	}
	if t.anchored != nil {
		if d.Type() != t.anchored.elements {
			return nil, topKErrorf("vector index(search): vector type differs from column type: %d != %d", d.Type(), t.anchored.elements)
		}
		return d.Float32s(nil), nil
	}
	want, known, err := s.declaredType(t)
	if err != nil {
		return nil, err
	}
	if known && d.Type() != want {
		return nil, topKErrorf("vector index(search): vector type differs from column type: %d != %d", d.Type(), want)
	}
	return d.Float32s(nil), nil
}

// vectorTypes are libSQL's declared types.
var vectorTypes = map[string]vector.Type{
	"float32": vector.Float32, "f32_blob": vector.Float32,
	"float64": vector.Float64, "f64_blob": vector.Float64,
	"float1bit": vector.Bit, "f1bit_blob": vector.Bit,
	"float8": vector.Float8, "f8_blob": vector.Float8,
	"float16": vector.Float16, "f16_blob": vector.Float16,
	"floatb16": vector.BFloat16, "fb16_blob": vector.BFloat16,
}

// declaredType is the type of the indexed column; known is false when the
// declaration does not say.
func (s *searcher) declaredType(t *vectorTable) (typ vector.Type, known bool, err error) {
	key := t.base.columnLabel(0)
	if c, ok := s.types[key]; ok && c.version == t.baseVersion {
		return c.typ, c.known, nil
	}
	c := columnType{version: t.baseVersion}
	err = query(s.cat.conn, "SELECT type FROM pragma_table_xinfo(?1, ?2) WHERE name = ?3 COLLATE NOCASE",
		[]host.Value{host.TextValue(t.base.table), host.TextValue(t.base.schema), host.TextValue(t.base.columns[0])},
		func(row host.Stmt) error {
			name, _, _ := strings.Cut(row.Value(0).String(), "(")
			c.typ, c.known = vectorTypes[foldName(strings.TrimSpace(name))]
			return nil
		})
	if err == nil {
		s.types[key] = c
	}
	return c.typ, c.known, err
}
