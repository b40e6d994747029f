package hosttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

// kv is a writable table (k, v) in memory that keeps a journal of its hooks, with
// one real shadow table.
type kv struct {
	h      host.Conn
	log    *[]string
	rows   map[int64]string
	fail   map[string]error
	module host.ModuleArgs
}

func (k *kv) note(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	*k.log = append(*k.log, what)
	verb, _, _ := strings.Cut(what, " ")
	return k.failure(verb)
}

// failure is what the test wants of a method.
func (k *kv) failure(verb string) error {
	err := k.fail[verb]
	if errors.Is(err, errPanic) {
		panic(verb)
	}
	return err
}

func (k *kv) BestIndex(*host.IndexInfo) error { return k.failure("bestindex") }
func (k *kv) Search(host.Plan, host.Args) (host.Rows, error) {
	return &kvRows{k: k}, k.failure("search")
}
func (k *kv) Close() error             { return k.note("close") }
func (k *kv) Begin() error             { return k.note("begin") }
func (k *kv) Sync() error              { return k.note("sync") }
func (k *kv) Commit() error            { return k.note("commit") }
func (k *kv) Rollback() error          { return k.note("rollback") }
func (k *kv) Savepoint(id int) error   { return k.note("savepoint %d", id) }
func (k *kv) Release(id int) error     { return k.note("release %d", id) }
func (k *kv) RollbackTo(id int) error  { return k.note("rollbackto %d", id) }
func (k *kv) Rename(name string) error { return k.note("rename %s", name) }
func (k *kv) Destroy() error {
	if err := k.note("destroy"); err != nil {
		return err
	}
	return k.h.Exec(`DROP TABLE "` + k.module.Table + `_data"`)
}

func (k *kv) Integrity(schema, table string, quick bool) ([]string, error) {
	if err := k.note("integrity %s.%s %v", schema, table, quick); err != nil {
		return nil, err
	}
	if len(k.rows) == 0 {
		return []string{"nearlite: " + schema + "." + table + ": it is empty", "and a second finding"}, nil
	}
	return nil, nil
}

func (k *kv) Update(args []host.Value) (int64, error) {
	if len(args) == 1 {
		delete(k.rows, args[0].Int)
		return 0, k.note("delete %d", args[0].Int)
	}
	rowid := args[1].Int
	if args[1].IsNull() {
		rowid = int64(len(k.rows) + 1)
	}
	if err := k.note("write %s to %s %s mode %d", show(args[0]), show(args[1]), show(args[2]), k.h.OnConflict()); err != nil {
		return 0, err
	}
	if args[2].Kind != host.Text {
		return 0, host.Errorf(host.CodeMismatch, "nearlite: main.kv.v: got %s, want TEXT", args[2].KindName())
	}
	k.rows[rowid] = args[2].String() // a copy: args are borrowed
	return rowid, nil
}

type kvRows struct {
	k    *kv
	done bool
}

func (r *kvRows) Next(b *host.Batch) error {
	b.Columns = 1
	for id := int64(0); id < 100 && !r.done; id++ {
		if v, ok := r.k.rows[id]; ok {
			b.Add(id, host.TextValue(v))
		}
	}
	r.done = true
	return r.k.failure("next")
}
func (r *kvRows) Close() error { return nil }

func openKV(t *testing.T, o Options) (host.Conn, *kv, func() string) {
	c := o.Open(t)
	var log []string
	shared := &kv{h: c, log: &log, rows: map[int64]string{}, fail: map[string]error{}}
	make := func(verb string) func(host.Conn, host.ModuleArgs) (host.Table, error) {
		return func(h host.Conn, args host.ModuleArgs) (host.Table, error) {
			k := *shared
			k.h, k.module = h, args
			if err := k.note("%s %s.%s(%s)", verb, args.Schema, args.Table, strings.Join(args.Args, ",")); err != nil {
				return nil, err
			}
			if verb == "create" {
				if err := h.Exec(`CREATE TABLE "` + args.Table + `_data"(a)`); err != nil {
					return nil, err
				}
			}
			if err := h.VTabConstraintSupport(); err != nil {
				return nil, err
			}
			return &k, h.DeclareVTab("CREATE TABLE x(v)")
		}
	}
	if err := c.CreateModule("kv", host.Module{
		Create: make("create"), Connect: make("connect"), Writable: true, ShadowNames: []string{"data"},
	}); err != nil {
		t.Fatal(err)
	}
	return c, shared, func() string {
		s := strings.Join(log, ", ")
		log = log[:0]
		return s
	}
}

func testWritableModule(t *testing.T, o Options) {
	c, shared, log := openKV(t, o)
	step := func(sql, want string) {
		t.Helper()
		mustExec(t, c, sql)
		if got := log(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
	}
	step("CREATE VIRTUAL TABLE kv USING kv(a, b = 'c d')", "create main.kv(a,b = 'c d'), sync, commit")
	step("INSERT INTO kv VALUES ('one')", "begin, write NULL to NULL one mode 4, sync, commit")
	step("INSERT OR REPLACE INTO kv(rowid, v) VALUES (2, 'two')", "begin, write NULL to 2 two mode 5, sync, commit")
	step("UPDATE kv SET v = 'zwei' WHERE rowid = 2", "begin, write 2 to 2 zwei mode 4, sync, commit")
	wantQuery(t, c, "SELECT rowid, v FROM kv", "1|one\n2|zwei")
	log()
	step("DELETE FROM kv WHERE rowid = 1", "begin, delete 1, sync, commit")
	step("BEGIN; INSERT INTO kv VALUES ('x'); ROLLBACK", "begin, write NULL to NULL x mode 4, rollback")
	step("BEGIN; INSERT INTO kv VALUES ('y'); SAVEPOINT s; INSERT INTO kv VALUES ('z'); ROLLBACK TO s; RELEASE s; COMMIT",
		"begin, write NULL to NULL y mode 4, savepoint 0, write NULL to NULL z mode 4, rollbackto 0, release 0, sync, commit")
	if o.Integrity {
		step("PRAGMA integrity_check", "integrity main.kv false")
		step("PRAGMA quick_check", "integrity main.kv true")
	}
	step("ALTER TABLE kv RENAME TO kw", "rename kw, close") // no begin
	step("CREATE TABLE src(a); CREATE TRIGGER tr AFTER INSERT ON src BEGIN INSERT INTO kw VALUES (new.a); END", "")
	step("INSERT INTO src VALUES ('t')", "connect main.kw(a,b = 'c d'), begin, write NULL to NULL t mode 4, sync, commit")
	if shared.rows[2] != "t" {
		t.Errorf("rows are %v, want t under 2", shared.rows)
	}
}

func testWritableModuleErrors(t *testing.T, o Options) {
	c, shared, log := openKV(t, o)
	shared.fail["create"] = host.Errorf(host.CodeError, "nearlite: main.kv: unknown option %q, want one of a, b", "metrik")
	wantError(t, c, "CREATE VIRTUAL TABLE kv USING kv(metrik=1)", 1, `nearlite: main.kv: unknown option "metrik", want one of a, b`)
	delete(shared.fail, "create")
	mustExec(t, c, "CREATE VIRTUAL TABLE kv USING kv")
	wantError(t, c, "INSERT INTO kv VALUES (NULL)", host.CodeMismatch, "nearlite: main.kv.v: got NULL, want TEXT")
	wantError(t, c, "INSERT INTO kv(rowid, v) VALUES ('x', 'y')", host.CodeMismatch, "datatype mismatch")

	if o.Integrity {
		wantQuery(t, c, "PRAGMA integrity_check", "nearlite: main.kv: it is empty\nand a second finding")
		shared.fail["integrity"] = host.Errorf(host.CodeCorruptVTab, "nearlite: main.kv: cannot read")
		if got, err := queryText(t, c, "PRAGMA integrity_check"); err == nil && got == "ok" {
			t.Errorf("a check that broke says %q", got)
		}
		delete(shared.fail, "integrity")
	}

	shared.fail["sync"] = host.Errorf(host.CodeConstraint, "nearlite: main.kv: cannot flush")
	wantError(t, c, "INSERT INTO kv VALUES ('a')", host.CodeConstraint, "nearlite: main.kv: cannot flush")
	mustExec(t, c, "BEGIN; INSERT INTO kv VALUES ('a')")
	wantError(t, c, "COMMIT", host.CodeConstraint, "nearlite: main.kv: cannot flush")
	if !c.Autocommit() {
		t.Error("the failed COMMIT left the transaction open") // SQLite rolls back unless the code is BUSY
	}
	delete(shared.fail, "sync")

	shared.fail["begin"] = errors.New("nearlite: main.kv: cannot begin")
	wantError(t, c, "INSERT INTO kv VALUES ('a')", 1, "nearlite: main.kv: cannot begin")
	delete(shared.fail, "begin")
	shared.fail["rename"] = errors.New("nearlite: main.kv: cannot rename")
	wantError(t, c, "ALTER TABLE kv RENAME TO kw", 1, "nearlite: main.kv: cannot rename")
	delete(shared.fail, "rename")
	wantQuery(t, c, "SELECT count(*) > 0 FROM kv", "1") // kv does not undo writes
	log()

	// A table whose storage cannot be dropped stays, whole, and can be used.
	shared.fail["destroy"] = errors.New("nearlite: main.kv: cannot drop")
	if err := c.Exec("DROP TABLE kv"); err == nil {
		t.Error("DROP TABLE succeeded although the storage stayed")
	}
	delete(shared.fail, "destroy")
	wantQuery(t, c, "SELECT count(*) > 0 FROM kv", "1") // kv does not undo writes
	wantQuery(t, c, "SELECT count(*) FROM kv_data", "0")
	mustExec(t, c, "INSERT INTO kv VALUES ('again')")
	log()
	mustExec(t, c, "DROP TABLE kv")
	if got := log(); got != "destroy" {
		t.Errorf("DROP TABLE ran %s, want destroy alone", got)
	}
	wantError(t, c, "SELECT * FROM kv_data", 1, "no such table: kv_data")
}
