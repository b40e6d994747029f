//go:build loadable

package loadable

import "github.com/nearlite/nearlite/sqlext/host"

// OnLoad calls f with every connection that loads nearlite, until undo.
func OnLoad(f func(host.Conn)) (undo func()) {
	loaded = func(c *conn) { f(c) }
	return func() { loaded = nil }
}

// Depth is the number of callbacks that a connection has entered and not left.
func Depth(c host.Conn) int { return c.(*conn).depth }

// Open is the number of statements and blobs that a connection would close with itself.
func Open(c host.Conn) int { return len(c.(*conn).open) }
