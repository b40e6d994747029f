package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// column is one column that rows are written to.
type column struct {
	name   string
	kind   kind // of values; kindNull: any, as the source has them
	vector bool // F32_BLOB(layout.dims)
}

// layout says which columns rows go to.
type layout struct {
	table   string
	columns []column
	byField map[string]int // field name → column
	vector  int            // position of the vector column, -1 without
	dims    int
	key     string // added INTEGER PRIMARY KEY, "" if a field is the key or the table exists
	exists  bool
	ignore  bool // fields outside of byField are left out (--columns)
}

// fieldInfo is what the first rows say about one field.
type fieldInfo struct {
	name     string
	kind     kind
	vectors  bool // some value looks like a vector
	hasValue bool
	hasNull  bool
}

// survey collects the fields of the first rows in the order of their appearance.
func survey(fixed []string, rows []item) []fieldInfo {
	var infos []fieldInfo
	at := map[string]int{}
	add := func(name string) int {
		i, ok := at[name]
		if !ok {
			i = len(infos)
			at[name] = i
			infos = append(infos, fieldInfo{name: name})
		}
		return i
	}
	for _, name := range fixed {
		add(name)
	}
	for _, row := range rows {
		if row.err != nil {
			continue
		}
		for _, f := range row.rec.fields {
			info := &infos[add(f.name)]
			info.kind = max(info.kind, f.kind)
			info.hasNull = info.hasNull || f.kind == kindNull
			info.hasValue = info.hasValue || f.kind != kindNull
			info.vectors = info.vectors || f.list || f.kind == kindText && strings.HasPrefix(f.text, "[")
		}
	}
	return infos
}

// planLayout decides where the rows go. infos come from survey; firstDims are the
// dimensions of the first vector seen, 0 if none was.
func planLayout(ctx context.Context, conn *sql.Conn, opt Options, infos []fieldInfo, s *stream, firstDims int) (*layout, error) {
	l := &layout{table: opt.Table, byField: map[string]int{}, vector: -1, ignore: len(opt.Columns) > 0}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.name
	}
	for flag, wanted := range map[string][]string{"--columns": opt.Columns, "--text-columns": opt.TextColumns} {
		for _, name := range wanted {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("%s: there is no field %q for %s; fields are %s", s.in.name, name, flag, list(names))
			}
		}
	}
	folded := map[string]string{}
	for _, info := range infos {
		isVector := info.name == opt.VectorColumn && s.vectors == nil && (info.vectors || !info.hasValue)
		if l.ignore && !slices.Contains(opt.Columns, info.name) && !isVector {
			continue
		}
		if info.name == "" || strings.ContainsRune(info.name, 0) {
			return nil, fmt.Errorf("%s: a field has the name %q, which no column can have", s.in.name, info.name)
		}
		if other, ok := folded[strings.ToLower(info.name)]; ok {
			return nil, fmt.Errorf("%s: fields %q and %q would be one column; SQL ignores case", s.in.name, other, info.name)
		}
		folded[strings.ToLower(info.name)] = info.name
		c := column{name: info.name, kind: info.kind, vector: isVector}
		if c.kind == kindNull || slices.Contains(opt.TextColumns, info.name) {
			c.kind = kindText
		}
		if isVector {
			l.vector = len(l.columns)
		}
		l.byField[info.name] = len(l.columns)
		l.columns = append(l.columns, c)
	}
	if s.vectors != nil {
		if _, ok := folded[strings.ToLower(opt.VectorColumn)]; ok {
			return nil, fmt.Errorf("%s: has a field %q, where the vectors of %s would go; name another column with --vector-column",
				s.in.name, folded[strings.ToLower(opt.VectorColumn)], s.vectors.in.name)
		}
		l.vector = len(l.columns)
		l.columns = append(l.columns, column{name: opt.VectorColumn, vector: true})
	}
	if len(l.columns) == 0 {
		return nil, fmt.Errorf("%s: no fields in the first rows, so there is nothing to import", s.in.name)
	}
	if opt.HNSW && l.vector < 0 {
		return nil, fmt.Errorf("%s: there is no vector field %q for --hnsw; fields are %s; name it with --vector-column or give --vectors FILE",
			s.in.name, opt.VectorColumn, list(names))
	}
	kind, err := tableKind(ctx, conn, opt.Table)
	if err != nil {
		return nil, err
	}
	// What is said about all vectors at once must fit an existing table; what
	// the first vector happens to have decides for a new table only.
	l.dims = opt.Dims
	if s.vectors != nil {
		l.dims = s.vectors.dims
	}
	switch kind {
	case "":
		if l.dims == 0 {
			l.dims = firstDims
		}
		if l.vector >= 0 && l.dims == 0 {
			return nil, fmt.Errorf("%s: field %q holds no vector in the first %d rows; give --dims", s.in.name, opt.VectorColumn, sampleRows)
		}
		l.addKey(infos)
	case "table":
		l.exists = true
		if err := l.matchTable(ctx, conn, s.in.name); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("main.%s: is a %s, want an ordinary table or a new name", opt.Table, kind)
	}
	return l, l.checkLexical(ctx, conn, opt)
}

// addKey makes sure that the new table has an INTEGER PRIMARY KEY: VACUUM may
// renumber the rows of other tables, and indexes know rows by number.
func (l *layout) addKey(infos []fieldInfo) {
	taken := map[string]bool{}
	for _, c := range l.columns {
		taken[strings.ToLower(c.name)] = true
	}
	for _, info := range infos {
		if i, ok := l.byField[info.name]; ok && strings.EqualFold(info.name, "id") && l.columns[i].kind == kindInteger && !info.hasNull {
			return
		}
	}
	l.key = "id"
	for n := 1; taken[l.key]; n++ {
		l.key = "row_id"
		if n > 1 {
			l.key += strconv.Itoa(n)
		}
	}
}

// keyField reports whether column c becomes the INTEGER PRIMARY KEY.
func (l *layout) keyField(c column) bool {
	return l.key == "" && c.kind == kindInteger && strings.EqualFold(c.name, "id")
}

func (l *layout) createSQL() string {
	var defs []string
	if l.key != "" {
		defs = append(defs, quoteName(l.key)+" INTEGER PRIMARY KEY")
	}
	for _, c := range l.columns {
		def := quoteName(c.name) + " " + c.kind.sqlType()
		switch {
		case c.vector:
			def = fmt.Sprintf("%s F32_BLOB(%d)", quoteName(c.name), l.dims)
		case l.keyField(c):
			def += " PRIMARY KEY"
		}
		defs = append(defs, def)
	}
	return "CREATE TABLE main." + quoteName(l.table) + "(" + strings.Join(defs, ", ") + ")"
}

func (l *layout) insertSQL() string {
	names := make([]string, len(l.columns))
	for i, c := range l.columns {
		names[i] = quoteName(c.name)
	}
	return "INSERT INTO main." + quoteName(l.table) + "(" + strings.Join(names, ", ") + ") VALUES (?" +
		strings.Repeat(", ?", len(names)-1) + ")"
}

// tableKind returns what the name stands for: "table", "view", "virtual table",
// "shadow table", or "" for nothing.
func tableKind(ctx context.Context, conn *sql.Conn, table string) (string, error) {
	var kind string
	err := conn.QueryRowContext(ctx, "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE", table).Scan(&kind)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if kind == "virtual" || kind == "shadow" {
		kind += " table"
	}
	return kind, err
}

// tableColumn is a column of the existing table.
type tableColumn struct {
	name, declType string
	generated      bool
}

func tableColumns(ctx context.Context, conn *sql.Conn, table string) (cols []tableColumn, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT name, type, hidden FROM pragma_table_xinfo(?, 'main')", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c tableColumn
		var hidden int
		if err := rows.Scan(&c.name, &c.declType, &hidden); err != nil {
			return nil, err
		}
		c.generated = hidden != 0
		cols = append(cols, c)
	}
	return cols, rows.Err()
}

// matchTable finds for each column of the input the one of the existing table.
func (l *layout) matchTable(ctx context.Context, conn *sql.Conn, file string) error {
	existing, err := tableColumns(ctx, conn, l.table)
	if err != nil {
		return err
	}
	names := make([]string, len(existing))
	for i, c := range existing {
		names[i] = c.name
	}
	for i := range l.columns {
		c := &l.columns[i]
		at := slices.IndexFunc(existing, func(e tableColumn) bool { return strings.EqualFold(e.name, c.name) })
		if at < 0 {
			return fmt.Errorf("%s: field %q has no column in main.%s; its columns are %s; choose fields with --columns",
				file, c.name, l.table, list(names))
		}
		e := existing[at]
		if e.generated {
			return fmt.Errorf("main.%s.%s: is a generated column, which cannot be written; choose fields with --columns", l.table, e.name)
		}
		c.name = e.name
		dims, isVector := vectorType(e.declType)
		switch {
		case c.vector && !isVector:
			return fmt.Errorf("main.%s.%s: has type %q, want F32_BLOB(n) for the vectors of %s", l.table, e.name, e.declType, file)
		case c.vector && l.dims == 0:
			l.dims = dims
		case c.vector && dims != l.dims:
			return fmt.Errorf("main.%s.%s: got %d dimensions, want %d", l.table, e.name, l.dims, dims)
		case !c.vector && isVector:
			return fmt.Errorf("main.%s.%s: is a vector column (%s), field %q holds none; name the vector field with --vector-column",
				l.table, e.name, e.declType, c.name)
		case !c.vector:
			c.kind = affinity(e.declType)
		}
	}
	return nil
}

// checkLexical looks for the columns of the lexical index.
func (l *layout) checkLexical(ctx context.Context, conn *sql.Conn, opt Options) error {
	if len(opt.Lexical) == 0 {
		return nil
	}
	var names []string
	if l.exists {
		existing, err := tableColumns(ctx, conn, l.table)
		if err != nil {
			return err
		}
		for _, c := range existing {
			names = append(names, c.name)
		}
	} else {
		for _, c := range l.columns {
			if !c.vector {
				names = append(names, c.name)
			}
		}
	}
	for _, want := range opt.Lexical {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, want) }) {
			return fmt.Errorf("main.%s: there is no column %q for --lexical; columns are %s", l.table, want, list(names))
		}
	}
	return nil
}

// vectorType reads a declared type such as F32_BLOB(384).
func vectorType(declType string) (dims int, ok bool) {
	name, rest, _ := strings.Cut(declType, "(")
	name = strings.ToUpper(strings.TrimSpace(name))
	if name != "F32_BLOB" && name != "FLOAT32" {
		return 0, false
	}
	dims, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), ")")))
	return dims, err == nil
}

// affinity says which values a column of a declared type is meant for, by SQLite's
// rules (https://sqlite.org/datatype3.html); kindNull: any.
func affinity(declType string) kind {
	t := strings.ToUpper(declType)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(t, p) })
	}
	switch {
	case has("INT"):
		return kindInteger
	case has("CHAR", "CLOB", "TEXT"):
		return kindText
	case has("BLOB"), t == "":
		return kindNull
	case has("REAL", "FLOA", "DOUB"):
		return kindReal
	}
	return kindNull
}

// quoteName quotes an SQL identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// list prints names for a message, not more than fit.
func list(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
