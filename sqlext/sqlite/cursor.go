package sqlite

import (
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
)

// cursor serves the rows of a scan, which come in batches, one by one.
type cursor struct {
	table *vtab
	own   host.Cursor // of a table that keeps state per cursor, else nil
	rows  host.Rows
	batch host.Batch
	at    int  // current row in batch
	eof   bool // no row is current
}

var _ sqlite3.VTabCursor = (*cursor)(nil)

// Filter starts a scan.
func (c *cursor) Filter(num int, str string, args ...sqlite3.Value) (err error) {
	fr := c.table.conn.enter()
	defer c.table.conn.leave()
	defer guard("search "+c.table.name, &err)
	c.eof = true
	if err := c.closeRows(); err != nil {
		return toSQLite(err)
	}
	used, rest, _ := strings.Cut(str, " ")
	columns, err := strconv.ParseUint(used, 16, 64)
	if err != nil {
		return toSQLite(host.Errorf(host.CodeError, "nearlite: internal error: plan %q", str))
	}
	plan := host.Plan{Num: num, Str: rest, ColumnsUsed: columns}
	a := &searchArgs{values: fr.load(args), raw: args}
	if c.own != nil {
		c.rows, err = c.own.Search(plan, a)
	} else {
		c.rows, err = c.table.table.Search(plan, a)
	}
	a.values, a.raw = nil, nil // the values die with this call
	if err != nil {
		return toSQLite(err)
	}
	if c.rows == nil {
		return nil
	}
	return c.fill()
}

// Next moves to the next row.
func (c *cursor) Next() error {
	c.at++
	if c.at < len(c.batch.RowIDs) {
		return nil
	}
	return c.fill()
}

func (c *cursor) fill() (err error) {
	defer guard("search "+c.table.name, &err)
	c.batch.RowIDs = c.batch.RowIDs[:0]
	c.batch.Values = c.batch.Values[:0]
	c.at = 0
	if err := c.rows.Next(&c.batch); err != nil {
		c.eof = true
		return toSQLite(err)
	}
	n := len(c.batch.RowIDs)
	c.eof = n == 0
	if len(c.batch.Values) != n*c.batch.Columns {
		c.eof = true
		return toSQLite(host.Errorf(host.CodeError, "nearlite: internal error: a batch of %d rows with %d columns holds %d values",
			n, c.batch.Columns, len(c.batch.Values)))
	}
	return nil
}

// EOF reports whether the scan is over.
func (c *cursor) EOF() bool { return c.eof }

// RowID is the current row's.
func (c *cursor) RowID() (int64, error) {
	if c.eof {
		return 0, toSQLite(host.Errorf(host.CodeError, "nearlite: internal error: rowid past the last row"))
	}
	return c.batch.RowIDs[c.at], nil
}

// Column delivers one value of the current row; NULL for a column that the scan
// did not fill.
func (c *cursor) Column(ctx sqlite3.Context, n int) error {
	if c.eof || n >= c.batch.Columns {
		return nil
	}
	v := c.batch.Values[c.at*c.batch.Columns+n]
	if v.Kind == host.Deferred {
		return c.late(ctx, n)
	}
	setResult(ctx, v)
	return nil
}

// late asks the scan for a value that it left out of the batch.
func (c *cursor) late(ctx sqlite3.Context, n int) (err error) {
	defer guard("search "+c.table.name, &err)
	rows, ok := c.rows.(host.LateRows)
	if !ok {
		return toSQLite(host.Errorf(host.CodeError, "nearlite: internal error: column %d of %s is left out for good", n, c.table.name))
	}
	c.table.conn.enter()
	defer c.table.conn.leave()
	v, err := rows.Late(c.batch.RowIDs[c.at], n)
	if err != nil {
		return toSQLite(err)
	}
	setResult(ctx, v)
	return nil
}

// Close ends the scan.
func (c *cursor) Close() (err error) {
	defer guard("close "+c.table.name, &err)
	err = c.closeRows()
	// The next cursor of the table takes the batch over: most live for one search.
	c.table.spare, c.batch = c.batch, host.Batch{}
	if c.own != nil {
		err = errors.Join(err, c.own.Close())
		c.own = nil
	}
	return toSQLite(err)
}

func (c *cursor) closeRows() error {
	if c.rows == nil {
		return nil
	}
	rows := c.rows
	c.rows = nil
	return rows.Close()
}

// searchArgs are the right-hand sides of a scan; they live as long as Filter.
type searchArgs struct {
	values []host.Value
	raw    []sqlite3.Value
}

func (a *searchArgs) Len() int               { return len(a.values) }
func (a *searchArgs) Value(i int) host.Value { return a.values[i] }

// In walks the list of an IN constraint; SQLITE_DONE ends it.
func (a *searchArgs) In(i int) iter.Seq2[host.Value, error] {
	return func(yield func(host.Value, error) bool) {
		v, err := a.raw[i].InFirst()
		for {
			if err != nil {
				var code sqlite3.ExtendedErrorCode
				if !errors.As(err, &code) || host.Code(code) != done {
					yield(host.Value{}, fromSQLite(err))
				}
				return
			}
			if !yield(borrow(v), nil) {
				return
			}
			v, err = a.raw[i].InNext()
		}
	}
}
