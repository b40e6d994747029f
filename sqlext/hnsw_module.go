package sqlext

import (
	"fmt"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// vectorTable is one vector index on one connection.
type vectorTable struct {
	indexTable
	asked  hnsw.Params // as CREATE VIRTUAL TABLE says; Dims may be in the column's type
	params hnsw.Params // as the index has them, once it is open
	index  *hnsw.Index
	buf    []float32 // of upsert
	attrs  []hnsw.Attr

	// What comparisons with the included columns depend on, as of attrVersion, and the
	// filters compiled for it.
	attrCols    []attrColumn
	attrVersion int64
	attrBase    *baseTable
	attrPlans   map[string]*attrPlan

	// steady says that rows come and go through the triggers only, as of a version of
	// the schema; see keepVectors.
	steady      bool
	steadyAt    int64
	steadyKnown bool
}

// hnswObject is one connected virtual table object; SQLite may have several for
// the same vectorTable.
type hnswObject struct{ *vectorTable }

var _ host.WritableTable = hnswObject{}

// Columns of the virtual table. The command column, named like the table, is last.
const (
	hnswDistance = iota
	hnswVector
	hnswK
	hnswEfSearch
	hnswRecall
	hnswOperation
	hnswKey
	hnswCommand
	hnswColumns
)

func (cat *catalog) hnswModule() host.Module {
	return host.Module{
		Create: func(_ host.Conn, a host.ModuleArgs) (host.Table, error) {
			return cat.createHNSW(a)
		},
		Connect: func(_ host.Conn, a host.ModuleArgs) (host.Table, error) {
			return cat.connectHNSW(a)
		},
		Writable:    true,
		ShadowNames: shadow.HNSWSuffixes(),
	}
}

// hnswOptions are the options' names in the order of the documentation.
var hnswOptions = []string{"dims", "metric", "m", "ef_construction", "ef_search", "recall", "quantize", "where", "include", "partition_by"}

// hnswArgs are the module arguments of a vector index.
type hnswArgs struct {
	table, column string
	where         string
	include       []string // columns kept in the index, as the option names them
	partition     string   // "": none
	params        hnsw.Params
	anchored      *anchored // of an index in libSQL's form, else nil
}

// parseHNSWArgs reads the arguments; it looks at nothing but their text.
func parseHNSWArgs(a host.ModuleArgs) (*hnswArgs, error) {
	label := a.Schema + "." + a.Table
	table, err := parseTableArg("hnsw", a.Schema, a.Table, a.Args)
	if err != nil {
		return nil, err
	}
	h := &hnswArgs{table: table}
	seen := map[string]bool{}
	for _, arg := range a.Args[1:] {
		o, ok := parseOption(arg)
		if !ok {
			c, err := parseColumn(arg)
			switch {
			case err != nil:
				return nil, err
			case len(c.options) > 0:
				return nil, errorf("%s: got %q after column %q, want a comma between the column and its options", label, c.options[0].name, c.name)
			case h.column != "":
				return nil, errorf("%s: got the columns %q and %q, want one vector column", label, h.column, c.name)
			}
			h.column = c.name
			continue
		}
		if seen[o.name] {
			return nil, errorf("%s: option %q is given twice", label, o.name)
		}
		seen[o.name] = true
		if err := h.set(label, o); err != nil {
			return nil, err
		}
	}
	if seen["ef_search"] && seen["recall"] {
		return nil, errorf("%s: options \"ef_search\" and \"recall\" are both given, want one of them", label)
	}
	if h.column == "" {
		return nil, errorf("%s: no vector column is given, want CREATE VIRTUAL TABLE %s USING hnsw(%s, column)", label, a.Table, table)
	}
	return h, nil
}

func (h *hnswArgs) set(label string, o option) (err error) {
	p := &h.params
	switch o.name {
	case "dims":
		p.Dims, err = positiveOption(label, o, 1, hnsw.MaxDims)
	case "m":
		p.M, err = positiveOption(label, o, hnsw.MinM, hnsw.MaxM)
	case "ef_construction":
		p.EfConstruction, err = positiveOption(label, o, hnsw.MinEfConstruction, hnsw.MaxEfConstruction)
	case "ef_search":
		p.EfSearch, err = positiveOption(label, o, hnsw.MinEfSearch, hnsw.MaxEfSearch)
	case "recall":
		p.Recall, err = recallOption(label, o)
	case "metric":
		if p.Metric, err = vector.ParseMetric(o.value); err != nil {
			err = errorf("%s: metric is %q, want one of cosine, l2, dot, l1, hamming", label, o.value)
		}
	case "quantize":
		if p.Quantize, err = hnsw.ParseQuantization(o.value); err != nil {
			err = errorf("%s: quantize is %q, want one of none, f16, int8, bit", label, o.value)
		}
	case "where":
		if h.where = o.value; h.where == "" {
			err = errorf("%s: where is empty, want an expression over the columns of %s", label, h.table)
		}
	case "include":
		h.include, err = parseNames(label, o.name, o.value)
	case "partition_by":
		var names []string
		if names, err = parseNames(label, o.name, o.value); err == nil && len(names) != 1 {
			err = errorf("%s: partition_by is %q, want one column", label, o.value)
		}
		if err == nil {
			h.partition = names[0]
		}
	case "anchor", "elements", "asked": // written by reconcile
		err = h.setAnchored(label, o)
	default:
		err = unknownOption(label, o.name, hnswOptions)
	}
	return err
}

// positiveOption reads a whole number in a range. Zero means "default" to the index
// package, and must not mean that here.
func positiveOption(label string, o option, lo, hi int) (int, error) {
	n, err := intOption(label, o)
	if err == nil && (n < lo || n > hi) {
		err = errorf("%s: %s is %d, want a whole number from %d to %d", label, o.name, n, lo, hi)
	}
	return n, err
}

// recallOption reads a recall.
func recallOption(label string, o option) (float64, error) {
	f, err := floatOption(label, o)
	if err != nil {
		return 0, err
	}
	if err := hnsw.CheckRecall(f); err != nil {
		return 0, errorf("%s: %v", label, err)
	}
	return f, nil
}

// createHNSW is CREATE VIRTUAL TABLE. It checks everything before it writes, and
// takes back what it wrote when building fails: within a transaction SQLite undoes
// a failed statement only as far as the statement's own changes go.
func (cat *catalog) createHNSW(a host.ModuleArgs) (host.Table, error) {
	label := a.Schema + "." + a.Table
	args, err := parseHNSWArgs(a)
	if err != nil {
		return nil, err
	}
	if err := checkTableSchema("hnsw", a.Schema, a.Table, a.Args); err != nil {
		return nil, err
	}
	if args.anchored != nil {
		return cat.createAnchored(a, args)
	}
	info, err := describeBase(cat.conn, label, a.Schema, args.table)
	if err != nil {
		return nil, err
	}
	col, ok := info.column(args.column)
	if !ok {
		return nil, errorf("%s: no such column: %s.%s.%s, want one of %s", label, a.Schema, info.table, args.column, info.columnNames())
	}
	if err := args.resolveDims(label, a.Schema+"."+info.table+"."+col.name, col.declared); err != nil {
		return nil, err
	}
	if err := args.params.Validate(); err != nil {
		return nil, errorf("%s: %v", label, err)
	}
	args.params = args.params.Normalize()
	included, err := args.checkIncluded(label, a.Schema, info)
	if err != nil {
		return nil, err
	}
	base := &baseTable{
		conn: cat.conn, schema: a.Schema, table: info.table, rowid: info.rowid,
		columns: append([]string{col.name}, included...), where: args.where,
	}
	if base.where != "" {
		if err := checkWhere(cat.conn, label, base); err != nil {
			return nil, err
		}
	}

	t := cat.newVectorTable(a, args)
	if err := cat.declareHNSW(a.Table, t.included()); err != nil {
		return nil, err
	}
	fill := func() error {
		if err := t.createPartition(base); err != nil {
			return err
		}
		return t.fill(base)
	}
	if err := t.create(base, info, t.vectorFields(), fill); err != nil {
		return nil, err
	}
	return hnswObject{t}, nil
}

// resolveDims settles the dimensions from the column's type and the option.
func (h *hnswArgs) resolveDims(label, column, declared string) error {
	n, err := declaredDims(declared)
	if err != nil {
		return errorf("%s: %s is %v", label, column, err)
	}
	switch {
	case n > 0 && h.params.Dims > 0 && n != h.params.Dims:
		return errorf("%s: dims is %d, want %d as %s is declared %s", label, h.params.Dims, n, column, declared)
	case n > 0:
		h.params.Dims = n
	case h.params.Dims == 0:
		if declared == "" {
			declared = "without a type"
		}
		return errorf("%s: the dimensions are unknown: %s is declared %s, want F32_BLOB(n) or the option dims=n", label, column, declared)
	}
	return nil
}

// fill builds the index from the table's rows.
func (t *vectorTable) fill(base *baseTable) error {
	if err := hnsw.Create(shadow.HNSW{Tables: t.tables}, t.params); err != nil {
		return t.wrap(err)
	}
	if err := t.open(); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	return t.build(base)
}

// build replaces the contents by those of the table's rows.
func (t *vectorTable) build(base *baseTable) error {
	if err := t.fillKeys(base); err != nil {
		return t.wrap(err)
	}
	err := t.index.BuildAttrs(t.cat.context(), func(yield func(rowid int64, vec []float32, attrs []hnsw.Attr) error) error {
		return t.eachVector(base, yield)
	}, t.cat.progress(t.label()))
	return t.wrap(err)
}

// eachVector calls fn with the vector of each row that belongs in the index. A row
// that cannot be indexed is an error that names it.
func (t *vectorTable) eachVector(b *baseTable, fn func(rowid int64, vec []float32, attrs []hnsw.Attr) error) error {
	var buf []float32
	var attrs []hnsw.Attr
	sql := b.selectSQL(quoteName(b.columns[0])+" IS NOT NULL") + " ORDER BY " + b.rowid
	return query(b.conn, sql, nil, func(row host.Stmt) error {
		rowid := row.Value(0).Int
		if b.strict != nil {
			vec, ok, err := b.strict.read(buf[:0], row.Value(1))
			if buf = vec; err != nil || !ok {
				return err
			}
			return fn(rowid, vec, nil)
		}
		label := fmt.Sprintf("%s: rowid %d", b.columnLabel(0), rowid)
		vec, err := appendVector(buf[:0], row.Value(1))
		if err != nil {
			return mismatchf("%s: %v", label, err)
		}
		if err := checkVector(label, vec, t.params.Dims); err != nil {
			return err
		}
		buf = vec
		if t.included() == 0 {
			return fn(rowid, vec, nil)
		}
		attrs = t.rowAttrs(row, attrs)
		return fn(rowid, vec, attrs)
	})
}

// connectHNSW connects an index that exists. It must not fail because the table is
// gone or the rows are damaged: the index could not be dropped then.
func (cat *catalog) connectHNSW(a host.ModuleArgs) (host.Table, error) {
	args, err := parseHNSWArgs(a)
	if err != nil {
		return nil, err
	}
	if err := cat.declareHNSW(a.Table, len(args.columns())-1); err != nil {
		return nil, err
	}
	if t := cat.inTransaction(a); t != nil {
		if v, ok := t.self.(*vectorTable); ok {
			t.connected()
			return hnswObject{v}, nil
		}
	}
	t := cat.newVectorTable(a, args)
	t.connected()
	t.lost = cat.takeLost(a)
	cat.remember(&t.indexTable)
	return hnswObject{t}, nil
}

func (cat *catalog) newVectorTable(a host.ModuleArgs, args *hnswArgs) *vectorTable {
	columns := args.columns()
	args.params.Attrs = len(columns) - 1
	t := &vectorTable{asked: args.params, params: args.params}
	suffixes := make([]string, 0, len(hnsw.Parts()))
	for _, p := range args.params.Parts() {
		suffixes = append(suffixes, p.String())
	}
	t.indexTable = indexTable{
		cat: cat, module: "hnsw", schema: a.Schema, name: a.Table, self: t,
		tables:   shadow.NewTables(cat.conn, a.Schema, a.Table, suffixes),
		baseName: args.table, baseCols: columns, baseWhere: args.where, anchored: args.anchored,
	}
	t.partition = -1
	if args.partition != "" {
		if t.partition = args.partitionAt(); t.partition < 0 {
			t.partition = len(args.include)
		}
	}
	t.opener, t.closer, t.onReady = t.open, t.closeIndex, t.keepVectors
	return t
}

// open opens the index in the shadow tables, once.
func (t *vectorTable) open() error {
	if t.index != nil {
		return nil
	}
	ix, err := hnsw.Open(hnsw.SharedCache(), shadow.HNSW{Tables: t.tables}, baseVectors{t})
	if err != nil {
		return t.wrap(err)
	}
	if n := ix.Params().Attrs; n != t.included() {
		return t.wrap(fmt.Errorf("%w: it keeps %d columns, want %d", hnsw.ErrCorrupt, n, t.included()))
	}
	t.index, t.params, t.openErr = ix, ix.Params(), nil
	t.engine = hnswEngine{ix}
	return nil
}

func (cat *catalog) declareHNSW(table string, included int) error {
	sql := "CREATE TABLE x(distance REAL, vector HIDDEN, k HIDDEN, ef_search HIDDEN, recall HIDDEN, " +
		triggerOperation + " HIDDEN, " + keyColumn + " HIDDEN, " + quoteName(table) + " HIDDEN"
	for i := range included {
		sql += ", " + includeField(i) + " HIDDEN"
	}
	err := cat.conn.DeclareVTab(sql + ")")
	if err != nil {
		return err
	}
	return cat.conn.VTabInnocuous()
}

// hnswEngine gives hnsw.Index the shape of engine.
type hnswEngine struct{ *hnsw.Index }

func (e hnswEngine) Savepoint(id int) error  { e.Index.Savepoint(id); return nil }
func (e hnswEngine) Release(id int) error    { e.Index.Release(id); return nil }
func (e hnswEngine) RollbackTo(id int) error { e.Index.RollbackTo(id); return nil }

// The hooks of host.WritableTable.

func (o hnswObject) Close() error             { return o.disconnect() }
func (o hnswObject) Destroy() error           { return o.destroy() }
func (o hnswObject) Rename(name string) error { return o.rename(name) }
func (o hnswObject) Begin() error             { return o.begin() }
func (o hnswObject) Sync() error              { return o.sync() }
func (o hnswObject) Commit() error            { o.commit(); return nil }
func (o hnswObject) Rollback() error          { o.rollback(); return nil }
func (o hnswObject) Savepoint(id int) error   { return o.savepoint(id) }
func (o hnswObject) Release(id int) error     { return o.release(id) }
func (o hnswObject) RollbackTo(id int) error  { return o.rollbackTo(id) }
