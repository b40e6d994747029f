package sqlext_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// shadowRows lists the rows of every shadow table of docs_vec.
func (d *testDB) shadowRows() string {
	d.t.Helper()
	var b strings.Builder
	for _, name := range strings.Fields(d.rows(`SELECT name FROM sqlite_schema WHERE type='table' AND name LIKE 'docs\_vec\_%' ESCAPE '\' ORDER BY name`)) {
		fmt.Fprintf(&b, "-- %s\n%s\n", name, d.rows(`SELECT id, data FROM "`+name+`" ORDER BY id`))
	}
	return b.String()
}

// fillSphere makes a table of n rows in dims dimensions, the same for the same n.
func (d *testDB) fillSphere(n, dims int) {
	d.t.Helper()
	d.exec(fmt.Sprintf(`CREATE TABLE docs(id INTEGER PRIMARY KEY, embedding F32_BLOB(%d))`, dims))
	d.insertSphere(1, n, dims)
}

// insertSphere inserts rows whose elements follow from the rowid.
func (d *testDB) insertSphere(from, to, dims int) {
	d.t.Helper()
	d.exec(`BEGIN`)
	for i := from; i <= to; i++ {
		d.exec(`INSERT INTO docs VALUES(?1, vector32(?2))`, i, sphere(i, dims))
	}
	d.exec(`COMMIT`)
}

func sphere(i, dims int) string {
	parts := make([]string, dims)
	x := uint64(i)*0x9e3779b97f4a7c15 + 1
	for j := range parts {
		x ^= x >> 12
		x ^= x << 25
		x ^= x >> 27
		parts[j] = fmt.Sprintf("%.4f", float64(x*0x2545f4914f6cdd1d>>40)/(1<<24)-0.5)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

const createDocsVec = `CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding, m=8, ef_construction=40)`

// Two builds of the same rows give the same shadow tables, byte for byte: on one and
// on two threads, in two files, by CREATE VIRTUAL TABLE and by 'rebuild'.
func TestIdenticalShadowTables(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const n, dims = 1500, 16
	a, _ := openTemp(t)
	a.fillSphere(n, dims)
	a.exec(createDocsVec)
	want := a.shadowRows()

	runtime.GOMAXPROCS(2)
	b, _ := openTemp(t)
	b.fillSphere(n, dims)
	b.exec(createDocsVec)
	if b.shadowRows() != want {
		t.Error("two threads give other shadow tables than one")
	}
	// An index with a history of its own, in a file with one.
	c, _ := openTemp(t)
	c.exec(`CREATE TABLE docs(id INTEGER PRIMARY KEY, embedding F32_BLOB(16))`)
	c.exec(createDocsVec)
	c.insertSphere(1, 700, dims)
	c.exec(`UPDATE docs SET embedding = vector32(?1) WHERE id % 3 = 0`, sphere(-1, dims))
	c.exec(`DELETE FROM docs`)
	c.insertSphere(1, n, dims)
	if c.shadowRows() == want {
		t.Error("inserting one by one is expected to give another graph")
	}
	c.exec(`INSERT INTO docs_vec(docs_vec) VALUES('rebuild')`)
	if c.shadowRows() != want {
		t.Error("rebuild gives other shadow tables than CREATE VIRTUAL TABLE")
	}
	for _, d := range []*testDB{a, b, c} { // and they are in use
		d.insertSphere(n+1, n+5, dims)
		d.exec(`DELETE FROM docs WHERE id = 17`)
	}
	if x := a.shadowRows(); x == want || b.shadowRows() != x || c.shadowRows() != x {
		t.Error("the same changes to equal indexes give different shadow tables")
	}
}

// Copies of a file diverge: each connection of the process sees the copy that it has
// open, also when the other one has taken its place.
func TestCopiesDiverge(t *testing.T) {
	d, _ := openTemp(t)
	d.docs(50)
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy.db")
	d.exec(`VACUUM INTO ?1`, copied)
	c := connect(t, "file:"+copied)
	d.insertDocs(101, 102)
	c.insertDocs(201, 203)
	for range 3 {
		if got := d.nearest(1000, 2); got != "102 101" {
			t.Errorf("the original: %s", got)
		}
		if got := c.nearest(1000, 2); got != "203 202" {
			t.Errorf("the copy: %s", got)
		}
		d.exec(`UPDATE docs SET title = title || 'x' WHERE id = 1`)
		c.exec(`DELETE FROM docs WHERE id = 5`)
	}
	c.check()
	c.shut()
	// The copy moves to where another file was that the process has in memory.
	moved := filepath.Join(dir, "moved.db")
	d.exec(`VACUUM INTO ?1`, moved)
	m := connect(t, "file:"+moved)
	m.insertDocs(301, 301)
	if got := m.nearest(1000, 2); got != "301 102" {
		t.Errorf("before the move: %s", got)
	}
	m.shut()
	if err := os.Rename(copied, moved); err != nil {
		t.Fatal(err)
	}
	m = connect(t, "file:"+moved)
	if got := m.nearest(1000, 2); got != "203 202" {
		t.Errorf("after the move: %s", got)
	}
	m.check()
	m.shut()
}
