package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
)

// FileName is the name of the demo's database.
const FileName = "nearlite-demo.db"

// applicationID marks the demo's files in their header: "nlDm".
const applicationID = 0x6e6c446d

// State is what a file is to the demo.
type State uint8

// States.
const (
	Absent State = iota // no file, or an empty one
	Ours                // made by the demo
)

// Look says whether path can be used. A file that the demo did not make is an error.
func Look(path string) (State, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Absent, nil
	}
	if err != nil {
		return Absent, err
	}
	errForeign := fmt.Errorf(`%s: is there and was not made by "nearlite demo"; move it away or choose another folder with --dir`, path)
	if !info.Mode().IsRegular() {
		return Absent, errForeign
	}
	if info.Size() == 0 {
		return Absent, nil
	}
	if err := dbfile.Check(path, true); err != nil {
		return Absent, errForeign
	}
	id, err := dbfile.ApplicationID(path)
	if err != nil {
		return Absent, err
	}
	if id != applicationID {
		return Absent, errForeign
	}
	return Ours, nil
}

// CheckUntouched returns an error if somebody added tables to the demo's file: it
// must not be replaced then.
func CheckUntouched(ctx context.Context, conn *sql.Conn, path string) error {
	var name string
	err := conn.QueryRowContext(ctx, "SELECT name FROM sqlite_schema WHERE name NOT IN (SELECT name FROM demo_about) LIMIT 1").Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: cannot tell whether it holds more than the demo made: %w; move it away or choose another folder with --dir", path, err)
	}
	return fmt.Errorf("%s: holds %s, which the demo did not make; use it with --keep, move it away, or choose another folder with --dir", path, name)
}

// Remove deletes the demo's file and what SQLite keeps beside it.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, suffix := range []string{"-journal", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
