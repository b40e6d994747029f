package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// index is one index to build.
type index struct {
	name, module, what string
	sql                string
}

// indexes returns the indexes asked for: <table>_vec and <table>_text.
func (r *run) indexes() []index {
	var all []index
	table := quoteName(r.l.table)
	if r.opt.HNSW {
		name := r.l.table + "_vec"
		args := []string{table, quoteName(r.l.columns[r.l.vector].name)}
		if r.opt.HNSWOptions != "" {
			args = append(args, r.opt.HNSWOptions)
		}
		all = append(all, index{name, "hnsw", "vector index", createIndex(name, "hnsw", args)})
	}
	if len(r.opt.Lexical) > 0 {
		name := r.l.table + "_text"
		args := []string{table}
		for _, column := range r.opt.Lexical {
			args = append(args, quoteName(column))
		}
		if r.opt.Analyzer != "" {
			args = append(args, "analyzer="+r.opt.Analyzer)
		}
		all = append(all, index{name, "lexical", "lexical index", createIndex(name, "lexical", args)})
	}
	return all
}

func createIndex(name, module string, args []string) string {
	return "CREATE VIRTUAL TABLE main." + quoteName(name) + " USING " + module + "(" + strings.Join(args, ", ") + ")"
}

// tryIndexes makes the indexes over the table while it is empty and undoes that:
// a wrong option shows now, not after all rows are in.
func (r *run) tryIndexes(ctx context.Context) error {
	all := r.indexes()
	if len(all) == 0 {
		return nil
	}
	if err := r.exec(ctx, "SAVEPOINT nearlite_import"); err != nil {
		return err
	}
	for _, ix := range all {
		if err := r.exec(ctx, ix.sql); err != nil {
			return err // the whole transaction goes
		}
	}
	return r.exec(ctx, "ROLLBACK TO nearlite_import; RELEASE nearlite_import")
}

// buildIndexes makes the indexes over the rows. One that exists was kept in step
// row by row and stays.
func (r *run) buildIndexes(ctx context.Context) error {
	for _, ix := range r.indexes() {
		exists, err := r.indexExists(ctx, ix)
		if err != nil {
			return err
		}
		if exists {
			r.report.Note(fmt.Sprintf("%s %s is there already and has the new rows", ix.what, ix.name))
			continue
		}
		r.report.Note(fmt.Sprintf("building the %s %s", ix.what, ix.name))
		r.building = ix.sql
		if err := r.exec(ctx, ix.sql); err != nil {
			return err
		}
		r.res.Indexes = append(r.res.Indexes, ix.name)
	}
	return nil
}

// indexExists reports whether the index is there; a thing of another kind with
// its name is an error.
func (r *run) indexExists(ctx context.Context, ix index) (bool, error) {
	var text sql.NullString
	err := r.conn.QueryRowContext(ctx, "SELECT sql FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE", ix.name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !strings.Contains(strings.ToLower(text.String), "using "+ix.module) {
		return false, fmt.Errorf("main.%s: there is something of that name which is no %s", ix.name, ix.what)
	}
	return true, nil
}
