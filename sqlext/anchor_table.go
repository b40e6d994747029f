package sqlext

import (
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/vector"
)

// anchored is what the hnsw table of an anchor has beside that of CREATE VIRTUAL
// TABLE.
type anchored struct {
	name     string      // of the anchor
	elements vector.Type // type of the column's vectors
	asked    string      // parameters as the anchor gives them
	keyed    bool        // the table is WITHOUT ROWID
}

// typeByName finds a vector type by the name that its String returns.
func typeByName(name string) (vector.Type, bool) {
	for _, n := range columnTypeNames {
		if n.typ.String() == name {
			return n.typ, true
		}
	}
	return 0, false
}

// anchorShape is what an anchor says together with the table it is on.
type anchorShape struct {
	column   columnInfo
	computed bool // the column is generated
	elements vector.Type
	dims     int
	key      string // the key column of a table WITHOUT ROWID
	collate  string // its collation
	rowid    string // a name of the rowid
	alias    string // the INTEGER PRIMARY KEY column, "" if there is none
	diskann  *diskannParams
}

// describeAnchor checks an anchor against its table, in libSQL's order and words.
func describeAnchor(c host.Conn, a *anchor) (*anchorShape, error) {
	s := &anchorShape{}
	var keys []columnInfo
	found := false
	names := map[string]bool{}
	err := query(c, "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, ?2)",
		[]host.Value{host.TextValue(a.table), host.TextValue(a.schema)}, func(row host.Stmt) error {
			col := columnInfo{name: row.Value(0).String(), declared: row.Value(1).String()}
			names[foldName(col.name)] = true
			if row.Value(2).Int > 0 {
				keys = append(keys, col)
			}
			if foldName(col.name) == foldName(a.column) {
				s.column, found = col, true
				s.computed = row.Value(3).Int >= 2
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !names[name] {
			s.rowid = name
			break
		}
	}
	withoutRowID := false
	err = query(c, "SELECT wr FROM pragma_table_list(?1) WHERE schema=?2 COLLATE NOCASE",
		[]host.Value{host.TextValue(a.table), host.TextValue(a.schema)}, func(row host.Stmt) error {
			withoutRowID = row.Value(0).Int != 0
			return nil
		})
	if err != nil {
		return nil, err
	}
	if !withoutRowID && len(keys) == 1 && foldName(keys[0].declared) == "integer" {
		// A key declared INTEGER PRIMARY KEY DESC is an ordinary column with an index.
		hasIndex := false
		err := query(c, "SELECT 1 FROM pragma_index_list(?1, ?2) WHERE origin='pk'",
			[]host.Value{host.TextValue(a.table), host.TextValue(a.schema)}, func(host.Stmt) error { hasIndex = true; return nil })
		if err != nil {
			return nil, err
		}
		if !hasIndex {
			s.alias = keys[0].name
			if s.rowid == "" {
				s.rowid = quoteName(s.alias)
			}
		}
	}
	switch {
	case found && s.alias != "" && foldName(s.alias) == foldName(a.column),
		!found && (foldName(a.column) == "rowid" || foldName(a.column) == "_rowid_" || foldName(a.column) == "oid"):
		return nil, libsqlErrorf("vector index: %s first argument must be column with vector type", markerName)
	case !found:
		return nil, libsqlErrorf("vector index: %s first argument must be a column token", markerName)
	}
	if s.elements, s.dims, err = parseColumnType(s.column.declared); err != nil {
		return nil, err
	}
	if s.diskann, err = parseDiskann(a.params); err != nil {
		return nil, err
	}
	if err = s.diskann.check(s.elements, s.dims); err != nil {
		return nil, err
	}
	if withoutRowID {
		if len(keys) != 1 {
			return nil, libsqlErrorf("vector index: unsupported for tables without ROWID and composite primary key")
		}
		s.key, s.rowid = keys[0].name, keyedRowID
		err = query(c, "SELECT x.coll FROM pragma_index_list(?1, ?2) AS l, pragma_index_xinfo(l.name, ?2) AS x WHERE l.origin='pk' AND x.seqno=0",
			[]host.Value{host.TextValue(a.table), host.TextValue(a.schema)}, func(row host.Stmt) error {
				s.collate = row.Value(0).String()
				return nil
			})
	} else if s.rowid == "" {
		return nil, libsqlErrorf("vector index: the table hides its rowid behind columns named rowid, _rowid_ and oid")
	}
	return s, err
}

// base is the indexed table as the anchor and its shape say.
func (a *anchor) base(c host.Conn, s *anchorShape) *baseTable {
	b := &baseTable{
		conn: c, schema: a.schema, table: a.table, rowid: s.rowid, columns: []string{s.column.name},
		where: a.where, strict: &strictVectors{elements: s.elements, dims: s.dims},
	}
	if s.key != "" {
		b.source, b.noCell = keyedSource(a, s.key), true
	}
	return b
}

// createAnchored is CREATE VIRTUAL TABLE ... USING hnsw(table, column, anchor=index,
// ...), which reconcile runs.
func (cat *catalog) createAnchored(a host.ModuleArgs, args *hnswArgs) (host.Table, error) {
	an, err := readAnchor(cat.conn, a.Schema, args.anchored.name)
	if err != nil {
		return nil, err
	}
	if an == nil || foldName(a.Table) != foldName(anchorTable(an.name)) {
		return nil, errorf("%s.%s: anchor is %q, want the name of a vector index in libSQL's form; CREATE INDEX makes one", a.Schema, a.Table, args.anchored.name)
	}
	shape, err := describeAnchor(cat.conn, an)
	if err != nil {
		return nil, err
	}
	if err := args.params.Validate(); err != nil {
		return nil, errorf("%s: %v", an.label(), err)
	}
	args.params = args.params.Normalize()
	args.anchored.keyed = shape.key != ""
	t := cat.newVectorTable(a, args)
	if err := cat.declareHNSW(a.Table, 0); err != nil {
		return nil, err
	}
	base := an.base(cat.conn, shape)
	err = t.createWith(func() error {
		if err := t.createKeys(shape); err != nil {
			return err
		}
		if err := createAnchorTriggers(cat.conn, t.name, base, shape); err != nil {
			return t.wrap(err)
		}
		if err := t.resolveBase(); err != nil {
			return err
		}
		if err := t.fill(base); err != nil {
			return err
		}
		return t.sync()
	})
	if err != nil {
		return nil, err
	}
	return hnswObject{t}, nil
}

// anchorBase finds the indexed table through the anchor, which SQLite rewrites when
// the table or the column is renamed; nil when the anchor is gone.
func (t *indexTable) anchorBase() (*baseTable, error) {
	an, err := readAnchor(t.cat.conn, t.schema, t.anchored.name)
	if err != nil || an == nil {
		return nil, err
	}
	shape, err := describeAnchor(t.cat.conn, an)
	if err != nil {
		return nil, err
	}
	t.anchored.keyed = shape.key != ""
	return an.base(t.cat.conn, shape), nil
}

// Triggers of an anchored index read the row back instead of taking NEW: a trigger of
// the user's that changed the row in the meantime has run its own UPDATE, and must not
// be overwritten by what the row was before.
//
//	AFTER INSERT   INSERT INTO index(operation, rowid, vector)
//	               SELECT CASE WHEN (condition) THEN 'upsert' ELSE 'delete' END, rowid, "column"
//	               FROM table WHERE rowid = new.rowid
//	AFTER UPDATE   VALUES('delete', old.rowid) if the row moved, then the same
//	AFTER DELETE   VALUES('delete', old.rowid)
//
// For a table WITHOUT ROWID the key takes the place of the rowid, in the hidden column
// nearlite_key; the index numbers the keys itself (keyed.go).
func createAnchorTriggers(c host.Conn, index string, base *baseTable, s *anchorShape) error {
	into := "INSERT INTO " + quoteName(index) + "(" + triggerOperation + ", rowid, vector) "
	key, rowid, differs := base.rowid, base.rowid, "IS NOT"
	if s.key != "" {
		into = "INSERT INTO " + quoteName(index) + "(" + triggerOperation + ", rowid, vector, " + keyColumn + ") "
		key, rowid, differs = quoteName(s.key), "NULL", "COLLATE BINARY IS NOT"
	}
	where := base.where
	if where == "" {
		where = "1"
	}
	pick := func(row string) string {
		if s.key != "" {
			return "NULL, NULL, " + row + key
		}
		return row + rowid + ", NULL"
	}
	read := rowid + ", " + quoteName(base.columns[0])
	if s.key != "" {
		read += ", " + key
	}
	upsert := fmt.Sprintf("%sSELECT CASE WHEN (%s) THEN 'upsert' ELSE 'delete' END, %s FROM %s WHERE %s = new.%s",
		into, where, read, quoteName(base.table), key, key)
	remove := into + "SELECT 'delete', " + pick("old.")
	moved := fmt.Sprintf("old.%s %s new.%s", key, differs, key)

	event, when := "AFTER UPDATE", ""
	column := quoteName(base.columns[0])
	switch {
	case base.where != "": // the condition may look at any column
	case s.computed: // UPDATE OF sees what the statement names, not what follows from it
		when = fmt.Sprintf("WHEN old.%s IS NOT new.%s OR %s ", column, column, moved)
	default:
		names := s.alias
		if s.key != "" {
			names = s.key
		}
		event += " OF " + updateColumns(base.columns, names)
		when = fmt.Sprintf("WHEN old.%s IS NOT new.%s OR %s ", column, column, moved)
	}
	for _, t := range []triggerText{
		{"_after_insert", "AFTER INSERT", "", upsert},
		{"_after_update", event, when, remove + " WHERE " + moved + "; " + upsert},
		{"_after_delete", "AFTER DELETE", "", remove},
	} {
		trigger, err := freeTriggerName(c, base.schema, index+t.suffix)
		if err != nil {
			return err
		}
		err = c.Exec(fmt.Sprintf("CREATE TRIGGER %s.%s %s ON %s %sBEGIN %s; END",
			quoteName(base.schema), quoteName(trigger), t.event, quoteName(base.table), t.when, t.body))
		if err != nil {
			return err
		}
	}
	return nil
}

// anchorTriggers is how many triggers an anchored index has.
const anchorTriggers = 3

// findBase finds the indexed table as it is named now.
func (t *indexTable) findBase() (*baseTable, error) {
	if t.anchored != nil {
		return t.anchorBase()
	}
	return findBase(t.cat.conn, t.schema, t.name, len(t.baseCols))
}

// setAnchored reads the options that make an hnsw table the table of an anchor.
func (h *hnswArgs) setAnchored(label string, o option) error {
	if h.anchored == nil {
		h.anchored = &anchored{}
	}
	switch o.name {
	case "anchor":
		h.anchored.name = o.value
	case "asked":
		h.anchored.asked = o.value
	default:
		typ, ok := typeByName(o.value)
		if !ok {
			return errorf("%s: elements is %q, want the name of a vector type such as float32", label, o.value)
		}
		h.anchored.elements = typ
	}
	return nil
}

// leadTriggers makes the triggers of an anchored index anew when the user has made
// others on the table since. SQLite runs the youngest first, and a search in a trigger
// of the user's has to see the row that fired it.
func (cat *catalog) leadTriggers(a *anchor) error {
	own, last := int64(0), int64(0) // oldest of ours, youngest of the user's
	index := anchorTable(a.name)
	err := query(cat.conn, "SELECT rowid, sql FROM "+quoteName(a.schema)+".sqlite_schema WHERE type='trigger' AND tbl_name=?1 COLLATE NOCASE ORDER BY rowid",
		[]host.Value{host.TextValue(a.table)}, func(row host.Stmt) error {
			t := tokenize(row.Value(1).String())
			switch {
			case ourInsert(t, index) > 0:
				if own == 0 {
					own = row.Value(0).Int
				}
			case !containsFold(row.Value(1).String(), "("+triggerOperation+", rowid"):
				last = row.Value(0).Int
			}
			return nil
		})
	if err != nil || own == 0 || own > last {
		return err
	}
	shape, err := describeAnchor(cat.conn, a)
	if err != nil {
		return err
	}
	triggers, err := indexTriggers(cat.conn, a.schema, index)
	if err != nil {
		return err
	}
	for _, tr := range triggers {
		if err := cat.conn.Exec("DROP TRIGGER " + quoteName(a.schema) + "." + quoteName(tr.name)); err != nil {
			return err
		}
	}
	return createAnchorTriggers(cat.conn, index, a.base(cat.conn, shape), shape)
}

// checkAnchor reports what an integrity check has to say about an anchor.
func (t *indexTable) checkAnchor(f *findings) error {
	if t.anchored == nil {
		return nil
	}
	triggers, err := indexTriggers(t.cat.conn, t.schema, t.name)
	if err == nil && len(triggers) != anchorTriggers {
		f.add("the triggers that keep the index in step with " + t.base.label() + " are missing; run REINDEX " + t.anchored.name)
	}
	return err
}

// remedy puts REINDEX, which is how an index in libSQL's form is rebuilt, into a
// message that names the command of an index table.
func (t *indexTable) remedy(err error) error {
	var he *host.Error
	if t.anchored == nil || !asHostError(err, &he) {
		return err
	}
	at := strings.Index(he.Message, "; run INSERT INTO ")
	if at < 0 {
		return err
	}
	return &host.Error{Code: he.Code, Message: he.Message[:at] + "; run REINDEX " + quoteName(t.anchored.name), Err: err}
}
