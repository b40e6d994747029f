package sqlext

import (
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// Triggers keep an index in step with its table. Each runs one command on the
// index, in its hidden column "operation" (the command column named like the
// table would not survive a rename of the index):
//
//	AFTER INSERT                       INSERT INTO index(operation, rowid, field, ...)
//	                                   SELECT 'upsert', rowid, "column", ... FROM table
//	                                   WHERE rowid = new.rowid
//	AFTER UPDATE OF column..., rowid   the same; a text index of several columns is told
//	                                   which of them changed, a digit each: 'update10'
//	AFTER UPDATE OF rowid, if it moved SELECT 'delete', old.rowid WHERE NOT EXISTS
//	                                   (SELECT 1 FROM table WHERE rowid = old.rowid)
//	AFTER DELETE                       the same
//
// They ask the table instead of taking NEW: a trigger of the user's may have run before,
// changed the row or brought it back, and what it did must not be undone in the index.
// (Indexes made by earlier versions have VALUES('upsert', new.rowid, new."column", ...).)
//
// A partial index reads the row with its condition:
//
//	SELECT CASE WHEN (condition) THEN 'upsert' ELSE 'delete' END, rowid, "column", ...
//	FROM table WHERE rowid = new.rowid
//
// where an UPDATE that changes none of the columns says 'keep' in place of 'upsert': the
// row stays as it is indexed, or comes in if the condition holds now.
//
// The text of the insert trigger is also where the present names of the table and
// its columns, and the present condition, are read from (findBase): SQLite rewrites
// it when they are renamed.

// opUpdate begins the operation that says which columns changed.
const opUpdate = "update"

// triggerOperation is the hidden column of the index that triggers write.
const triggerOperation = "operation"

// createTriggers makes the triggers of a new index. fields are the columns of the
// index that take base.columns.
func createTriggers(c host.Conn, module, name string, base *baseTable, key string, fields []string) error {
	made := []string{}
	for _, t := range triggerBodies(module, name, base, key, fields) {
		trigger, err := freeTriggerName(c, base.schema, name+t.suffix)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf("CREATE TRIGGER %s.%s %s ON %s %sBEGIN %s; END",
			quoteName(base.schema), quoteName(trigger), t.event, quoteName(base.table), t.when, t.body)
		if err := c.Exec(sql); err != nil {
			for _, m := range made {
				_ = c.Exec("DROP TRIGGER IF EXISTS " + m)
			}
			return err
		}
		made = append(made, quoteName(base.schema)+"."+quoteName(trigger))
	}
	return nil
}

// nativeTriggers is how many triggers an index has that is not anchored.
const nativeTriggers = 4

type triggerText struct{ suffix, event, when, body string }

func triggerBodies(module, name string, base *baseTable, key string, fields []string) []triggerText {
	into := "INSERT INTO " + quoteName(name) + "(" + triggerOperation + ", rowid"
	var cols, changed, digits strings.Builder
	cols.WriteString(into)
	for i, c := range base.columns {
		cols.WriteString(", " + quoteName(fields[i]))
		if i > 0 {
			changed.WriteString(" OR ")
		}
		differs := fmt.Sprintf("old.%s IS NOT new.%s", quoteName(c), quoteName(c))
		if module == "lexical" {
			// The column's collation may not see what an analyzer sees, and 1 is 1.0.
			differs = fmt.Sprintf("(%s COLLATE BINARY OR typeof(old.%s) IS NOT typeof(new.%s))", differs, quoteName(c), quoteName(c))
		}
		changed.WriteString(differs)
		digits.WriteString(" || (" + differs + ")")
	}
	cols.WriteString(") ")

	moved := fmt.Sprintf("old.%s IS NOT new.%s", base.rowid, base.rowid)
	var touch []triggerText
	read := func(operation string) string {
		return fmt.Sprintf("%sSELECT %s, %s%s FROM %s WHERE %s = new.%s",
			cols.String(), operation, base.rowid, quotedList(base.columns), quoteName(base.table), base.rowid, base.rowid)
	}
	which := "'upsert'"
	if module == "lexical" && len(base.columns) > 1 {
		which = fmt.Sprintf("CASE WHEN %s THEN 'upsert' ELSE '%s'%s END", moved, opUpdate, digits.String())
	}
	upsert, again := read("'upsert'"), read(which)
	update := triggerText{"_after_update", "AFTER UPDATE OF " + updateColumns(base.columns, key), "WHEN " + changed.String() + " OR " + moved + " ", again}
	if base.where != "" {
		where := func(operation string) string {
			return read(fmt.Sprintf("CASE WHEN (%s) THEN %s ELSE 'delete' END", base.where, operation))
		}
		upsert = where("'upsert'")
		// The condition may look at any column.
		when := changed.String() + " OR " + moved
		update = triggerText{"_after_update", "AFTER UPDATE", "WHEN " + when + " ", where(which)}
		touch = []triggerText{{"_after_touch", "AFTER UPDATE", "WHEN NOT (" + when + ") ", where("'keep'")}}
	}
	drop := into + fmt.Sprintf(") SELECT 'delete', old.%s WHERE NOT EXISTS (SELECT 1 FROM %s WHERE %s = old.%s)",
		base.rowid, quoteName(base.table), base.rowid, base.rowid)
	return append([]triggerText{
		{"_after_insert", "AFTER INSERT", "", upsert},
		update,
		{"_after_move", "AFTER UPDATE OF " + updateColumns(nil, key), "WHEN " + moved + " ", drop},
		{"_after_delete", "AFTER DELETE", "", drop},
	}, touch...)
}

// updateColumns lists columns and every name of the rowid for UPDATE OF, which
// SQLite compares with the names as the UPDATE statement writes them.
func updateColumns(columns []string, key string) string {
	var names []string
	for _, c := range columns {
		names = append(names, quoteName(c))
	}
	if key != "" {
		names = append(names, quoteName(key))
	}
	return strings.Join(append(names, "rowid", "_rowid_", "oid"), ", ")
}

func quotedList(columns []string) string {
	var b strings.Builder
	for _, c := range columns {
		b.WriteString(", " + quoteName(c))
	}
	return b.String()
}

// freeTriggerName returns name, or name with a number when a trigger has it (an
// index that was renamed leaves its old trigger names behind).
func freeTriggerName(c host.Conn, schema, name string) (string, error) {
	try := name
	for n := 2; ; n++ {
		taken := false
		err := query(c, "SELECT 1 FROM "+quoteName(schema)+".sqlite_schema WHERE type='trigger' AND name=?1 COLLATE NOCASE",
			[]host.Value{host.TextValue(try)}, func(host.Stmt) error { taken = true; return nil })
		if err != nil || !taken {
			return try, err
		}
		try = fmt.Sprintf("%s_%d", name, n)
	}
}

// dropTriggers removes the triggers that write to the index.
func (t *indexTable) dropTriggers() error {
	triggers, err := indexTriggers(t.cat.conn, t.schema, t.name)
	if err != nil {
		return err
	}
	for _, tr := range triggers {
		if err := t.cat.conn.Exec("DROP TRIGGER IF EXISTS " + quoteName(t.schema) + "." + quoteName(tr.name)); err != nil {
			return err
		}
	}
	return nil
}

// indexTrigger is a trigger that keeps an index in step.
type indexTrigger struct {
	name, table string
	tokens      []token
	body        int // position in tokens after the column list of the INSERT
	sql         string
}

// indexTriggers finds the triggers whose first statement is our INSERT into the
// index of that name.
func indexTriggers(c host.Conn, schema, index string) ([]indexTrigger, error) {
	var out []indexTrigger
	err := query(c, "SELECT name, tbl_name, sql FROM "+quoteName(schema)+".sqlite_schema WHERE type='trigger' AND instr(sql, '(operation, rowid')>0 ORDER BY rowid",
		nil, func(row host.Stmt) error {
			tr := indexTrigger{name: row.Value(0).String(), table: row.Value(1).String(), sql: row.Value(2).String()}
			tr.tokens = tokenize(tr.sql)
			if tr.body = ourInsert(tr.tokens, index); tr.body > 0 {
				out = append(out, tr)
			}
			return nil
		})
	return out, err
}

// ourInsert returns the position after "BEGIN INSERT INTO index(operation, rowid,
// ...)", 0 if the trigger is another's.
func ourInsert(t []token, index string) int {
	for i := 0; i+6 < len(t); i++ {
		if !t[i].is("BEGIN") || !t[i+1].is("INSERT") || !t[i+2].is("INTO") {
			continue
		}
		if foldName(t[i+3].text) != foldName(index) || !t[i+4].is("(") || !t[i+5].is(triggerOperation) {
			return 0
		}
		for j := i + 6; j < len(t); j++ {
			if t[j].is(")") {
				return j + 1
			}
		}
	}
	return 0
}

// findBase reads the indexed table's present names from the triggers; nil when
// there are none or they are not as createTriggers writes them.
func findBase(c host.Conn, schema, index string, columns int) (*baseTable, error) {
	triggers, err := indexTriggers(c, schema, index)
	if err != nil {
		return nil, err
	}
	for _, tr := range triggers {
		b := &baseTable{conn: c, schema: schema, table: tr.table}
		if tr.readUpsert(b) && len(b.columns) == columns {
			return b, nil
		}
	}
	return nil, nil
}

// readUpsert reads columns, rowid name and condition from the part of an upsert
// trigger behind the column list.
func (tr *indexTrigger) readUpsert(b *baseTable) bool {
	t := tr.tokens[tr.body:]
	if len(t) > 6 && t[0].is("VALUES") && t[1].is("(") && t[2].text == "upsert" && t[3].is(",") {
		// new.rowid, new."column", ...
		for i := 4; i+2 < len(t) && t[i].is("new") && t[i+1].is("."); i += 4 {
			b.addColumn(t[i+2].text)
			if i+3 >= len(t) || !t[i+3].is(",") {
				break
			}
		}
		return b.rowid != "" && len(b.columns) > 0
	}
	if len(t) > 4 && t[0].is("SELECT") && t[1].text == "upsert" {
		b.addColumns(t[2:])
		return b.rowid != "" && len(b.columns) > 0
	}
	// SELECT CASE WHEN (condition) THEN 'upsert' ... END, rowid, "column", ... FROM
	if len(t) < 5 || !t[0].is("SELECT") || !t[1].is("CASE") || !t[2].is("WHEN") || !t[3].is("(") {
		return false
	}
	depth, i := 1, 4
	for ; i < len(t) && depth > 0; i++ {
		switch {
		case t[i].is("("):
			depth++
		case t[i].is(")"):
			depth--
		}
	}
	if depth != 0 || i+1 >= len(t) || !t[i].is("THEN") || t[i+1].text != "upsert" {
		return false
	}
	b.where = strings.TrimSpace(tr.sql[t[3].to:t[i-1].from])
	for i < len(t) && !t[i].is("END") {
		i++
	}
	if i < len(t) {
		b.addColumns(t[i+1:])
	}
	return b.rowid != "" && len(b.columns) > 0
}

// addColumns reads ", rowid, column, ...".
func (b *baseTable) addColumns(t []token) {
	for i := 0; i+1 < len(t) && t[i].is(","); i += 2 {
		b.addColumn(t[i+1].text)
	}
}

func (b *baseTable) addColumn(name string) {
	if b.rowid == "" {
		b.rowid = name
		return
	}
	b.columns = append(b.columns, name)
}
