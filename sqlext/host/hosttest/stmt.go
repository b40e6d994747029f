package hosttest

import (
	"fmt"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

func testStmtAndBlob(t *testing.T, o Options) {
	c := o.Open(t)
	mustExec(t, c, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, x'010203'), (2, 'text'), (3, NULL), (4, x'0405')")
	got, err := queryText(t, c, "SELECT ?1, ?2, ?3, ?4, ?5, ?6", host.IntValue(-1), host.FloatValue(1.5), host.TextValue(""),
		host.TextValue("ü"), host.BlobValue(nil), host.Value{})
	if want := "-1|1.5||ü|x''|NULL"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	wantQuery(t, c, "SELECT 1, 2.5, 'three', x'04', NULL, 6, 7, 'eight', x'09'", "1|2.5|three|x'04'|NULL|6|7|eight|x'09'")
	st, err := c.Prepare("SELECT 'row'")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"row", "NULL"} {
		if more, err := st.Step(); more != (i == 0) || err != nil {
			t.Errorf("step %d: %v, %v", i, more, err)
		}
		if got := show(st.Value(0)); got != want {
			t.Errorf("after step %d the column is %s, want %s", i, got, want)
		}
	}
	_ = st.Close()
	if _, err := c.Prepare("  -- nothing"); err == nil {
		t.Error("Prepare of a comment succeeded")
	}

	b, err := c.OpenBlob("main", "t", "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	read := func() string {
		p := make([]byte, b.Size())
		if err := b.ReadAt(p, 0); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%x", p)
	}
	if got := read(); got != "010203" {
		t.Errorf("row 1: %s", got)
	}
	for _, rowid := range []int64{3, 99} { // NULL, missing
		if err := b.Reopen(rowid); err == nil {
			t.Errorf("Reopen(%d) succeeded", rowid)
		}
		if err := b.ReadAt(make([]byte, 1), 0); err == nil {
			t.Errorf("ReadAt after Reopen(%d) succeeded", rowid)
		}
		if err := b.Reopen(4); err != nil || read() != "0405" {
			t.Errorf("Reopen(4) after a failure: %v, %s", err, read())
		}
	}
	if err := b.ReadAt(make([]byte, 3), 0); err == nil {
		t.Error("a read past the end succeeded")
	}
	// A change of the row under the handle makes the handle useless, not the blob.
	mustExec(t, c, "UPDATE t SET a = x'060708' WHERE id = 4")
	if err := b.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a read of the changed row succeeded")
	}
	if err := b.Reopen(4); err != nil || read() != "060708" {
		t.Errorf("Reopen of the changed row: %v, %s", err, read())
	}
	mustExec(t, c, "UPDATE t SET a = x'09' WHERE id = 4")
	if err := b.Reopen(4); err != nil || read() != "09" {
		t.Errorf("Reopen without a read between: %v, %s", err, read())
	}
}
