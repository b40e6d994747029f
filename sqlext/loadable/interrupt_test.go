//go:build loadable

package loadable_test

import (
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

// In serialized mode a worker that asked SQLite would wait for the thread that waits for
// the worker.
func TestWorkersDoNotAsk(t *testing.T) {
	c, db := open(t)
	err := c.CreateFunction(host.Function{Name: "work", Call: func(host.Context, []host.Value) {
		ctx := c.Interrupt()
		db.Interrupt()
		heard := make(chan error)
		go func() { heard <- ctx.Err() }()
		if err := <-heard; err != nil {
			t.Errorf("a worker was told: %v", err)
		}
		if ctx.Err() == nil {
			t.Error("the thread that called was not told")
		}
		go func() { heard <- ctx.Err() }()
		if err := <-heard; err == nil {
			t.Error("what the thread that called knows a worker does not")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec("SELECT work()"); err == nil {
		t.Error("the interrupted statement succeeded")
	}
}
