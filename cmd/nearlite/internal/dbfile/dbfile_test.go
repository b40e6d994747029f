package dbfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("# my notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		mustExist  bool
		want       string // "" for no error
	}{
		{"Memory", ":memory:", true, ""},
		{"NewFile", filepath.Join(dir, "new.db"), false, ""},
		{"EmptyFile", empty, true, ""},
		{"NoName", "", false, "the database's file name is empty"},
		{"Missing", filepath.Join(dir, "new.db"), true, "new.db: there is no such file"},
		{"Folder", dir, false, "is a folder, want a database file"},
		{"MissingFolder", filepath.Join(dir, "no", "new.db"), false, "there is no folder"},
		{"Text", text, false, `notes.txt: not an SQLite database: begins with "# my notes", want "SQLite format 3\x00"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := dbfile.Check(tc.path, tc.mustExist)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// Names that URIs would read differently reach the file of that name.
func TestDSN(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"plain.db", "a b%20c.db", "what?mode=ro.db", "x#y.db", "file:z.db", "ü&_pragma=x.db", filepath.Join(t.TempDir(), "abs?.db")} {
		db, err := sqlite.Open(dbfile.DSN(name, false))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := db.Exec("PRAGMA application_id = 0x01020304; CREATE TABLE t(a)"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		db.Close()
		if err := dbfile.Check(name, true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if id, err := dbfile.ApplicationID(name); err != nil || id != 0x01020304 {
			t.Errorf("%s: application id: got %#x, %v; want 0x01020304", name, id, err)
		}
		ro, err := sqlite.Open(dbfile.DSN(name, true))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := ro.Exec("CREATE TABLE u(a)"); err == nil || !strings.Contains(err.Error(), "readonly") {
			t.Errorf("%s, read-only: got %v, want an error", name, err)
		}
		ro.Close()
	}
}
