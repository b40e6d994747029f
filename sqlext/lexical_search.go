package sqlext

import (
	"cmp"
	bigendian "encoding/binary"
	"math"
	"slices"

	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

// lexicalRows is a running scan of a lexical index.
type lexicalRows struct {
	t       *lexicalTable
	id      uint64 // in catalog.cursors
	used    uint64
	query   string // "" when the scan has none
	pending []lexical.Hit
	ranked  bool
	k       host.Value
	row     []host.Value
	closed  bool
}

// Search starts a scan with a plan of BestIndex.
func (o lexicalObject) Search(plan host.Plan, args host.Args) (host.Rows, error) {
	t := o.lexicalTable
	t.enter()
	r := &lexicalRows{t: t, used: plan.ColumnsUsed, row: make([]host.Value, t.columnCount())}
	err := t.ready()
	if err == nil {
		switch plan.Num % matchColumn {
		case planLookup:
			err = r.lookup(args.Value(0))
		case planSearch:
			err = r.search(plan.Num/matchColumn-1, plan.Str, args)
		default:
			err = r.scan()
		}
	}
	if err != nil {
		t.leave()
		return nil, err
	}
	t.cat.cursor++
	r.id = t.cat.cursor
	t.cat.cursors[r.id] = r
	return r, nil
}

func (r *lexicalRows) lookup(v host.Value) error {
	rowid, found, err := r.t.find(v)
	if found {
		r.pending = []lexical.Hit{{RowID: rowid}}
	}
	return err
}

func (r *lexicalRows) scan() error {
	err := r.t.index.Scan(func(rowid int64) (bool, error) {
		ok, err := r.t.base.exists(rowid)
		if ok {
			r.pending = append(r.pending, lexical.Hit{RowID: rowid})
		}
		return true, err
	})
	slices.SortFunc(r.pending, func(a, b lexical.Hit) int { return cmp.Compare(a.RowID, b.RowID) })
	return r.t.wrap(err)
}

// liveRows is the filter of every search: an entry whose row has gone without a
// trigger firing (INSERT OR REPLACE) is skipped.
type liveRows struct {
	base *baseTable
	rows rowidFilter
}

// Allows implements lexical.Filter.
func (f liveRows) Allows(rowid int64) (bool, error) {
	if ok, _ := f.rows.Allows(rowid); !ok {
		return false, nil
	}
	return f.base.exists(rowid)
}

// search reads the arguments of a search and runs it. column is the indexed column
// that MATCH is about, -1 for all.
func (r *lexicalRows) search(column int, letters string, args host.Args) error {
	t := r.t
	label := t.label()
	req := lexical.Request{Syntax: lexical.QueryString, K: -1}
	if column >= 0 {
		req.Columns = []int{column}
	}
	rows := anyRow()
	limit, offset := -1, 0
	for i := range len(letters) {
		var err error
		switch v := args.Value(i); letters[i] {
		case 'm':
			if v.Kind != host.Text {
				return mismatchf("%s: the query is %s, want TEXT", label, v.KindName())
			}
			req.Query = v.String()
			r.query = req.Query
		case 'k':
			req.K, err = countArg(label, "k", v)
			r.k = host.IntValue(int64(req.K))
		case 'i', 'r', 'a', 'b', 'c', 'd':
			err = rows.read(letters[i], args, i)
		case 'L':
			if v.Kind == host.Integer && v.Int >= 0 {
				limit = int(min(v.Int, math.MaxInt32))
			}
		case 'O':
			if v.Kind == host.Integer && v.Int > 0 {
				offset = int(min(v.Int, math.MaxInt32))
			}
		}
		if err != nil {
			return err
		}
	}
	if limit >= 0 && (req.K < 0 || req.K > limit+offset) {
		req.K = limit + offset
	}
	r.ranked = true
	rows.settle()
	req.Filter = liveRows{t.base, rows}
	hits, _, err := t.index.Search(t.cat.context(), req)
	if err != nil {
		return t.wrap(err)
	}
	r.pending = hits
	return nil
}

// Next implements host.Rows.
func (r *lexicalRows) Next(b *host.Batch) error {
	t := r.t
	b.Columns = t.columnCount()
	n := min(len(r.pending), batchRows)
	texts := r.used>>lexicalField&(1<<len(t.fields)-1) != 0 || len(t.fields) > 60
	for _, h := range r.pending[:n] {
		clear(r.row)
		if r.ranked {
			r.row[lexicalScore] = host.FloatValue(h.Score)
		}
		if texts {
			if err := t.base.values(h.RowID, r.row[lexicalField:lexicalField+len(t.fields)]); err != nil {
				return err
			}
		}
		r.row[t.columnK()] = r.k
		if c := min(t.columnCommand(), 63); r.used>>c&1 != 0 {
			r.row[t.columnCommand()] = host.BlobValue(r.token(h.RowID))
		}
		b.Add(h.RowID, r.row...)
	}
	r.pending = r.pending[n:]
	return nil
}

// Close implements host.Rows.
func (r *lexicalRows) Close() error {
	if !r.closed {
		r.closed = true
		delete(r.t.cat.cursors, r.id)
		r.t.leave()
	}
	return nil
}

// values copies the indexed columns of a row; they stay NULL when it is gone.
func (b *baseTable) values(rowid int64, dst []host.Value) error {
	found, err := b.seek(rowid)
	if err != nil || !found {
		return err
	}
	for i := range dst {
		dst[i] = b.point.Value(i + 1)
		dst[i].Bytes = slices.Clone(dst[i].Bytes)
	}
	return b.point.Reset()
}

// tokenMagic begins the value of the hidden column named like the table, by which
// highlight and snippet find the scan and the row they are about.
const tokenMagic = "nearlite-row"

func (r *lexicalRows) token(rowid int64) []byte {
	b := append(make([]byte, 0, len(tokenMagic)+16), tokenMagic...)
	b = bigendian.BigEndian.AppendUint64(b, r.id)
	return bigendian.BigEndian.AppendUint64(b, uint64(rowid))
}

// readToken finds the running scan that made a token.
func (cat *catalog) readToken(v host.Value) (r *lexicalRows, rowid int64, ok bool) {
	b := v.Bytes
	if v.Kind != host.BlobKind || len(b) != len(tokenMagic)+16 || string(b[:len(tokenMagic)]) != tokenMagic {
		return nil, 0, false
	}
	b = b[len(tokenMagic):]
	r = cat.cursors[bigendian.BigEndian.Uint64(b)]
	return r, int64(bigendian.BigEndian.Uint64(b[8:])), r != nil
}
