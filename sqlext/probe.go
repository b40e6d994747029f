package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// known holds the names of functions like ours that a connection has already, in
// lower case.
type known struct{ functions map[string]bool }

func (k *known) function(name string) bool { return k.functions[strings.ToLower(name)] }

// probe asks a connection for its names. It asks only for names like ours: the
// full list takes half as long as opening the connection.
func probe(c host.Conn) (*known, error) {
	functions, err := names(c, "SELECT name FROM pragma_function_list WHERE name LIKE '%vector%' OR name LIKE 'nearlite%'")
	return &known{functions}, err
}

// names runs a query for names and returns their set, in lower case.
func names(c host.Conn, sql string) (map[string]bool, error) {
	st, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	set := map[string]bool{}
	for {
		more, err := st.Step()
		if err != nil {
			return nil, err
		}
		if !more {
			return set, nil
		}
		set[strings.ToLower(st.Value(0).String())] = true
	}
}
