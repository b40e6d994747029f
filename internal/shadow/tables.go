package shadow

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// columns is the shape of every shadow table.
const columns = "(id INTEGER PRIMARY KEY, data BLOB NOT NULL)"

// verb is one of the statements kept per table.
type verb uint8

const (
	get verb = iota
	last
	put
	del
	scan
	clear
	numVerbs
)

var verbSQL = [numVerbs]string{
	get:   "SELECT data FROM @ WHERE id=?1",
	last:  "SELECT id, data FROM @ ORDER BY id DESC LIMIT 1",
	put:   "INSERT OR REPLACE INTO @(id, data) VALUES(?1, ?2)",
	del:   "DELETE FROM @ WHERE id=?1",
	scan:  "SELECT id, data FROM @ WHERE id>=?1 ORDER BY id",
	clear: "DELETE FROM @",
}

// Tables are the shadow tables of one index.
type Tables struct {
	conn         host.Conn
	key          string // of the database, see HNSW.Key; "" when not asked for yet
	schema, name string
	suffixes     []string
	stmts        [][numVerbs]host.Stmt
	busy         [][numVerbs]bool

	depth   int  // calls that are stepping a statement
	closing bool // Close came while depth > 0
}

// NewTables names the tables; it touches nothing. suffixes[i] belongs to part i.
func NewTables(conn host.Conn, schema, name string, suffixes []string) *Tables {
	return &Tables{
		conn: conn, schema: schema, name: name, suffixes: suffixes,
		stmts: make([][numVerbs]host.Stmt, len(suffixes)),
		busy:  make([][numVerbs]bool, len(suffixes)),
	}
}

// table is the quoted name of part i.
func (t *Tables) table(i int) string {
	return quote(t.schema) + "." + quote(t.name+"_"+t.suffixes[i])
}

// Names are the unquoted names of the tables, without schema.
func (t *Tables) Names() []string {
	names := make([]string, len(t.suffixes))
	for i, s := range t.suffixes {
		names[i] = t.name + "_" + s
	}
	return names
}

// Create makes the tables. When one cannot be made, those made before it are
// dropped again, because the statement that runs us need not be undone as a whole.
func (t *Tables) Create() error {
	for i := range t.suffixes {
		if err := t.conn.Exec("CREATE TABLE " + t.table(i) + columns); err != nil {
			for j := range i {
				_ = t.conn.Exec("DROP TABLE IF EXISTS " + t.table(j))
			}
			return err
		}
	}
	return nil
}

// Drop removes the tables that are there.
func (t *Tables) Drop() error {
	t.Close()
	for i := range t.suffixes {
		if err := t.conn.Exec("DROP TABLE IF EXISTS " + t.table(i)); err != nil {
			return err
		}
	}
	return nil
}

// Rename renames the tables after their index.
func (t *Tables) Rename(name string) error {
	t.Close()
	for i := range t.suffixes {
		err := t.conn.Exec("ALTER TABLE " + t.table(i) + " RENAME TO " + quote(name+"_"+t.suffixes[i]))
		if err != nil {
			return err
		}
	}
	t.name = name
	return nil
}

// SetName makes t stand for the tables of an index that has been renamed already.
func (t *Tables) SetName(name string) {
	if t.name != name {
		t.Close()
		t.name = name
	}
}

// Close finalizes the statements; later calls prepare them again. SQLite may ask
// for it from inside one of our own statements (it notices a changed schema when it
// steps): then the statements go as soon as the last of them has returned.
func (t *Tables) Close() {
	if t.depth > 0 {
		t.closing = true
		return
	}
	t.closing = false
	for i := range t.stmts {
		for v, st := range t.stmts[i] {
			if st != nil {
				_ = st.Close()
				t.stmts[i][v] = nil
			}
		}
	}
}

func (t *Tables) leave() {
	t.depth--
	if t.depth == 0 && t.closing {
		t.Close()
	}
}

// prepared returns the statement of a verb, ready to bind.
func (t *Tables) prepared(part int, v verb) (host.Stmt, error) {
	if st := t.stmts[part][v]; st != nil {
		return st, nil
	}
	st, err := t.prepare(part, v)
	if err == nil {
		t.stmts[part][v] = st
	}
	return st, err
}

func (t *Tables) prepare(part int, v verb) (host.Stmt, error) {
	return t.conn.Prepare(strings.Replace(verbSQL[v], "@", t.table(part), 1))
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
