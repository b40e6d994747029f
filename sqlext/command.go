package sqlext

import (
	"fmt"
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// Commands are inserts into the hidden column named like the index:
//
//	INSERT INTO docs_vec(docs_vec) VALUES('rebuild')

// commands are those that indexes of both kinds know, vectorCommands those of a vector
// index only, for messages.
const (
	commands       = "'rebuild', 'optimize', 'integrity-check'"
	vectorCommands = commands + ", 'ef_search=n', 'recall=x'"
)

func (t *vectorTable) command(v host.Value) error {
	if done, err := t.commonCommand(t, v); done {
		return err
	}
	if v.Kind == host.Text {
		switch o, _ := parseOption(commandName(v)); o.name {
		case "ef_search":
			return t.setEfSearch(o.value)
		case "recall":
			return t.setRecall(o.value)
		}
	}
	return t.unknownCommand(v, vectorCommands)
}

func (t *lexicalTable) command(v host.Value) error {
	if done, err := t.commonCommand(t, v); done {
		return err
	}
	return t.unknownCommand(v, commands)
}

func commandName(v host.Value) string { return strings.ToLower(strings.TrimSpace(v.String())) }

// commonCommand runs a command of both kinds, if it is one.
func (t *indexTable) commonCommand(kind indexKind, v host.Value) (done bool, err error) {
	if v.Kind != host.Text {
		return false, nil
	}
	switch commandName(v) {
	case "rebuild":
		return true, t.rebuild(kind)
	case "optimize":
		if err := t.usable(); err != nil {
			return true, err
		}
		if err := t.sweep(); err != nil {
			return true, err
		}
		return true, t.wrap(t.engine.Optimize(t.cat.context()))
	case "integrity-check":
		return true, t.integrityCommand(kind.check)
	}
	return false, nil
}

func (t *indexTable) unknownCommand(v host.Value, known string) error {
	given := v.KindName()
	if v.Kind == host.Text {
		given = fmt.Sprintf("%q", v.String())
	}
	return errorf("%s: unknown command %s, want one of %s", t.label(), given, known)
}

// integrityCommand turns findings into an error, as FTS5 does.
func (t *indexTable) integrityCommand(check func(quick bool) ([]string, error)) error {
	findings, err := check(false)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		more := ""
		if n := len(findings) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		return corruptf("%s%s; run INSERT INTO %s(%s) VALUES('rebuild')", strings.TrimPrefix(findings[0], "nearlite: "), more, t.name, t.name)
	}
	return nil
}

// usable reports why the index cannot be written, if so.
func (t *indexTable) usable() error {
	if err := t.heal(); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	t.dirty = true
	return t.openErr
}

// restoreBase finds the indexed table again and makes the triggers anew when they
// are gone: the table was dropped and created again, or the triggers were dropped.
func (t *indexTable) restoreBase(fields []string) error {
	if err := t.resolveBase(); err == nil || t.anchored != nil {
		return err
	}
	info, err := describeBase(t.cat.conn, t.label(), t.schema, t.baseName)
	if err != nil {
		return err
	}
	base := &baseTable{conn: t.cat.conn, schema: t.schema, table: info.table, rowid: info.rowid, where: t.baseWhere}
	for _, name := range t.baseCols {
		col, ok := info.column(name)
		if !ok {
			return errorf("%s: no such column: %s.%s.%s, want one of %s", t.label(), t.schema, info.table, name, info.columnNames())
		}
		base.columns = append(base.columns, col.name)
	}
	if err := t.dropTriggers(); err != nil {
		return err
	}
	if err := t.pinRowids(base, info); err != nil {
		return err
	}
	if err := createTriggers(t.cat.conn, t.module, t.name, base, info.key, fields); err != nil {
		return t.wrap(err)
	}
	t.baseKnown = false
	return t.resolveBase()
}
