package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// Update is how triggers and commands reach the index; see hnswObject.Update.
func (o lexicalObject) Update(args []host.Value) (int64, error) {
	t := o.lexicalTable
	t.enter()
	defer t.leave()
	if len(args) != 2+t.columnCount() || !args[0].IsNull() {
		return 0, t.readOnly()
	}
	cols := args[2:]
	if c := cols[t.columnCommand()]; !c.IsNull() {
		return args[1].Int, t.command(c)
	}
	if args[1].Kind != host.Integer {
		return 0, t.readOnly()
	}
	rowid := args[1].Int
	op := cols[t.columnOperation()].String()
	digits, isUpdate := strings.CutPrefix(op, opUpdate)
	if op != "upsert" && op != "keep" && op != "delete" && !(isUpdate && len(digits) == len(t.fields)) {
		return 0, t.readOnly()
	}
	if err := t.usable(); err != nil {
		return 0, err
	}
	t.noteConflict()
	if op == "delete" {
		_, err := t.index.Delete(rowid)
		return rowid, t.wrap(err)
	}
	if op == "keep" {
		if found, err := t.index.Contains(rowid); found || err != nil {
			return rowid, t.wrap(err)
		}
	}
	t.texts = t.texts[:0]
	for i := range t.fields {
		t.texts = append(t.texts, indexText(cols[lexicalField+i]))
	}
	if !isUpdate {
		return rowid, t.wrap(t.index.Insert(rowid, t.texts))
	}
	var changed uint64
	for i, d := range digits {
		if d == '1' {
			changed |= 1 << i
		}
	}
	return rowid, t.wrap(t.index.Update(rowid, t.texts, changed))
}

// restore finds the indexed table again, and makes what belongs to it anew.
func (t *lexicalTable) restore() error { return t.restoreBase(t.fields) }

// recreate replaces shadow rows that cannot be read by those of an empty index.
func (t *lexicalTable) recreate() error {
	st := shadow.Lexical{Tables: t.tables}
	for _, p := range lexical.Parts() {
		if err := st.Clear(p); err != nil {
			return err
		}
	}
	if err := t.createIndex(t.base); err != nil {
		return err
	}
	t.forgetEngine()
	return t.open()
}

// closeIndex makes the next use open the index anew.
func (t *lexicalTable) closeIndex() { t.index, t.engine = nil, nil }

// Integrity implements PRAGMA integrity_check and quick_check.
func (o lexicalObject) Integrity(_, _ string, quick bool) ([]string, error) {
	o.enter()
	defer o.leave()
	return o.check(quick)
}

// check compares the index with its own rules and, unless quick, with the table.
func (t *lexicalTable) check(quick bool) ([]string, error) {
	f := findings{label: t.label()}
	if err := t.opener(); err != nil {
		return f.broken(err)
	}
	gone, err := t.orphaned(&f)
	if err != nil {
		return nil, err
	}
	// See vectorTable.check.
	if err := t.flush(); err != nil {
		return f.broken(err)
	}
	ix, err := lexical.Open(lexical.NewCache(0), shadow.Lexical{Tables: t.tables})
	if err != nil {
		return f.broken(err)
	}
	var src lexical.Source
	if !gone && !quick {
		src = t.base.eachText
	}
	return f.broken(ix.Check(t.cat.context(), src, f.add))
}
