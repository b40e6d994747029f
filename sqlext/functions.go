package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// functions lists the scalar functions of nearlite.
func functions() []host.Function {
	return []host.Function{
		{Name: "nearlite_version", NArg: 0, Call: nearliteVersion},
	}
}

// registerFunctions registers the functions whose names the host does not have.
func registerFunctions(c host.Conn, names *known) error {
	for _, f := range functions() {
		if names.function(f.Name) {
			continue
		}
		if err := c.CreateFunction(f); err != nil {
			return err
		}
	}
	return nil
}
