package sqlext

// indexKind is what differs between a vector and a lexical index where one is checked
// and made anew.
type indexKind interface {
	restore() error              // finds the indexed table again
	build(base *baseTable) error // replaces the contents by those of the table's rows
	recreate() error             // replaces shadow rows that cannot be read by those of an empty index
	check(quick bool) ([]string, error)
}

// rebuild makes the index anew from the table. It works on a damaged index too:
// everything it needs is in the CREATE VIRTUAL TABLE statement and the table.
func (t *indexTable) rebuild(kind indexKind) error {
	if err := kind.restore(); err != nil {
		return err
	}
	err := t.openErr
	if err == nil {
		err = t.refill(kind)
	}
	if !isDamage(err) {
		return err
	}
	// The rows cannot even be read: start from none.
	if err := kind.recreate(); err != nil {
		return err
	}
	return t.refill(kind)
}

// refill builds and writes, so that damaged rows come to light now and not at COMMIT.
func (t *indexTable) refill(kind indexKind) error {
	if err := t.begin(); err != nil {
		return err
	}
	if err := kind.build(t.base); err != nil {
		return err
	}
	return t.flush()
}
