package sqlext

import "github.com/nearlite/nearlite/sqlext/host"

// Version is nearlite's version.
const Version = "0.1.0-dev"

// nearliteVersion is nearlite_version().
func nearliteVersion(ctx host.Context, _ []host.Value) {
	ctx.ResultValue(host.TextValue(Version))
}
