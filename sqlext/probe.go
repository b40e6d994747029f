package sqlext

import (
	"strings"

	"github.com/nearlite/nearlite/sqlext/host"
)

// known holds the names of functions and modules that a connection has already,
// in lower case.
type known struct {
	functions map[string]bool
	modules   map[string]bool
}

func (k *known) function(name string) bool { return k.functions[strings.ToLower(name)] }
func (k *known) module(name string) bool   { return k.modules[strings.ToLower(name)] }

// probe asks a connection for its names.
func probe(c host.Conn) (*known, error) {
	functions, err := names(c, "SELECT DISTINCT name FROM pragma_function_list")
	if err != nil {
		return nil, err
	}
	modules, err := names(c, "SELECT name FROM pragma_module_list")
	if err != nil {
		return nil, err
	}
	return &known{functions: functions, modules: modules}, nil
}

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
