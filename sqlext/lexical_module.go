package sqlext

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// lexicalTable is one lexical index on one connection.
type lexicalTable struct {
	indexTable
	asked  lexical.Params // as CREATE VIRTUAL TABLE says
	fields []string       // columns of the virtual table, one an indexed column
	index  *lexical.Index
	texts  []string // of upsert
	tuning tunings  // of fusion_tune, as read last
}

// lexicalObject is one connected virtual table object.
type lexicalObject struct{ *lexicalTable }

var _ host.WritableTable = lexicalObject{}

// Columns of the virtual table: score, one for each indexed column, then hidden k,
// operation, and the command column named like the table, which MATCH is about.
const (
	lexicalScore = 0
	lexicalField = 1 // first of len(fields)
)

func (t *lexicalTable) columnK() int         { return lexicalField + len(t.fields) }
func (t *lexicalTable) columnOperation() int { return t.columnK() + 1 }
func (t *lexicalTable) columnCommand() int   { return t.columnK() + 2 }
func (t *lexicalTable) columnCount() int     { return t.columnK() + 3 }

func (cat *catalog) lexicalModule() host.Module {
	return host.Module{
		Create: func(_ host.Conn, a host.ModuleArgs) (host.Table, error) {
			return cat.createLexical(a)
		},
		Connect: func(_ host.Conn, a host.ModuleArgs) (host.Table, error) {
			return cat.connectLexical(a)
		},
		Writable:    true,
		ShadowNames: shadow.LexicalSuffixes(),
	}
}

var (
	lexicalOptions = []string{"analyzer", "k1", "b", "scoring", "stored", "where"}
	columnOptions  = []string{"boost", "analyzer"}
)

// lexicalArgs are the module arguments of a lexical index.
type lexicalArgs struct {
	table  string
	where  string
	params lexical.Params // Columns name the table's columns
}

// parseLexicalArgs reads the arguments; it looks at nothing but their text.
func parseLexicalArgs(a host.ModuleArgs) (*lexicalArgs, error) {
	label := a.Schema + "." + a.Table
	table, err := parseTableArg("lexical", a.Schema, a.Table, a.Args)
	if err != nil {
		return nil, err
	}
	l := &lexicalArgs{table: table}
	seen := map[string]bool{}
	for _, arg := range a.Args[1:] {
		if o, ok := parseOption(arg); ok {
			if seen[o.name] {
				return nil, errorf("%s: option %q is given twice", label, o.name)
			}
			seen[o.name] = true
			if err := l.set(label, o); err != nil {
				return nil, err
			}
			continue
		}
		c, err := parseColumn(arg)
		if err != nil {
			return nil, err
		}
		col := lexical.Column{Name: c.name}
		for _, o := range c.options {
			if err := setColumnOption(label, &col, o); err != nil {
				return nil, err
			}
		}
		l.params.Columns = append(l.params.Columns, col)
	}
	if len(l.params.Columns) == 0 {
		return nil, errorf("%s: no text column is given, want CREATE VIRTUAL TABLE %s USING lexical(%s, column, ...)", label, a.Table, table)
	}
	return l, nil
}

func (l *lexicalArgs) set(label string, o option) (err error) {
	switch o.name {
	case "analyzer":
		l.params.Analyzer = o.value
	case "k1":
		// The package takes 0 for "default", and the user cannot have meant that.
		if l.params.K1, err = floatOption(label, o); err == nil && l.params.K1 == 0 {
			err = errorf("%s: k1 is 0, want a number from 0.01 to 100", label)
		}
	case "b":
		l.params.B, err = floatOption(label, o)
		switch {
		case err == nil && l.params.B < 0:
			err = errorf("%s: b is %v, want a number from 0 to 1", label, l.params.B)
		case l.params.B == 0:
			l.params.B = -1 // none: 0 stands for the default
		}
	case "scoring":
		if l.params.Scoring = o.value; o.value == "" {
			err = errorf("%s: scoring is empty, want %s or %s", label, lexical.ScoringBM25, lexical.ScoringBleve)
		}
	case "stored":
		// The table holds the texts, in the same file and the same transaction.
		if o.value != "none" {
			err = errorf("%s: stored is %q, want none: highlight and snippet read the texts of %s, the index keeps no copy", label, o.value, l.table)
		}
	case "where":
		if l.where = o.value; l.where == "" {
			err = errorf("%s: where is empty, want an expression over the columns of %s", label, l.table)
		}
	default:
		err = unknownOption(label, o.name, lexicalOptions)
	}
	return err
}

func setColumnOption(label string, col *lexical.Column, o option) (err error) {
	label = fmt.Sprintf("%s: column %q", label, col.Name)
	switch o.name {
	case "analyzer":
		col.Analyzer = o.value
	case "boost":
		if col.Boost, err = floatOption(label, o); err == nil && col.Boost == 0 {
			err = errorf("%s: boost is 0, want a number above 0, at most %d", label, lexical.MaxBoost)
		}
	default:
		err = unknownOption(label, o.name, columnOptions)
	}
	return err
}

// createLexical is CREATE VIRTUAL TABLE; see createHNSW.
func (cat *catalog) createLexical(a host.ModuleArgs) (host.Table, error) {
	label := a.Schema + "." + a.Table
	args, err := parseLexicalArgs(a)
	if err != nil {
		return nil, err
	}
	if err := checkTableSchema("lexical", a.Schema, a.Table, a.Args); err != nil {
		return nil, err
	}
	info, err := describeBase(cat.conn, label, a.Schema, args.table)
	if err != nil {
		return nil, err
	}
	base := &baseTable{conn: cat.conn, schema: a.Schema, table: info.table, rowid: info.rowid, where: args.where}
	for _, c := range args.params.Columns {
		col, ok := info.column(c.Name)
		if !ok {
			return nil, errorf("%s: no such column: %s.%s.%s, want one of %s", label, a.Schema, info.table, c.Name, info.columnNames())
		}
		base.columns = append(base.columns, col.name)
	}
	if err := args.params.Validate(); err != nil {
		return nil, errorf("%s: %v", label, err)
	}
	if base.where != "" {
		if err := checkWhere(cat.conn, label, base); err != nil {
			return nil, err
		}
	}

	t := cat.newLexicalTable(a, args)
	if err := t.declare(); err != nil {
		return nil, err
	}
	if err := t.create(base, info, t.fields, func() error { return t.fill(base) }); err != nil {
		return nil, err
	}
	return lexicalObject{t}, nil
}

// fill builds the index from the table's rows.
func (t *lexicalTable) fill(base *baseTable) error {
	if err := t.createIndex(base); err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	return t.build(base)
}

// createIndex writes an empty index. A column that is declared to hold numbers or dates
// is analyzed as such, unless it says otherwise: under a language's analyzer -3 is 3,
// and a date three numbers.
func (t *lexicalTable) createIndex(base *baseTable) error {
	p := t.asked
	p.Columns = slices.Clone(p.Columns)
	info, err := describeBase(t.cat.conn, t.label(), base.schema, base.table)
	if err != nil {
		return err
	}
	for i, name := range base.columns {
		if col, ok := info.column(name); ok && p.Columns[i].Analyzer == "" && holdsNumbers(col.declared) {
			p.Columns[i].Analyzer = lexical.NumberAnalyzer
		}
	}
	return t.wrap(lexical.Create(shadow.Lexical{Tables: t.tables}, p))
}

// holdsNumbers reports whether a declared type is one of numbers, dates or times.
func holdsNumbers(declared string) bool {
	if affinityOf(declared) != affinityNumeric {
		return false
	}
	d := strings.ToUpper(declared)
	return slices.ContainsFunc([]string{"INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "DATE", "TIME"},
		func(name string) bool { return strings.Contains(d, name) })
}

// build replaces the contents by those of the table's rows.
func (t *lexicalTable) build(base *baseTable) error {
	return t.wrap(t.index.Build(t.cat.context(), base.eachText, nil))
}

// eachText calls fn with the texts of each row that belongs in the index.
func (b *baseTable) eachText(fn func(rowid int64, texts []string) error) error {
	texts := make([]string, len(b.columns))
	return query(b.conn, b.selectSQL("")+" ORDER BY "+b.rowid, nil, func(row host.Stmt) error {
		for i := range texts {
			texts[i] = indexText(row.Value(i + 1))
		}
		return fn(row.Value(0).Int, texts)
	})
}

// connectLexical connects an index that exists; see connectHNSW.
func (cat *catalog) connectLexical(a host.ModuleArgs) (host.Table, error) {
	args, err := parseLexicalArgs(a)
	if err != nil {
		return nil, err
	}
	t := cat.newLexicalTable(a, args)
	if err := t.declare(); err != nil {
		return nil, err
	}
	if known := cat.inTransaction(a); known != nil {
		if l, ok := known.self.(*lexicalTable); ok {
			l.connected()
			return lexicalObject{l}, nil
		}
	}
	t.connected()
	t.lost = cat.takeLost(a)
	cat.remember(&t.indexTable)
	return lexicalObject{t}, nil
}

func (cat *catalog) newLexicalTable(a host.ModuleArgs, args *lexicalArgs) *lexicalTable {
	t := &lexicalTable{asked: args.params}
	taken := map[string]bool{"score": true, "k": true, triggerOperation: true, "rowid": true, "_rowid_": true, "oid": true, foldName(a.Table): true}
	var columns []string
	for _, c := range args.params.Columns {
		columns = append(columns, c.Name)
		// A column that is named like one of ours gets an underscore.
		field := c.Name
		for taken[foldName(field)] {
			field += "_"
		}
		taken[foldName(field)] = true
		t.fields = append(t.fields, field)
	}
	t.indexTable = indexTable{
		cat: cat, module: "lexical", schema: a.Schema, name: a.Table, self: t,
		tables:   shadow.NewTables(cat.conn, a.Schema, a.Table, shadow.LexicalSuffixes()),
		baseName: args.table, partition: -1, baseCols: columns, baseWhere: args.where,
	}
	t.opener, t.closer = t.open, t.closeIndex
	return t
}

// open opens the index in the shadow tables, once.
func (t *lexicalTable) open() error {
	if t.index != nil {
		return nil
	}
	ix, err := lexical.Open(lexical.SharedCache(), shadow.Lexical{Tables: t.tables})
	if err != nil {
		return t.wrap(err)
	}
	t.index, t.engine, t.openErr = ix, ix, nil
	return nil
}

func (t *lexicalTable) declare() error {
	var b strings.Builder
	b.WriteString("CREATE TABLE x(score REAL")
	for _, f := range t.fields {
		b.WriteString(", " + quoteName(f))
	}
	b.WriteString(", k HIDDEN, " + triggerOperation + " HIDDEN, " + quoteName(t.name) + " HIDDEN)")
	if err := t.cat.conn.DeclareVTab(b.String()); err != nil {
		return err
	}
	return t.cat.conn.VTabInnocuous()
}

// The hooks of host.WritableTable.

func (o lexicalObject) Close() error             { return o.disconnect() }
func (o lexicalObject) Destroy() error           { return o.destroy() }
func (o lexicalObject) Rename(name string) error { return o.rename(name) }
func (o lexicalObject) Begin() error             { return o.begin() }
func (o lexicalObject) Sync() error              { return o.sync() }
func (o lexicalObject) Commit() error            { o.commit(); return nil }
func (o lexicalObject) Rollback() error          { o.rollback(); return nil }
func (o lexicalObject) Savepoint(id int) error   { return o.savepoint(id) }
func (o lexicalObject) Release(id int) error     { return o.release(id) }
func (o lexicalObject) RollbackTo(id int) error  { return o.rollbackTo(id) }
