//go:build loadable

package loadable

import "github.com/nearlite/nearlite/sqlext/host"

// closer is a resource that keeps sqlite3_close from succeeding.
type closer interface{ abandon() }

// closingModule is the name of the table that watches for the connection's end.
const closingModule = "nearlite_closing"

// SQLite calls no extension when a connection closes, and refuses to close one that
// has statements. But it disconnects virtual tables before it looks for statements. So
// a table without rows, which every connection connects, closes what is left.
func (c *conn) watchClose() error {
	return c.CreateModule(closingModule, host.Module{
		Connect: func(conn host.Conn, _ host.ModuleArgs) (host.Table, error) {
			if err := conn.DeclareVTab("CREATE TABLE x(never)"); err != nil {
				return nil, err
			}
			return closingTable{c}, nil
		},
	})
}

func (c *conn) track(r closer) {
	if c.open == nil {
		c.open = map[closer]struct{}{}
	}
	c.open[r] = struct{}{}
}

func (c *conn) forget(r closer) { delete(c.open, r) }

// watch connects the table. After a close that failed because of a statement of the
// host's it is done anew. Without it the connection could not be closed, so its failure
// is the failure of whatever is to be watched.
func (c *conn) watch() error {
	if c.watched {
		return nil
	}
	c.watched = true // the statement below needs no watching
	err := c.Exec("SELECT 1 FROM " + closingModule)
	c.watched = err == nil
	return err
}

type closingTable struct{ conn *conn }

func (t closingTable) BestIndex(*host.IndexInfo) error { return nil }

func (t closingTable) Search(host.Plan, host.Args) (host.Rows, error) { return nil, nil }

func (t closingTable) Close() error {
	t.conn.watched = false
	for r := range t.conn.open {
		r.abandon()
	}
	clear(t.conn.open)
	return nil
}
