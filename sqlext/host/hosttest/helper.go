package hosttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

func mustExec(t testing.TB, c host.Conn, sql string) {
	t.Helper()
	if err := c.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// queryText runs sql and returns its rows, columns joined by "|", rows by "\n".
func queryText(t testing.TB, c host.Conn, sql string, args ...host.Value) (string, error) {
	t.Helper()
	st, err := c.Prepare(sql)
	if err != nil {
		return "", err
	}
	defer st.Close()
	for i, a := range args {
		if err := st.Bind(i+1, a); err != nil {
			t.Fatal(err)
		}
	}
	var rows []string
	for {
		more, err := st.Step()
		if err != nil {
			return "", err
		}
		if !more {
			return strings.Join(rows, "\n"), nil
		}
		cols := make([]string, st.Columns())
		for i := range cols {
			cols[i] = show(st.Value(i))
		}
		rows = append(rows, strings.Join(cols, "|"))
	}
}

func show(v host.Value) string {
	switch v.Kind {
	case host.Integer:
		return fmt.Sprint(v.Int)
	case host.Float:
		return fmt.Sprint(v.Float)
	case host.Text:
		return string(v.Bytes)
	case host.BlobKind:
		return fmt.Sprintf("x'%x'", v.Bytes)
	}
	return "NULL"
}

func wantQuery(t testing.TB, c host.Conn, sql, want string) {
	t.Helper()
	got, err := queryText(t, c, sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	} else if got != want {
		t.Errorf("%s:\n got %q\nwant %q", sql, got, want)
	}
}

func wantError(t testing.TB, c host.Conn, sql string, code host.Code, msg string) {
	t.Helper()
	_, err := queryText(t, c, sql)
	var he *host.Error
	if !errors.As(err, &he) {
		t.Errorf("%s: got error %v, want a host.Error %q", sql, err, msg)
		return
	}
	if he.Code != code || he.Message != msg {
		t.Errorf("%s:\n got code %d %q\nwant code %d %q", sql, he.Code, he.Message, code, msg)
	}
}
