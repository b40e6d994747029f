package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// Register adds nearlite's functions, virtual tables and searches to a connection.
// Names that the host has already (libSQL brings vector32, vector_top_k and
// others) are left alone. Registering the same connection again does nothing.
func Register(c host.Conn) error {
	cacheReady()
	known, err := probe(c)
	if err != nil {
		return err
	}
	if known.function("nearlite_version") {
		return nil
	}
	if err := registerFunctions(c, known, functions()); err != nil {
		return err
	}
	if err := registerAggregates(c, known); err != nil {
		return err
	}
	cat := newCatalog(c)
	cat.hostIndexes = known.function(markerName)
	if err := registerFunctions(c, known, []host.Function{cat.vectorIndexMarker()}); err != nil {
		return err
	}
	if err := cat.registerModules(); err != nil {
		return err
	}
	if err := cat.registerSearch(); err != nil {
		return err
	}
	// Last, because nearlite_version() says that all of it is there.
	if err := registerFunctions(c, known, infoFunctions()); err != nil {
		return err
	}
	return cat.atOpen()
}
