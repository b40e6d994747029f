package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/hnsw"
	"github.com/nearlite/nearlite/internal/shadow"
	"github.com/nearlite/nearlite/lexical"
	"github.com/nearlite/nearlite/sqlext/host"
)

var (
	_ hnsw.Store    = shadow.HNSW{}
	_ lexical.Store = shadow.Lexical{}
)

// fakeConn records what is executed; its statements read one table of rows. SQLite
// itself is behind the tests of package sqlext.
type fakeConn struct {
	host.Conn
	log    []string
	fail   string // statement that fails, by a part of its text
	rows   []fakeRow
	open   int
	onStep func()
	last   int64
}

type fakeRow struct {
	id   int64
	data host.Value
}

type fakeStmt struct {
	host.Stmt
	c      *fakeConn
	sql    string
	args   [3]host.Value
	at     int
	closed bool
}

func (c *fakeConn) Exec(sql string) error {
	if c.fail != "" && strings.Contains(sql, c.fail) {
		return errors.New("injected")
	}
	c.log = append(c.log, sql)
	return nil
}

func (c *fakeConn) Prepare(sql string) (host.Stmt, error) {
	c.open++
	return &fakeStmt{c: c, sql: sql}, nil
}

func (c *fakeConn) Interrupt() context.Context     { return nil }
func (c *fakeConn) LastInsertRowID() int64         { return c.last }
func (c *fakeConn) SetLastInsertRowID(id int64)    { c.last = id }
func (s *fakeStmt) Bind(i int, v host.Value) error { s.args[i] = v; return nil }
func (s *fakeStmt) Reset() error                   { s.at = 0; return nil }
func (s *fakeStmt) Close() error                   { s.closed = true; s.c.open--; return nil }

func (s *fakeStmt) Step() (bool, error) {
	if s.c.onStep != nil {
		s.c.onStep()
	}
	if s.closed {
		return false, errors.New("stepped after Close")
	}
	if strings.HasPrefix(s.sql, "INSERT") {
		s.c.rows = append(s.c.rows, fakeRow{s.args[1].Int, host.BlobValue(slices.Clone(s.args[2].Bytes))})
		s.c.last = s.args[1].Int
		return false, nil
	}
	for s.at < len(s.c.rows) {
		r := s.c.rows[s.at]
		s.at++
		if strings.Contains(s.sql, "id=?1") && r.id != s.args[1].Int || strings.Contains(s.sql, "id>=?1") && r.id < s.args[1].Int {
			continue
		}
		return true, nil
	}
	return false, nil
}

func (s *fakeStmt) Value(i int) host.Value {
	r := s.c.rows[s.at-1]
	if i == 0 && strings.HasPrefix(s.sql, "SELECT id") {
		return host.IntValue(r.id)
	}
	return r.data
}

// A table that cannot be made takes those before it along.
func TestCreateUndoes(t *testing.T) {
	c := &fakeConn{fail: `CREATE TABLE "main"."v_codes"`}
	if err := shadow.NewTables(c, "main", "v", []string{"config", "links", "codes"}).Create(); err == nil {
		t.Fatal("got no error")
	}
	want := []string{
		`CREATE TABLE "main"."v_config"(id INTEGER PRIMARY KEY, data BLOB NOT NULL)`,
		`CREATE TABLE "main"."v_links"(id INTEGER PRIMARY KEY, data BLOB NOT NULL)`,
		`DROP TABLE IF EXISTS "main"."v_config"`,
		`DROP TABLE IF EXISTS "main"."v_links"`,
	}
	if !slices.Equal(c.log, want) {
		t.Errorf("got %q", c.log)
	}
}

func TestRename(t *testing.T) {
	c := &fakeConn{}
	tables := shadow.NewTables(c, "main", `a"b`, []string{"config"})
	if err := tables.Rename("new"); err != nil {
		t.Fatal(err)
	}
	if want := `ALTER TABLE "main"."a""b_config" RENAME TO "new_config"`; c.log[0] != want {
		t.Errorf("got %s, want %s", c.log[0], want)
	}
	if got := tables.Names(); got[0] != "new_config" {
		t.Errorf("got %q", got)
	}
}

func TestRows(t *testing.T) {
	c := &fakeConn{last: 77}
	st := shadow.HNSW{Tables: shadow.NewTables(c, "main", "v", shadow.HNSWSuffixes())}
	for id := range int64(3) {
		if err := st.Put(hnsw.PartLinks, id, []byte(fmt.Sprint("row ", id))); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Put(hnsw.PartLinks, 3, nil); err != nil {
		t.Fatal(err)
	}
	if c.last != 77 {
		t.Errorf("last_insert_rowid is %d, want 77", c.last)
	}
	if b, err := st.Get(hnsw.PartLinks, 1, nil); string(b) != "row 1" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	if b, err := st.Get(hnsw.PartLinks, 3, nil); b == nil || len(b) != 0 || err != nil {
		t.Errorf("an empty row: got %v, %v, want empty bytes", b, err)
	}
	if b, err := st.Get(hnsw.PartLinks, 9, make([]byte, 5)); b != nil || err != nil {
		t.Errorf("no row: got %v, %v, want nil", b, err)
	}
	// A scan inside a scan of the same part.
	var seen []string
	scan := func(from int64, fn func(id int64) error) error {
		return st.Scan(hnsw.PartLinks, from, func(id int64, _ []byte) (bool, error) { return true, fn(id) })
	}
	err := scan(1, func(i int64) error {
		return scan(2, func(j int64) error { seen = append(seen, fmt.Sprint(i, j)); return nil })
	})
	if want := "1 2,1 3,2 2,2 3,3 2,3 3"; strings.Join(seen, ",") != want || err != nil {
		t.Errorf("got %q, %v", seen, err)
	}
	stop := errors.New("stop")
	if err := scan(0, func(int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the callback's error", err)
	}
	c.rows[0].data = host.IntValue(5)
	var he *host.Error
	if _, err := st.Get(hnsw.PartLinks, 0, nil); !errors.As(err, &he) || he.Code != host.CodeCorruptVTab || !strings.Contains(err.Error(), "main.v_links: row 0 holds INTEGER, want BLOB") {
		t.Errorf("got %v", err)
	}
	st.Tables.Close()
	if c.open != 0 {
		t.Errorf("%d statements are left open", c.open)
	}
}

// SQLite may disconnect the table from inside one of its statements: Close then waits
// until the last of them has returned.
func TestCloseWhileBusy(t *testing.T) {
	c := &fakeConn{rows: []fakeRow{{1, host.BlobValue([]byte("x"))}}}
	tables := shadow.NewTables(c, "main", "v", shadow.LexicalSuffixes())
	st := shadow.Lexical{Tables: tables}
	c.onStep = tables.Close
	if b, err := st.Get(lexical.PartConfig, 1, nil); string(b) != "x" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	if c.open != 0 {
		t.Errorf("%d statements are left open", c.open)
	}
	err := st.Scan(lexical.PartConfig, 0, func(int64, []byte) (bool, error) {
		_, err := st.Get(lexical.PartConfig, 1, nil)
		return true, err
	})
	if err != nil || c.open != 0 {
		t.Errorf("%v, %d statements are left open", err, c.open)
	}
	c.onStep = nil
	if b, err := st.Get(lexical.PartConfig, 1, nil); string(b) != "x" || err != nil {
		t.Errorf("after Close: got %q, %v", b, err)
	}
}
