// Package host is the small door between the SQL surface of nearlite and the
// SQLite it runs in. The surface (package sqlext) is written once against these
// interfaces; an adapter per host satisfies them: sqlext/sqlite for
// github.com/ncruces/go-sqlite3, sqlext/loadable for a C SQLite that loads
// nearlite as an extension.
//
// Concurrency: everything here belongs to one database connection and is used by
// one goroutine at a time, the one that is inside the SQLite call. No method may
// be called from another goroutine: in serialized hosts it would deadlock.
package host

import (
	"context"
	"iter"
)

// Conn is one open database connection.
type Conn interface {
	// Exec runs one or more statements that return no rows.
	Exec(sql string) error
	// Prepare compiles the first statement of sql and keeps it for many runs
	// (SQLITE_PREPARE_PERSISTENT). The caller closes it.
	Prepare(sql string) (Stmt, error)
	// OpenBlob opens one cell for incremental reading.
	OpenBlob(schema, table, column string, rowid int64) (Blob, error)

	// Autocommit reports whether no explicit transaction is open.
	Autocommit() bool
	// LastInsertRowID and SetLastInsertRowID let index maintenance leave
	// last_insert_rowid() as the user's own statement set it.
	LastInsertRowID() int64
	SetLastInsertRowID(rowid int64)
	// Filename is the database file behind a schema; "" for memory and temp.
	Filename(schema string) string
	// Interrupt is done when the running statement should stop
	// (sqlite3_interrupt, a canceled context). Long computations poll it.
	Interrupt() context.Context

	// CreateFunction registers a scalar function.
	CreateFunction(f Function) error
	// CreateAggregate registers an aggregate that also works as a window function.
	CreateAggregate(a Aggregate) error
	// CreateModule registers a virtual table module.
	CreateModule(name string, m Module) error

	// DeclareVTab declares the columns of the table under construction; only
	// inside Module.Create and Module.Connect.
	DeclareVTab(sql string) error
	// VTabInnocuous marks the table under construction as safe in triggers and
	// views; VTabConstraintSupport says that Update honors the conflict mode.
	VTabInnocuous() error
	VTabConstraintSupport() error
	// OnConflict is the conflict mode of the running Update.
	OnConflict() ConflictMode
}

// StatementTexts is a connection that knows what its running statements say.
type StatementTexts interface {
	// ReadsWith reports whether no write transaction is open in any database and a
	// running statement's text satisfies match.
	ReadsWith(match func(sql string) bool) bool
}

// WriteState is a connection that knows whether it writes.
type WriteState interface {
	// Writing reports whether a write transaction is open in any database.
	Writing() bool
}

// DataVersion is a connection that knows when a database has changed.
type DataVersion interface {
	// DataVersion is a number that is another one after any change of the database's
	// contents, by this connection (once it is committed) or by another (once a read
	// transaction has begun that sees it); ok is false when it is not known.
	DataVersion(schema string) (version uint32, ok bool)
}

// ConflictMode is the conflict resolution of a virtual table update.
type ConflictMode uint8

// Conflict modes, with SQLite's numbers.
const (
	Rollback ConflictMode = 1
	Ignore   ConflictMode = 2
	Fail     ConflictMode = 3
	Abort    ConflictMode = 4
	Replace  ConflictMode = 5
)

// Stmt is a prepared statement. Columns returned by Value are borrowed: their
// bytes are valid until the next Step, Reset or Close.
type Stmt interface {
	// Bind sets parameter i, counted from 1. The bytes of v are copied.
	Bind(i int, v Value) error
	// BindCount is the number of parameters.
	BindCount() int
	// Step advances to the next row; false at the end or after an error.
	Step() (bool, error)
	// Reset makes the statement ready to run again; bindings stay.
	Reset() error
	Columns() int
	ColumnName(i int) string
	Value(i int) Value
	// ReadOnly reports whether the statement writes nothing to the database.
	ReadOnly() bool
	Close() error
}

// Blob is an open cell. While one is open its connection keeps a read transaction
// open, and with it the state of the database that it sees: close it when the
// search that needed it ends.
type Blob interface {
	Size() int
	// ReadAt fills p from offset; a short read is an error.
	ReadAt(p []byte, offset int) error
	// Reopen moves to another row of the same column. A missing row, or a cell
	// that holds no text or blob, is an error and the blob can be reopened again.
	Reopen(rowid int64) error
	Close() error
}

// Kind is the storage class of a Value.
type Kind uint8

// Storage classes.
const (
	Null Kind = iota
	Integer
	Float
	Text
	BlobKind
	// Deferred stands in a Batch for a value that is dear to compute and seldom
	// read; the Rows that put it there implement LateRows.
	Deferred
)

// Value is an SQL value. Bytes holds Text (UTF-8) and BlobKind. Values that come in
// as arguments or columns are borrowed; values handed out as results are copied
// by the host.
type Value struct {
	Kind    Kind
	Subtype uint8 // of an argument; 0 if none
	Int     int64
	Float   float64
	Bytes   []byte
}

// Context receives the result of a function call. Exactly one Result method, or
// ResultError, is called for each call; none means NULL.
type Context interface {
	Conn() Conn
	ResultValue(v Value)
	ResultError(err error)
	// ResultSubtype tags the result; the function must have been registered
	// with ResultSubtype set.
	ResultSubtype(t uint8)
	// AuxData and SetAuxData keep what was computed from a constant argument
	// for the rest of the statement. AuxData is nil when nothing is kept.
	AuxData(arg int) any
	SetAuxData(arg int, data any)
}

// ScalarFunc computes one call. It must not keep args.
type ScalarFunc func(ctx Context, args []Value)

// Function is a scalar function. All functions of nearlite are registered
// deterministic and innocuous unless told otherwise.
type Function struct {
	Name          string
	NArg          int // -1: any number
	Volatile      bool
	DirectOnly    bool
	UsesSubtype   bool
	ResultSubtype bool
	Call          ScalarFunc
}

// Aggregate is an aggregate or window function.
type Aggregate struct {
	Name string
	NArg int
	New  func() AggregateState
}

// AggregateState is one running aggregation.
type AggregateState interface {
	Step(ctx Context, args []Value)
	Inverse(ctx Context, args []Value)
	// Value delivers the current result; it may be called many times.
	Value(ctx Context)
}

// Module makes virtual tables. A nil Create makes the module eponymous-only: a
// table-valued function. Writable says that the tables implement WritableTable.
type Module struct {
	Create   func(c Conn, args ModuleArgs) (Table, error)
	Connect  func(c Conn, args ModuleArgs) (Table, error)
	Writable bool
	// ShadowNames are the suffixes that follow "<table>_" in the names of
	// shadow tables.
	ShadowNames []string
}

// ModuleArgs are the arguments of a table under construction.
type ModuleArgs struct {
	Module, Schema, Table string
	Args                  []string // as written, untrimmed
}

// Table is an instance of a virtual table.
type Table interface {
	BestIndex(info *IndexInfo) error
	// Search starts a scan with the plan that BestIndex chose.
	Search(plan Plan, args Args) (Rows, error)
	// Close ends this connection's use of the table (xDisconnect).
	Close() error
}

// CursorTable is a table that keeps state for each of its cursors. A scan that
// SQLite starts again and again within one statement, the inner loop of a join,
// uses one cursor. Search of the table itself is not called then.
type CursorTable interface {
	Table
	OpenCursor() Cursor
}

// Cursor runs scans one after the other.
type Cursor interface {
	// Search starts a scan with the plan that BestIndex chose; the Rows of the scan
	// before have been closed.
	Search(plan Plan, args Args) (Rows, error)
	Close() error
}

// WritableTable is a table that can be written and takes part in transactions.
// Sync does all that can fail; errors of Commit and Rollback are ignored by SQLite.
type WritableTable interface {
	Table
	// Destroy drops the table's storage (xDestroy); Close is not called then. After
	// an error the DROP TABLE, or the transaction it is part of, cannot be committed.
	Destroy() error
	// Update is xUpdate: one value deletes that rowid; otherwise args[0] is the
	// old rowid (Null for an insert), args[1] the new one, then the columns. The
	// values are borrowed.
	Update(args []Value) (rowid int64, err error)
	// Rename comes without Begin.
	Rename(newName string) error
	Begin() error
	// Sync comes before each COMMIT. Its error makes SQLite roll the transaction
	// back, unless its code is CodeBusy.
	Sync() error
	Commit() error
	Rollback() error
	Savepoint(id int) error
	Release(id int) error
	RollbackTo(id int) error
	// Integrity returns findings as text, and err only when the check itself broke.
	Integrity(schema, table string, quick bool) (findings []string, err error)
}

// Plan is what BestIndex passes to Search.
type Plan struct {
	Num int
	Str string
	// ColumnsUsed has bit i set when column i is read (bit 63: 63 and above).
	// The adapter carries it from BestIndex to Search.
	ColumnsUsed uint64
}

// Args are the right-hand sides chosen by BestIndex, in ArgvIndex order.
type Args interface {
	Len() int
	Value(i int) Value
	// In yields the elements of argument i when BestIndex asked for the whole
	// list with IndexInfo.In; borrowed values.
	In(i int) iter.Seq2[Value, error]
}

// Rows is a running scan.
type Rows interface {
	// Next fills b, reset by the caller, with the next rows; none means the end.
	Next(b *Batch) error
	Close() error
}

// LateRows are Rows with columns that are computed when they are read. SQLite
// counts a column as used when only a constraint on it is, so Plan.ColumnsUsed
// cannot tell that nobody wants its value.
type LateRows interface {
	Rows
	// Late returns column i of a row of the batch that Next filled last. The value
	// is borrowed: valid until the next call.
	Late(rowid int64, column int) (Value, error)
}

// Batch holds rows of a scan. Values are owned by the batch until it is refilled.
type Batch struct {
	Columns int     // columns a row; set by Next
	RowIDs  []int64 // one a row
	Values  []Value // Columns values a row, row after row
}

// Add appends a row; missing columns are NULL.
func (b *Batch) Add(rowid int64, values ...Value) {
	b.RowIDs = append(b.RowIDs, rowid)
	b.Values = append(b.Values, values...)
	for i := len(values); i < b.Columns; i++ {
		b.Values = append(b.Values, Value{})
	}
}

// Op is a constraint operator, with SQLite's numbers.
type Op uint8

// Constraint operators.
const (
	EQ         Op = 2
	GT         Op = 4
	LE         Op = 8
	LT         Op = 16
	GE         Op = 32
	Match      Op = 64
	Limit      Op = 73
	Offset     Op = 74
	FunctionOp Op = 150
)

// IndexInfo is SQLite's question to BestIndex and the answer.
type IndexInfo struct {
	Constraints []Constraint
	OrderBy     []OrderBy
	ColumnsUsed uint64

	Num             int
	Str             string
	Unique          bool
	OrderByConsumed bool
	EstimatedCost   float64
	EstimatedRows   int64

	// RHS is the right-hand side of constraint i if it is known while planning.
	RHS func(i int) (Value, bool)
	// CanIn asks whether constraint i is an IN that can be passed whole;
	// UseIn asks for it.
	CanIn func(i int) bool
	UseIn func(i int)
}

// Constraint is one term of the WHERE clause. ArgvIndex (from 1) and Omit are
// the answer.
type Constraint struct {
	Column int
	Op     Op
	Usable bool

	ArgvIndex int
	Omit      bool
}

// OrderBy is one term of ORDER BY.
type OrderBy struct {
	Column int
	Desc   bool
}
