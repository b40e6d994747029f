package sqlite

import "github.com/nearlite/nearlite/sqlext"

// Counters and IndexSize are those of sqlext: for a program's metrics.
type (
	Counters  = sqlext.Counters
	IndexSize = sqlext.IndexSize
)

// ReadCounters returns what the connections of the process have done since it started.
func ReadCounters() Counters { return sqlext.ReadCounters() }

// IndexSizes lists the indexes that the process has used, as of their last change.
func IndexSizes() []IndexSize { return sqlext.IndexSizes() }
