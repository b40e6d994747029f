package sqlite

import (
	"context"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/host"
	"github.com/nearlite/nearlite/sqlext/host/hosttest"
)

func TestAdapter(t *testing.T) {
	hosttest.Run(t, hosttest.Options{
		Open: func(t testing.TB) host.Conn { return openTest(t) },
		Interrupt: func(c host.Conn) func() {
			db := c.(*conn).db
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			old := db.SetInterrupt(ctx)
			return func() { db.SetInterrupt(old) }
		},
		NoMemory:  host.CodeError, // CodeNoMem would be a panic in the driver
		Integrity: true,
	})
}

// openTest opens a private in-memory connection behind the adapter.
func openTest(t testing.TB) *conn {
	t.Helper()
	db, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return newConn(db)
}
