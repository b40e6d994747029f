// Package hosttest is what an adapter of package host must do, as tests: every adapter
// runs them with Run.
package hosttest

import (
	"testing"

	"github.com/nearlite/nearlite/sqlext/host"
)

// Options say how to reach the adapter under test.
type Options struct {
	// Open opens a private in-memory connection that is closed with the test.
	Open func(t testing.TB) host.Conn
	// Interrupt stops what runs on the connection, from within it. The statements after
	// undo run.
	Interrupt func(c host.Conn) (undo func())
	// NoMemory is the code that a function's CodeNoMem arrives with.
	NoMemory host.Code
	// Integrity says that PRAGMA integrity_check asks virtual tables.
	Integrity bool
}

// Run runs all tests.
func Run(t *testing.T, o Options) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Options)
	}{
		{"Function", testFunction},
		{"Aggregate", testAggregate},
		{"ReadOnlyModule", testReadOnlyModule},
		{"StmtAndBlob", testStmtAndBlob},
		{"ConnFacts", testConnFacts},
		{"Interrupt", testInterrupt},
		{"WritableModule", testWritableModule},
		{"WritableModuleErrors", testWritableModuleErrors},
		{"Panics", testPanics},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, o) })
	}
}
