package sqlext

import (
	"github.com/nearlite/nearlite/sqlext/host"
)

// partition_by=tenant: the rows of one tenant are listed by an ordinary index of
// SQLite's on that column, <index>_partition, and the column is included. A small
// partition is then a short listing and an exact scan of it; a large one is searched
// in the graph that all share, or by a scan of codes, without reading the table. There
// is one graph, so that a hundred thousand partitions cost no more than one.

const partitionSuffix = "_partition"

// createPartition makes the index on the partition's column unless there is one that
// begins with it.
func (t *vectorTable) createPartition(base *baseTable) error {
	if t.partition < 0 {
		return nil
	}
	column := base.columns[1+t.partition]
	there := false
	err := query(base.conn, `SELECT 1 FROM pragma_index_list(?1, ?2) AS l, pragma_index_info(l.name, ?2) AS i
		WHERE NOT l.partial AND i.seqno = 0 AND i.name = ?3 COLLATE NOCASE`,
		[]host.Value{host.TextValue(base.table), host.TextValue(base.schema), host.TextValue(column)},
		func(host.Stmt) error { there = true; return nil })
	if err != nil || there {
		return err
	}
	return t.wrap(base.conn.Exec("CREATE INDEX " + quoteName(t.schema) + "." + quoteName(t.name+partitionSuffix) +
		" ON " + quoteName(base.table) + "(" + quoteName(column) + ")"))
}

// dropPartition removes the index of createPartition.
func (t *indexTable) dropPartition() error {
	if t.partition < 0 {
		return nil
	}
	return t.cat.conn.Exec("DROP INDEX IF EXISTS " + quoteName(t.schema) + "." + quoteName(t.name+partitionSuffix))
}
