package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// sampleRows is how many rows are read before the table is made: they decide its
// columns and types.
const sampleRows = 1000

// Options say what to import and where to.
type Options struct {
	File   string    // rows or vectors; "-" is Stdin
	Format string    // "" is told from the name's ending
	Stdin  io.Reader // for File "-"
	Table  string    // in the main database; made if it is not there

	Columns     []string // fields to import; none: all
	TextColumns []string // fields that become TEXT whatever they look like

	Vectors      string // file of vectors, row by row those of File
	VectorColumn string // field, or with Vectors column, that holds the vectors
	Dims         int    // 0: as the file says

	HNSW        bool   // build a vector index <table>_vec
	HNSWOptions string // such as "metric=l2, m=24"
	Lexical     []string
	Analyzer    string // of the lexical index <table>_text; "" is its default

	// Batch is the number of rows (of File, bad ones too) in a transaction; 0
	// puts everything into one.
	Batch int64
	// SkipBad leaves bad rows out; otherwise the first one ends the import.
	SkipBad bool
	// Skip passes over the first rows of File, to continue an import that ended.
	Skip int64
}

// Result says what an import did.
type Result struct {
	Created       bool
	Rows          int64 // inserted
	Bad           int64 // left out
	WithoutVector int64 // inserted, with NULL for the vector
	HasVector     bool  // the table has a vector column
	Indexes       []string
	Elapsed       time.Duration
}

// Reporter is told how the import goes on.
type Reporter interface {
	// Start begins the rows; totalBytes is -1 if it is not known.
	Start(totalBytes int64)
	// Update is called after each row.
	Update(bytes, rows int64)
	// Stop ends the rows.
	Stop()
	// Note is a line for the user, such as a bad row that was left out.
	Note(text string)
}

// Error is an import that ended early: how much of it stayed.
type Error struct {
	Err error
	// Committed rows are in the table, from the first Records rows of the file.
	Committed, Records int64
	// AllRows says that only an index is missing; IndexSQL builds it.
	AllRows  bool
	IndexSQL string
}

func (e *Error) Error() string {
	text := sqlite.ErrorText(e.Err)
	if e.Records == 0 {
		return text + "; nothing was imported"
	}
	if e.AllRows {
		return fmt.Sprintf("%s; all %d rows are committed, the index is missing, build it with: %s", text, e.Committed, e.IndexSQL)
	}
	return fmt.Sprintf("%s; %d rows are committed, go on after them with --skip %d", text, e.Committed, e.Records)
}

func (e *Error) Unwrap() error { return e.Err }

// run is the state of one import.
type run struct {
	opt    Options
	conn   *sql.Conn
	s      *stream
	l      *layout
	insert *sql.Stmt
	report Reporter
	res    Result

	records            int64 // rows of the file taken so far, skipped and bad ones too
	committed          int64
	recordsCommitted   int64
	rowArgs            []any
	vec                []float32
	createdUncommitted bool
	building           string // the index being built
}

// Run imports a file into a table of the main database of conn, which must not be in
// a transaction.
//
// With Batch 0 the import is one transaction: the table, the rows and the indexes
// are there when Run returns nil, and none of them otherwise. With Batch n every n
// rows are committed; an error undoes the rows of its own batch only, and says how
// to go on. Errors of what was asked for come before anything is written.
func Run(ctx context.Context, conn *sql.Conn, opt Options, report Reporter) (Result, error) {
	begin := time.Now()
	if err := checkOptions(opt); err != nil {
		return Result{}, err
	}
	s, err := openStream(opt)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	r := &run{opt: opt, conn: conn, s: s, report: report}
	ahead, err := s.peek(sampleRows)
	if err != nil {
		return Result{}, err
	}
	var fixed []string
	if s.source != nil {
		fixed = s.source.columns()
	}
	infos := survey(fixed, ahead)
	if r.l, err = planLayout(ctx, conn, opt, infos, s, r.firstDims(ahead, opt.VectorColumn)); err != nil {
		return Result{}, err
	}
	for _, info := range infos {
		if _, taken := r.l.byField[info.name]; r.l.vector < 0 && taken && info.vectors && r.firstDims(ahead, info.name) > 1 {
			report.Note(fmt.Sprintf("field %q holds lists of numbers and is kept as JSON text; if they are vectors, add --vector-column %s", info.name, info.name))
		}
	}
	if err := r.load(ctx); err != nil {
		r.rollback()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return r.res, &Error{Err: err, Committed: r.committed, Records: r.recordsCommitted, AllRows: r.building != "", IndexSQL: r.building}
	}
	r.res.Elapsed = time.Since(begin)
	return r.res, nil
}

func checkOptions(opt Options) error {
	switch {
	case opt.Table == "" || strings.ContainsRune(opt.Table, 0):
		return fmt.Errorf("--table is %q, want the name of a table", opt.Table)
	case strings.HasPrefix(strings.ToLower(opt.Table), "sqlite_"):
		return fmt.Errorf("--table is %q; names that begin with sqlite_ belong to SQLite", opt.Table)
	case opt.VectorColumn == "":
		return errors.New("--vector-column is empty, want the name of a column")
	case opt.Batch < 0:
		return fmt.Errorf("--batch is %d, want 0 (one transaction) or a number of rows", opt.Batch)
	case opt.Skip < 0:
		return fmt.Errorf("--skip is %d, want 0 or a number of rows", opt.Skip)
	case opt.HNSWOptions != "" && !opt.HNSW:
		return errors.New("--hnsw-options is given without --hnsw")
	case opt.Analyzer != "" && len(opt.Lexical) == 0:
		return errors.New("--analyzer is given without --lexical")
	}
	return nil
}

// firstDims returns the dimensions of the first vector in a field of the rows, 0 if
// there is none.
func (r *run) firstDims(rows []item, name string) int {
	for _, it := range rows {
		for _, f := range it.rec.fields {
			if it.err == nil && f.name == name && f.kind == kindText {
				if v, err := parseVector(f.text, nil); err == nil {
					return len(v)
				}
			}
		}
	}
	return 0
}

func (r *run) exec(ctx context.Context, sql string) error {
	_, err := r.conn.ExecContext(ctx, sql)
	return err
}

// rollback ends the open transaction, if there is one, whatever became of the
// caller's context.
func (r *run) rollback() {
	if open, err := sqlite.InTransaction(r.conn); err == nil && open {
		// If even this fails, closing the connection rolls back.
		_ = r.exec(context.Background(), "ROLLBACK")
	}
	if r.createdUncommitted {
		r.res.Created = false
	}
	r.res.Rows = r.committed
}

// load makes the table, inserts the rows and builds the indexes.
func (r *run) load(ctx context.Context) error {
	if err := r.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	r.res.HasVector = r.l.vector >= 0
	if !r.l.exists {
		if err := r.exec(ctx, r.l.createSQL()); err != nil {
			return err
		}
		r.res.Created, r.createdUncommitted = true, true
		if err := r.tryIndexes(ctx); err != nil {
			return err
		}
	}
	stmt, err := r.conn.PrepareContext(ctx, r.l.insertSQL())
	if err != nil {
		return err
	}
	defer stmt.Close()
	r.insert = stmt
	r.rowArgs = make([]any, len(r.l.columns))
	r.report.Start(r.s.in.disk)
	err = r.rows(ctx)
	r.report.Stop()
	if err != nil {
		return err
	}
	if r.opt.Batch > 0 {
		// The rows are safe before the longer work on the indexes begins.
		if err := r.commit(ctx); err != nil {
			return err
		}
		if err := r.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
	}
	if err := r.buildIndexes(ctx); err != nil {
		return err
	}
	return r.commit(ctx)
}

// rows inserts all rows, committing where a batch is full.
func (r *run) rows(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		it, err := r.s.next()
		if errors.Is(err, io.EOF) {
			if r.records < r.opt.Skip {
				return fmt.Errorf("%s: has %d rows, --skip is %d", r.s.in.name, r.records, r.opt.Skip)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if r.opt.Batch > 0 && r.records > r.recordsCommitted && r.records > r.opt.Skip && (r.records-r.opt.Skip)%r.opt.Batch == 0 {
			if err := r.commit(ctx); err != nil {
				return err
			}
			if err := r.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
				return err
			}
		}
		r.records++
		if r.records <= r.opt.Skip {
			continue
		}
		if err := r.row(ctx, it); err != nil {
			return err
		}
		r.report.Update(r.s.in.read.Load(), r.res.Rows)
	}
}

// row inserts one row, or leaves it out if it is bad and that is wanted.
func (r *run) row(ctx context.Context, it item) error {
	err := it.err
	if err == nil {
		if err = r.l.values(it, r.rowArgs, &r.vec); err == nil {
			_, err = r.insert.ExecContext(ctx, r.rowArgs...)
			if err != nil && (ctx.Err() != nil || !r.isBadRow(err)) {
				return err
			}
		}
		if err != nil {
			err = &RowError{it.rec.unit, it.rec.number, errors.New(sqlite.ErrorText(err))}
		}
	}
	if err == nil {
		r.res.Rows++
		if r.l.vector >= 0 && r.rowArgs[r.l.vector] == nil {
			r.res.WithoutVector++
		}
		return nil
	}
	err = fmt.Errorf("%s: %w", r.s.in.name, err)
	if !r.opt.SkipBad {
		return err
	}
	r.res.Bad++
	const mostNotes = 20
	switch {
	case r.res.Bad <= mostNotes:
		r.report.Note(err.Error() + "; left out")
	case r.res.Bad == mostNotes+1:
		r.report.Note("more bad rows are left out without a line for each")
	}
	return nil
}

// isBadRow reports whether the INSERT failed because of its row. The statement has
// undone itself then and the transaction is still open.
func (r *run) isBadRow(err error) bool {
	if !sqlite.IsRowError(err) {
		return false
	}
	open, e := sqlite.InTransaction(r.conn)
	return e == nil && open
}

func (r *run) commit(ctx context.Context) error {
	if err := r.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	r.committed, r.recordsCommitted, r.createdUncommitted = r.res.Rows, r.records, false
	return nil
}
