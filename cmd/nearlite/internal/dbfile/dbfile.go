// Package dbfile turns the file names of the command line into data source names
// and looks at a file before SQLite does.
package dbfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// magic begins every SQLite database file.
const magic = "SQLite format 3\x00"

// applicationIDOffset is where the file's header holds PRAGMA application_id,
// four bytes, big-endian: https://sqlite.org/fileformat.html.
const applicationIDOffset = 68

// Memory is the name of a private database in memory.
const Memory = ":memory:"

// Check returns an error if path exists and cannot be an SQLite database: SQLite
// itself would say so only at the first statement that reads the file. mustExist
// asks for the file to be there. An empty file is an empty database.
func Check(path string, mustExist bool) error {
	if path == Memory {
		return nil
	}
	if path == "" {
		return errors.New("the database's file name is empty")
	}
	head, err := header(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mustExist:
		return checkFolder(path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return err
	case len(head) == 0:
		return nil
	case len(head) < len(magic) || string(head[:len(magic)]) != magic:
		return fmt.Errorf("%s: not an SQLite database: begins with %q, want %q", path, head[:min(len(head), len(magic))], magic)
	}
	return nil
}

// ApplicationID returns PRAGMA application_id of the database file without opening
// it as a database, 0 for an empty file. Call Check first.
func ApplicationID(path string) (uint32, error) {
	head, err := header(path)
	if err != nil || len(head) < applicationIDOffset+4 {
		return 0, err
	}
	b := head[applicationIDOffset:]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]), nil
}

// header returns the first 100 bytes of a regular file, fewer if it is shorter.
func header(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a folder, want a database file", path)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 100)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}

// checkFolder names the missing folder; SQLite would only say that it cannot
// open the file.
func checkFolder(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: there is no folder %s", path, dir)
	}
	return nil
}

// DSN returns the data source name for the database file at path. Characters
// that have a meaning in URIs are escaped, so that any file name works.
func DSN(path string, readOnly bool) string {
	if path == Memory {
		return path
	}
	mode := "rwc"
	if readOnly {
		mode = "ro"
	}
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return "file:" + name + "?mode=" + mode + "&_pragma=busy_timeout(10000)"
}
